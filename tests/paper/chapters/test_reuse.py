"""ReLU-reuse in numbers, and what is recorded of it."""

from fractions import Fraction

import pytest

from deepreshape.design import optimize, parse
from deepreshape.paper.chapters import reuse
from deepreshape.paper.reproduce import recorded

NETWORK = parse("HRN-2x5x3x(m=16)")
THINNED = optimize(NETWORK)
FACTORS = (4, 8, 16)


@pytest.mark.parametrize("factor", FACTORS)
def test_a_quarter_passes_and_one_nth_is_activated(factor: int) -> None:
    found = reuse.groups(THINNED, factor)
    assert found.passed * 4 == found.active * factor == found.channels == 160


@pytest.mark.parametrize("factor", FACTORS)
def test_the_share_of_work_is_that_of_the_formula(factor: int) -> None:
    found = reuse.groups(THINNED, factor)
    c, q, r = found.channels, found.linear, found.active
    assert reuse.share(THINNED, factor) == Fraction(9 * (q**2 + r**2) + q * r + c**2, 9 * c**2)


@pytest.mark.parametrize("factor", FACTORS)
def test_one_nth_of_the_relus_is_kept(factor: int) -> None:
    assert reuse.kept(THINNED, factor) == Fraction(1, factor)


def test_work_rises_with_n_in_three_groups_and_falls_in_equal_ones() -> None:
    frame = reuse.work(THINNED, FACTORS)
    assert frame["three groups"].is_monotonic_increasing
    assert frame["N equal groups"].is_monotonic_decreasing


def test_both_ways_leave_as_many_relus() -> None:
    counts = reuse.two_ways(NETWORK, FACTORS).groupby("N")["ReLUs"].agg(["nunique", "first"])
    assert list(counts["nunique"]) == [1, 1, 1]
    assert list(counts["first"]) == [13056, 6528, 3264]


def test_a_recorded_curve_has_a_row_for_each_point() -> None:
    found = recorded("fig12", panels="b")
    frame = reuse.recorded_curve(found.points, found.records)
    assert len(frame) == len(found.points) > 0
    assert frame["accuracy (%)"].between(1, 100).all()


def test_what_the_chapter_says_of_thinned_networks_is_that_records_are_against_the_paper() -> None:
    judged = recorded("fig23").judged()
    assert any(row.direction.startswith("disagrees") for row in judged.rows)
    assert not any(row.direction.startswith("agrees") for row in judged.rows)
