"""Intervals and decisions, in closed form."""

from math import inf, isnan, pi, sqrt, tan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.paper.trained.statistics import (
    Estimate,
    Pool,
    direction,
    estimate,
    half_interval,
    holm,
    pool,
    size,
)

CAUCHY = tan(pi * 0.475)
"""The 97.5 % quantile of Student's t with one degree of freedom."""
TWO = 0.95 * sqrt(2 / (4 * 0.975 * 0.025))
"""With two degrees of freedom: (2p - 1) sqrt(2 / (4p(1 - p)))."""


def around(mean: float, half: float) -> Estimate:
    """A mean whose 95 % interval has this half width."""
    return Estimate(mean, half / TWO, 2)


# Of values


def test_half_an_interval_of_two_values_is_a_cauchy_quantile() -> None:
    """Two values d apart: deviation d / sqrt 2, so half the interval is quantile * d / 2."""
    assert half_interval([10.0, 13.0]) == pytest.approx(CAUCHY * 3 / 2)


def test_half_an_interval_of_three_values_is_students() -> None:
    assert half_interval([1.0, 2.0, 3.0]) == pytest.approx(TWO / sqrt(3))


@pytest.mark.parametrize("values", [[], [5.0], [5.0, 5.0], [5.0, 5.0, 5.0]])
def test_one_value_or_equal_ones_have_no_interval(values: list[float]) -> None:
    assert isnan(half_interval(values))


# Pooled


def test_a_deviation_is_pooled_about_each_groups_own_mean() -> None:
    """Squares 2 of two degrees of freedom, and 4.5 of one."""
    found = pool([[1.0, 2.0, 3.0], [10.0, 13.0], [7.0], []], least=0.01)
    assert found == Pool(pytest.approx(sqrt(6.5 / 3)), 3, 2)


def test_one_degree_of_freedom_is_too_few() -> None:
    assert pool([[1.0, 3.0], [7.0]], least=0.01) is None
    assert pool([], least=0.01) is None


def test_equal_gains_are_not_taken_for_certain() -> None:
    found = pool([[1.0, 1.0], [2.0, 2.0]], least=0.01)
    assert found == Pool(0.01, 2, 2)
    gains = estimate([1.0, 1.0], found, shared=1.0)
    assert gains.half > 1.9
    assert direction(gains).outcome == "undecided"


# Seeds and the shared test set


def test_with_seeds_alone_the_interval_is_students_of_the_pooled_deviation() -> None:
    found = estimate([1.0, 3.0], Pool(0.5, 2, 1), shared=0.0)
    assert (found.mean, found.degrees) == (2.0, 2)
    assert found.half == pytest.approx(TWO * 0.5 / sqrt(2))


def test_the_test_set_adds_its_variance_and_seeds_do_not_lower_it() -> None:
    found = estimate([1.0] * 4, Pool(2.0, 3, 1), shared=3.0)
    assert found.error == pytest.approx(sqrt(2.0**2 / 4 + 3.0))


def test_degrees_of_freedom_follow_welch_and_satterthwaite() -> None:
    """Equal parts: four times those of the seeds; little from the seeds: the normal's."""
    assert estimate([1.0], Pool(1.0, 3, 1), shared=1.0).degrees == pytest.approx(4 * 3)
    known = estimate([1.0], Pool(1e-6, 3, 1), shared=1.0)
    assert known.half == pytest.approx(1.959964)


def test_a_scaled_gain_deviates_that_much_more() -> None:
    found = estimate([1.0], Pool(0.5, 2, 1), shared=0.0, scale=3.0)
    assert found.error == pytest.approx(1.5)


# Direction


@pytest.mark.parametrize(
    ("mean", "half", "expected"),
    [
        (3.0, 2.9, "agrees"),
        (-3.0, 2.9, "disagrees"),
        (3.0, 3.1, "undecided"),
        (-3.0, 3.1, "undecided"),
    ],
)
def test_a_direction_is_decided_where_the_interval_leaves_out_zero(
    mean: float, half: float, expected: str
) -> None:
    assert direction(around(mean, half)).outcome == expected


