"""Counts: by hand on small nets, by closed forms on all."""

from math import prod

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.design import (
    Cost,
    Network,
    Stage,
    cost,
    hybrenet,
    layers,
    optimize,
    paper_convention,
    resnet18,
    resnet34,
    reuse,
)
from deepreshape.design.cost import layer_macs, layer_params
from deepreshape.design.layers import BatchNorm, Layer, Pool, Relu
from tests.networks import networks

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


def test_the_small_net_costs_what_a_sheet_of_paper_says() -> None:
    assert cost(SMALL) == Cost(relus=(32, 64, 32), macs=2924, batchnorm=144, params=401)


def test_the_small_net_with_reuse_costs_what_a_sheet_of_paper_says() -> None:
    assert cost(REUSED) == Cost(relus=(16, 24), macs=1264, batchnorm=68, params=354)


def test_flops_a_charge_five_for_a_batchnorm_element() -> None:
    assert cost(SMALL).flops("A") == 2924 + 5 * 144


def test_flops_b_charge_two_for_a_batchnorm_element() -> None:
    assert cost(SMALL).flops("B") == 2924 + 2 * 144


def test_the_total_of_relus_is_the_sum_over_stem_and_stages() -> None:
    assert cost(SMALL).total_relus == 128


@given(networks(edited=False))
def test_relus_are_the_stems_map_and_two_maps_for_each_block(network: Network) -> None:
    stem = network.stem * network.resolution**2
    stages = [
        2 * stage.depth * stage.width * (network.resolution // 2**halvings) ** 2
        for halvings, stage in enumerate(network.stages)
    ]
    assert cost(network).relus == (stem, *stages)


@given(networks(), st.integers(2, 4))
def test_relus_and_batchnorm_grow_with_the_square_of_the_input(
    network: Network, times: int
) -> None:
    small, large = cost(network), cost(_resized(network, times))
    assert large.relus == tuple(times**2 * relus for relus in small.relus)
    assert large.batchnorm == times**2 * small.batchnorm


@given(networks(), st.integers(2, 4))
def test_convolutions_grow_with_the_square_of_the_input(network: Network, times: int) -> None:
    head = network.widths[-1] * network.classes
    small, large = cost(network).macs - head, cost(_resized(network, times)).macs - head
    assert large == times**2 * small


@given(networks(), st.integers(2, 4))
def test_parameters_do_not_depend_on_the_input(network: Network, times: int) -> None:
    assert cost(_resized(network, times)).params == cost(network).params


@given(networks(), st.integers(1, 50))
def test_a_class_costs_a_weight_for_each_channel_and_a_bias(network: Network, more: int) -> None:
    wider = Network(
        network.stem, network.stages, network.resolution, network.classes + more, network.relus
    )
    channels = network.widths[-1]
    assert cost(wider).macs - cost(network).macs == more * channels
    assert cost(wider).params - cost(network).params == more * (channels + 1)


@given(networks(reuse=(1,)))
def test_culling_and_thinning_change_relus_only(network: Network) -> None:
    plain = Network(network.stem, network.stages, network.resolution, network.classes)
    edited, whole = cost(network), cost(plain)
    assert (edited.macs, edited.batchnorm, edited.params) == (
        whole.macs,
        whole.batchnorm,
        whole.params,
    )


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


@pytest.mark.parametrize(
    ("network", "params"),
    [
        (resnet18(), 11220132),
        (resnet34(), 21328292),
        (hybrenet(5, 5, 3), 48652308),
        (hybrenet(2, 5, 3), 7828596),
        (reuse(optimize(hybrenet(2, 5, 3)), 4), 5228916),
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


@pytest.mark.parametrize("op", [Relu(), Pool()])
def test_a_relu_and_a_mean_are_free(op: Relu | Pool) -> None:
    layer = Layer("x", op, ("image",), (3, 4, 4), 0)
    assert (layer_macs(layer), layer_params(layer)) == (0, 0)


def _elements(listed: tuple[Layer, ...], op: type) -> list[int]:
    return [prod(layer.shape) for layer in listed if isinstance(layer.op, op)]


def _resized(network: Network, times: int) -> Network:
    return Network(
        network.stem, network.stages, times * network.resolution, network.classes, network.relus
    )


# Which FLOPs the paper prints


def test_convention_a_is_for_resnet18_on_cifar_100() -> None:
    assert paper_convention(resnet18()) == "A"


@pytest.mark.parametrize(
    "network",
    [resnet18(resolution=64, classes=200), resnet34(), reuse(resnet18(), 2)],
    ids=["TinyImageNet", "ResNet34", "ReLU-reuse"],
)
def test_convention_b_is_for_the_others(network: Network) -> None:
    assert paper_convention(network) == "B"


@pytest.mark.parametrize("network", [SMALL, resnet18(resolution=16)], ids=str)
def test_no_convention_is_known_for_what_the_paper_does_not_count(network: Network) -> None:
    assert paper_convention(network) is None
