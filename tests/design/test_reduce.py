"""Edits of a network, and what each leaves of its ReLUs."""

from collections.abc import Callable, Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.design import (
    DesignError,
    Network,
    Stage,
    cifar_resnet,
    cost,
    cull,
    deepreduce,
    hybrenet,
    layers,
    mobilenet,
    optimize,
    parse,
    quadratic,
    regnet,
    resnet18,
    reuse,
    scale,
    shrink,
    thin,
    vgg,
    wide_resnet,
)
from deepreshape.design.architectures import DEPTHS, Basic, Block, Grouped, Inverted, Plain
from deepreshape.design.equalize import by_width
from deepreshape.design.ops import Quadratic
from deepreshape.design.reduce import algorithm2, dominates, with_alpha
from deepreshape.design.reuse_module import Divisions
from deepreshape.paper.printed import tables
from tests.networks import DIVISIONS, KINDS, networks, stage_sets

pytestmark = pytest.mark.long

SMALL = Network(2, (Stage(2, 1), Stage(4, 1)), resolution=4, classes=3)  # ReLUs 32, 64, 32
FACTORS = st.sampled_from([2, 3, 4, 8])
ANY_DIVISIONS = st.sampled_from(DIVISIONS)
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
@pytest.mark.parametrize("number", [-1, 3])
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


@given(scalable(), ANY_DIVISIONS, st.booleans())
def test_reuse_divides_the_relus_of_a_thinned_network(
    drawn: tuple[Network, int], divisions: Divisions, culled: bool
) -> None:
    network, factor = drawn
    thinned = optimize(network, [1] if culled else [])
    divided = tuple(factor * relus for relus in cost(reuse(thinned, factor, divisions)).relus)
    assert divided == cost(thinned).relus


@given(scalable(), ANY_DIVISIONS)
def test_reuse_without_thinning_divides_half_of_all_but_the_stem(
    drawn: tuple[Network, int], divisions: Divisions
) -> None:
    """The stem and the first ReLU of every block keep theirs."""
    network, factor = drawn
    stem, *stages = cost(network).relus
    assert cost(reuse(network, factor, divisions)).relus == (
        stem,
        *(relus // 2 + relus // 2 // factor for relus in stages),
    )


@pytest.mark.parametrize("divisions", DIVISIONS)
@pytest.mark.parametrize("row", tables.table("table09"), ids=lambda row: row["relus_K"])
def test_the_networks_of_table_9_have_its_relus(row: tables.Row, divisions: Divisions) -> None:
    reused = reuse(resnet18(), int(row["reduction_factor_N"]), divisions)
    assert f"{cost(reused).total_relus / 1000:.2f}" == row["relus_K"]


@given(scalable(), ANY_DIVISIONS, st.data())
def test_reuse_everywhere_divides_every_count(
    drawn: tuple[Network, int], divisions: Divisions, data: st.DataObject
) -> None:
    """Appendix I, whatever was culled and thinned before."""
    network, factor = drawn
    stages = stage_sets(len(network.stages))
    edited = thin(cull(network, data.draw(stages)), data.draw(stages))
    reused = cost(reuse(edited, factor, divisions, everywhere=True))
    assert tuple(factor * relus for relus in reused.relus) == cost(edited).relus


@given(scalable(), ANY_DIVISIONS)
def test_of_a_thinned_network_reuse_everywhere_is_reuse(
    drawn: tuple[Network, int], divisions: Divisions
) -> None:
    network, factor = drawn
    thinned = optimize(network)
    assert reuse(thinned, factor, divisions, everywhere=True) == reuse(thinned, factor, divisions)


@given(scalable())
def test_reuse_leaves_as_many_relus_as_channel_scaling(drawn: tuple[Network, int]) -> None:
    network, factor = drawn
    optimized = optimize(network)
    scaled = scale(optimized, Fraction(1, factor))
    assert cost(reuse(optimized, factor)).relus == cost(scaled).relus


def test_the_last_factor_of_reuse_counts() -> None:
    assert reuse(reuse(hybrenet(2, 5, 3), 4), 8) == reuse(hybrenet(2, 5, 3), 8)


def test_and_so_do_its_last_divisions_and_places() -> None:
    once = reuse(hybrenet(2, 5, 3), 8, "chained", everywhere=True)
    assert reuse(once, 8) == reuse(hybrenet(2, 5, 3), 8)


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


# Feature-map scaling


def test_shrinking_halves_the_input() -> None:
    assert shrink(resnet18()) == resnet18(resolution=16)


@given(networks(), st.sampled_from([2, 3, Fraction(3, 2)]))
def test_enlarging_and_shrinking_is_nothing(network: Network, factor: Fraction) -> None:
    even = shrink(network, 2)
    assert shrink(shrink(even, factor), 1 / Fraction(factor)) == even


@given(networks())
def test_shrinking_by_half_leaves_a_quarter_of_the_relus_of_every_map(network: Network) -> None:
    whole, shrunk = cost(shrink(network, 2)), cost(network)
    assert whole.relus == tuple(4 * relus for relus in shrunk.relus)


@given(networks(blocks=[Basic]))
def test_shrinking_keeps_what_is_learned(network: Network) -> None:
    assert cost(shrink(network, 2)).params == cost(network).params


def test_an_input_stays_whole() -> None:
    with pytest.raises(DesignError, match="by 1/8 does not keep the input whole: 4 pixels"):
        shrink(SMALL, "1/8")


def test_every_map_stays_whole() -> None:
    with pytest.raises(DesignError, match="input size 4 is not a multiple of 8"):
        shrink(resnet18(), "1/8")


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


# The candidates of DeepReDuce

ORDER = (1, 4, 2, 3)
"""Of ResNet18, from the least to the most critical stage (section 3.1)."""


@st.composite
def ordered(draw: st.DrawFn, blocks: Sequence[type[Block]] = KINDS) -> tuple[Network, list[int]]:
    """A network without edits and an order of its stages."""
    network = draw(networks(edited=False, blocks=blocks))
    return network, draw(st.permutations(everywhere(network)))


def test_deepreduce_has_four_candidates_an_iteration() -> None:
    assert list(deepreduce(cifar_resnet(32), (1, 3, 2))) == [
        "all",
        "thinned",
        "thinned, channels 0.5",
        "thinned, resolution 0.5",
        "culled S1",
        "culled S1, thinned",
        "culled S1, thinned, channels 0.5",
        "culled S1, thinned, resolution 0.5",
        "culled S1+S3",
        "culled S1+S3, thinned",
        "culled S1+S3, thinned, channels 0.5",
        "culled S1+S3, thinned, resolution 0.5",
    ]


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("all", "ResNet18"),
        ("thinned", "ResNet18-T1234"),
        ("culled S1", "ResNet18-C1"),
        ("culled S1+S4, thinned", "ResNet18-C14-T23"),
        ("culled S1+S2+S4, thinned, channels 0.5", "ResNet18(m=32)-C124-T3"),
        ("culled S1, thinned, resolution 0.5", "ResNet18-C1-T234@16/100"),
    ],
)
def test_a_candidate_has_the_edits_of_its_name(what: str, name: str) -> None:
    assert str(deepreduce(resnet18(), ORDER)[what]) == name


