"""What gains are made of: pairs, curves, weights; and what images and chance say of them."""

from dataclasses import replace
from math import sqrt
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from deepreshape.design import thin
from deepreshape.learn.runs.run import Record
from deepreshape.paper.trained.experiments import Claim
from deepreshape.paper.trained.gains import (
    alike,
    gains,
    knows_images,
    mean_of,
    near_chance,
    shared,
    value,
    without,
)
from tests.paper.curves import by_width, curve, paired, point
from tests.paper.records import record, records


def found(claim: Claim, known: dict[str, Record]) -> list[float]:
    """The gains of the one seed, in the order of places."""
    by_seed = gains(claim, known)
    assert len(by_seed) <= 1
    return [value(gain, known) for places in by_seed.values() for gain in places.values()]


# Pairs


def test_a_gain_is_ahead_minus_behind() -> None:
    assert found(paired((1,)), by_width(x={1: 53.0}, y={1: 50.0})) == [3.0]


def test_a_pair_needs_both_sides_with_the_same_seed() -> None:
    claim = paired((1, 2, 3))
    known = records(
        claim.ahead + claim.behind,
        lambda point, seed: None if (point.series, seed) in (("x", 1), ("y", 2)) else 50.0,
    )
    assert list(gains(claim, known)) == [3]


def test_weights_make_one_gain_of_several_pairs() -> None:
    claim = Claim("", curve("x", 1, 2), curve("y", 1, 2), paired=True, weights=(1.0, -0.5))
    known = by_width(x={1: 53.0, 2: 54.0}, y={1: 50.0, 2: 52.0})
    assert found(claim, known) == [3.0 - 0.5 * 2.0]


def test_weighted_pairs_are_needed_all() -> None:
    claim = Claim("", curve("x", 1, 2), curve("y", 1, 2), paired=True, weights=(1.0, -1.0))
    assert found(claim, by_width(x={1: 53.0, 2: None}, y={1: 50.0, 2: 52.0})) == []


def test_a_run_in_both_of_two_pairs_counts_with_both_weights() -> None:
    a, b, c = curve("x", 1, 2, 4)
    claim = Claim("", (b, c), (a, b), paired=True, weights=(0.5, -0.25))
    (places,) = gains(claim, by_width(x={1: 1.0, 2: 2.0, 4: 3.0})).values()
    (gain,) = places.values()
    assert [gain[each.runs[0].key] for each in (a, b, c)] == [-0.5, 0.5 + 0.25, -0.25]


# What nets were trained alike


def taught(m: int, teacher: str = "t", **facts: Any) -> Record:
    """The record of a net of some width that has a teacher."""
    run = replace(point("x", m).runs[0], teacher=point(teacher, 1).runs[0])
    return replace(record(run, 50.0), **facts)


def are_alike(*known: Record) -> bool:
    return alike({each.key: 1.0 for each in known}, {each.key: each for each in known})


def test_nets_of_two_number_formats_are_not_alike() -> None:
    one, other = record(point("x", 1).runs[0], 50.0), record(point("y", 1).runs[0], 50.0)
    assert are_alike(one, other)
    assert not are_alike(one, replace(other, precision="bfloat16"))


def test_nets_are_not_alike_where_their_teacher_was_trained_again() -> None:
    first = taught(1, teacher_digest="a")
    assert are_alike(first, taught(2, teacher_digest="a"))
    assert not are_alike(first, taught(2, teacher_digest="b"))
    assert not are_alike(first, taught(2, teacher_digest=None))


def test_two_teachers_have_weights_of_their_own() -> None:
    assert are_alike(taught(1, teacher_digest="a"), taught(2, "u", teacher_digest="b"))


# Curves


def test_a_curve_is_interpolated_in_the_logarithm() -> None:
    """Between m = 1 and m = 4, m = 2 is half the way: 20 there, 5 ahead of 15."""
    claim = Claim("", curve("x", 1, 4), curve("y", 2))
    assert found(claim, by_width(x={1: 10.0, 4: 30.0}, y={2: 15.0})) == pytest.approx([5.0])


def test_an_interpolated_gain_has_a_share_of_both_ends() -> None:
    ahead, behind = curve("x", 1, 8), curve("y", 2)
    (places,) = gains(Claim("", ahead, behind), by_width(x={1: 1.0, 8: 4.0}, y={2: 0.0})).values()
    (gain,) = places.values()
    keys = [each.runs[0].key for each in (*ahead, *behind)]
    assert [gain[key] for key in keys] == pytest.approx([2 / 3, 1 / 3, -1])


