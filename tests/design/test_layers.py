"""The list of layers of a network, on nets small enough to write the list down."""

from dataclasses import replace
from itertools import pairwise
from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepreshape.design import (
    Network,
    ReluPlan,
    Stage,
    cull,
    layers,
    mobilenet,
    regnet,
    reuse,
    scale,
    thin,
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
from deepreshape.design.layers import parts
from deepreshape.design.ops import (
    IMAGE,
    Add,
    BatchNorm,
    Concat,
    Conv,
    FullyConnected,
    Layer,
    Op,
    Pool,
    Relu,
    Slice,
)
from deepreshape.design.reuse_module import Divisions
from tests.networks import DIVISIONS, KINDS, networks

SMALL = Network(2, (Stage(2, 1), Stage(4, 1)), resolution=4, classes=3)
ONE_BLOCK = Network(8, (Stage(8, 1),), resolution=2, classes=1)


def names(network: Network, op: type | None = None) -> list[str]:
    return [layer.name for layer in layers(network) if op is None or isinstance(layer.op, op)]


def relus(network: Network, stage: int) -> list[str]:
    """The ReLUs of a stage; of the stem for stage 0, of the head behind the last."""
    return [
        layer.name
        for layer in layers(network)
        if layer.stage == stage and isinstance(layer.op, Relu)
    ]


def one_stage(block: Block, width: int = 4, stride: int = 1) -> Network:
    """One block on a map of 4 x 4 with 2 channels."""
    return Network(2, (Stage(width, 1, stride),), 4, 3, block=block)


def body(network: Network) -> list[tuple[str, Op, tuple[str, ...]]]:
    """Name, operation and inputs of the layers of stage 1, without its name and the block's."""

    def short(name: str) -> str:
        return name.removeprefix("stage1/").removeprefix("block1/")

    return [
        (short(layer.name), layer.op, tuple(map(short, layer.inputs)))
        for layer in layers(network)
        if layer.stage == 1
    ]


def head(network: Network) -> list[tuple[str, Op]]:
    return [
        (layer.name.removeprefix("head/"), layer.op)
        for layer in layers(network)
        if layer.name.startswith("head/")
    ]


def by_name(network: Network) -> dict[str, Layer]:
    return {layer.name: layer for layer in layers(network)}


def test_the_small_net_is_this_list() -> None:
    assert layers(SMALL) == (
        Layer("stem/conv", Conv(3, 2), (IMAGE,), (2, 4, 4), 0),
        Layer("stem/conv_bn", BatchNorm(2), ("stem/conv",), (2, 4, 4), 0),
        Layer("stem/relu", Relu(), ("stem/conv_bn",), (2, 4, 4), 0),
        Layer("stage1/block1/conv1", Conv(2, 2), ("stem/relu",), (2, 4, 4), 1),
        Layer("stage1/block1/conv1_bn", BatchNorm(2), ("stage1/block1/conv1",), (2, 4, 4), 1),
        Layer("stage1/block1/relu1", Relu(), ("stage1/block1/conv1_bn",), (2, 4, 4), 1),
        Layer("stage1/block1/conv2", Conv(2, 2), ("stage1/block1/relu1",), (2, 4, 4), 1),
        Layer("stage1/block1/conv2_bn", BatchNorm(2), ("stage1/block1/conv2",), (2, 4, 4), 1),
        Layer("stage1/block1/sum", Add(), ("stage1/block1/conv2_bn", "stem/relu"), (2, 4, 4), 1),
        Layer("stage1/block1/relu2", Relu(), ("stage1/block1/sum",), (2, 4, 4), 1),
        Layer("stage2/block1/conv1", Conv(2, 4, 3, 2), ("stage1/block1/relu2",), (4, 2, 2), 2),
        Layer("stage2/block1/conv1_bn", BatchNorm(4), ("stage2/block1/conv1",), (4, 2, 2), 2),
        Layer("stage2/block1/relu1", Relu(), ("stage2/block1/conv1_bn",), (4, 2, 2), 2),
        Layer("stage2/block1/conv2", Conv(4, 4), ("stage2/block1/relu1",), (4, 2, 2), 2),
        Layer("stage2/block1/conv2_bn", BatchNorm(4), ("stage2/block1/conv2",), (4, 2, 2), 2),
        Layer("stage2/block1/shortcut", Conv(2, 4, 1, 2), ("stage1/block1/relu2",), (4, 2, 2), 2),
        Layer("stage2/block1/shortcut_bn", BatchNorm(4), ("stage2/block1/shortcut",), (4, 2, 2), 2),
        Layer(
            "stage2/block1/sum",
            Add(),
            ("stage2/block1/conv2_bn", "stage2/block1/shortcut_bn"),
            (4, 2, 2),
            2,
        ),
        Layer("stage2/block1/relu2", Relu(), ("stage2/block1/sum",), (4, 2, 2), 2),
        Layer("head/pool", Pool(), ("stage2/block1/relu2",), (4, 1, 1), 3),
        Layer("head/logits", FullyConnected(4, 3), ("head/pool",), (3, 1, 1), 3),
    )


@given(networks())
def test_names_are_unique(network: Network) -> None:
    assert len(set(names(network))) == len(names(network))


@given(networks())
def test_a_layer_reads_only_what_stands_before_it(network: Network) -> None:
    known = {IMAGE}
    for layer in layers(network):
        assert known.issuperset(layer.inputs)
        known.add(layer.name)


@given(networks())
def test_every_layer_but_the_last_is_read(network: Network) -> None:
    read = {name for layer in layers(network) for name in layer.inputs}
    assert set(names(network)) - read == {"head/logits"}


@given(networks())
def test_the_last_layer_gives_the_logits(network: Network) -> None:
    assert layers(network)[-1].shape == (network.classes, 1, 1)


@given(networks())
def test_a_sum_adds_maps_of_one_shape(network: Network) -> None:
    found = by_name(network)
    for layer in found.values():
        if isinstance(layer.op, Add):
            assert {found[name].shape for name in layer.inputs} == {layer.shape}


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
@settings(max_examples=40)
def test_convolutions_batchnorms_and_linear_layers_fit_what_they_read(
    kind: type[Block], data: st.DataObject
) -> None:
    network = data.draw(networks(blocks=[kind]))
    channels = {IMAGE: 3} | {layer.name: layer.shape[0] for layer in layers(network)}
    for layer in layers(network):
        match layer.op:
            case Conv(inputs=wanted) | BatchNorm(channels=wanted) | FullyConnected(inputs=wanted):
                assert channels[layer.inputs[0]] == wanted


@given(networks())
def test_stages_come_in_order(network: Network) -> None:
    numbers = [layer.stage for layer in layers(network)]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(len(network.stages) + 2))