@pytest.mark.parametrize(
    ("network", "candidates"),
    [
        (resnet18(), 16),
        (cifar_resnet(32), 12),
        (wide_resnet(22, 8), 12),
        (vgg(), 20),
        (mobilenet(1), 20),
        (mobilenet(2), 28),
    ],
    ids=str,
)
def test_every_family_has_its_candidates(network: Network, candidates: int) -> None:
    assert len(deepreduce(network, everywhere(network))) == candidates


def test_a_candidate_whose_channels_do_not_halve_is_left_out() -> None:
    assert [what for what in deepreduce(resnet18(1), ORDER) if "channels" in what] == []


def test_a_candidate_whose_maps_do_not_halve_is_left_out() -> None:
    candidates = deepreduce(resnet18(resolution=8), ORDER)
    assert [what for what in candidates if "resolution" in what] == []


@given(ordered([Basic]))
def test_thinning_halves_and_the_other_steps_divide_by_two_and_four(
    drawn: tuple[Network, list[int]],
) -> None:
    network, order = drawn
    candidates = deepreduce(shrink(scale(network, 2), 2), order)
    relus = {what: cost(edited).total_relus for what, edited in candidates.items()}
    for what in filter(lambda what: what.endswith("thinned"), relus):
        culled = relus[what.removesuffix("thinned").removesuffix(", ") or "all"]
        assert culled > relus[what] > 0
        assert 2 * relus[f"{what}, channels 0.5"] == relus[what]
        assert 4 * relus[f"{what}, resolution 0.5"] == relus[what]


@given(ordered([Basic]))
def test_each_iteration_leaves_fewer_relus(drawn: tuple[Network, list[int]]) -> None:
    candidates = deepreduce(*drawn).items()
    for steps in ("culled", "thinned"):
        relus = [
            cost(edited).total_relus
            for what, edited in candidates
            if "0.5" not in what and what.endswith("thinned") == (steps == "thinned")
        ]
        assert relus == sorted(set(relus), reverse=True)