def test_curves_are_compared_at_the_places_of_both() -> None:
    """At m = 2 the second is interpolated: 8 ahead of 12; at m = 4 both have a point."""
    claim = Claim("", curve("x", 2, 4), curve("y", 1, 4))
    known = by_width(x={2: 20.0, 4: 30.0}, y={1: 10.0, 4: 14.0})
    assert found(claim, known) == pytest.approx([8, 16])


def test_curves_are_compared_within_the_range_of_both() -> None:
    claim = Claim("", curve("x", 4, 2), curve("y", 1, 2, 4, 8))
    known = by_width(x={2: 20.0, 4: 30.0}, y={1: 0.0, 2: 19.0, 4: 27.0, 8: 99.0})
    assert found(claim, known) == pytest.approx([1, 3])


def test_curves_of_no_common_range_have_no_gain() -> None:
    claim = Claim("", curve("x", 4, 8), curve("y", 1, 2))
    assert found(claim, by_width(x={4: 50.0, 8: 60.0}, y={1: 40.0, 2: 45.0})) == []


def test_only_some_places_are_compared_on_whole_curves() -> None:
    ahead, behind = curve("x", 1, 4), curve("y", 1, 2, 4)
    claim = Claim("", ahead, behind, at=behind[1:2])
    known = by_width(x={1: 10.0, 4: 30.0}, y={1: 0.0, 2: 15.0, 4: 0.0})
    assert found(claim, known) == pytest.approx([5.0])


def test_a_curve_goes_on_over_a_hole() -> None:
    claim = Claim("", curve("x", 1, 2, 4), curve("y", 2))
    known = by_width(x={1: 10.0, 2: None, 4: 30.0}, y={2: 15.0})
    assert found(claim, known) == pytest.approx([5.0])


def test_points_of_one_abscissa_count_as_their_mean() -> None:
    twin = replace(point("z", 1), series="x")
    claim = Claim("", (*curve("x", 1), twin), curve("y", 1))
    known = by_width(x={1: 10.0}, z={1: 20.0}, y={1: 14.0})
    assert found(claim, known) == pytest.approx([1.0])


def test_a_run_of_both_curves_is_not_compared_with_itself() -> None:
    """As where both start from one network."""
    claim = Claim("", curve("x", 1, 2), curve("x", 1) + curve("y", 2))
    assert found(claim, by_width(x={1: 40.0, 2: 53.0}, y={2: 50.0})) == [3.0]


def test_over_flops_curves_are_compared_at_flops() -> None:
    """A thinned network has as many FLOPs as the whole, and fewer ReLUs."""
    (whole,), (behind,) = curve("x", 4), curve("y", 4)
    network = thin(behind.network, [1])
    behind = replace(behind, runs=(replace(behind.runs[0], network=network),))
    known = records([whole], lambda *_: 52.0) | records([behind], lambda *_: 50.0)
    assert found(Claim("", (whole,), (behind,)), known) == []
    assert found(Claim("", (whole,), (behind,), over="flops"), known) == pytest.approx([2.0])


def test_of_candidates_the_best_by_validation_with_no_more_relus_counts() -> None:
    """At m = 2 the one of m = 1 is chosen, whatever the test accuracies are."""
    ahead = tuple(replace(each, candidate=True) for each in curve("x", 1, 2, 4))
    validation = {1: 60.0, 2: 50.0, 4: 70.0}
    known = by_width(y={2: 10.0})
    for each, (m, chosen) in zip(ahead, validation.items(), strict=True):
        known[each.runs[0].key] = record(each.runs[0], test=20.0 + m, validation=chosen)
    assert found(Claim("", ahead, curve("y", 2)), known) == pytest.approx([21.0 - 10.0])


def test_the_widest_gap_is_at_one_place_of_one_curve() -> None:
    """By 2 and 6 before y, by 4 and 3 before z."""
    behind = curve("y", 1, 2) + curve("z", 1, 2)
    claim = Claim("", curve("x", 1, 2), behind, widest=True)
    known = by_width(x={1: 50.0, 2: 60.0}, y={1: 48.0, 2: 54.0}, z={1: 46.0, 2: 57.0})
    assert found(claim, known) == pytest.approx([6.0])


def test_the_widest_gap_is_at_the_same_place_for_every_seed() -> None:
    """At m = 1 by 1 and 9, at m = 2 by 4 and 4: the mean is greater at the first."""
    claim = Claim("", curve("x", 1, 2, seeds=(1, 2)), curve("y", 1, 2, seeds=(1, 2)), widest=True)
    gaps = {(1, 1): 1.0, (1, 2): 9.0, (2, 1): 4.0, (2, 2): 4.0}
    known = records(
        claim.ahead + claim.behind,
        lambda each, seed: 50.0 + gaps[each.paper.stem, seed] * (each.series == "x"),
    )
    assert [value(mean_of(p.values()), known) for p in gains(claim, known).values()] == (
        pytest.approx([1.0, 9.0])
    )


