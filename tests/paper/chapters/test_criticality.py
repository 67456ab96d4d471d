"""Stages with their ReLUs alone: frames of points and records, and what is said of their order."""

import pandas as pd
import pytest

from deepreshape.paper.chapters.criticality import (
    COLUMNS,
    alone,
    orders,
    turned,
    weighed,
)
from deepreshape.paper.printed import tables
from deepreshape.paper.reproduce import recorded


def frame(*rows: tuple[str, int, int, float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=COLUMNS)


PLAIN = frame(
    ("net", 1, 3, 30.0, 1.0, 50.0),
    ("net", 2, 3, 42.0, 1.0, 60.0),
    ("net", 3, 3, 50.0, 1.0, 65.0),
    ("net", 4, 3, 40.0, 1.0, 58.0),
)


def changed(**cells: object) -> pd.DataFrame:
    """`PLAIN` with other cells in the row of stage 4."""
    rows = PLAIN.copy()
    for column, value in {"test": "test (%)", "half": "± 95 %"}.items():
        if column in cells:
            rows.loc[3, value] = cells[column]
    return rows


def test_an_order_that_is_the_papers_has_all_pairs_alike() -> None:
    (row,) = orders(PLAIN).to_dict("records")
    assert row["order here"] == row["order in the paper"] == "S3 > S2 > S4 > S1"
    assert row["pairs alike"] == "6 of 6"
    assert turned(PLAIN) == []


def test_neighbours_the_other_way_round_are_named() -> None:
    (row,) = orders(changed(test=45.0)).to_dict("records")
    assert (row["order here"], row["pairs alike"]) == ("S3 > S4 > S2 > S1", "5 of 6")
    (line,) = turned(changed(test=45.0))
    assert "stage 4 is 3.00 points ahead of stage 2" in line
    assert "in the paper it is 2.00 behind" in line


@pytest.mark.parametrize(
    ("test", "half", "said"),
    [
        (45.0, 1.0, "do not overlap"),
        (45.0, 4.0, "intervals overlap"),
        (45.0, float("nan"), "one seed"),
    ],
)
def test_what_intervals_say_of_them(test: float, half: float, said: str) -> None:
    (line,) = turned(changed(test=test, half=half))
    assert said in line


def test_a_network_that_lacks_a_stage_has_no_order() -> None:
    assert orders(changed(test=float("nan"))).empty


def test_weights_give_the_printed_criticality() -> None:
    row = tables.table("table10")[0]
    found = weighed(
        [81920, 32768, 16384, 8192], [float(row[c]) for c in tables.by_stage("acc_kd_pct")]
    )
    assert [f"{c:.2f}" for c in found["criticality"]] == [row[c] for c in tables.by_stage("Ck")]


def test_recorded_stages_have_the_printed_accuracy_and_the_width_of_their_runs() -> None:
    kept = recorded("table10", panels="b")
    found = alone(kept.points, kept.records)
    assert len(found) == len(kept.points)
    assert list(found["paper's test (%)"]) == [point.printed for point in kept.points]
    widths = {point.network.stem == point.paper.stem for point in kept.points}
    assert {" width" not in name for name in found["network"]} == widths


def test_what_the_chapter_says_holds_of_the_records() -> None:
    """Its prose says that stage 3 comes first, stage 1 last, and that only stages 2 and 4 are
    turned round: where new records say otherwise, so must it."""
    for name in ("table10", "table11"):
        kept = recorded(name, panels="b")
        found = alone(kept.points, kept.records)
        assert {order[:2] + order[-2:] for order in orders(found)["order here"]} == {"S3S1"}
        assert all("stage 4 is" in line and "ahead of stage 2" in line for line in turned(found))
