"""What came after the paper, beside what it prints."""

import re

import pandas as pd
import pytest

from deepreshape.paper.printed import later, tables

CURVE = [("CIFAR-100", "HybReNet (DKD)", 10.0, 60.0), ("CIFAR-100", "HybReNet (DKD)", 1000.0, 80.0)]


def drawn(monkeypatch: pytest.MonkeyPatch, *others: tuple[str, str, float, float]) -> None:
    columns = ["data", "series", later.RELUS, later.ACCURACY]
    frame = pd.DataFrame([*CURVE, *others], columns=columns)
    monkeypatch.setattr(later, "points", lambda: frame)


def test_every_result_has_a_source_and_says_what_it_is() -> None:
    found = later.works()
    assert (found[["method", "year", "data", "source", "what"]] != "").all(axis=None)
    assert found["year"].str.fullmatch(r"20\d\d").all()


def test_an_accuracy_stands_at_a_count_of_relus() -> None:
    found = later.works()
    assert (found.loc[found["accuracy_pct"] != "", "relus_K"] != "").all()


def test_the_papers_points_are_those_of_its_tables() -> None:
    found = later.points()
    ours = found[(found["series"] == "HybReNet (DKD)") & (found["data"] == "CIFAR-100")]
    printed = [float(row["acc_dkd_pct"]) for row in tables.table("table06")]
    assert list(ours[later.ACCURACY]) == printed


def test_a_network_of_several_rows_is_one_point() -> None:
    assert not later.points().duplicated().any()


def test_every_work_is_named_with_its_source() -> None:
    named = {work.rpartition(" (")[0] for work in later.sources()["work"]}
    assert named == set(later.works()["method"])


def test_a_point_is_held_against_the_curve_in_the_logarithm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    drawn(monkeypatch, ("CIFAR-100", "Other (2030)", 100.0, 75.0))
    assert "Other (2030) on CIFAR-100 +5.0 points" in later.sentence()


def test_points_beyond_the_curve_are_not_held_against_it(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn(
        monkeypatch,
        ("CIFAR-100", "Other (2030)", 1.0, 99.0),
        ("CIFAR-100", "Other (2030)", 10.0, 59.0),
        ("CIFAR-100", "Other (2030)", 100.0, 68.0),
    )
    assert re.search(r"Other \(2030\) on CIFAR-100 -2\.0 to -1\.0 points\.", later.sentence())


def test_what_the_picture_says_of_itself_is_so() -> None:
    text = later.sentence()
    for data in later.PRINTED:
        assert f"AutoReP (2023) on {data} +" in text
    assert re.search(r"SNL run again \(2024\) on CIFAR-100 -[0-9.]+ to -[0-9.]+ points", text)
