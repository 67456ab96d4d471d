"""What is computed of each table: all that needs no training, once, and from the right things."""

from pathlib import Path

import pytest
import sympy

from deepreshape.paper.printed import tables
from deepreshape.paper.printed.computed import values
from deepreshape.paper.printed.tables import TABLES, Row
from deepreshape.paper.printed.verdicts import verify
from tests.paper.slips import slipped

RECTANGULAR = tuple(name for name in TABLES if name not in ("figures", "text_claims"))
"""The paper's tables; the other two files list numbers one by one."""

WORDS = {
    *("network", "model", "hybrenet", "net", "m", "culled", "thinned", "re2", "dataset", "family"),
    *("variant", "variant_name", "quantity", "channel_scaling", "width_hyperparameters"),
    *("example_networks", "reduction_factor_N", "sota_method", "alpha_beta_gamma_or_network"),
}
"""Columns that describe a row."""


def trained(row: Row, column: str) -> bool:
    """Does this number come from training, or is it a budget that training ends at?"""
    searched = row.get("sota_method") in ("SNL", "SENet")
    if column in ("sota_relus_K", "sota_acc_pct"):
        return searched
    # Printed accuracies are divided, subtracted, and repeated from table to table.
    derived = ("acc_per_relu_pct_per_K", "improv_acc_pct", "hrn_acc_pct")
    return "acc_" in column and column not in derived and row.get("variant") != "delta"


def wanted(name: str) -> list[tuple[int, str]]:
    """Every cell of a table that is printed, is no description, and needs no training."""
    return [
        (number, column)
        for number, row in enumerate(tables.table(name), start=1)
        for column, text in row.items()
        if text not in ("", "NA")
        and not (column in WORDS or column.startswith("trend_") or column.endswith("_acc"))
        and not trained(row, column)
    ]


def places(name: str) -> list[tuple[int, str]]:
    return [(verdict.printed.row, verdict.printed.column) for verdict in verify(name)]


# What is computed

UNKNOWN = {("table08", 12, "sota_acc_pct")}
"""Table 14 has no network of ConvNeXt-N's depths and 96 channels."""


@pytest.mark.parametrize("name", RECTANGULAR)
def test_all_that_needs_no_training_is_computed(name: str) -> None:
    missing = {(name, *place) for place in wanted(name)} - UNKNOWN
    assert {(name, *place) for place in places(name)} == missing


@pytest.mark.parametrize("name", TABLES)
def test_nothing_is_computed_twice(name: str) -> None:
    found = [(row, column) for row, column, _ in values(name)]
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("name", TABLES)
def test_values_come_row_by_row(name: str) -> None:
    rows = [row for row, _, _ in values(name)]
    assert rows == sorted(rows)


FORMULAS = ("table01", "table02", "table15_formulas")


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_is_a_text(name: str) -> None:
    assert {type(verdict.computed) for verdict in verify(name)} == {str}


@pytest.mark.parametrize("name", [name for name in RECTANGULAR if name not in FORMULAS])
def test_a_value_is_a_number_where_a_number_is_printed(name: str) -> None:
    for verdict in verify(name):
        assert isinstance(verdict.computed, str) == verdict.printed.text.startswith("[")


def test_an_unknown_table_is_not_computed() -> None:
    with pytest.raises(KeyError):
        values("table99")


# A slip in a table is found, wherever it stands: nothing is compared with itself


def first_of_each_column(name: str) -> list[tuple[str, int, str]]:
    found: dict[str, tuple[str, int, str]] = {}
    for row, column in places(name):
        found.setdefault(column, (name, row, column))
    return list(found.values())


CELLS = [cell for name in RECTANGULAR for cell in first_of_each_column(name)] + [
    (name, row, column) for name in ("figures", "text_claims") for row, column in places(name)
]


def wrong(text: str) -> str:
    """Another text: of a number, three times as much and one more, with as many decimals."""
    if "phi" in text:
        return text.replace("3x3 ", "3x3 2*")
    try:
        number = float(text)
    except ValueError:
        return f"2*{text}"
    return f"{3 * number + 1:.{len(text.partition('.')[2])}f}"


@pytest.mark.parametrize(("name", "row", "column"), CELLS)
def test_a_slip_in_a_cell_is_found_in_that_cell(
    name: str, row: int, column: str, tmp_path: Path
) -> None:
    def differing() -> set[tuple[int, str]]:
        return {
            (verdict.printed.row, verdict.printed.column)
            for verdict in verify(name)
            if verdict.kind == "differs"
        }

    text = wrong(tables.value(name, row, column).text)
    with slipped(tmp_path, name, row, column, text):
        assert tables.value(name, row, column).text == text
        assert (row, column) in differing()


