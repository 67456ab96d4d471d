"""The designs of a search: what they keep, in which order, and which spaces there are none of."""

from dataclasses import replace
from itertools import pairwise, permutations
from typing import Any

import pytest

from deepreshape.design import DesignError, Network, Space, cost, parse
from deepreshape.design.equalize import by_width
from deepreshape.paper.printed import tables

ORDER = (3, 2, 4, 1)
DEPTHS = (2, 2, 2, 2)


def designs(space: Space) -> list[tuple[Network, int]]:
    """Every equalized design, and how many of its stages keep ReLUs."""
    return [
        (edit.of(space.network(m, factors, depths)), edit.ranked)
        for depths in space.depths
        for factors, ranked in space.factors(depths).items()
        for m in space.channels
        for edit in space.edits()
        if edit.ranked <= ranked
    ]


@pytest.mark.parametrize("order", [*permutations((1, 2, 3)), ORDER, (3, 4, 2, 1)])
def test_kept_relus_fall_in_the_order_and_the_others_are_gone(order: tuple[int, ...]) -> None:
    """The stem apart, as in Algorithm 1."""
    space = Space(order, channels=(16,), largest=6, culled=2)
    found = designs(space)
    assert found
    for network, ranked in found:
        kept = [cost(network).relus[stage] for stage in order]
        assert all(more > less for more, less in pairwise(kept[:ranked])), network
        assert set(kept[ranked:]) <= {0}


def test_where_every_stage_keeps_relus_the_factors_are_those_of_algorithm_1() -> None:
    found = Space(ORDER, culled=0).factors(DEPTHS)
    assert list(found) == [
        each.factors for each in by_width(DEPTHS, ORDER, "all", most=8).solutions
    ]


def test_where_stage_1_is_culled_the_narrowest_are_the_paper_s() -> None:
    """Section 4.3 takes alpha = 2 of its equalized networks: what the others ask for anyway."""
    found = Space(ORDER).factors(DEPTHS)
    printed = {row["network"] for row in tables.table("table17")}
    names = {f"HRN-2x{beta}x{gamma}x" for alpha, beta, gamma in found if alpha == 2}
    assert names <= {name.partition("(")[0] for name in printed}
    assert len(names) == 4


def test_edits_go_from_the_least_critical_stage_on() -> None:
    plans = {edit.plan.name for edit in Space(ORDER, culled=2, reuse=(1,)).edits()}
    kept = {"", "T1", "T14", "T124", "T1234"}
    assert plans == kept | {"C1", "C1-T4", "C1-T24", "C1-T234"} | {"C14", "C14-T2", "C14-T23"}


def test_other_families_are_scaled_and_edited() -> None:
    space = Space(ORDER, channels=(8, 16), reuse=(1, 4), families=("ResNet18", "WRN16x4", "VGG16"))
    names = {network.name for network in space.others()}
    assert {"ResNet18(m=8)", "ResNet18(m=16)-C1-T234-Re4", "WRN16x4(m=8)-T123"} <= names
    assert {"VGG16(m=8)", "VGG16(m=16)-T12345"} <= names
    assert not any("-Re" in name for name in names if not name.startswith("ResNet"))
    assert all(parse(name).name == name for name in names)


def test_a_design_that_is_equalized_anyway_is_not_there_again() -> None:
    """ResNet18 with all but one stage culled is."""
    space = Space(ORDER, channels=(8,), reuse=(1,), culled=3, families=("ResNet18", "HRN-5x5x3x"))
    equalized = [network for network, _ in designs(space)]
    others = list(space.others())
    assert parse("ResNet18(m=8)-C124") in equalized
    assert parse("ResNet18(m=8)-C1") in others
    assert not {*others} & {*equalized}
    assert not any(network.name.startswith("HRN-5x5x3x") for network in others)


def test_widths_that_do_not_scale_are_left_out() -> None:
    families = Space(ORDER, channels=(6,), reuse=(1,), families=("MobileNetV2",))
    assert [network.name for network in families.others()] == []


def test_a_space_without_depths_has_two_blocks_in_each_stage() -> None:
    assert Space((2, 1, 3)).depths == ((2, 2, 2),)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"order": (1, 1)}, "does not name each of the stages 1 to 2 once"),
        ({"depths": ((2, 2),)}, "the order 3, 2, 4, 1 is of 4 stages, but 2 have a depth"),
        ({"depths": ((2, 2, 2, 0),)}, "stage 4 has 1 to 1,000 blocks, not 0"),
        ({"channels": ()}, "base channels m are numbers from 1"),
        ({"channels": (0, 4)}, "base channels m are numbers from 1"),
        ({"reuse": (-1,)}, "ReLU-reuse factors are numbers from 1"),
        ({"largest": 1}, "the largest factor must be at least 2, not 1"),
        ({"culled": 4}, "of 4 stages 0 to 3 may be culled, not 4"),
        ({"culled": -1}, "of 4 stages 0 to 3 may be culled, not -1"),
        ({"resolution": 20}, "input size 20 is not a multiple of 8"),
        ({"classes": 0}, "number of classes must be at least 1"),
        ({"families": ("LeNet",)}, "unknown network 'LeNet'"),
        ({"families": ("ResNet18-C1",)}, "ResNet18-C1 is a family only without its edits"),
    ],
)
def test_what_makes_no_space_is_refused(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(DesignError, match=said):
        replace(Space(ORDER), **wrong)


@pytest.mark.parametrize(
    "much", [{"largest": 1000}, {"channels": tuple(range(1, 3000))}, {"culled": 3, "largest": 20}]
)
def test_a_space_too_large_is_refused_before_it_is_searched(much: dict[str, Any]) -> None:
    with pytest.raises(DesignError, match=r"more than the 1,000,000 designs that are searched"):
        replace(Space(ORDER), **much).factors(DEPTHS)
