"""What is recorded of teachers, seed by seed."""

from statistics import fmean

import pytest

from deepreshape.paper.chapters import taught
from deepreshape.paper.reproduce import recorded


def test_a_gain_is_the_mean_over_seeds_that_both_have() -> None:
    found = recorded("table10")
    one, other = (
        next(p for p in found.points if (p.panel, p.series) == (panel, "ResNet18(m=16) S3"))
        for panel in "ab"
    )
    before, after = (taught.by_seed(point, found.records) for point in (one, other))
    frame = taught.gains([(one, other)], found.records)
    assert frame["gain"].item() == pytest.approx(fmean(after[s] - before[s] for s in before))
    assert frame["n"].item() == len(before)
    assert frame["printed gain"].item() == 1.64


def test_pairs_are_of_one_network() -> None:
    found = recorded("table6")
    frame = taught.decoupled(found.points, found.records)
    assert frame["network"].is_unique
    assert set(frame["of"]) == {"HybReNet (DKD)"}


def test_without_a_common_seed_there_is_no_gain() -> None:
    found = recorded("table10")
    point = found.points[0]
    assert taught.gains([(point, point)], {}).empty