@pytest.mark.parametrize("stage", [1, 2, 3, 4])
def test_a_slip_in_the_blocks_of_a_stage_of_table_2_is_found(stage: int, tmp_path: Path) -> None:
    column = f"stage{stage}"
    text = tables.value("table02", 3, column).text
    with slipped(tmp_path, "table02", 3, column, text.replace(f"phi{stage}", "phi9")):
        found = {(v.printed.row, v.printed.column): v for v in verify("table02")}
    assert found[3, column].kind == "differs"


# Formulas


@pytest.mark.parametrize(
    ("name", "row", "column", "text"),
    [
        ("table01", 2, "stage1", "f^2*m"),
        ("table01", 2, "stage2", "f*f*m*alpha"),
        ("table01", 1, "stage2", "4*m*alpha*f^2/d_k^2"),
        ("table15_formulas", 1, "stage3", "(alpha*beta/4)^2"),
        ("table15_formulas", 2, "stage3", "beta*alpha/16"),
        ("table02", 3, "stage2", "[3x3 m*alpha; 3x3 m*alpha] x phi2"),
    ],
)
def test_a_formula_may_be_written_in_another_way(
    name: str, row: int, column: str, text: str, tmp_path: Path
) -> None:
    with slipped(tmp_path, name, row, column, text):
        found = {(v.printed.row, v.printed.column): v.kind for v in verify(name)}
    assert found[row, column] == "equal"


def test_a_wrong_formula_has_the_right_one_beside_it(tmp_path: Path) -> None:
    with slipped(tmp_path, "table01", 2, "stage4", "m*f^2"):
        (found,) = [
            v for v in verify("table01") if (v.printed.row, v.printed.column) == (2, "stage4")
        ]
    assert found.kind == "differs"
    names = {name: sympy.Symbol(name) for name in ("alpha", "beta", "gamma", "m", "f")}
    alpha, beta, gamma, m, f = names.values()
    assert sympy.sympify(found.computed, names) == alpha * beta * gamma * m * f**2


# From printed values


@pytest.mark.parametrize("name", ["table06", "table13"])
def test_percent_for_a_thousand_relus_are_of_the_exact_count(name: str) -> None:
    found = {(row, column): value for row, column, value in values(name)}
    for number, row in enumerate(tables.table(name), start=1):
        relus = found[number, "relus_K"]
        assert isinstance(relus, float)
        accuracy = float(row["acc_dkd_pct"])
        assert found[number, "acc_per_relu_pct_per_K"] == pytest.approx(accuracy / relus)


def test_percent_for_a_thousand_relus_are_of_the_printed_count_in_table_14() -> None:
    found = {(row, column): value for row, column, value in values("table14")}
    for number, row in enumerate(tables.table("table14"), start=1):
        expected = float(row["acc_dkd_pct"]) / float(row["relus_K"])
        assert found[number, "acc_per_relu_pct_per_K"] == pytest.approx(expected)


def test_what_thinning_gains_is_the_difference_of_the_two_rows_above(tmp_path: Path) -> None:
    """One more point for the thinned network is one more point of gain."""
    rows = tables.table("table05")
    column = "acc_80K_pct"
    more = f"{float(rows[4][column]) + 1:.2f}"
    before = {(row, key): value for row, key, value in values("table05")}
    with slipped(tmp_path, "table05", 5, column, more):
        after = {(row, key): value for row, key, value in values("table05")}
    changed = {place for place in before if before[place] != after[place]}
    assert changed == {(6, column)}
    assert after[6, column] == pytest.approx(float(rows[5][column]) + 1)


@pytest.mark.parametrize("name", ["table10", "table11"])
def test_the_least_critical_stage_has_no_criticality(name: str) -> None:
    for number, row in enumerate(tables.table(name), start=1):
        accuracies = [float(row[f"stage{stage}_acc_kd_pct"]) for stage in range(1, 5)]
        least = accuracies.index(min(accuracies)) + 1
        found = {column: value for row, column, value in values(name) if row == number}
        assert found[f"stage{least}_Ck"] == 0
        others = {found[f"stage{stage}_Ck"] for stage in range(1, 5) if stage != least}
        assert all(float(value) > 0 for value in others)