# Left out


def test_a_pair_is_left_out_with_either_of_its_points() -> None:
    claim = Claim("", curve("x", 1, 2, 4), curve("y", 1, 2, 4), paired=True)
    left = without(claim, [claim.ahead[0], claim.behind[2]])
    assert (left.ahead, left.behind) == (claim.ahead[1:2], claim.behind[1:2])


def test_weighted_pairs_are_left_out_together() -> None:
    claim = Claim("", curve("x", 1, 2), curve("y", 1, 2), paired=True, weights=(1.0, -1.0))
    assert without(claim, claim.ahead[:1]).ahead == ()


def test_of_a_curve_a_point_is_left_out() -> None:
    claim = Claim("", curve("x", 1, 2, 4), curve("y", 2))
    assert without(claim, claim.ahead[1:2]).ahead == (claim.ahead[0], claim.ahead[2])


def test_runs_of_a_seed_are_left_out() -> None:
    claim = paired((1, 2, 3))
    left = without(claim, [], [1])
    assert [[run.seed for run in each.runs] for each in left.ahead + left.behind] == [[2, 3]] * 2
    assert without(claim, [], [1, 2, 3]).ahead == ()


@pytest.mark.parametrize(("accuracy", "near"), [(1.0, True), (1.99, True), (2.0, False)])
def test_less_than_twice_as_good_as_a_guess_is_near_chance(accuracy: float, near: bool) -> None:
    """One of a hundred classes is right by chance in 1 %."""
    one = point("x", 1, (1, 2))
    known = records([one], lambda _, seed: accuracy + (-0.5 if seed == 1 else 0.5))
    assert near_chance(one, known) is near


def test_what_has_no_accuracy_is_not_near_chance() -> None:
    assert not near_chance(point("x", 1), {})


# The shared test set


def answering(accuracies: dict[str, list[bool]]) -> dict[str, Record]:
    """Records that say of each image whether it was right."""
    made: Any = {
        key: SimpleNamespace(
            status="done", test=100 * sum(right) / len(right), correct=np.array(right)
        )
        for key, right in accuracies.items()
    }
    return cast(dict[str, Record], made)


def test_of_a_pair_the_test_set_gives_mcnemars_variance() -> None:
    """Right alone: 3 of 10 and 1 of 10; n (b + c - (b - c)^2 / n) / (n - 1) / n^2."""
    ahead = [True] * 5 + [True] * 3 + [False] + [False]
    behind = [True] * 5 + [False] * 3 + [True] + [False]
    known = answering({"a": ahead, "b": behind})
    expected = 100**2 * (4 - 2**2 / 10) / 9 / 10
    assert shared({"a": 1.0, "b": -1.0}, known, 10) == pytest.approx(expected)
    assert knows_images({"a": 1.0, "b": -1.0}, known)


def test_without_images_the_variance_is_that_of_independent_nets() -> None:
    one, other = point("x", 1), point("y", 1)
    known = records([one], lambda *_: 50.0) | records([other], lambda *_: 20.0)
    gain = {one.runs[0].key: 1.0, other.runs[0].key: -1.0}
    assert shared(gain, known, 10_000) == pytest.approx((2500 + 1600) / 10_000)
    assert not knows_images(gain, known)


def test_without_images_more_seeds_do_not_lower_the_variance() -> None:
    one = point("x", 1, (1, 2, 3, 4))
    known = records([one], lambda *_: 50.0)
    gain = mean_of([{run.key: 1.0} for run in one.runs])
    assert sqrt(shared(gain, known, 10_000)) == pytest.approx(0.5)


def test_the_bound_is_one_for_nets_that_err_alike() -> None:
    """Of whatever overlap of what two nets get right that is not below chance."""
    images = 100
    ahead = [True] * 60 + [False] * 40
    for both in range(30, 51):
        behind = [True] * both + [False] * (60 - both) + [True] * (50 - both)
        behind += [False] * (images - len(behind))
        known = answering({"a": ahead, "b": behind})
        gain = {"a": 1.0, "b": -1.0}
        bound = 100**2 * (0.6 * 0.4 + 0.5 * 0.5) / (images - 1)
        assert shared(gain, known, images) <= bound * (1 + 1e-9)
