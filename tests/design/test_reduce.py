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
    mobilenet,
    optimize,
    regnet,
    resnet18,
    reuse,
    scale,
    thin,
    vgg,
    wide_resnet,
)
from deepreshape.design.architectures import Basic, Grouped, Inverted, Plain
from deepreshape.design.reduce import algorithm2, dominates
from tests.networks import KINDS, networks, stage_sets

SMALL = Network(2, (Stage(2, 1), Stage(4, 1)), resolution=4, classes=3)  # ReLUs 32, 64, 32
FACTORS = st.sampled_from([2, 3, 4, 8])
SCALABLE = [kind for kind in KINDS if kind is not Grouped]  # whose groups keep their width


@st.composite
def with_stages(draw: st.DrawFn) -> tuple[Network, frozenset[int], frozenset[int]]:
    network = draw(networks())
    both = stage_sets(len(network.stages))
    return network, draw(both), draw(both)


@st.composite
def scalable(draw: st.DrawFn) -> tuple[Network, int]:
    """A network without edits that ReLU-reuse and channel scaling by `factor` both fit."""
    factor = draw(FACTORS)
    plain = draw(networks(edited=False, blocks=[Basic]))
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


@given(networks(edited=False, blocks=[Basic]))
def test_thinning_every_stage_leaves_half_of_all_but_the_stem(network: Network) -> None:
    whole = cost(network)
    thinned = cost(thin(network, everywhere(network)))
    assert 2 * thinned.total_relus == whole.total_relus - whole.relus[0]


@given(networks(edited=False, blocks=[Basic]))
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


@given(networks(edited=False, blocks=[kind for kind in KINDS if kind is not Basic]), FACTORS)
def test_reuse_is_for_basic_blocks(network: Network, factor: int) -> None:
    with pytest.raises(DesignError, match="replaces the second convolution of basic blocks"):
        reuse(network, factor)


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


@given(networks(blocks=SCALABLE), st.fractions(Fraction(1, 2), 8, max_denominator=5))
def test_scaling_there_and_back_is_nothing(network: Network, factor: Fraction) -> None:
    even = scale(network, factor.denominator)
    assert scale(scale(even, factor), 1 / factor) == even


@given(networks(blocks=SCALABLE))
def test_halving_and_doubling_is_nothing(network: Network) -> None:
    even = scale(network, 2)
    assert scale(scale(even, "1/2"), 2) == even


@given(networks(blocks=SCALABLE), st.integers(1, 5))
def test_scaling_multiplies_every_relu_count(network: Network, factor: int) -> None:
    scaled, whole = cost(scale(network, factor)), cost(network)
    assert scaled.relus == tuple(factor * relus for relus in whole.relus)
    assert scaled.head_relus == factor * whole.head_relus


@given(networks(blocks=SCALABLE), st.integers(1, 5))
def test_scaling_keeps_the_edits(network: Network, factor: int) -> None:
    assert scale(network, factor).relus == network.relus


@pytest.mark.parametrize("half", [0.5, "0.5", "1/2", ".5", "5e-1", Fraction(1, 2)])
def test_a_half_is_a_half_however_it_is_written(half: Fraction | float | str) -> None:
    assert scale(resnet18(64), half) == resnet18(32)


@pytest.mark.parametrize(
    ("network", "half"),
    [
        (wide_resnet(22, 8), wide_resnet(22, 8, m=8)),
        (vgg(), vgg(m=32)),
        (mobilenet(1), mobilenet(1, m=16)),
        (mobilenet(2), mobilenet(2, m=16)),
    ],
    ids=["WideResNet", "VGG16", "MobileNetV1", "MobileNetV2"],
)
def test_half_of_a_family_of_base_channels_is_its_member_of_half_of_them(
    network: Network, half: Network
) -> None:
    assert scale(network, "1/2") == half


def test_scaling_keeps_the_width_of_groups() -> None:
    assert scale(regnet("200MF"), 2).block == regnet("200MF").block


def test_scaling_refuses_widths_that_groups_do_not_divide() -> None:
    with pytest.raises(DesignError, match="groups of 8 do not divide the 12 channels of stage 1"):
        scale(regnet("200MF"), "1/2")


@pytest.mark.parametrize(
    ("block", "what"),
    [(Plain((3,)), "a hidden layer"), (Inverted(6, 3), "the features")],
    ids=["hidden", "features"],
)
def test_the_widths_of_a_head_stay_whole(block: Plain | Inverted, what: str) -> None:
    with pytest.raises(DesignError, match=f"scaling by 1/2 does not keep {what} whole: 3"):
        scale(Network(2, (Stage(2, 1),), block=block), "1/2")


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


# The networks that Algorithm 2 returns


