"""Printed and computed values as tables for a page: rows, columns, words."""

from pathlib import Path

import pandas as pd
import pytest

from deepreshape.design import parse
from deepreshape.paper.printed import comparisons, tables
from deepreshape.paper.printed.comparisons import LABELS, comparison, label, side_by_side, styled
from deepreshape.paper.printed.tables import TABLES
from deepreshape.paper.printed.verify import totals, verify
from tests.paper.slips import slipped

CHANNELS = ["stem_channels", *(f"stage{stage}_channels" for stage in range(1, 5)), "relus_K"]

# A row for each value


@pytest.mark.parametrize("name", TABLES)
def test_a_comparison_has_a_row_for_each_value(name: str) -> None:
    frame = comparison(name)
    expected = [
        (
            verdict.printed.row,
            verdict.printed.column,
            verdict.printed.text,
            verdict.shown,
            verdict.text,
        )
        for verdict in verify(name)
    ]
    columns = ["row", "column", "printed", "computed", "verdict"]
    assert list(frame[columns].itertuples(index=False, name=None)) == expected


def test_a_comparison_has_these_columns() -> None:
    columns = ["row", "of", "column", "printed", "computed", "verdict", "why", "erratum"]
    assert list(comparison("table16").columns) == columns
    assert list(comparison("table16", columns=[]).columns) == columns


def test_a_comparison_may_be_of_some_columns() -> None:
    frame = comparison("table16", columns=["relus_K", "flops_M"])
    assert set(frame["column"]) == {"relus_K", "flops_M"}
    assert len(frame) == 2 * len(tables.table("table16"))


def test_columns_may_come_one_by_one() -> None:
    frame = comparison("table16", columns=(name for name in ["relus_K"]))
    assert len(frame) == len(tables.table("table16"))


def test_a_column_that_a_table_lacks_gives_no_rows() -> None:
    assert comparison("table16", columns=["acc_cifar100_pct"]).empty


@pytest.mark.parametrize("name", ["table14", "table16"])
def test_misses_are_what_is_not_equal(name: str) -> None:
    every, misses = comparison(name), comparison(name, misses=True)
    assert list(misses["row"]) == list(every[every["verdict"] != "equal"]["row"])
    assert len(misses) == len(every) - totals(verify(name))["equal"]


def test_misses_of_a_table_without_any_are_empty() -> None:
    assert comparison("table16", misses=True).empty


def test_a_miss_has_a_reason_and_an_equal_value_has_none() -> None:
    frame = comparison("table14")
    assert ((frame["verdict"] == "equal") == (frame["why"] == "")).all()


# Labels


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("table16", 2, "ResNet18"),
        ("table04", 2, "4x4x4x(m=16)"),
        ("table15", 1, "(2;2;2)"),
        ("table01", 2, "flops_per_relu"),
        ("table02", 1, "Uniform"),
    ],
)
def test_a_label_is_the_rows_name(name: str, row: int, expected: str) -> None:
    assert label(name, row) == expected


@pytest.mark.parametrize("name", ["table06", "table13", "table14"])
def test_a_label_of_a_network_with_edits_is_its_whole_name(name: str) -> None:
    labels = [label(name, row) for row in range(1, len(tables.table(name)) + 1)]
    assert [str(parse(text)) for text in labels] == labels
    assert len(set(labels)) == len(labels)


def test_a_label_of_tables_7_and_8_is_the_rival() -> None:
    row = tables.table("table07")[3]
    expected = f"{row['dataset']}, {row['sota_method']} {row['sota_relus_K']}K"
    assert label("table07", 4) == expected


@pytest.mark.parametrize("name", TABLES)
def test_a_label_says_more_than_the_rows_number(name: str) -> None:
    rows = range(1, len(tables.table(name)) + 1)
    assert [row for row in rows if label(name, row) == str(row)] == []


@pytest.mark.parametrize("column", LABELS)
def test_every_column_of_labels_is_one_of_a_table(column: str) -> None:
    assert any(column in tables.table(name)[0] for name in TABLES)


# Side by side


def test_side_by_side_has_a_row_for_each_row_and_its_label_first() -> None:
    frame = side_by_side("table16", CHANNELS)
    assert list(frame[""]) == [row["network"] for row in tables.table("table16")]


def test_side_by_side_has_the_columns_in_the_order_asked_for() -> None:
    """Also where the first row lacks one: a WideResNet has no stage 4."""
    assert list(side_by_side("table16", CHANNELS).columns) == ["", *CHANNELS]
    backwards = CHANNELS[::-1]
    assert list(side_by_side("table16", backwards).columns) == ["", *backwards]


def test_a_cell_side_by_side_holds_both_values() -> None:
    frame = side_by_side("table16", CHANNELS)
    shown = {v.printed.row: v.shown for v in verify("table16") if v.printed.column == "relus_K"}
    assert list(frame["relus_K"]) == [
        f"{row['relus_K']} | {shown[number]}"
        for number, row in enumerate(tables.table("table16"), start=1)
    ]


def test_a_cell_that_the_paper_leaves_empty_is_empty() -> None:
    frame = side_by_side("table16", CHANNELS)
    assert list(frame["stage4_channels"].isna()) == [True] + [False] * 5
    html = styled(frame, "sixteen").data
    assert "nan" not in html.lower()


def test_side_by_side_of_nothing_is_empty() -> None:
    assert side_by_side("table16", []).empty


# HTML


def test_the_html_of_a_table_is_the_same_each_time() -> None:
    pages = {styled(side_by_side("table16", CHANNELS), "sixteen").data for _ in range(3)}
    assert len(pages) == 1


def test_the_html_of_a_table_has_its_name_and_no_index() -> None:
    html = styled(pd.DataFrame({"a": [1.0, 2.0]}), "sixteen").data
    assert 'id="T_sixteen"' in html
    assert "row_heading" not in html


def test_numbers_have_two_decimals_and_commas() -> None:
    html = styled(pd.DataFrame({"a": [1234.5678]}), "x").data
    assert ">1,234.57<" in html
    assert ">1,234.6<" in styled(pd.DataFrame({"a": [1234.5678]}), "x", precision=1).data


# Sentences and sums


def test_a_sentence_on_a_table_without_misses() -> None:
    number = len(verify("table16"))
    assert comparisons.sentence("table16") == (
        f"All {number} values that need no training are equal to the printed digit."
    )


def test_a_sentence_on_a_table_with_misses_counts_each_kind(tmp_path: Path) -> None:
    number = len(verify("table16"))
    with slipped(tmp_path, "table16", 1, "relus_K", "1"):
        said = comparisons.sentence("table16")
    assert said.startswith(f"Of {number} values that need no training: {number - 1} equal, 1 ")
    assert "within" not in said
    assert "cut" not in said


def test_a_table_is_saved_as_csv_that_reads_back(tmp_path: Path) -> None:
    frame = comparison("table14")
    path = comparisons.save(frame, tmp_path / "new" / "folder", "table14")
    assert path == tmp_path / "new" / "folder" / "table14.csv"
    again = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert again.equals(frame.astype(str))