@given(networks())
def test_a_stage_divides_the_map_by_its_stride(network: Network) -> None:
    last = {layer.stage: layer.shape for layer in layers(network)}
    for number, stage in enumerate(network.stages, start=1):
        side = network.resolution // prod(network.strides[:number])
        assert last[number] == (stage.width, side, side)


@given(networks())
def test_a_convolution_divides_the_map_by_its_stride(network: Network) -> None:
    sides = {IMAGE: network.resolution} | {x.name: x.shape[1] for x in layers(network)}
    for layer in layers(network):
        if isinstance(layer.op, Conv):
            side = sides[layer.inputs[0]] // layer.op.stride
            assert layer.shape == (layer.op.outputs, side, side)


@given(networks())
def test_groups_divide_the_channels_on_both_sides_of_a_convolution(network: Network) -> None:
    for layer in layers(network):
        if isinstance(layer.op, Conv):
            assert layer.op.inputs % layer.op.groups == layer.op.outputs % layer.op.groups == 0


@given(networks())
def test_a_linear_layer_reads_a_vector(network: Network) -> None:
    found = by_name(network)
    for layer in found.values():
        if isinstance(layer.op, FullyConnected):
            assert found[layer.inputs[0]].shape == (layer.op.inputs, 1, 1)


@given(networks(blocks=[kind for kind in KINDS if kind is not PreActivation]))
def test_every_convolution_is_followed_by_its_batchnorm(network: Network) -> None:
    for layer, after in pairwise(layers(network)):
        if isinstance(layer.op, Conv):
            assert (after.op, after.inputs) == (BatchNorm(layer.op.outputs), (layer.name,))


