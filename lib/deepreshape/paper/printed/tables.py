"""The paper's tables as data: each printed value, its place, how it was rounded, its network."""

import csv
from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import lru_cache

from deepreshape.design import Network, parse
from deepreshape.places import DATA

FOLDER = DATA / "paper"
"""The paper's tables as printed."""

Row = Mapping[str, str]

TABLES = (
    *(f"table{number:02}" for number in range(1, 16)),
    "table15_formulas",
    "table16",
    "table17",
    "figures",
    "text_claims",
)
"""The files that hold printed values: the tables, the labels in figures, the numbers in prose."""


@dataclass(frozen=True, slots=True)
class Rounding:
    """How a printed value came from a computed one.

    rule: `rounded` or `cut` to the printed digits, `within` a relative tolerance, or `differs`.
    why: the explanation, for all but `rounded`. erratum: its entry in `errata.csv`, if it has one.
    """

    rule: str = "rounded"
    tolerance: float = 0.0
    why: str = ""
    erratum: str = ""

    def __post_init__(self) -> None:
        if self.rule not in ("rounded", "cut", "within", "differs"):
            raise ValueError(f"unknown rounding rule {self.rule!r}")


@dataclass(frozen=True, slots=True)
class Printed:
    """One printed value: where it stands, its text, and its rounding. Rows count from 1."""

    table: str
    row: int
    column: str
    text: str
    rounding: Rounding

    @property
    def value(self) -> float:
        return float(self.text)


@lru_cache
def table(name: str) -> tuple[Row, ...]:
    """The rows of `data/paper/NAME.csv`, as printed."""
    with (FOLDER / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def rows(name: str, **cells: str) -> dict[int, Row]:
    """The rows of a table that have these cells, by their numbers."""
    numbered = enumerate(table(name), start=1)
    return {number: row for number, row in numbered if cells.items() <= row.items()}


def row(name: str, **cells: str) -> Row:
    """The first row of a table with these cells. LookupError where there is none."""
    found = rows(name, **cells)
    if not found:
        raise LookupError(f"no row of {name} has {cells}")
    return next(iter(found.values()))


def by_stage(what: str) -> list[str]:
    """The columns that a table has for what it prints of each of four stages."""
    return [f"stage{stage}_{what}" for stage in range(1, 5)]


def find(text: str) -> str:
    """The name of a table's file: `table16` also for `Table 16` or `16`, `table01` for `table1`.

    Raises ValueError for what the paper does not print.
    """
    compact = text.lower().replace(" ", "").replace("tab.", "table")
    number = compact.removeprefix("table")
    is_number = number.isascii() and number.isdigit() and len(number) < 4
    name = f"table{int(number):02}" if is_number else compact
    if name not in TABLES:
        shown = text if len(text) <= 40 else text[:40] + "..."
        raise ValueError(f"the paper has no {shown!r} here; there are {', '.join(TABLES)}")
    return name


def value(name: str, row: int, column: str) -> Printed:
    """One printed value."""
    rounding = (
        _roundings().get((name, str(row), column))
        or _roundings().get((name, "*", column))
        or Rounding()
    )
    return Printed(name, row, column, table(name)[row - 1][column], rounding)


def network(name: str, row: int, side: str = "") -> Network:
    """The network that a row of a table is of; side: `sota` or `hrn` where a row has two."""
    return _networks()[name, row, side]


def networks(name: str) -> dict[int, Network]:
    """The networks of a table's rows, by the rows' numbers."""
    return {number: network(name, number) for number in rows(name)}


def with_networks(name: str) -> list[tuple[Row, Network]]:
    """The rows of a table, each with its network."""
    return list(zip(table(name), networks(name).values(), strict=True))


def rows_of(name: str, wanted: Container[Network]) -> list[int]:
    """The numbers of the rows whose network is one of these."""
    return [number for number, listed in networks(name).items() if listed in wanted]


def named(text: str) -> dict[str, Network]:
    """The networks that a text names, one behind the other with `;` between, by their names."""
    found = [parse(name.strip()) for name in text.split(";") if name.strip()]
    return {str(each): each for each in found}


@lru_cache
def _networks() -> dict[tuple[str, int, str], Network]:
    return {
        (row["table"], int(row["row"]), row["side"]): parse(row["network"])
        for row in table("networks")
    }


@lru_cache
def _roundings() -> dict[tuple[str, str, str], Rounding]:
    """Where a value is not simply rounded: how, and why. Row * stands for every row."""
    return {
        (row["table"], row["row"], row["column"]): Rounding(
            row["rule"], float(row["tolerance"] or 0), row["why"], row["erratum"]
        )
        for row in table("roundings")
    }
