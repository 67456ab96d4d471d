"""What is said of missing accuracies, of unfinished searches, and of the spread of seeds."""

from dataclasses import replace

import pytest

from deepreshape.paper.trained.experiments import Point, find
from deepreshape.paper.trained.gaps import holes, seeds_spread
from deepreshape.paper.trained.profiles import PROFILES
from tests.paper.records import records


def drawn(*seeds: int) -> list[Point]:
    return find("fig12").drawn(PROFILES["quick"], seeds=seeds, panels="b")


@pytest.fixture
def points() -> list[Point]:
    return drawn(1, 2)


# Holes


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


# Spread


def test_of_one_seed_the_spread_is_not_known() -> None:
    points = drawn(1)
    said = "How far an accuracy moves from seed to seed is not known of one seed."
    assert seeds_spread(points, records(points, lambda *_: 50.0)) == said


def test_the_least_and_the_most_deviation_are_said(points: list[Point]) -> None:
    """Of two values it is their difference over the root of two."""
    found = records(points, lambda point, seed: 50.0 + seed * (0.3 if point is points[0] else 0.1))
    assert seeds_spread(points, found) == (
        "From seed to seed accuracies have a standard deviation of 0.07 to 0.21 points."
    )


def test_points_of_a_wide_spread_are_named(points: list[Point]) -> None:
    found = records(points, lambda point, seed: 50.0 + seed * (2 if point is points[0] else 0))
    assert seeds_spread(points, found).endswith(
        f"to 1.41 points; of more than one point at 1 of {len(points)} points:"
        f" (b) {points[0].series}, {points[0].network.name}."
    )


def test_many_points_of_a_wide_spread_are_only_counted(points: list[Point]) -> None:
    found = records(points, lambda point, seed: 50.0 + 2 * seed)
    assert seeds_spread(points, found).endswith(f"at {len(points)} of {len(points)} points.")


def test_points_with_one_accuracy_are_counted(points: list[Point]) -> None:
    first = points[0]
    found = records(points, lambda p, seed: None if p is first and seed == 2 else 50.0)
    assert seeds_spread(points, found).endswith("Of 1 point with one seed it is not known.")