@given(networks(blocks=[PreActivation], edited=False))
def test_pre_activation_puts_a_relu_behind_every_batchnorm(network: Network) -> None:
    for layer, after in pairwise(layers(network)):
        if isinstance(layer.op, BatchNorm):
            assert (after.op, after.inputs) == (Relu(), (layer.name,))


def test_a_block_that_changes_neither_size_nor_width_has_no_convolution_on_its_shortcut() -> None:
    assert "stage1/block1/shortcut" not in names(SMALL)


def test_a_block_that_only_changes_the_width_has_one() -> None:
    network = Network(2, (Stage(3, 1),), resolution=4)
    assert by_name(network)["stage1/block1/shortcut"].op == Conv(2, 3, 1, 1)


def test_a_block_that_only_changes_the_size_has_one() -> None:
    network = Network(2, (Stage(2, 1), Stage(2, 1)), resolution=4)
    assert by_name(network)["stage2/block1/shortcut"].op == Conv(2, 2, 1, 2)


# A block of every other kind, on 2 channels


def test_a_pre_activation_block_that_widens_is_this_list() -> None:
    """Its shortcut reads what the first ReLU gives, and has no BatchNorm."""
    assert body(one_stage(PreActivation(), stride=2)) == [
        ("bn1", BatchNorm(2), ("stem/conv",)),
        ("relu1", Relu(), ("bn1",)),
        ("shortcut", Conv(2, 4, 1, 2), ("relu1",)),
        ("conv1", Conv(2, 4, 3, 2), ("relu1",)),
        ("conv1_bn", BatchNorm(4), ("conv1",)),
        ("relu2", Relu(), ("conv1_bn",)),
        ("conv2", Conv(4, 4), ("relu2",)),
        ("sum", Add(), ("conv2", "shortcut")),
    ]


def test_a_pre_activation_block_that_keeps_its_shape_adds_what_it_reads() -> None:
    assert body(one_stage(PreActivation(), width=2))[-1] == ("sum", Add(), ("conv2", "stem/conv"))


def test_a_plain_stage_of_stride_2_begins_with_a_mean_over_2_by_2() -> None:
    assert body(one_stage(Plain(), stride=2)) == [
        ("pool", Pool(2), ("stem/relu",)),
        ("conv", Conv(2, 4), ("pool",)),
        ("conv_bn", BatchNorm(4), ("conv",)),
        ("relu", Relu(), ("conv_bn",)),
    ]


def test_a_plain_stage_of_stride_1_begins_with_its_convolution() -> None:
    assert body(one_stage(Plain()))[0] == ("conv", Conv(2, 4), ("stem/relu",))


def test_a_separable_block_is_this_list() -> None:
    assert body(one_stage(Separable(), stride=2)) == [
        ("depthwise", Conv(2, 2, 3, 2, groups=2), ("stem/relu",)),
        ("depthwise_bn", BatchNorm(2), ("depthwise",)),
        ("relu1", Relu(), ("depthwise_bn",)),
        ("pointwise", Conv(2, 4, 1), ("relu1",)),
        ("pointwise_bn", BatchNorm(4), ("pointwise",)),
        ("relu2", Relu(), ("pointwise_bn",)),
    ]


def test_an_inverted_block_of_stage_1_does_not_widen() -> None:
    assert body(one_stage(Inverted(3))) == [
        ("depthwise", Conv(2, 2, 3, 1, groups=2), ("stem/relu",)),
        ("depthwise_bn", BatchNorm(2), ("depthwise",)),
        ("relu2", Relu(), ("depthwise_bn",)),
        ("project", Conv(2, 4, 1), ("relu2",)),
        ("project_bn", BatchNorm(4), ("project",)),
    ]


def test_an_inverted_block_after_stage_1_widens_first() -> None:
    network = Network(2, (Stage(2, 1), Stage(4, 1)), 4, block=Inverted(2))
    ops = [layer.op for layer in layers(network) if layer.stage == 2]
    assert ops == [
        Conv(2, 4, 1),
        BatchNorm(4),
        Relu(),
        Conv(4, 4, 3, 2, groups=4),
        BatchNorm(4),
        Relu(),
        Conv(4, 4, 1),
        BatchNorm(4),
    ]


def test_an_inverted_block_that_keeps_its_shape_adds_what_it_reads() -> None:
    assert body(one_stage(Inverted(), width=2))[-1] == ("sum", Add(), ("project_bn", "stem/relu"))