@st.composite
def splittable(draw: st.DrawFn) -> tuple[Network, frozenset[int]]:
    """A network whose widths halve and split into sixteenths, and stages of it."""
    network = scale(draw(networks(edited=False, blocks=[Basic])), 16)
    return network, draw(stage_sets(len(network.stages)))


def test_algorithm_2_returns_six_networks() -> None:
    assert list(algorithm2(hybrenet(2, 5, 3))) == [
        "Net",
        "Thinned",
        "ScaleCh 0.5",
        "ReLU-reuse 4",
        "ReLU-reuse 8",
        "ReLU-reuse 16",
    ]


@given(splittable())
def test_the_first_is_culled(drawn: tuple[Network, frozenset[int]]) -> None:
    network, culled = drawn
    assert algorithm2(network, culled)["Net"] == cull(network, culled)


@given(splittable())
def test_the_second_is_thinned_too(drawn: tuple[Network, frozenset[int]]) -> None:
    network, culled = drawn
    assert algorithm2(network, culled)["Thinned"] == optimize(network, culled)


@given(splittable())
def test_the_third_has_half_the_channels_of_the_second(
    drawn: tuple[Network, frozenset[int]],
) -> None:
    edited = algorithm2(*drawn)
    assert scale(edited["ScaleCh 0.5"], 2) == edited["Thinned"]


@given(splittable(), st.sampled_from([4, 8, 16]))
def test_the_others_have_a_part_of_the_relus_of_the_second(
    drawn: tuple[Network, frozenset[int]], factor: int
) -> None:
    edited = algorithm2(*drawn)
    reused = cost(edited[f"ReLU-reuse {factor}"]).total_relus
    assert factor * reused == cost(edited["Thinned"]).total_relus


@given(splittable(), st.sampled_from([4, 8, 16]))
def test_the_others_keep_their_channels(drawn: tuple[Network, frozenset[int]], factor: int) -> None:
    network, _ = drawn
    assert algorithm2(*drawn)[f"ReLU-reuse {factor}"].widths == network.widths


@pytest.mark.parametrize("stages", [(), (1,)])
def test_stages_are_culled_once_even_if_they_can_be_read_once(stages: tuple[int, ...]) -> None:
    assert algorithm2(resnet18(), iter(stages)) == algorithm2(resnet18(), stages)


def test_algorithm_2_culls_stage_1_unless_told() -> None:
    assert algorithm2(resnet18()) == algorithm2(resnet18(), [1])


def test_algorithm_2_needs_widths_that_split() -> None:
    with pytest.raises(DesignError, match="16 does not divide the 8 channels of stage 2"):
        algorithm2(hybrenet(2, 5, 2, m=4))


# What dominates


def test_stage_1_of_the_small_net_dominates() -> None:
    assert dominates(SMALL, 1)


def test_the_stem_counts_with_stage_1() -> None:
    network = Network(4, (Stage(1, 1), Stage(5, 1)), resolution=2)  # ReLUs 16, 8, 10
    assert dominates(network, 1)


def test_the_head_counts_with_the_last_stage() -> None:
    hidden = Plain((100,))
    network = Network(1, (Stage(1, 1), Stage(1, 1)), resolution=2, block=hidden)
    assert dominates(network, 2)


def test_where_two_stages_have_the_most_none_dominates() -> None:
    network = Network(2, (Stage(1, 1), Stage(8, 1)), resolution=2)  # ReLUs 8, 8, 16
    assert not dominates(network, 1)
    assert not dominates(network, 2)


def test_a_single_stage_dominates() -> None:
    assert dominates(Network(1, (Stage(1, 1),)), 1)


def test_without_relus_nothing_dominates() -> None:
    assert not dominates(cull(Network(1, (Stage(1, 1),)), [1]), 1)


@given(networks())
def test_one_stage_at_most_dominates(network: Network) -> None:
    assert sum(dominates(network, stage) for stage in everywhere(network)) <= 1


@given(networks())
def test_what_dominates_has_the_largest_share(network: Network) -> None:
    shares = cost(network).stage_relus
    for stage in everywhere(network):
        assert not dominates(network, stage) or shares[stage - 1] == max(shares)


@pytest.mark.parametrize("factors", [(2, 5, 3), (2, 7, 2), (2, 6, 2), (2, 5, 2)])
def test_alpha_2_makes_stage_1_of_resnet18_dominate(factors: tuple[int, int, int]) -> None:
    """Section 4.3."""
    assert dominates(hybrenet(*factors), 1)


def test_alpha_2_does_not_make_stage_1_of_resnet34_dominate() -> None:
    """The paper culls it all the same (Table 14)."""
    assert dominates(hybrenet(2, 6, 3, base="34"), 3)


@pytest.mark.parametrize("number", [0, 3])
def test_only_stages_dominate(number: int) -> None:
    with pytest.raises(DesignError, match=f"there is no stage {number}"):
        dominates(SMALL, number)
