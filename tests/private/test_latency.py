"""Garbled-circuit seconds: a constant for each ReLU, and what the paper prints."""

from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.design import cost
from deepreshape.paper.printed import network, printed, table
from deepreshape.private.latency import garbled_seconds

SLIP = ("table07", 11, "hrn_gc_s")
"""The one cell that does not hold the seconds of its own ReLUs."""


def exact_relus() -> dict[tuple[str, str], int]:
    """(Data set, ReLUs in K without decimals) -> exact ReLUs, where Tables 6, 13 and 14 tell."""
    found = {}
    for name, dataset in (("table06", "CIFAR-100"), ("table13", "TinyImageNet"), ("table14", "")):
        for value in printed(name, ("relus_K",)):
            row = table(name)[value.row - 1]
            described = network(name, row)
            if described is not None and value.rounding.rule != "differs":
                relus = cost(described).total_relus
                found[row.get("dataset", dataset), rounded(relus / 1000, "1")] = relus
    return found


def rounded(value: float, digits: str) -> str:
    return str(Decimal(repr(value)).quantize(Decimal(digits), rounding=ROUND_HALF_UP))


def cells() -> list[tuple[str, int, str]]:
    """The GC columns of Tables 7 and 8."""
    columns = ("sota_gc_s", "hrn_gc_s")
    return [
        (value.table, value.row, value.column)
        for name in ("table07", "table08")
        for value in printed(name, columns)
    ]


def known(cell: tuple[str, int, str]) -> int | None:
    name, number, column = cell
    row = table(name)[number - 1]
    if column == "sota_gc_s" and row["sota_method"] != "ConvNeXt":
        return None
    relus = row[column.replace("gc_s", "relus_K")]
    return exact_relus().get((row["dataset"], relus))


KNOWN = [cell for cell in cells() if known(cell) is not None]


def text(cell: tuple[str, int, str]) -> str:
    name, number, column = cell
    return table(name)[number - 1][column]


def test_no_relus_take_no_time() -> None:
    assert garbled_seconds(0) == 0


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_seconds_add_up(some: int, others: int) -> None:
    together = garbled_seconds(some + others)
    assert together == pytest.approx(garbled_seconds(some) + garbled_seconds(others), rel=1e-12)


@pytest.mark.parametrize("cell", [cell for cell in KNOWN if cell != SLIP], ids=str)
def test_seconds_are_the_printed_ones_where_the_relus_are_known(cell: tuple[str, int, str]) -> None:
    relus = known(cell)
    assert relus is not None
    assert rounded(garbled_seconds(relus), "0.1") == text(cell)


def test_the_relus_of_every_hybrenet_of_tables_7_and_8_are_known() -> None:
    assert {cell for cell in cells() if cell[2] == "hrn_gc_s"} <= set(KNOWN)


@pytest.mark.parametrize("cell", [cell for cell in cells() if cell != SLIP], ids=str)
def test_seconds_are_the_printed_ones_within_the_rounding_of_the_relus(
    cell: tuple[str, int, str],
) -> None:
    """Half a thousand ReLUs and half a tenth of a second, up or down."""
    name, number, column = cell
    printed_relus = 1000 * int(table(name)[number - 1][column.replace("gc_s", "relus_K")])
    assert garbled_seconds(printed_relus - 500) <= float(text(cell)) + 0.05
    assert garbled_seconds(printed_relus + 500) >= float(text(cell)) - 0.05


def test_the_slip_of_table_7_prints_the_seconds_of_a_row_of_table_8() -> None:
    """It is no rounding: as many seconds as some other method takes for fewer ReLUs."""
    relus = known(SLIP)
    assert relus is not None
    assert rounded(garbled_seconds(relus), "0.1") != text(SLIP)
    assert text(SLIP) in {row["sota_gc_s"] for row in table("table08")}