@pytest.mark.parametrize(("width", "stride"), [(4, 1), (2, 2)], ids=["width", "size"])
def test_an_inverted_block_that_changes_its_shape_has_no_sum(width: int, stride: int) -> None:
    assert not names(one_stage(Inverted(), width, stride), Add)


def test_a_grouped_block_is_this_list() -> None:
    assert body(one_stage(Grouped(2), stride=2)) == [
        ("conv1", Conv(2, 4, 1), ("stem/relu",)),
        ("conv1_bn", BatchNorm(4), ("conv1",)),
        ("relu1", Relu(), ("conv1_bn",)),
        ("conv2", Conv(4, 4, 3, 2, groups=2), ("relu1",)),
        ("conv2_bn", BatchNorm(4), ("conv2",)),
        ("relu2", Relu(), ("conv2_bn",)),
        ("conv3", Conv(4, 4, 1), ("relu2",)),
        ("conv3_bn", BatchNorm(4), ("conv3",)),
        ("shortcut", Conv(2, 4, 1, 2), ("stem/relu",)),
        ("shortcut_bn", BatchNorm(4), ("shortcut",)),
        ("sum", Add(), ("conv3_bn", "shortcut_bn")),
        ("relu3", Relu(), ("sum",)),
    ]


def test_a_stage_narrower_than_a_group_is_one_group() -> None:
    assert by_name(one_stage(Grouped(8)))["stage1/block1/conv2"].op == Conv(4, 4, groups=1)


@pytest.mark.parametrize("block", [Basic(), Separable(), Grouped(2), Plain()], ids=str)
def test_most_heads_are_a_mean_and_the_logits(block: Block) -> None:
    assert head(one_stage(block)) == [("pool", Pool()), ("logits", FullyConnected(4, 3))]


def test_the_head_of_pre_activation_activates_the_last_sum() -> None:
    assert head(one_stage(PreActivation())) == [
        ("bn", BatchNorm(4)),
        ("relu", Relu()),
        ("pool", Pool()),
        ("logits", FullyConnected(4, 3)),
    ]


def test_the_head_of_plain_blocks_has_the_hidden_layers() -> None:
    assert head(one_stage(Plain((5, 6)))) == [
        ("pool", Pool()),
        ("hidden1", FullyConnected(4, 5)),
        ("relu1", Relu()),
        ("hidden2", FullyConnected(5, 6)),
        ("relu2", Relu()),
        ("logits", FullyConnected(6, 3)),
    ]


def test_the_head_of_inverted_blocks_has_the_features() -> None:
    assert head(one_stage(Inverted(6, 5))) == [
        ("features", Conv(4, 5, 1)),
        ("features_bn", BatchNorm(5)),
        ("relu", Relu()),
        ("pool", Pool()),
        ("logits", FullyConnected(5, 3)),
    ]


def test_the_stem_of_pre_activation_is_a_bare_convolution() -> None:
    assert relus(one_stage(PreActivation()), 0) == []


# Which ReLUs are kept


def test_a_plan_without_edits_keeps_everything() -> None:
    assert {part.kept for part in parts(SMALL)} == {"all"}


def test_stem_and_head_follow_the_stages_beside_them() -> None:
    plan = ReluPlan(culled=frozenset({1}), thinned=frozenset({2}))
    kept = [part.kept for part in parts(replace(SMALL, relus=plan))]
    assert kept == ["none", "none", "thinned", "thinned"]


@given(networks(edited=False), st.data())
def test_a_culled_stage_has_no_relu(network: Network, data: st.DataObject) -> None:
    number = data.draw(st.integers(1, len(network.stages)))
    assert relus(cull(network, [number]), number) == []


@given(networks(edited=False), st.data())
def test_thinning_keeps_every_second_relu_of_a_stage_counted_from_the_last(
    network: Network, data: st.DataObject
) -> None:
    number = data.draw(st.integers(1, len(network.stages)))
    assert relus(thin(network, [number]), number) == relus(network, number)[::-2][::-1]


@pytest.mark.parametrize("edit", [cull, thin])
@given(networks(edited=False), st.data())
def test_an_edit_leaves_the_relus_of_other_stages(
    edit: type[Network], network: Network, data: st.DataObject
) -> None:
    count = len(network.stages)
    number = data.draw(st.integers(1, count))
    for other in {*range(1, count + 1)} - {number}:
        assert relus(edit(network, [number]), other) == relus(network, other)


