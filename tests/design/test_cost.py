"""Counts: by hand on small nets, by closed forms on all."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepreshape.design import (
    Cost,
    Network,
    ReluPlan,
    Stage,
    cifar_resnet,
    convnext_like,
    cost,
    hybrenet,
    hybrenet_by_depth,
    layers,
    mobilenet,
    optimize,
    paper_convention,
    parse,
    regnet,
    resnet18,
    resnet34,
    reuse,
    vgg,
    wide_resnet,
)
from deepreshape.design.architectures import (
    Basic,
    Block,
    Grouped,
    Inverted,
    Plain,
    PreActivation,
    Separable,
)
from deepreshape.design.cost import layer_macs, layer_params
from deepreshape.design.ops import BatchNorm, Conv, FullyConnected, Layer, Pool, Quadratic, Relu
from deepreshape.design.reuse_module import Divisions
from tests.networks import KINDS, networks

SMALL = Network(2, (Stage(2, 1), Stage(4, 1)), resolution=4, classes=3)
# Maps: stem 2x4x4 = 32, stage 1 2x4x4 = 32, stage 2 4x2x2 = 16.
#
#          ReLUs        MACs                                               parameters
# stem     32           3*3*3*2 * 16 = 864                                 54 + 4
# stage 1  2*32 = 64    2 * 3*3*2*2 * 16 = 1152                            2 * (36 + 4)
# stage 2  2*16 = 32    (3*3*2*4 + 3*3*4*4 + 2*4) * 4 = 896                72 + 144 + 8 + 3 * 8
# head                  4 * 3 = 12                                         12 + 3
# sum      128          2924                                               401
#
# BatchNorm: 1 * 32 + 2 * 32 + 3 * 16 = 144 elements.

REUSED = reuse(Network(4, (Stage(4, 1),), resolution=2, classes=1), 2)
# c = 4 channels, N = 2, maps of 4 positions: p = 1 passes, r = 2 are activated, q = 1 is convolved.
#
#          ReLUs    MACs                                             BatchNorm    parameters
# stem     16       3*3*3*4 * 4 = 432                                16           108 + 8
# conv 1   16       3*3*4*4 * 4 = 576                                16           144 + 8
# module   2*4 = 8  (9*1*1 + 1*2 + 9*2*2 + 4*4) * 4 = 63 * 4 = 252   (1+2+2+4)*4  63 + 2*(1+2+2+4)
# head              4                                                             4 + 1
# sum      40       1264                                             68           354

# The same in two equal groups of 2, and everywhere in three.
#
#          ReLUs    MACs                                             BatchNorm    parameters
# module   8        (2 * 9*2*2 + 4*4) * 4 = 88 * 4 = 352             (2*2+4)*4    88 + 2*(2*2+4)
# sum      40       432 + 576 + 352 + 4 = 1364                       64           377
#
# stem     8        3*4 * 4 + 252 = 300                              16 + 36      12 + 8 + 81
# module   8        252, twice                                       36           81
# sum      24       808                                              124          268


def test_the_small_net_costs_what_a_sheet_of_paper_says() -> None:
    assert cost(SMALL) == Cost(relus=(32, 64, 32), macs=2924, batchnorm=144, params=401)


def test_the_small_net_with_reuse_costs_what_a_sheet_of_paper_says() -> None:
    assert cost(REUSED) == Cost(relus=(16, 24), macs=1264, batchnorm=68, params=354)


@pytest.mark.parametrize("divisions", ["chained", "apart"])
def test_so_does_the_small_net_with_equal_groups(divisions: Divisions) -> None:
    """Sums are free."""
    reused = reuse(REUSED, 2, divisions)
    assert cost(reused) == Cost(relus=(16, 24), macs=1364, batchnorm=64, params=377)


def test_so_does_the_small_net_with_reuse_everywhere() -> None:
    reused = reuse(REUSED, 2, everywhere=True)
    assert cost(reused) == Cost(relus=(8, 16), macs=808, batchnorm=124, params=268)


# The other kinds of blocks: a stem of 2 channels, one block of 4, on a map of 2 x 2, 3 classes. The
# stem costs 3*3*3*2 * 4 = 216 MACs and 54 + 4 parameters, its map has 8 elements, the block's 16.


@pytest.mark.parametrize(
    ("block", "counted"),
    [
        pytest.param(
            # The stem has neither BatchNorm nor ReLU: those of the block and of the head follow.
            PreActivation(),
            Cost(
                relus=(0, 8 + 16),
                macs=216 + (72 + 144 + 8) * 4 + 12,
                batchnorm=8 + 16 + 16,
                params=54 + 4 + (72 + 8 + 144 + 8) + 8 + 15,
                head_relus=16,
            ),
            id="PreActivation",
        ),
        pytest.param(
            Plain((5,)),
            Cost(
                relus=(8, 16),
                macs=216 + 72 * 4 + 4 * 5 + 5 * 3,
                batchnorm=8 + 16,
                params=58 + (72 + 8) + 25 + 18,
                head_relus=5,
            ),
            id="Plain",
        ),
        pytest.param(
            Separable(),
            Cost(
                relus=(8, 8 + 16),
                macs=216 + (9 * 2 + 2 * 4) * 4 + 12,
                batchnorm=8 + 8 + 16,
                params=58 + (18 + 4 + 8 + 8) + 15,
            ),
            id="Separable",
        ),
        pytest.param(
            # The same without the last ReLU, then 5 features.
            Inverted(6, 5),
            Cost(
                relus=(8, 8),
                macs=216 + (9 * 2 + 2 * 4) * 4 + 4 * 5 * 4 + 15,
                batchnorm=8 + 8 + 16 + 20,
                params=58 + (18 + 4 + 8 + 8) + (20 + 10) + 18,
                head_relus=20,
            ),
            id="Inverted",
        ),
        pytest.param(
            # Of the 3x3 convolution, each output reads two channels.
            Grouped(2),
            Cost(
                relus=(8, 3 * 16),
                macs=216 + (2 * 4 + 9 * 2 * 4 + 4 * 4 + 2 * 4) * 4 + 12,
                batchnorm=8 + 4 * 16,
                params=58 + (8 + 72 + 16 + 8 + 4 * 8) + 15,
            ),
            id="Grouped",
        ),
    ],
)
def test_one_block_of_each_other_kind_costs_what_a_sheet_of_paper_says(
    block: Block, counted: Cost
) -> None:
    assert cost(Network(2, (Stage(4, 1),), 2, 3, block=block)) == counted


def test_the_total_of_relus_includes_the_heads() -> None:
    assert Cost((1, 2, 4), 0, 0, 0, head_relus=8).total_relus == 15


def test_the_tables_count_the_stem_with_stage_1_and_the_head_with_the_last() -> None:
    assert Cost((1, 2, 4, 8), 0, 0, 0, head_relus=16).stage_relus == (3, 4, 24)


def test_the_only_stage_counts_with_stem_and_head() -> None:
    assert Cost((1, 2), 0, 0, 0, head_relus=4).stage_relus == (7,)


@given(networks())
def test_the_stages_of_the_tables_add_up_to_the_total(network: Network) -> None:
    counted = cost(network)
    assert sum(counted.stage_relus) == counted.total_relus
    assert len(counted.stage_relus) == len(network.stages)


def test_flops_a_charge_five_for_a_batchnorm_element() -> None:
    assert cost(SMALL).flops("A") == 2924 + 5 * 144


def test_flops_b_charge_two_for_a_batchnorm_element() -> None:
    assert cost(SMALL).flops("B") == 2924 + 2 * 144


def test_the_total_of_relus_is_the_sum_over_stem_and_stages() -> None:
    assert cost(SMALL).total_relus == 128


@given(networks(edited=False, blocks=[Basic]))
def test_relus_are_the_stems_map_and_two_maps_for_each_block(network: Network) -> None:
    stem = network.stem * network.resolution**2
    sides = _sides(network)[1:]
    stages = [
        2 * stage.depth * stage.width * side**2
        for stage, side in zip(network.stages, sides, strict=True)
    ]
    assert cost(network).relus == (stem, *stages)
    assert cost(network).head_relus == 0


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
@settings(max_examples=40)
def test_the_relus_of_every_kind_of_block_have_their_closed_form(
    kind: type[Block], data: st.DataObject
) -> None:
    network = data.draw(networks(edited=False, blocks=[kind]))
    assert (*cost(network).relus, cost(network).head_relus) == _relus_by_formula(network)


def _relus_by_formula(network: Network) -> tuple[int, ...]:
    """By stem, stages and head, from widths c and map sizes d; the first block of a stage reads the
    stage before it."""
    sides = _sides(network)
    found = [0 if isinstance(network.block, PreActivation) else network.stem * sides[0] ** 2]
    before = network.stem
    for number, (stage, (outer, inner)) in enumerate(
        zip(network.stages, pairwise(sides), strict=True), start=1
    ):
        c, rest = stage.width, stage.depth - 1
        match network.block:
            case Basic():
                relus = 2 * stage.depth * c * inner**2
            case PreActivation():
                relus = before * outer**2 + (1 + 2 * rest) * c * inner**2
            case Plain():
                relus = stage.depth * c * inner**2
            case Separable():
                relus = (before + c + 2 * rest * c) * inner**2
            case Inverted(expansion=t):
                if number == 1 or t == 1:
                    relus = (before + rest * c) * inner**2
                else:
                    relus = t * before * (outer**2 + inner**2) + 2 * t * rest * c * inner**2
            case Grouped():
                relus = c * outer**2 + (2 + 3 * rest) * c * inner**2
        found.append(relus)
        before = c
    match network.block:
        case PreActivation():
            return (*found, before * sides[-1] ** 2)
        case Plain(hidden=hidden):
            return (*found, sum(hidden))
        case Inverted(features=features):
            return (*found, features * sides[-1] ** 2)
    return (*found, 0)


def _sides(network: Network) -> list[int]:
    """The size of the maps of the stem and of each stage."""
    return [
        network.resolution // prod(network.strides[:number])
        for number in range(len(network.stages) + 1)
    ]


@given(networks(), st.integers(2, 4))
def test_relus_and_batchnorm_grow_with_the_square_of_the_input(
    network: Network, times: int
) -> None:
    small, large = cost(network), cost(_resized(network, times))
    assert large.relus == tuple(times**2 * relus for relus in small.relus)
    assert large.batchnorm == times**2 * small.batchnorm


@given(networks(blocks=[PreActivation, Inverted]), st.integers(2, 4))
def test_so_do_the_relus_of_a_head_before_its_mean(network: Network, times: int) -> None:
    assert cost(_resized(network, times)).head_relus == times**2 * cost(network).head_relus


@given(networks(blocks=[Plain]), st.integers(2, 4))
def test_the_relus_of_hidden_layers_do_not_depend_on_the_input(
    network: Network, times: int
) -> None:
    assert cost(_resized(network, times)).head_relus == cost(network).head_relus


@given(networks(), st.integers(2, 4))
def test_convolutions_grow_with_the_square_of_the_input(network: Network, times: int) -> None:
    dense = sum(one * other for one, other in pairwise(_dense_widths(network)))
    small, large = cost(network).macs - dense, cost(_resized(network, times)).macs - dense
    assert large == times**2 * small


@given(networks(), st.integers(2, 4))
def test_parameters_do_not_depend_on_the_input(network: Network, times: int) -> None:
    assert cost(_resized(network, times)).params == cost(network).params


@given(networks(), st.integers(1, 50))
def test_a_class_costs_a_weight_for_each_channel_and_a_bias(network: Network, more: int) -> None:
    wider = replace(network, classes=network.classes + more)
    channels = _dense_widths(network)[-2]
    assert cost(wider).macs - cost(network).macs == more * channels
    assert cost(wider).params - cost(network).params == more * (channels + 1)


def _dense_widths(network: Network) -> tuple[int, ...]:
    """What the mean gives, hidden layers, classes."""
    match network.block:
        case Plain(hidden=hidden):
            return (network.widths[-1], *hidden, network.classes)
        case Inverted(features=features):
            return (features, network.classes)
    return (network.widths[-1], network.classes)


@given(networks(reuse=(1,), quadratic=False))
def test_culling_and_thinning_change_relus_only(network: Network) -> None:
    edited, whole = cost(network), cost(replace(network, relus=ReluPlan()))
    assert (edited.macs, edited.batchnorm, edited.params) == (
        whole.macs,
        whole.batchnorm,
        whole.params,
    )


@given(networks())
def test_squares_and_their_coefficients_are_all_that_polynomials_add(network: Network) -> None:
    """As many squares as ReLUs were removed, and three numbers for each channel."""
    plan = network.relus
    without = cost(replace(network, relus=replace(plan, quadratic=frozenset())))
    edited = cost(network)
    channels = sum(
        layer.op.channels for layer in layers(network) if isinstance(layer.op, Quadratic)
    )
    expected = replace(without, squares=edited.squares, params=without.params + 3 * channels)
    assert edited == expected
    if plan.reuse == 1 and plan.quadratic == plan.culled | plan.thinned:
        whole = cost(replace(network, relus=ReluPlan())).total_relus
        assert edited.squares + edited.total_relus == whole


def test_the_small_net_with_polynomials_costs_what_a_sheet_of_paper_says() -> None:
    """Stem and first ReLU of stage 1 are squares, and both ReLUs of stage 2: 32 + 32 + 2 * 16."""
    found = cost(parse("Net(2; 2x1, 4x1)-C2-T1-Q12", resolution=4, classes=3))
    assert (found.relus, found.head_relus, found.squares) == ((0, 32, 0), 0, 96)
    assert found.params == 401 + 3 * (2 + 2 + 4 + 4)


@given(networks())
def test_what_a_name_reads_back_as_costs_the_same(network: Network) -> None:
    assert cost(parse(str(network))) == cost(network)


@given(st.integers(1, 6), st.sampled_from([2, 3, 4, 5, 8]), st.integers(1, 8))
def test_the_reuse_module_has_its_closed_form(groups: int, factor: int, size: int) -> None:
    """It replaces a convolution of 9 c^2 MACs a position and a BatchNorm of c elements."""
    c = 4 * factor * groups
    p, r = c // 4, c // factor
    q = c - p - r
    plain = Network(c, (Stage(c, 1),), resolution=size)
    before, after = cost(plain), cost(reuse(plain, factor))
    assert after.macs - before.macs == size**2 * (9 * (q**2 + r**2) + q * r + c**2 - 9 * c**2)
    assert after.batchnorm - before.batchnorm == size**2 * (q + 2 * r)


@given(
    st.integers(1, 6),
    st.sampled_from([2, 3, 4, 5, 8]),
    st.integers(1, 8),
    st.sampled_from(["chained", "apart"]),
)
def test_so_has_the_module_of_equal_groups(
    width: int, factor: int, size: int, divisions: Divisions
) -> None:
    c = factor * width
    plain = Network(c, (Stage(c, 1),), resolution=size)
    before, after = cost(plain), cost(reuse(plain, factor, divisions))
    assert after.macs - before.macs == size**2 * (9 * factor * width**2 + c**2 - 9 * c**2)
    assert after.batchnorm - before.batchnorm == size**2 * c


@pytest.mark.parametrize(
    ("network", "params"),
    [
        (resnet18(), 11220132),
        (resnet34(), 21328292),
        (hybrenet(5, 5, 3), 48652308),
        (hybrenet(2, 5, 3), 7828596),
        (reuse(optimize(hybrenet(2, 5, 3)), 4), 5228916),
        (wide_resnet(22, 8), 17204276),
    ],
    ids=str,
)
def test_parameters_agree_with_an_independent_count(network: Network, params: int) -> None:
    assert cost(network).params == params


@given(networks())
def test_the_fold_adds_up_the_layers(network: Network) -> None:
    listed, total = layers(network), cost(network)
    assert total.macs == sum(map(layer_macs, listed))
    assert total.params == sum(map(layer_params, listed))
    assert total.batchnorm == sum(_elements(listed, BatchNorm))
    assert total.total_relus == sum(_elements(listed, Relu))
    for stage, relus in enumerate((*total.relus, total.head_relus)):
        assert relus == sum(_elements([x for x in listed if x.stage == stage], Relu))


@pytest.mark.parametrize("op", [Relu(), Pool()])
def test_a_relu_and_a_mean_are_free(op: Relu | Pool) -> None:
    layer = Layer("x", op, ("image",), (3, 4, 4), 0)
    assert (layer_macs(layer), layer_params(layer)) == (0, 0)


@pytest.mark.parametrize("groups", [1, 2, 4, 8])
def test_groups_divide_what_a_convolution_costs(groups: int) -> None:
    layer = Layer("x", Conv(8, 16, groups=groups), ("image",), (16, 4, 4), 0)
    assert layer_params(layer) == 9 * 8 * 16 // groups
    assert layer_macs(layer) == 16 * layer_params(layer)


def test_the_bias_of_a_linear_layer_is_learned_but_free() -> None:
    layer = Layer("x", FullyConnected(5, 3), ("image",), (3, 1, 1), 0)
    assert (layer_macs(layer), layer_params(layer)) == (15, 18)


def _elements(listed: Sequence[Layer], op: type) -> list[int]:
    return [prod(layer.shape) for layer in listed if isinstance(layer.op, op)]


def _resized(network: Network, times: int) -> Network:
    return replace(network, resolution=times * network.resolution)


# Which FLOPs the paper prints


@pytest.mark.parametrize(
    "network",
    [
        resnet18(),
        resnet18(16, (4, 4, 4)),
        optimize(hybrenet(5, 5, 3)),
        wide_resnet(22, 8),
        wide_resnet(16, 4),
    ],
    ids=str,
)
def test_convention_a_is_for_resnet18_and_wideresnets_on_cifar_100(network: Network) -> None:
    assert paper_convention(network) == "A"


@pytest.mark.parametrize(
    "network",
    [
        resnet18(resolution=64, classes=200),
        wide_resnet(22, 8, resolution=64, classes=200),
        resnet34(),
        hybrenet(2, 6, 3, base="34"),
        reuse(resnet18(), 2),
        *(convnext_like(variant) for variant in "TNPFA"),
        cifar_resnet(32),
        vgg(),
        vgg(resolution=64, classes=200),
    ],
    ids=str,
)
def test_convention_b_is_for_the_others(network: Network) -> None:
    assert paper_convention(network) == "B"


@pytest.mark.parametrize(
    "network",
    [
        SMALL,
        resnet18(resolution=16),
        wide_resnet(22, 8, resolution=16),
        vgg(resolution=16),
        cifar_resnet(20),
        hybrenet_by_depth((1, 5, 5, 3)),
        mobilenet(1),
        mobilenet(2),
        regnet("200MF"),
    ],
    ids=str,
)
def test_no_convention_is_known_for_what_the_paper_does_not_count(network: Network) -> None:
    assert paper_convention(network) is None
