"""Printed and computed values as tables for a page: rows, columns, words."""

import base64
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from deepreshape.design import parse
from deepreshape.paper.printed import comparisons, tables
from deepreshape.paper.printed.comparisons import (
    LABELS,
    READINGS,
    comparison,
    csv_link,
    label,
    labelled,
    listed,
    misses,
    opening,
    overview,
    place,
    show,
    side_by_side,
    styled,
)
from deepreshape.paper.printed.tables import TABLES
from deepreshape.paper.printed.verdicts import verify
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


def test_a_comparison_is_of_any_verdicts() -> None:
    both = verify("table16", ["relus_K"]) + verify("table17", ["relus_K"])
    assert list(comparison(both)["of"]) == [label(v.printed.table, v.printed.row) for v in both]


def test_misses_are_what_is_not_equal() -> None:
    frame = misses("table14")
    expected = [v for v in verify("table14") if v.kind != "equal"]
    assert list(frame["value"]) == [place(verdict) for verdict in expected]
    assert list(frame["why"]) == [verdict.printed.rounding.why for verdict in expected]
    assert misses("table16").empty


def test_seconds_of_he_within_the_models_band_are_no_misses() -> None:
    within = [v for v in verify("table08") if v.printed.column.endswith("he_s")]
    assert {v.kind for v in within} == {"equal", "within", "differs"}
    listed_of = list(misses("table08")["value"])
    assert {place(v) in listed_of for v in within if v.kind == "within"} == {False}
    assert {place(v) in listed_of for v in within if v.kind == "differs"} == {True}


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


def test_labels_name_the_networks_of_a_table() -> None:
    found = labelled("table04")
    assert list(found) == ["2x2x2x(m=32)", "4x4x4x(m=16)", "3x7x2x(m=16)"]
    assert list(found.values()) == list(tables.networks("table04").values())


@pytest.mark.parametrize(
    ("name", "row", "expected"),
    [
        ("table07", 5, "Table 7, CIFAR-100, SENet 25K, improv_flops_x"),
        ("table15_formulas", 1, "Table 15, FLOPs, stage1"),
        ("text_claims", 20, "Section 5, RegNet ReLUs at 80.63%"),
    ],
)
def test_a_place_is_told_in_words(name: str, row: int, expected: str) -> None:
    assert expected in [place(verdict) for verdict in verify(name, rows=[row])]


# Networks


def test_an_overview_has_a_row_for_each_network_and_what_is_asked_for() -> None:
    html = overview(tables.named("ResNet18; HRN-5x5x3x"), "two", "widths", "flops", "order").data
    for text in ("ResNet18", "(16, 80, 400, 1200)", "1,055.39", "S1 &gt; S2 &gt; S3 &gt; S4"):
        assert text in html or text.replace("&gt;", ">") in html
    assert "ReLUs" not in html


@pytest.mark.parametrize("reading", READINGS)
def test_every_reading_is_of_any_network(reading: str) -> None:
    for name in ("VGG16", "WRN22x8", "MobileNetV2"):
        assert READINGS[reading](parse(name))


# Side by side


def test_side_by_side_has_a_row_for_each_row_and_its_label_first() -> None:
    frame = side_by_side("table16", CHANNELS)
    assert list(frame["row"]) == [row["network"] for row in tables.table("table16")]


def test_side_by_side_has_the_columns_in_the_order_asked_for() -> None:
    """Also where the first row lacks one: a WideResNet has no stage 4."""
    assert list(side_by_side("table16", CHANNELS).columns) == ["row", *CHANNELS]
    backwards = CHANNELS[::-1]
    assert list(side_by_side("table16", backwards).columns) == ["row", *backwards]


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


def test_columns_may_have_headings() -> None:
    frame = side_by_side("table16", {"ReLUs": "relus_K", "stem": "stem_channels"})
    assert list(frame.columns) == ["row", "ReLUs", "stem"]
    assert frame["stem"][0] == "16 | 16"


# A page


def test_a_page_shows_and_saves_all_values_of_a_table_and_says_what_they_come_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FIGURES", str(tmp_path / "out"))
    show("page", "table16", ["relus_K"])
    saved = pd.read_csv(tmp_path / "out" / "page.csv", dtype=str, keep_default_na=False)
    assert saved.equals(comparison("table16").astype(str))
    assert len(capsys.readouterr().out.splitlines()) == 3  # a table, a sentence and its files


def test_a_page_opens_with_what_came_out_and_what_is_not_equal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[Any] = []
    monkeypatch.setattr(comparisons, "display", shown.append)
    opening("table16", "table16")
    assert shown.pop().data.startswith("**What came out.** All")
    opening("table14", "table14")
    said, missed = shown
    assert "`make reproduce-table14`" in said.data
    assert "T_table14-misses" in missed.data
    assert missed.data.count("<tr>") == 1 + len(
        [verdict for verdict in verify("table14") if verdict.kind != "equal"]
    )


def test_a_link_holds_the_table_as_csv() -> None:
    frame = pd.DataFrame({"network": ["ResNet18"], "gain": [1.23456]})
    (data,) = re.findall(r"base64,([^\"]+)", csv_link(frame, "some"))
    assert base64.b64decode(data).decode() == "network,gain\nResNet18,1.235\n"


def test_a_table_has_its_caption() -> None:
    frame = pd.DataFrame({"n": [1]})
    assert "<caption>What n is</caption>" in styled(frame, "n", caption="What n is").data
    assert "<caption" not in styled(frame, "n").data


def test_a_page_may_be_of_some_rows_and_columns_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIGURES", str(tmp_path))
    show("page", "table16", {"ReLUs": "relus_K"}, rows=[1, 3])
    saved = pd.read_csv(tmp_path / "page.csv")
    assert list(saved["row"]) == [1, 3]
    assert set(saved["column"]) == {"relus_K"}
    show("page", "table16", rows=[3])
    assert len(pd.read_csv(tmp_path / "page.csv")) == len(verify("table16", rows=[3]))


def test_values_are_listed_by_place_with_reasons_where_there_are_any() -> None:
    assert list(listed("table16").columns) == ["value", "printed", "computed", "verdict"]
    assert list(listed("table14").columns)[-1] == "why"


# HTML


def test_the_html_of_a_table_is_the_same_each_time() -> None:
    pages = {styled(side_by_side("table16", CHANNELS), "sixteen").data for _ in range(3)}
    assert len(pages) == 1


def test_the_html_of_a_table_has_its_name_and_no_index() -> None:
    html = styled(pd.DataFrame({"a": [1.0, 2.0]}), "sixteen").data
    assert 'id="T_sixteen"' in html
    assert "row_heading" not in html


def test_sentences_are_set_in_lines_under_any_heading_and_the_rest_is_not() -> None:
    frame = pd.DataFrame(
        {
            "verdict": ["differs"],
            "claim": ["word " * 20],
            "network": ["HRN-2x5x3x(m=16)-C1-T234-Re8-a-name-without-end"],
            "page": ['<a href="some-page-of-the-book.html">Table 10</a>'],
        }
    )
    html = styled(frame, "x").data
    assert re.findall(r"#T_x \.(col\d)", html) == ["col1"]


def test_a_notebook_stores_no_place_in_memory_of_a_table() -> None:
    assert "0x" not in repr(styled(pd.DataFrame({"a": [1]}), "x"))


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
    path = comparisons.save(frame, "table14", tmp_path / "new" / "folder")
    assert path == tmp_path / "new" / "folder" / "table14.csv"
    again = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert again.equals(frame.astype(str))