@pytest.mark.parametrize("edit", [cull, thin])
@given(networks(edited=False))
def test_the_stems_relu_goes_with_stage_1_and_no_other(
    edit: type[Network], network: Network
) -> None:
    assert relus(edit(network, [1]), 0) == []
    assert relus(edit(network, range(2, len(network.stages) + 1)), 0) == relus(network, 0)


@pytest.mark.parametrize("edit", [cull, thin])
@pytest.mark.parametrize(
    ("network", "sites"),
    [
        (wide_resnet(10, 1), ["head/relu"]),
        (vgg(), ["head/relu1", "head/relu2"]),
        (mobilenet(2), ["head/relu"]),
    ],
    ids=["WideResNet", "VGG16", "MobileNetV2"],
)
def test_the_heads_relus_go_with_the_last_stage_and_no_other(
    edit: type[Network], network: Network, sites: list[str]
) -> None:
    last = len(network.stages)
    assert relus(network, last + 1) == sites
    assert relus(edit(network, [last]), last + 1) == []
    assert relus(edit(network, range(1, last)), last + 1) == sites


@pytest.mark.parametrize(
    ("network", "site"),
    [
        (SMALL, "relu2"),
        (wide_resnet(10, 1), "relu2"),
        (mobilenet(1), "relu2"),
        (mobilenet(2), "relu2"),
    ],
    ids=["basic", "WideResNet", "MobileNetV1", "MobileNetV2"],
)
def test_a_thinned_block_of_two_relus_keeps_the_second(network: Network, site: str) -> None:
    """Of a basic block it is the one behind the sum."""
    stage = network.stages[1]
    blocks = range(1, stage.depth + 1)
    assert relus(thin(network, [2]), 2) == [f"stage2/block{block}/{site}" for block in blocks]


def test_thinned_blocks_of_three_relus_keep_first_and_last_then_the_middle_one() -> None:
    """What counts is the stage: its last ReLU, and every second before."""
    assert relus(thin(regnet("1.6GF"), [1]), 1) == [
        "stage1/block1/relu2",
        "stage1/block2/relu1",
        "stage1/block2/relu3",
    ]


def test_thinned_plain_blocks_lose_every_second_relu() -> None:
    assert relus(thin(vgg(), [3]), 3) == ["stage3/block1/relu", "stage3/block3/relu"]


def test_what_read_a_removed_relu_reads_its_input() -> None:
    found = by_name(cull(SMALL, [1, 2]))
    assert found["stage1/block1/conv1"].inputs == ("stem/conv_bn",)
    assert found["stage1/block1/conv2"].inputs == ("stage1/block1/conv1_bn",)
    assert found["stage1/block1/sum"].inputs == ("stage1/block1/conv2_bn", "stem/conv_bn")
    assert found["stage2/block1/shortcut"].inputs == ("stage1/block1/sum",)
    assert found["head/pool"].inputs == ("stage2/block1/sum",)


@given(networks(reuse=(1,), quadratic=False))
def test_culling_and_thinning_remove_relus_and_nothing_else(network: Network) -> None:
    assert _but_relus(network) == _but_relus(replace(network, relus=ReluPlan()))


def _but_relus(network: Network) -> list[tuple[str, Op]]:
    return [(layer.name, layer.op) for layer in layers(network) if not isinstance(layer.op, Relu)]


# ReLU-reuse


def test_the_reuse_module_is_this_list() -> None:
    """8 channels by 4: two pass, two are activated, four are only convolved."""
    block = "stage1/block1/reuse"
    listed = [layer for layer in layers(reuse(ONE_BLOCK, 4)) if layer.name.startswith(block)]
    assert [
        (layer.name.removeprefix(f"{block}/"), layer.op, layer.shape[0]) for layer in listed
    ] == [
        ("pass", Slice(0, 2), 2),
        ("linear", Slice(2, 6), 4),
        ("active", Slice(6, 8), 2),
        ("linear_conv", Conv(4, 4), 4),
        ("linear_conv_bn", BatchNorm(4), 4),
        ("match", Conv(4, 2, 1), 2),
        ("match_bn", BatchNorm(2), 2),
        ("active_sum", Add(), 2),
        ("active_conv", Conv(2, 2), 2),
        ("active_conv_bn", BatchNorm(2), 2),
        ("relu", Relu(), 2),
        ("concat", Concat(), 8),
        ("mix", Conv(8, 8, 1), 8),
        ("mix_bn", BatchNorm(8), 8),
    ]


