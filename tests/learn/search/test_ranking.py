"""Rankings: the best are kept, and exactly as many as were asked for."""

from itertools import combinations

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from deepreshape.learn.search.ranking import best_channels, best_pixels, highest, most_filled

scores = st.floats(-1, 1, width=32) | st.sampled_from([0.0, 0.5, 1.0])  # with equal ones


@st.composite
def sites(draw: st.DrawFn) -> dict[str, Tensor]:
    shapes = draw(st.lists(st.tuples(*[st.integers(1, 4)] * 3), min_size=1, max_size=4))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    levels = draw(st.sampled_from([3, 1000]))
    return {
        f"site{number}": torch.randint(levels, shape, generator=generator) / levels
        for number, shape in enumerate(shapes)
    }


def flat(values: dict[str, Tensor]) -> Tensor:
    return torch.cat([value.flatten() for value in values.values()])


@given(sites(), st.floats(0, 1))
def test_exactly_the_budget_of_pixels_is_kept_and_none_that_is_lower_than_one_that_is_not(
    scores: dict[str, Tensor], share: float
) -> None:
    budget = round(share * len(flat(scores)))
    masks = best_pixels(scores, budget)
    assert {name: mask.shape for name, mask in masks.items()} == {
        name: score.shape for name, score in scores.items()
    }
    kept = flat(masks)
    assert kept.dtype == torch.bool
    assert kept.sum() == budget
    if 0 < budget < len(kept):
        assert flat(scores)[kept].min() >= flat(scores)[~kept].max()


def test_of_equal_pixels_the_first_are_kept() -> None:
    masks = best_pixels({"b": torch.ones(1, 2, 2), "a": torch.ones(1, 1, 2)}, 5)
    assert masks["b"].all()
    assert masks["a"].tolist() == [[[True, False]]]


def test_the_layout_of_a_score_does_not_matter() -> None:
    score = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    last = score.contiguous(memory_format=torch.channels_last)
    assert torch.equal(highest(score[0], 7), highest(last[0], 7))


@st.composite
def channels(draw: st.DrawFn) -> tuple[dict[str, Tensor], dict[str, int]]:
    """Scores of channels, and sizes of which each divides the larger ones."""
    numbers = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
    sizes = {f"site{number}": 4 ** draw(st.integers(0, 3)) for number, _ in enumerate(numbers)}
    values = {
        f"site{number}": torch.tensor(draw(st.lists(scores, min_size=count, max_size=count)))
        for number, count in enumerate(numbers)
    }
    return values, sizes


def held(masks: dict[str, Tensor], sizes: dict[str, int]) -> int:
    return sum(int(mask.sum()) * sizes[name] for name, mask in masks.items())


def sums(sizes: list[int]) -> set[int]:
    """All that some of these numbers add up to."""
    found = {0}
    for size in sizes:
        found |= {total + size for total in found}
    return found


def all_sizes(values: dict[str, Tensor], sizes: dict[str, int]) -> list[int]:
    return [sizes[name] for name, value in values.items() for _ in value]


@given(channels(), st.data())
def test_channels_hold_exactly_the_budget_whenever_some_choice_of_them_does(
    case: tuple[dict[str, Tensor], dict[str, int]], data: st.DataObject
) -> None:
    values, sizes = case
    each = all_sizes(values, sizes)
    budget = data.draw(st.integers(0, sum(each)))
    if budget in sums(each):
        assert held(best_channels(values, sizes, budget), sizes) == budget
    else:
        with pytest.raises(ValueError, match="no choice of channels"):
            best_channels(values, sizes, budget)


@given(channels(), st.data())
def test_the_highest_score_is_given_up_only_where_the_budget_needs_others(
    case: tuple[dict[str, Tensor], dict[str, int]], data: st.DataObject
) -> None:
    """Of all choices that hold the budget, it is the first by its scores from the highest down."""
    values, sizes = case
    each = all_sizes(values, sizes)
    assume(len(each) <= 9)
    budget = data.draw(st.sampled_from(sorted(sums(each))))
    order = flat(values).argsort(descending=True, stable=True).tolist()
    ranks = {place: rank for rank, place in enumerate(order)}
    fitting = (
        choice
        for count in range(len(each) + 1)
        for choice in combinations(range(len(each)), count)
        if sum(each[place] for place in choice) == budget
    )
    first = max(fitting, key=lambda choice: [-rank for rank in sorted(ranks[p] for p in choice)])
    kept = flat(best_channels(values, sizes, budget))
    assert kept.nonzero().flatten().tolist() == sorted(first)


def test_channels_of_one_size_are_kept_by_score() -> None:
    values = {"a": torch.tensor([0.1, 0.9]), "b": torch.tensor([0.9, 0.2])}
    kept = best_channels(values, {"a": 4, "b": 4}, 12)
    assert {name: mask.tolist() for name, mask in kept.items()} == {
        "a": [False, True],
        "b": [True, True],
    }


def test_a_large_channel_gives_way_where_no_small_ones_could_fill_the_rest() -> None:
    """24 of 16 + 16 + 4 + 4 is one large channel and both small ones, however low these are."""
    values = {"large": torch.tensor([0.9, 0.8]), "small": torch.tensor([0.1, 0.2])}
    kept = best_channels(values, {"large": 16, "small": 4}, 24)
    assert {name: mask.tolist() for name, mask in kept.items()} == {
        "large": [True, False],
        "small": [True, True],
    }


def test_a_small_channel_gives_way_where_it_would_leave_an_odd_rest() -> None:
    values = {"large": torch.tensor([0.1, 0.2]), "small": torch.tensor([0.9])}
    kept = best_channels(values, {"large": 16, "small": 4}, 16)
    assert {name: mask.tolist() for name, mask in kept.items()} == {
        "large": [False, True],
        "small": [False],
    }


@given(channels(), st.integers(0, 300))
def test_the_most_that_is_filled_is_the_largest_sum_below(
    case: tuple[dict[str, Tensor], dict[str, int]], budget: int
) -> None:
    each = all_sizes(*case)
    counts = {size: each.count(size) for size in each}
    assert most_filled(counts, budget) == max(total for total in sums(each) if total <= budget)