@given(ordered())
def test_the_last_iteration_leaves_the_relus_of_the_most_critical_stage(
    drawn: tuple[Network, list[int]],
) -> None:
    network, order = drawn
    culled = [found for what, found in deepreduce(network, order).items() if "thinned" not in what]
    assert culled[-1] == cull(network, order[:-1])


def test_the_iteration_that_culls_stage_1_is_algorithm_2_without_reuse() -> None:
    candidates, ours = deepreduce(hybrenet(2, 5, 3), ORDER), algorithm2(hybrenet(2, 5, 3))
    assert candidates["culled S1"] == ours["Net"]
    assert candidates["culled S1, thinned"] == ours["Thinned"]
    assert candidates["culled S1, thinned, channels 0.5"] == ours["ScaleCh 0.5"]


@pytest.mark.parametrize("order", [(), (1, 2, 3), (1, 2, 3, 3), (1, 2, 3, 4, 5), (0, 1, 2, 3)])
def test_an_order_holds_every_stage_once(order: tuple[int, ...]) -> None:
    with pytest.raises(DesignError, match="holds each of the stages 1 to 4 once"):
        deepreduce(resnet18(), order)


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


@given(networks(edited=False))
def test_culling_the_stem_drops_its_relus_alone(network: Network) -> None:
    before, after = cost(network), cost(cull(network, [0]))
    assert after.relus == (0, *before.relus[1:])
    assert after.head_relus == before.head_relus


@given(networks(edited=False), st.sampled_from([cull, thin]))
def test_the_stem_goes_with_stage_1(
    network: Network, edit: Callable[[Network, list[int]], Network]
) -> None:
    assert edit(cull(network, [0]), [1]) == edit(network, [1]) == cull(edit(network, [1]), [0])


# Polynomials in the place of what was removed


def test_polynomials_stand_where_relus_were_removed() -> None:
    found = quadratic(thin(SMALL, [2]))
    ops = {layer.name: layer.op for layer in layers(found)}
    assert ops["stage2/block1/relu1"] == Quadratic(4)
    assert [name for name, op in ops.items() if isinstance(op, Quadratic)] == [
        "stage2/block1/relu1"
    ]


@given(with_stages())
def test_polynomials_leave_the_relus_and_the_names_of_layers(
    drawn: tuple[Network, frozenset[int], frozenset[int]],
) -> None:
    network, culled, thinned = drawn
    edited = thin(cull(network, culled), thinned)
    found = quadratic(edited)
    assert cost(found).relus == cost(edited).relus
    kept = [layer.name for layer in layers(found) if not isinstance(layer.op, Quadratic)]
    if not network.relus.quadratic:
        assert kept == [layer.name for layer in layers(edited)]


def test_a_stage_that_keeps_its_relus_has_no_place_for_polynomials() -> None:
    with pytest.raises(DesignError, match="stage 1 keeps all its ReLUs"):
        quadratic(thin(SMALL, [2]), [1])
    assert quadratic(thin(SMALL, [2]), [2]) == quadratic(thin(SMALL, [2]))


# Alpha = 2


@given(st.tuples(*[st.integers(1, 9)] * 3), st.integers(1, 9))
def test_only_alpha_changes(factors: tuple[int, int, int], alpha: int) -> None:
    _, beta, gamma = factors
    assert with_alpha(hybrenet(*factors), alpha) == hybrenet(alpha, beta, gamma)


def test_the_networks_of_table_17_are_those_of_section_4_1_with_alpha_2() -> None:
    equalized = by_width(DEPTHS["18"], (3, 2, 4, 1), "paper").solutions
    names = {with_alpha(parse(solution.name)).name for solution in equalized}
    assert names == {f"{row['network']}(m=16)" for row in tables.table("table17")}


def test_alpha_leaves_the_edits() -> None:
    edited = thin(cull(hybrenet(5, 5, 3), [1]), [2])
    assert with_alpha(edited) == thin(cull(hybrenet(2, 5, 3), [1]), [2])


def test_alpha_keeps_a_width_whole() -> None:
    network = Network(2, (Stage(2, 1), Stage(4, 1), Stage(5, 1)), 4)
    with pytest.raises(
        DesignError, match=r"alpha = 1 does not keep stage 3 of .* whole: 5 channels"
    ):
        with_alpha(network, 1)


def test_alpha_widens_stage_2() -> None:
    with pytest.raises(DesignError, match="has no stage 2"):
        with_alpha(Network(2, (Stage(2, 1),)))


@pytest.mark.parametrize("alpha", [0, -1])
def test_alpha_is_positive(alpha: int) -> None:
    with pytest.raises(DesignError, match=f"alpha must be at least 1, not {alpha}"):
        with_alpha(resnet18(), alpha)