def test_the_reuse_module_stands_in_for_the_second_convolution_and_its_relu() -> None:
    found = names(reuse(ONE_BLOCK, 2))
    assert "stage1/block1/conv2" not in found
    assert "stage1/block1/relu2" not in found


def test_reuse_leaves_the_first_relu_of_a_block_alone() -> None:
    assert names(reuse(ONE_BLOCK, 2), Relu) == [
        "stem/relu",
        "stage1/block1/relu1",
        "stage1/block1/reuse/relu",
    ]


def test_a_culled_stage_has_no_reuse_module() -> None:
    network = Network(4, (Stage(4, 1),), resolution=2, relus=ReluPlan(frozenset({1}), reuse=2))
    assert not [name for name in names(network) if "reuse" in name]


@pytest.mark.parametrize("divisions", DIVISIONS)
@pytest.mark.parametrize("factor", [2, 4, 8])
def test_the_slices_of_a_reuse_module_share_out_all_channels(
    factor: int, divisions: Divisions
) -> None:
    ops = [layer.op for layer in layers(reuse(ONE_BLOCK, factor, divisions))]
    slices = [(op.start, op.stop) for op in ops if isinstance(op, Slice)]
    assert [start for start, _ in slices] == [0, *(stop for _, stop in slices[:-1])]
    assert slices[-1][1] == 8


# Its ablation: N divisions


def module(network: Network) -> list[tuple[str, Op, tuple[str, ...]]]:
    """Name, operation and inputs of the layers of the first block's second module."""
    prefix = "stage1/block1/"
    return [
        (
            layer.name.removeprefix(f"{prefix}reuse/"),
            layer.op,
            tuple(name.removeprefix(prefix).removeprefix("reuse/") for name in layer.inputs),
        )
        for layer in layers(network)
        if layer.name.startswith(f"{prefix}reuse/")
    ]


def test_chained_divisions_are_this_list() -> None:
    """Each of the three groups is convolved, and reads the one before it; the last is activated."""
    assert module(reuse(Network(6, (Stage(6, 1),)), 3, "chained")) == [
        ("group1", Slice(0, 2), ("relu1",)),
        ("conv1", Conv(2, 2), ("group1",)),
        ("conv1_bn", BatchNorm(2), ("conv1",)),
        ("group2", Slice(2, 4), ("relu1",)),
        ("sum2", Add(), ("group2", "conv1_bn")),
        ("conv2", Conv(2, 2), ("sum2",)),
        ("conv2_bn", BatchNorm(2), ("conv2",)),
        ("group3", Slice(4, 6), ("relu1",)),
        ("sum3", Add(), ("group3", "conv2_bn")),
        ("conv3", Conv(2, 2), ("sum3",)),
        ("conv3_bn", BatchNorm(2), ("conv3",)),
        ("relu", Relu(), ("conv3_bn",)),
        ("concat", Concat(), ("conv1_bn", "conv2_bn", "relu")),
        ("mix", Conv(6, 6, 1), ("concat",)),
        ("mix_bn", BatchNorm(6), ("mix",)),
    ]


def test_divisions_apart_are_the_same_list_without_sums() -> None:
    assert module(reuse(Network(4, (Stage(4, 1),)), 2, "apart")) == [
        ("group1", Slice(0, 2), ("relu1",)),
        ("conv1", Conv(2, 2), ("group1",)),
        ("conv1_bn", BatchNorm(2), ("conv1",)),
        ("group2", Slice(2, 4), ("relu1",)),
        ("conv2", Conv(2, 2), ("group2",)),
        ("conv2_bn", BatchNorm(2), ("conv2",)),
        ("relu", Relu(), ("conv2_bn",)),
        ("concat", Concat(), ("conv1_bn", "relu")),
        ("mix", Conv(4, 4, 1), ("concat",)),
        ("mix_bn", BatchNorm(4), ("mix",)),
    ]


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_chained_divisions_have_a_sum_for_each_group_but_the_first(factor: int) -> None:
    """For two groups too: Table 9 tells reuse by 2 with sums from that without."""
    sums = [layer for layer in module(reuse(ONE_BLOCK, factor, "chained")) if layer[1] == Add()]
    assert len(sums) == factor - 1


