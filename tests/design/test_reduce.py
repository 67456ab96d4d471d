"""Edits of a network, and what each leaves of its ReLUs."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.design import (
    DesignError,
    Network,
    Stage,
    cost,
    cull,
    hybrenet,
    optimize,
    resnet18,
    reuse,
    scale,
    thin,
)
from tests.networks import networks, stage_sets

SMALL = Network(2, (Stage(2, 1), Stage(4, 1)), resolution=4, classes=3)  # ReLUs 32, 64, 32
FACTORS = st.sampled_from([2, 3, 4, 8])


@st.composite
def with_stages(draw: st.DrawFn) -> tuple[Network, frozenset[int], frozenset[int]]:
    network = draw(networks())
    both = stage_sets(len(network.stages))
    return network, draw(both), draw(both)


@st.composite
def scalable(draw: st.DrawFn) -> tuple[Network, int]:
    """A network without edits that ReLU-reuse and channel scaling by `factor` both fit."""
    factor = draw(FACTORS)
    plain = draw(networks(reuse=(1,), edited=False))
    return scale(plain, 4 * factor), factor


def everywhere(network: Network) -> range:
    return range(1, len(network.stages) + 1)


# Culling and thinning


def test_culling_stage_2_of_the_small_net_leaves_stem_and_stage_1() -> None:
    assert cost(cull(SMALL, [2])).relus == (32, 64, 0)


def test_culling_stage_1_takes_the_stem_along() -> None:
    assert cost(cull(SMALL, [1])).relus == (0, 0, 32)


def test_thinning_stage_2_of_the_small_net_leaves_half_of_it() -> None:
    assert cost(thin(SMALL, [2])).relus == (32, 64, 16)


def test_thinning_stage_1_takes_the_stem_along() -> None:
    assert cost(thin(SMALL, [1])).relus == (0, 32, 32)


@given(with_stages())
def test_culling_and_thinning_commute(
    drawn: tuple[Network, frozenset[int], frozenset[int]],
) -> None:
    network, culled, thinned = drawn
    assert thin(cull(network, culled), thinned) == cull(thin(network, thinned), culled)


@given(with_stages())
def test_thinning_a_culled_stage_changes_nothing(
    drawn: tuple[Network, frozenset[int], frozenset[int]],
) -> None:
    network, culled, _ = drawn
    assert thin(cull(network, culled), culled) == cull(network, culled)


@given(with_stages())
def test_edits_add_up(drawn: tuple[Network, frozenset[int], frozenset[int]]) -> None:
    network, some, others = drawn
    for edit in (cull, thin):
        assert edit(edit(network, some), others) == edit(network, some | others)


@given(networks())
def test_editing_no_stage_changes_nothing(network: Network) -> None:
    assert cull(network, []) == network == thin(network, [])


@given(networks(edited=False))
def test_thinning_every_stage_leaves_half_of_all_but_the_stem(network: Network) -> None:
    whole = cost(network)
    thinned = cost(thin(network, everywhere(network)))
    assert 2 * thinned.total_relus == whole.total_relus - whole.relus[0]


@given(networks(edited=False))
def test_culling_stage_1_and_thinning_the_rest_leaves_half_of_the_rest(network: Network) -> None:
    whole = cost(network)
    assert 2 * cost(optimize(network)).total_relus == sum(whole.relus[2:])


@given(networks())
def test_culling_every_stage_leaves_no_relu(network: Network) -> None:
    assert cost(cull(network, everywhere(network))).total_relus == 0


@pytest.mark.parametrize("edit", [cull, thin])
@pytest.mark.parametrize("number", [-1, 0, 3])
def test_a_stage_that_is_not_there_is_named(edit: type[Network], number: int) -> None:
    with pytest.raises(DesignError, match=f"there is no stage {number}"):
        edit(SMALL, [number])


@pytest.mark.parametrize("edit", [cull, thin])
def test_an_edit_leaves_the_network_that_it_is_given(edit: type[Network]) -> None:
    edit(SMALL, [1])
    assert cost(SMALL).relus == (32, 64, 32)


# Algorithm 2


def test_optimize_culls_stage_1_and_thins_the_others() -> None:
    assert optimize(resnet18()) == thin(cull(resnet18(), [1]), [2, 3, 4])


def test_optimize_culls_the_stages_that_it_is_told() -> None:
    assert optimize(resnet18(), ()) == thin(resnet18(), [1, 2, 3, 4])


def test_optimize_leaves_a_stage_culled_that_was() -> None:
    assert optimize(cull(resnet18(), [2])) == thin(cull(resnet18(), [1, 2]), [3, 4])


@given(networks())
def test_optimizing_twice_is_optimizing_once(network: Network) -> None:
    assert optimize(optimize(network)) == optimize(network)


# ReLU-reuse


@given(scalable(), st.booleans())
def test_reuse_divides_the_relus_of_a_thinned_network(
    drawn: tuple[Network, int], culled: bool
) -> None:
    network, factor = drawn
    thinned = optimize(network, [1] if culled else [])
    divided = tuple(factor * relus for relus in cost(reuse(thinned, factor)).relus)
    assert divided == cost(thinned).relus


@given(scalable())
def test_reuse_without_thinning_divides_half_of_all_but_the_stem(
    drawn: tuple[Network, int],
) -> None:
    """The stem and the first ReLU of every block keep theirs."""
    network, factor = drawn
    stem, *stages = cost(network).relus
    assert cost(reuse(network, factor)).relus == (
        stem,
        *(relus // 2 + relus // 2 // factor for relus in stages),
    )


@given(scalable())
def test_reuse_leaves_as_many_relus_as_channel_scaling(drawn: tuple[Network, int]) -> None:
    network, factor = drawn
    optimized = optimize(network)
    scaled = scale(optimized, Fraction(1, factor))
    assert cost(reuse(optimized, factor)).relus == cost(scaled).relus


def test_the_last_factor_of_reuse_counts() -> None:
    assert reuse(reuse(hybrenet(2, 5, 3), 4), 8) == reuse(hybrenet(2, 5, 3), 8)


@pytest.mark.parametrize("factor", [1, 0, -2])
def test_a_reuse_factor_is_at_least_two(factor: int) -> None:
    with pytest.raises(DesignError, match=f"at least 2, not {factor}"):
        reuse(resnet18(), factor)


def test_a_reuse_factor_divides_the_channels() -> None:
    with pytest.raises(DesignError, match="3 does not divide the 64 channels of stage 1"):
        reuse(resnet18(), 3)


# Channel scaling


def test_scaling_multiplies_stem_and_stages() -> None:
    assert scale(SMALL, 3) == Network(6, (Stage(6, 1), Stage(12, 1)), 4, 3)


@given(networks(), st.fractions(Fraction(1, 2), 8, max_denominator=5))
def test_scaling_there_and_back_is_nothing(network: Network, factor: Fraction) -> None:
    even = scale(network, factor.denominator)
    assert scale(scale(even, factor), 1 / factor) == even


@given(networks())
def test_halving_and_doubling_is_nothing(network: Network) -> None:
    even = scale(network, 2)
    assert scale(scale(even, "1/2"), 2) == even


@given(networks(), st.integers(1, 5))
def test_scaling_multiplies_every_relu_count(network: Network, factor: int) -> None:
    scaled = cost(scale(network, factor)).relus
    assert scaled == tuple(factor * relus for relus in cost(network).relus)


@given(networks(), st.integers(1, 5))
def test_scaling_keeps_the_edits(network: Network, factor: int) -> None:
    assert scale(network, factor).relus == network.relus


@pytest.mark.parametrize("half", [0.5, "0.5", "1/2", ".5", "5e-1", Fraction(1, 2)])
def test_a_half_is_a_half_however_it_is_written(half: Fraction | float | str) -> None:
    assert scale(resnet18(64), half) == resnet18(32)


def test_a_width_stays_whole() -> None:
    with pytest.raises(DesignError, match=r"scaling by 1/4 does not keep .* whole: 2 channels"):
        scale(SMALL, 0.25)


@pytest.mark.parametrize("factor", [0, -1, "-1/2", 0.0])
def test_a_scaling_factor_is_positive(factor: float | str) -> None:
    with pytest.raises(DesignError, match="must be positive"):
        scale(SMALL, factor)


@pytest.mark.parametrize("factor", ["", "x", "1/0", "1//2", "½", float("nan"), float("inf")])
def test_what_is_no_number_is_named(factor: float | str) -> None:
    with pytest.raises(DesignError, match="is not a scaling factor") as error:
        scale(SMALL, factor)
    assert repr(factor) in str(error.value)