@pytest.mark.parametrize(
    ("mean", "half", "high", "expected"),
    [
        (0.0, 1.6, 1.7, "agrees"),
        (0.0, 1.8, 1.7, "undecided"),
        (1.5, 0.3, 1.7, "undecided"),
        (2.0, 0.2, 1.7, "disagrees"),
        (-2.0, 0.2, 1.7, "disagrees"),
        (2.0, 0.2, inf, "agrees"),
        (-1.0, 0.6, inf, "agrees"),
        (-2.0, 0.2, inf, "disagrees"),
        (-2.0, 0.4, inf, "undecided"),
    ],
)
def test_with_a_margin_the_whole_interval_lies_within_it_or_outside(
    mean: float, half: float, high: float, expected: str
) -> None:
    assert direction(around(mean, half), -1.7, high).outcome == expected


def test_the_p_value_of_a_direction_is_two_sided() -> None:
    """With one degree of freedom the tail beyond x is 1/2 - arctan(x) / pi."""
    assert direction(Estimate(1.0, 1.0, 1)).p == pytest.approx(2 * (0.5 - 0.25))
    assert direction(Estimate(-1.0, 1.0, 1)).p == pytest.approx(2 * (0.5 - 0.25))


@given(st.floats(-5, 5), st.floats(0.01, 5), st.floats(0.1, 4))
def test_a_direction_is_decided_just_where_p_is_below_5_per_cent(
    mean: float, half: float, margin: float
) -> None:
    found = direction(around(mean, half), -margin, margin)
    assert (found.outcome != "undecided") == (found.p < 0.05)


@given(st.floats(-5, 5), st.floats(0.01, 5))
def test_agreement_and_disagreement_weigh_alike(mean: float, half: float) -> None:
    opposite = {"agrees": "disagrees", "disagrees": "agrees", "undecided": "undecided"}
    one, other = direction(around(mean, half)), direction(around(-mean, half))
    assert opposite[one.outcome] == other.outcome
    assert one.p == pytest.approx(other.p)


# Size


@pytest.mark.parametrize(
    ("mean", "half", "low", "high", "expected"),
    [
        (12.7, 2.2, 1.0, 3.0, "disagrees"),
        (4.4, 1.5, 1.0, 3.0, "agrees"),
        (2.0, 1.6, 1.0, 3.0, "undecided"),
        (2.6, 1.3, 2.6, 2.6, "agrees"),
        (3.8, 1.3, 2.6, 2.6, "agrees"),
        (2.6, 1.4, 2.6, 2.6, "undecided"),
        (4.0, 1.3, 2.6, 2.6, "disagrees"),
        (-0.1, 0.3, 2.6, 2.6, "disagrees"),
        (0.5, 1.4, 0.0, 3.0, "agrees"),
        (-2.0, 1.4, 0.0, 3.0, "disagrees"),
    ],
)
def test_a_size_agrees_where_a_narrow_interval_has_it(
    mean: float, half: float, low: float, high: float, expected: str
) -> None:
    assert size(around(mean, half), low, high).outcome == expected


@given(st.floats(-5, 5), st.floats(0.01, 5))
def test_a_size_is_rejected_just_where_p_is_below_5_per_cent(mean: float, half: float) -> None:
    found = size(around(mean, half), 1.0, 3.0)
    assert (found.outcome == "disagrees") == (found.p < 0.05)


# Many tests


def test_holm_multiplies_by_the_tests_that_are_left() -> None:
    """0.01 * 3, then 0.02 * 2, then 0.03 * 1, but never below the one before."""
    assert holm([0.03, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])


def test_one_test_needs_no_correction() -> None:
    assert holm([0.04]) == [0.04]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_keeps_the_order_and_never_lowers_a_p_value(ps: list[float]) -> None:
    found = holm(ps)
    assert all(p <= each <= 1 for p, each in zip(ps, found, strict=True))
    assert all(
        found[one] <= found[other]
        for one in range(len(ps))
        for other in range(len(ps))
        if ps[one] <= ps[other]
    )