# Everywhere


@given(networks(blocks=[Basic], reuse=(1,)), st.sampled_from(DIVISIONS))
def test_reuse_everywhere_keeps_every_relu_site(network: Network, divisions: Divisions) -> None:
    """Under its name, but for the last of a block, which moves into the module."""
    even = scale(network, 4)
    reused = names(reuse(even, 4, divisions, everywhere=True), Relu)
    assert [name.replace("reuse/relu", "relu2") for name in reused] == names(even, Relu)


@given(networks(blocks=[Basic], reuse=(1,)), st.sampled_from(DIVISIONS))
def test_reuse_everywhere_puts_a_module_before_each_relu(
    network: Network, divisions: Divisions
) -> None:
    reused = layers(reuse(scale(network, 4), 4, divisions, everywhere=True))
    relus = [layer for layer in reused if isinstance(layer.op, Relu)]
    mixes = [layer for layer in reused if layer.name.endswith("/mix")]
    assert len(mixes) == len(relus)
    for relu, mix in zip(relus, mixes, strict=True):
        assert 4 * relu.shape[0] == mix.shape[0]


def test_the_stem_as_a_module_is_this_list() -> None:
    network = reuse(Network(4, (Stage(4, 1),)), 2, "apart", everywhere=True)
    assert [
        (layer.name.removeprefix("stem/"), layer.op) for layer in layers(network) if not layer.stage
    ] == [
        ("reuse/shape", Conv(3, 4, 1)),
        ("reuse/shape_bn", BatchNorm(4)),
        ("reuse/group1", Slice(0, 2)),
        ("reuse/conv1", Conv(2, 2)),
        ("reuse/conv1_bn", BatchNorm(2)),
        ("reuse/group2", Slice(2, 4)),
        ("reuse/conv2", Conv(2, 2)),
        ("reuse/conv2_bn", BatchNorm(2)),
        ("relu", Relu()),
        ("reuse/concat", Concat()),
        ("reuse/mix", Conv(4, 4, 1)),
        ("reuse/mix_bn", BatchNorm(4)),
    ]


@given(networks(blocks=[Basic], edited=False), st.sampled_from(DIVISIONS))
def test_a_module_changes_the_shape_first_where_the_shortcut_does(
    network: Network, divisions: Divisions
) -> None:
    """With the same convolution, and in the stem."""
    reused = by_name(reuse(scale(network, 4), 4, divisions, everywhere=True))
    shaped = {name for name in reused if name.endswith("/shape")}
    cut = {name for name in reused if name.endswith("/shortcut")}
    assert shaped == {name.replace("shortcut", "reuse1/shape") for name in cut} | {
        "stem/reuse/shape"
    }
    for name in cut:
        shape = reused[name.replace("shortcut", "reuse1/shape")]
        assert (shape.op, shape.inputs) == (reused[name].op, reused[name].inputs)


@given(networks(blocks=[Basic], edited=False), st.sampled_from(DIVISIONS), st.data())
def test_where_a_stage_is_thinned_or_culled_everywhere_changes_nothing(
    network: Network, divisions: Divisions, data: st.DataObject
) -> None:
    stage = data.draw(st.integers(1, len(network.stages)))
    edit = data.draw(st.sampled_from([cull, thin]))
    even = edit(scale(network, 4), [stage])
    found, expected = (
        [(layer.name, layer.op) for layer in layers(reused) if layer.stage == stage]
        for reused in (reuse(even, 4, divisions, True), reuse(even, 4, divisions))
    )
    assert found == expected


@pytest.mark.parametrize("edit", [cull, thin])
def test_a_stem_without_its_relu_is_no_module(edit: type[Network]) -> None:
    network = reuse(edit(Network(4, (Stage(4, 1), Stage(4, 1))), [1]), 2, everywhere=True)
    assert [name for name in names(network) if name.startswith("stem")] == [
        "stem/conv",
        "stem/conv_bn",
    ]
    assert "stage2/block1/reuse1/mix" in names(network)
