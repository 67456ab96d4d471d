"""Rank correlations with the printed accuracies, and the distance to them."""

from collections.abc import Callable
from math import isnan

import numpy as np
import pytest
from scipy import stats

from deepreshape.learn.runs.store import Store
from deepreshape.paper import agreement
from deepreshape.paper.agreement import Compared, compared, distance, kendall, order, spearman
from deepreshape.paper.trained.experiments import Point, find
from deepreshape.paper.trained.profiles import PROFILES
from tests.paper.records import record

PRINTED = (50.0, 60.0, 70.0, 80.0)


def row(name: str, *found: tuple[float, ...]) -> list[Compared]:
    return [Compared(name, *pair) for pair in zip(PRINTED, found, strict=False)]


SAME = row("same", (10.0,), (20.0,), (30.0,), (40.0,))
TURNED = row("turned", (40.0,), (30.0,), (20.0,), (10.0,))


@pytest.mark.parametrize("rank", [spearman, kendall])
def test_the_same_order_has_one_and_the_opposite_minus_one(rank: Callable[..., object]) -> None:
    for found, value in ((SAME, 1.0), (TURNED, -1.0)):
        measure = order(found, rank)
        assert measure is not None
        assert measure.value == pytest.approx(value)


def test_within_rows_the_mean_of_the_rows_counts() -> None:
    measure = order([*SAME, *TURNED, *SAME[:2]], spearman, within=True)
    assert measure is not None
    assert measure.value == pytest.approx(0.0)


def test_two_networks_have_no_order() -> None:
    assert order(SAME[:2], spearman) is None
    assert order(SAME[:2], kendall, within=True) is None


@pytest.mark.parametrize(
    ("ours", "theirs"), [(spearman, stats.spearmanr), (kendall, stats.kendalltau)]
)
def test_ties_count_as_ties(ours: Callable[..., object], theirs: Callable[..., object]) -> None:
    printed, found = np.array([1.0, 2.0, 2.0, 4.0]), np.array([[3.0, 1.0, 5.0, 5.0]])
    expected = theirs(printed, found[0]).statistic  # type: ignore[attr-defined]
    assert ours(printed, found) == pytest.approx([expected])


def test_the_distance_is_the_median_of_either_side() -> None:
    measure = distance(row("some", (49.0,), (63.0,), (75.0,)))
    assert measure is not None
    assert measure.value == 3.0


def test_of_single_seeds_an_interval_is_not_known() -> None:
    measure = order(SAME, spearman)
    assert measure is not None
    assert isnan(measure.low)
    assert str(measure) == "1.00"


def test_an_interval_is_as_wide_as_the_deviation_of_the_mean() -> None:
    """Of n normal seeds it is 2 x 1.96 s / sqrt(n) wide."""
    chance = np.random.default_rng(1)
    found = [
        Compared("some", 0.0, tuple(chance.normal(50 + 10 * number, 1.0, 4).tolist()))
        for number in range(101)
    ]
    (middle,) = [each for each in found if each.found[0] == found[50].found[0]]
    measure = distance(found)
    assert measure is not None
    # Of networks ten points apart the median is the mean of the middle one.
    assert measure.value == pytest.approx(float(np.mean(middle.found)))
    assert measure.high - measure.low == pytest.approx(2 * 1.96 / 2, rel=0.15)


def test_one_with_few_seeds_is_as_uncertain_as_the_others_say() -> None:
    alone = [*SAME[:3], Compared("same", 80.0, (31.0,)), Compared("same", 90.0, (60.0, 70.0))]
    measure = order(alone, spearman)
    assert measure is not None
    assert measure.low < measure.value == pytest.approx(1.0)


# From records


def keep(store: Store, size: str, accuracy: Callable[[Point], float], count: int = 8) -> None:
    points = find("table10").drawn(PROFILES[size], seeds=(1, 2))
    for point in points[:count]:
        for run in point.runs:
            store.put(run, record(run, accuracy(point)))


def printed(point: Point) -> float:
    assert point.printed is not None
    return point.printed - 10


def test_recorded_points_are_compared_once(kept: Store) -> None:
    keep(kept, "short", printed)
    pages = agreement.recorded_pages(["table10", "table10"])
    found = compared(pages)
    assert len(found) == 8
    assert all(each.found[0] == pytest.approx(each.printed - 10) for each in found)
    assert {len(each.found) for each in found} == {2}


def test_a_network_of_the_paper_is_compared_at_its_largest_scale(kept: Store) -> None:
    keep(kept, "short", lambda point: 1.0)
    keep(kept, "paper", printed, count=2)
    found = compared(agreement.recorded_pages(["table10"]))
    assert len(found) == 8
    assert sum(each.found[0] == 1.0 for each in found) == 6


def test_what_a_recipe_was_chosen_on_can_be_left_out(kept: Store) -> None:
    keep(kept, "short", printed)
    pages = agreement.recorded_pages(["table10"])
    chosen = PROFILES["short"].chosen_networks
    fair = compared(pages, fair=True)
    assert {len(each.found) for each in fair} == {1}
    assert len(fair) == 8 - sum(point.network in chosen for page in pages for point in page.points)


def test_digits_are_not_compared(kept: Store) -> None:
    keep(kept, "quick", printed)
    assert agreement.recorded_pages(["table10"]) == []


def test_the_three_numbers_are_said_in_words(kept: Store) -> None:
    keep(kept, "short", printed)
    whole = agreement.agreement(agreement.recorded_pages(["table10", "table6"]))
    text = agreement.sentence(whole)
    assert "Over the 8 stages of Tables 10 and 11 that are recorded" in text
    assert "the median distance is 10.00" in text
    table = agreement.table(whole, agreement.agreement([], fair=True))
    assert list(table["networks"]) == [8] * 7
    assert set(table["records that count"]) == {""}


def test_without_records_nothing_is_said(kept: Store) -> None:
    nothing = agreement.agreement([])
    assert agreement.sentence(nothing) == "No network with a printed accuracy is recorded."
