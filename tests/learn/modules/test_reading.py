"""Modules as networks of this library: the same logits, the same layers, and clear refusals."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models

from deepreshape.design import cost, cull, layers, parse, resnet18, thin
from deepreshape.design.ops import (
    Add,
    BatchNorm,
    Concat,
    Conv,
    Flatten,
    FullyConnected,
    Pool,
    Relu,
    Slice,
)
from deepreshape.learn.modules.counting import count_module
from deepreshape.learn.modules.reading import net_of, with_relus_of
from deepreshape.learn.modules.watching import ModuleNotTaken
from deepreshape.learn.training.nets import Net, build
from tests.families import FAMILIES
from tests.learn.modules import published


def pictures(count: int, side: int) -> Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(3))


def kinds(net: Net) -> list[type]:
    return [type(layer.op) for layer in net.program]


class Odd(nn.Module):
    """What modules do beside modules: functions, in place, slices, names that are taken."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Conv2d(3, 8, 5, padding=2)
        self.relu = nn.ReLU(inplace=True)
        self.deep = nn.Conv2d(8, 8, 3, padding=1, groups=4, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.last = nn.Linear(8, 10, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.network(x))
        y = self.relu(self.norm(self.deep(x)))
        x = F.relu_(x + y)
        one, other = x.chunk(2, dim=1)
        x = torch.cat([other, torch.clamp_min(one, 0)], 1)
        x = F.avg_pool2d(x, 2)
        x += x
        found: Tensor = self.last(x.mean((2, 3)))
        return found


class Ahead(nn.Module):
    """Logits of a 1 x 1 convolution, flattened from maps of one pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 10, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.adaptive_avg_pool2d(self.conv(x).relu(), 1)
        return torch.flatten(self.head(x), 1)


MODULES: dict[str, tuple[Callable[[], nn.Module], int]] = {
    "torchvision's ResNet18": (published.small_resnet18, 16),
    "SNL's ResNet18": (partial(published.StemWithoutReLU, 8), 16),
    "WideResNet": (partial(published.wide_resnet, 10, 1), 16),
    "DeepReDuce": (partial(published.deepreduce, 4), 16),
    "RegNet": (partial(models.regnet_x_400mf, num_classes=10), 32),
    "tiny": (published.tiny, 8),
    "odd": (Odd, 8),
    "LeNet": (published.lenet, 8),
    "logits of a convolution": (Ahead, 8),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_and_its_net_give_the_same_logits(name: str) -> None:
    make, side = MODULES[name]
    module = published.lively(make)
    images = pictures(4, side)
    with torch.no_grad():
        torch.testing.assert_close(net_of(module, side)(images), module(images))


@pytest.mark.parametrize("name", MODULES)
def test_its_graph_costs_what_the_module_counts(name: str) -> None:
    make, side = MODULES[name]
    module = make()
    found, counted = cost(net_of(module, side).network), count_module(module, (3, side, side))
    wanted = counted.relus, counted.macs, counted.batchnorm, counted.parameters
    assert (found.total_relus, found.macs, found.batchnorm, found.params) == wanted


@pytest.mark.parametrize("family", ["VGG16", "MobileNetV1", "MobileNetV2"])
def test_a_net_of_this_project_is_read_as_it_is(family: str) -> None:
    network = replace(FAMILIES[family], resolution=32)
    graph = net_of(build(network, 1), network.resolution).network
    assert [layer.op for layer in layers(graph)] == [layer.op for layer in layers(network)]


def test_layers_are_named_as_modules_are() -> None:
    net = net_of(published.deepreduce(4), 16)
    names = [layer.name for layer in net.program]
    assert names[:8] == ["0", "1", "2/conv1", "2/bn1", "2/conv2", "2/bn2", "2/add", "3/conv1"]
    assert names[-3:] == ["9/active", "10", "12"]


def test_a_module_that_is_used_twice_is_two_layers() -> None:
    names = [layer.name for layer in net_of(published.small_resnet18(), 16).program]
    assert {"layer1/0/relu", "layer1/0/relu_2"} < set(names)


def test_every_kind_of_layer_is_read() -> None:
    assert set(kinds(net_of(Odd(), 8))) == {
        *(Conv, BatchNorm, Relu, Add, Slice, Concat, Pool, FullyConnected)
    }
    assert Flatten in kinds(net_of(published.lenet(), 8))


def test_a_name_that_a_net_has_for_itself_is_changed() -> None:
    assert net_of(Odd(), 8).program[0].name == "network_2"


def test_torchvisions_resnet18_is_resnet18() -> None:
    """All but the names, and that its stem is in stage 1."""
    graph = net_of(published.small_resnet18(), 32).network
    network = parse("ResNet18", 32, 10)
    ops = [[layer.op for layer in layers(each)] for each in (graph, network)]
    assert sorted(map(str, ops[0])) == sorted(map(str, ops[1]))
    assert cost(graph).stage_relus == cost(network).stage_relus


def test_what_is_not_needed_for_the_logits_is_left_out() -> None:
    class Aside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.aside, self.last = (
                nn.Conv2d(3, 4, 1),
                nn.Conv2d(4, 4, 1),
                nn.Linear(4, 10),
            )

        def forward(self, x: Tensor) -> Tensor:
            x = self.conv(x)
            self.aside(x).relu()
            found: Tensor = self.last(x.mean((-2, -1)))
            return found

    assert [layer.name for layer in net_of(Aside(), 8).program] == ["conv", "pool", "last"]


def test_removed_relus_leave_the_weights() -> None:
    net = net_of(published.lively(partial(published.StemWithoutReLU, 4)), 16)
    graph = thin(cull(net.network, ["layer1/*"]), [2, 3, 4])  # type: ignore[list-item]
    reduced = with_relus_of(net, graph)
    assert reduced.state_dict().keys() == net.state_dict().keys()
    wanted = cost(thin(cull(resnet18(4, resolution=16), [0, 1]), [2, 3, 4])).total_relus
    assert cost(graph).total_relus == count_module(reduced, (3, 16, 16)).relus == wanted


def test_a_module_stays_in_training() -> None:
    module = published.tiny()
    net_of(module, 8)
    assert all(each.training for each in module.modules())


# Refusals


class Through(nn.Module):
    """A function between a convolution and a head."""

    def __init__(self, function: Callable[[Tensor], Tensor], channels: int = 4) -> None:
        super().__init__()
        self.function = function
        self.conv, self.last = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.last(self.function(self.conv(x)).mean((2, 3)))
        return found


def shared(module: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Conv2d(3, 3, 1), module, module, nn.AdaptiveAvgPool2d(1), nn.Flatten())


SAME = nn.Conv2d(3, 3, 1)
NOISE = torch.Generator().manual_seed(2)
REFUSED: dict[str, tuple[nn.Module, str]] = {
    "max pooling": (Through(nn.MaxPool2d(2)), "function: max pooling is not taken; a mean"),
    "ReLU6": (Through(nn.ReLU6()), "function: a ReLU with an upper bound of 6 is not taken"),
    "GELU": (Through(nn.GELU()), "function: GELU is not taken"),
    "gate": (Through(lambda x: x * x.mean()), "the module itself: "),
    "even kernel": (Through(nn.Conv2d(4, 4, 2)), "a convolution with a 2 x 2 kernel"),
    "no padding": (Through(nn.Conv2d(4, 4, 3)), "a 3 x 3 convolution padded by 0 x 0"),
    "dilation": (Through(nn.Conv2d(4, 4, 3, padding=2, dilation=2)), "or dilation"),
    "transposed": (Through(nn.ConvTranspose2d(4, 4, 1)), "transposed"),
    "eps": (Through(nn.BatchNorm2d(4, 1e-3)), "a BatchNorm with eps 0.001 is not taken"),
    "affine": (Through(nn.BatchNorm2d(4, affine=False)), "a normalisation without weights"),
    "no statistics": (
        Through(nn.BatchNorm2d(4, track_running_stats=False)),
        "normalisation by the image's own statistics",
    ),
    "overlap": (Through(nn.AvgPool2d(3, 1, 1)), "windows that do not overlap"),
    "change of shape": (
        nn.Sequential(nn.Conv2d(3, 4, 1), nn.Flatten(2), nn.Linear(64, 10)),
        "1: a change of shape from 4 x 8 x 8 to 4 x 64 is not taken",
    ),
    "constant": (Through(lambda x: x + 1), "a sum with a constant"),
    "slice of rows": (Through(lambda x: x[:, :, ::2]), "a slice of other than channels"),
    "shared weights": (shared(SAME), "1: a second use of 1.weight is not taken"),
    "computed weights": (
        Through(lambda x: F.conv2d(x, torch.ones(4, 4, 1, 1))),
        "a weight that is computed from others is not taken",
    ),
    "maps as logits": (nn.Conv2d(3, 10, 1), "gives a tensor of 1 x 10 x 8 x 8, not logits"),
    "two answers": (
        type("Two", (nn.Module,), {"forward": lambda self, x: (x, x)})(),
        "gives a tuple, not logits",
    ),
    "control flow": (
        Through(lambda x: x if float(x.flatten(1)[0, 0]) == 0 else x.relu()),
        "the module itself: ",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_taken_is_named_with_its_place(name: str) -> None:
    module, said = REFUSED[name]
    with pytest.raises(ModuleNotTaken) as refused:
        net_of(module, 8)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_module_that_does_more_than_its_layers_show_is_refused() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = published.tiny()

        def forward(self, x: Tensor) -> Tensor:
            found: Tensor = self.body(x)
            return found if not x.any() else self.body(x.relu())

    with pytest.raises(ModuleNotTaken, match="the module itself: any is not taken"):
        net_of(Twice(), 8)
