"""A search held against the whole of a small space, each design built, counted and compared."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise, product
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.design import (
    DesignError,
    Limits,
    Network,
    ReluPlan,
    Space,
    Suggestion,
    Timing,
    cost,
    cull,
    paper_convention,
    parse,
    reuse,
    suggest,
    thin,
)
from deepreshape.design.blocks import Part
from deepreshape.design.equalize import relus

SMALL = Space((3, 2, 1), ((1, 2, 2), (2, 2, 2)), channels=(4, 6, 8), largest=6, reuse=(1, 4))
WIDE = Space((3, 2, 4, 1), channels=(4, 8), largest=7, culled=2, reuse=(1, 8))
FAMILIES = replace(SMALL, families=("ResNet20", "WRN16x2", "ResNet18"))
SPACES = {"three stages": SMALL, "four stages": WIDE, "other families": FAMILIES}


def linear(part: Part) -> float:
    """Some seconds, by no model."""
    return 1e-6 * part.inputs * part.width * part.depth + 1e-4 * part.side**0.5


TIMING = Timing(linear, relu=3e-5, truncation=1e-5)


@cache
def every(space: Space) -> list[Network]:
    """All designs, by trying all numbers and edits and keeping what the space is said to have."""
    found = {}
    stages = len(space.order)
    for depths, m in product(space.depths, space.channels):
        for factors in product(range(2, space.largest + 1), repeat=stages - 1):
            whole = space.network(m, factors, depths)
            shares = [relus(depths, factors)[stage - 1] for stage in space.order]
            for kept in range(stages - space.culled, stages + 1):
                if any(more <= less for more, less in pairwise(shares[:kept])):
                    continue
                for full, factor in product(range(kept + 1), space.reuse):
                    edited = thin(cull(whole, space.order[kept:]), space.order[full:kept])
                    try:
                        edited = edited if factor == 1 else reuse(edited, factor)
                    except DesignError:
                        continue
                    found[parse(edited.name, space.resolution, space.classes)] = None
    return [*found, *(network for network in space.others() if network not in found)]


def costs(network: Network, seconds: Callable[[Network], float]) -> Suggestion:
    counted = cost(network)
    flops = counted.flops(paper_convention(network) or "A")
    numbers = counted.total_relus, counted.macs, flops, counted.params
    return Suggestion(network, *numbers, seconds(network))


def fits(each: Suggestion, limits: Limits) -> bool:
    assert each.seconds is not None
    return (
        each.relus <= limits.relus and each.flops <= limits.flops and each.seconds <= limits.seconds
    )


def beats(one: Suggestion, other: Suggestion) -> bool:
    assert one.seconds is not None
    assert other.seconds is not None
    mine, its = ((-each.relus, -each.macs, each.seconds or 0.0) for each in (one, other))
    return mine != its and all(a <= b for a, b in zip(mine, its, strict=True))


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize(
    "limits",
    [Limits(), Limits(relus=20_000, flops=4e7), Limits(seconds=1.0), Limits(flops=3e7, seconds=2)],
    ids=str,
)
def test_the_front_is_that_of_all_designs_one_by_one(name: str, limits: Limits) -> None:
    space = SPACES[name]
    found = suggest(space, limits, TIMING)
    listed = [costs(network, TIMING.seconds) for network in every(space)]
    fitting = [each for each in listed if fits(each, limits)]
    front = [each for each in fitting if not any(beats(other, each) for other in fitting)]
    assert (found.searched, found.fitting) == (len(listed), len(fitting))
    assert {each.network: each for each in found.front} == {each.network: each for each in front}
    assert len(found.front) == len(front)
    assert found.front


def test_the_largest_are_those_that_no_other_fitting_design_has_more_of_both_than() -> None:
    limits = Limits(relus=30_000, seconds=1.5)
    found = suggest(WIDE, limits, TIMING)
    fitting = [
        each
        for each in (costs(network, TIMING.seconds) for network in every(WIDE))
        if fits(each, limits)
    ]
    maximal = {
        (each.relus, each.macs)
        for each in fitting
        if not any(
            other.relus >= each.relus and other.macs >= each.macs
            for other in fitting
            if (other.relus, other.macs) != (each.relus, each.macs)
        )
    }
    assert [(each.relus, each.macs) for each in found.largest] == sorted(maximal)
    assert set(found.largest) <= set(found.front)


def test_truncations_that_were_counted_are_taken() -> None:
    before = suggest(WIDE, Limits(), TIMING).front[0]
    counted = replace(TIMING, truncations={before.network: 0})
    (after,) = (
        each for each in suggest(WIDE, Limits(), counted).front if each.network == before.network
    )
    whole = cost(replace(before.network, relus=ReluPlan())).total_relus
    assert before.seconds is not None
    assert after.seconds == pytest.approx(before.seconds - 1e-5 * (whole - before.relus), abs=2e-6)


def test_without_a_model_the_largest_are_the_front() -> None:
    found = suggest(WIDE, Limits(relus=50_000, flops=1e8))
    assert found.front == found.largest
    assert {each.seconds for each in found.front} == {None}


def test_nothing_may_fit() -> None:
    found = suggest(SMALL, Limits(relus=1), TIMING)
    assert (found.front, found.largest, found.fitting) == ((), (), 0)
    assert found.searched > 0


def test_names_on_the_front_parse_back() -> None:
    space = replace(WIDE, resolution=64, classes=200)
    for each in suggest(space, Limits(), TIMING).front:
        assert parse(each.network.name, 64, 200) == each.network == parse(str(each.network))


@given(
    st.floats(max_value=0) | st.just(float("nan")), st.sampled_from(["relus", "flops", "seconds"])
)
def test_a_limit_is_positive(number: float, name: str) -> None:
    with pytest.raises(DesignError, match="a limit must be positive"):
        Limits(**{name: number})


def test_a_limit_of_seconds_needs_a_model() -> None:
    with pytest.raises(DesignError, match="a limit of seconds needs a model"):
        suggest(SMALL, Limits(seconds=1))
    assert suggest(SMALL, Limits(seconds=inf)).front


def test_a_space_without_a_design_is_refused() -> None:
    with pytest.raises(DesignError, match="no factors from 2 to 3"):
        suggest(Space((4, 3, 2, 1), largest=3))
