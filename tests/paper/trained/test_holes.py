"""What is said of missing accuracies and of unfinished searches."""

from dataclasses import replace

import pytest

from deepreshape.paper.trained.experiments import Point, find
from deepreshape.paper.trained.holes import holes
from deepreshape.paper.trained.profiles import PROFILES
from tests.paper.records import records


@pytest.fixture
def points() -> list[Point]:
    return find("fig12").drawn(PROFILES["quick"], seeds=(1, 2), panels="b")


def test_searches_that_did_not_finish_are_counted_by_series(points: list[Point]) -> None:
    found = records(points, lambda *_: 50.0)
    first, second = [point for point in points if point.series == "SNL(vanilla)"][:2]
    for point, left in ((first, 2), (second, 3)):
        key = point.runs[0].key
        entry = {"relus": left * found[key].relus, "reached": False}
        found[key] = replace(found[key], sought=({"relus": 9**9, "reached": False}, entry))
    searches = sum(len(point.runs) for point in points if point.series == "SNL(vanilla)")
    assert holes(points, found) == [
        f"(b) SNL(vanilla): 2 of {searches} searches not finished; when their epochs were over, up"
        " to 3 times the ReLUs asked for were left, and the excess was cut off by rank."
    ]


def test_holes_are_named_with_their_error(points: list[Point]) -> None:
    found = records(points, lambda p, seed: None if p is points[0] and seed == 2 else 50.0)
    del found[points[1].runs[0].key]
    failed, missing = holes(points, found)
    assert failed == (
        f"(b) {points[0].series}, {points[0].network.name}, {points[0].relus:,} ReLUs,"
        " seed 2: the loss is nan."
    )
    assert missing.endswith("seed 1: no record.")
    assert holes(points[2:], found) == []
