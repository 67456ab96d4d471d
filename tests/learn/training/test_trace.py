"""What a torch module is seen to compute is what the fold over its layers says."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from deepreshape.design import (
    Network,
    Stage,
    cost,
    cull,
    hybrenet,
    optimize,
    regnet,
    resnet18,
    resnet34,
    reuse,
    scale,
    thin,
)
from deepreshape.design.architectures import Block
from deepreshape.learn.training.nets import Net
from tests.families import FAMILIES
from tests.learn.edits import EDITED
from tests.learn.tracing import traced_cost
from tests.networks import KINDS, networks

pytestmark = pytest.mark.long

SHAPES = [
    regnet("200MF"),
    resnet18(4, (3, 3, 3)),
    resnet34(2, (4, 4, 4)),
    hybrenet(2, 6, 3, 2, "34"),
    Network(3, (Stage(5, 1),)),
    Network(4, (Stage(4, 2), Stage(4, 1), Stage(6, 3), Stage(9, 1), Stage(2, 1))),
]
BASE = hybrenet(2, 5, 3, 8)
FULL = [
    cull(BASE, [1]),
    cull(BASE, [3]),
    cull(BASE, [1, 2, 3, 4]),
    thin(BASE, [1, 2, 3, 4]),
    thin(BASE, [4]),
    thin(cull(BASE, [3]), [1]),
    reuse(BASE, 8),
    reuse(cull(BASE, [2]), 2),
    reuse(thin(BASE, [1, 2, 3, 4]), 4),
    reuse(optimize(BASE), 16),
    scale(optimize(BASE), "1/2"),
    scale(reuse(optimize(BASE), 8), 0.5),
    reuse(optimize(hybrenet(2, 6, 3, 4, "34")), 4),
]


@pytest.fixture(scope="module", autouse=True)
def one_thread_is_enough() -> Iterator[None]:
    """Nets this small wait for a second thread longer than they compute."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def sized(network: Network, resolution: int, classes: int = 10) -> Network:
    return replace(network, resolution=resolution, classes=classes)


@pytest.mark.parametrize("resolution", [16, 32, 64])
@pytest.mark.parametrize("network", SHAPES + FULL, ids=lambda network: network.name)
def test_traced_counts_are_the_folded_ones(network: Network, resolution: int) -> None:
    network = sized(network, resolution)
    assert traced_cost(Net(network)) == cost(network)


@pytest.mark.parametrize("resolution", [16, 32, 64])
@pytest.mark.parametrize("family", FAMILIES)
def test_traced_counts_of_every_family_are_the_folded_ones(family: str, resolution: int) -> None:
    network = sized(FAMILIES[family], resolution)
    assert traced_cost(Net(network)) == cost(network)


@pytest.mark.parametrize("network", EDITED)
def test_traced_counts_of_every_edit_of_a_family_are_the_folded_ones(network: Network) -> None:
    assert traced_cost(Net(network)) == cost(network)


@pytest.mark.parametrize("family", FAMILIES)
def test_traced_counts_of_every_culled_or_thinned_stage_are_the_folded_ones(family: str) -> None:
    network = sized(FAMILIES[family], 16)
    every = range(len(network.stages) + 1)
    edited = [cull(network, [stage]) for stage in every]
    edited += [thin(network, [stage]) for stage in every[1:]]
    edited += [cull(network, every), thin(network, every[1:]), scale(optimize(network), 2)]
    for each in edited:
        assert traced_cost(Net(each)) == cost(each), str(each)


@pytest.mark.parametrize("family", ["WideResNet", "VGG16", "MobileNetV2"])
def test_the_relus_of_a_head_are_seen(family: str) -> None:
    network = sized(FAMILIES[family], 16)
    assert traced_cost(Net(network)).head_relus == cost(network).head_relus > 0


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
@settings(max_examples=15)
def test_traced_counts_of_any_network_are_the_folded_ones(
    kind: type[Block], data: st.DataObject
) -> None:
    network = data.draw(networks(base_channels=(1, 2, 3), reuse=(1, 2, 4), blocks=[kind]))
    assert traced_cost(Net(network)) == cost(network)


def test_a_relu_that_does_not_run_is_missed() -> None:
    """The comparison can fail: it looks at what runs, not at the list of layers."""
    net = Net(sized(resnet18(2), 16))
    net.add_module("stage3/block2/relu1", nn.Identity())
    whole, traced = cost(net.network).relus, traced_cost(net).relus
    assert whole[3] - traced[3] == 8 * 4 * 4  # 8 channels, a quarter of 16 pixels a side
    assert traced[:3] + traced[4:] == whole[:3] + whole[4:]


def test_a_wider_convolution_is_seen() -> None:
    net = Net(sized(resnet18(2), 16))
    net.add_module("stem/conv", nn.Conv2d(3, 2, 5, padding=2, bias=False))
    assert traced_cost(net).macs - cost(net.network).macs == (25 - 9) * 3 * 2 * 16 * 16


@pytest.mark.parametrize("training", [True, False])
def test_tracing_leaves_the_mode_of_the_module(training: bool) -> None:
    net = Net(sized(resnet18(2), 16)).train(training)
    traced_cost(net)
    assert {module.training for module in net.modules()} == {training}


def test_tracing_leaves_the_running_means() -> None:
    net = Net(sized(resnet18(2), 16)).train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    traced_cost(net)
    assert all(value.equal(before[name]) for name, value in net.state_dict().items())
