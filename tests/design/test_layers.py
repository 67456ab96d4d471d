"""The list of layers of a network, on nets small enough to write the list down."""

from itertools import pairwise

import pytest
from hypothesis import given

from deepreshape.design import Network, ReluPlan, Stage, cull, layers, reuse, thin
from deepreshape.design.layers import (
    IMAGE,
    Add,
    BatchNorm,
    Concat,
    Conv,
    Layer,
    Linear,
    Pool,
    Relu,
    Slice,
)
from tests.networks import networks

SMALL = Network(2, (Stage(2, 1), Stage(4, 1)), resolution=4, classes=3)
ONE_BLOCK = Network(8, (Stage(8, 1),), resolution=2, classes=1)


def names(network: Network, op: type | None = None) -> list[str]:
    return [layer.name for layer in layers(network) if op is None or isinstance(layer.op, op)]


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
        Layer("head/logits", Linear(4, 3), ("head/pool",), (3, 1, 1), 3),
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


@given(networks())
def test_convolutions_batchnorms_and_linear_layers_fit_what_they_read(network: Network) -> None:
    channels = {IMAGE: 3} | {layer.name: layer.shape[0] for layer in layers(network)}
    for layer in layers(network):
        match layer.op:
            case Conv(inputs=wanted) | BatchNorm(channels=wanted) | Linear(inputs=wanted):
                assert channels[layer.inputs[0]] == wanted


@given(networks())
def test_stages_come_in_order(network: Network) -> None:
    numbers = [layer.stage for layer in layers(network)]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(len(network.stages) + 2))


@given(networks())
def test_every_stage_after_the_first_halves_the_map(network: Network) -> None:
    found = by_name(network)
    for number, stage in enumerate(network.stages, start=1):
        side = network.resolution // 2 ** (number - 1)
        assert found[f"stage{number}/block{stage.depth}/sum"].shape == (stage.width, side, side)


@given(networks())
def test_every_convolution_is_followed_by_its_batchnorm(network: Network) -> None:
    for layer, after in pairwise(layers(network)):
        if isinstance(layer.op, Conv):
            assert (after.op, after.inputs) == (BatchNorm(layer.op.outputs), (layer.name,))


def test_a_block_that_changes_neither_size_nor_width_has_no_convolution_on_its_shortcut() -> None:
    assert "stage1/block1/shortcut" not in names(SMALL)


def test_a_block_that_only_changes_the_width_has_one() -> None:
    network = Network(2, (Stage(3, 1),), resolution=4)
    assert by_name(network)["stage1/block1/shortcut"].op == Conv(2, 3, 1, 1)


def test_a_block_that_only_changes_the_size_has_one() -> None:
    network = Network(2, (Stage(2, 1), Stage(2, 1)), resolution=4)
    assert by_name(network)["stage2/block1/shortcut"].op == Conv(2, 2, 1, 2)


# ReLUs that are gone


def test_a_culled_stage_has_no_relu() -> None:
    assert names(cull(SMALL, [2]), Relu) == [
        "stem/relu",
        "stage1/block1/relu1",
        "stage1/block1/relu2",
    ]


def test_culling_stage_1_takes_the_stems_relu() -> None:
    assert names(cull(SMALL, [1]), Relu) == ["stage2/block1/relu1", "stage2/block1/relu2"]


def test_a_thinned_stage_keeps_the_relu_behind_the_sum() -> None:
    assert names(thin(SMALL, [2]), Relu)[-1:] == ["stage2/block1/relu2"]
    assert "stage2/block1/relu1" not in names(thin(SMALL, [2]))


def test_thinning_stage_1_takes_the_stems_relu() -> None:
    assert names(thin(SMALL, [1]), Relu) == [
        "stage1/block1/relu2",
        "stage2/block1/relu1",
        "stage2/block1/relu2",
    ]


@given(networks(reuse=(1,)))
def test_culling_and_thinning_remove_relus_and_nothing_else(network: Network) -> None:
    plain = Network(network.stem, network.stages, network.resolution, network.classes)
    assert _but_relus(network) == _but_relus(plain)


def _but_relus(network: Network) -> list[str]:
    return [layer.name for layer in layers(network) if not isinstance(layer.op, Relu)]


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


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_the_slices_of_a_reuse_module_share_out_all_channels(factor: int) -> None:
    ops = [layer.op for layer in layers(reuse(ONE_BLOCK, factor))]
    slices = [(op.start, op.stop) for op in ops if isinstance(op, Slice)]
    assert [start for start, _ in slices] == [0, *(stop for _, stop in slices[:-1])]
    assert slices[-1][1] == 8
