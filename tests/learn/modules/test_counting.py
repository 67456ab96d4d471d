"""Counts of torch modules: against closed forms, torch's own counter, and this project's nets."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode
from torchvision import models

from deepreshape.design import (
    AnyNetwork,
    Network,
    cost,
    cull,
    mobilenet,
    optimize,
    parse,
    resnet18,
    vgg,
    wide_resnet,
)
from deepreshape.learn.modules.counting import ModuleCount, count_module
from deepreshape.learn.modules.watching import ModuleNotTaken
from deepreshape.learn.training.nets import Net
from tests.learn.edits import EDITED
from tests.learn.modules import published

pytestmark = pytest.mark.long

SIDE = 8
IMAGE = (3, SIDE, SIDE)
PIXELS = SIDE * SIDE


class Through(nn.Module):
    """A function as a module."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


def on_paper(make: Callable[[], nn.Module]) -> nn.Module:
    """Made without memory for its weights, where its maker lets that be."""
    try:
        with torch.device("meta"):
            return make()
    except NotImplementedError:
        return make().to("meta")


def counts(counted: ModuleCount) -> tuple[int, ...]:
    return counted.relus, counted.macs, counted.batchnorm, counted.parameters


def folded(network: AnyNetwork) -> tuple[int, ...]:
    found = cost(network)
    return found.total_relus, found.macs, found.batchnorm, found.params


# ReLUs in all their forms

RELUS: dict[str, Callable[[Tensor], Tensor]] = {
    "module": nn.ReLU(),
    "module in place": nn.Sequential(nn.Identity(), nn.ReLU(inplace=True)),
    "function": F.relu,
    "function in place": F.relu_,
    "torch": torch.relu,
    "method": lambda x: x.relu(),
    "method in place": lambda x: x.relu_(),
    "clamp": lambda x: x.clamp(min=0),
    "clamp in place": lambda x: x.clamp_(0),
    "clamp_min": lambda x: torch.clamp_min(x, 0),
    "threshold": lambda x: F.threshold(x, 0, 0),
    "view in place": lambda x: x.flatten(1).relu_().view_as(x),
}


@pytest.mark.parametrize("form", RELUS)
def test_a_relu_counts_in_every_form(form: str) -> None:
    counted = count_module(Through(RELUS[form]), IMAGE)
    assert (counted.relus, counted.comparisons, counted.macs) == (3 * PIXELS, 0, 0)


@pytest.mark.parametrize(
    "form",
    [nn.ReLU6(), F.relu6, nn.Hardtanh(0, 6), lambda x: x.clamp(0, 6)],
    ids=["module", "function", "hardtanh", "clamp"],
)
def test_an_upper_bound_is_one_comparison_more(form: Callable[[Tensor], Tensor]) -> None:
    counted = count_module(Through(form), IMAGE)
    assert (counted.relus, counted.comparisons) == (3 * PIXELS, 3 * PIXELS)


def test_a_module_that_is_used_twice_counts_twice_and_has_its_weights_once() -> None:
    relu, conv = nn.ReLU(), nn.Conv2d(3, 3, 1)
    counted = count_module(nn.Sequential(conv, relu, conv, relu), IMAGE)
    assert counts(counted) == (2 * 3 * PIXELS, 2 * 9 * PIXELS, 0, 12)


@pytest.mark.parametrize(
    ("pool", "comparisons"),
    [
        (nn.MaxPool2d(2), 3 * 16 * 3),
        (nn.MaxPool2d(3, 1, 1), 3 * PIXELS * 8),
        (nn.MaxPool2d((1, 2)), 3 * 32),
        (nn.AdaptiveMaxPool2d(2), 3 * 4 * 15),
    ],
    ids=str,
)
def test_max_pooling_is_no_relu_but_comparisons(pool: nn.Module, comparisons: int) -> None:
    """A largest of k is found by k - 1 comparisons."""
    counted = count_module(pool, IMAGE)
    assert (counted.relus, counted.comparisons) == (0, comparisons)


# Multiply-accumulates

LINEAR: dict[str, tuple[nn.Module, int]] = {
    "3x3": (nn.Conv2d(3, 4, 3, padding=1), 3 * 9 * 4 * PIXELS),
    "strided": (nn.Conv2d(3, 4, 3, 2, 1), 3 * 9 * 4 * PIXELS // 4),
    "grouped": (nn.Conv2d(3, 6, 3, padding=1, groups=3), 9 * 6 * PIXELS),
    "dilated": (nn.Conv2d(3, 4, 3, padding=2, dilation=2), 3 * 9 * 4 * PIXELS),
    "transposed": (nn.ConvTranspose2d(3, 4, 2, 2), 3 * 4 * 4 * PIXELS),
    "linear": (nn.Sequential(nn.Flatten(), nn.Linear(3 * PIXELS, 5)), 3 * PIXELS * 5),
    "without bias": (nn.Linear(SIDE, 5, bias=False), 3 * SIDE * SIDE * 5),
}


@pytest.mark.parametrize("name", LINEAR)
def test_multiply_accumulates_are_half_of_torchs_operations(name: str) -> None:
    module, macs = LINEAR[name]
    counted = count_module(module, IMAGE)
    with FlopCounterMode(display=False) as flops, torch.no_grad():
        module(torch.zeros(1, *IMAGE))
    assert (counted.macs, 2 * counted.macs) == (macs, flops.get_total_flops())


def test_what_does_not_depend_on_the_image_is_free() -> None:
    """Standardised weights, for one."""
    conv = nn.Conv2d(3, 4, 3, padding=1)

    def standardised(x: Tensor) -> Tensor:
        weight = (conv.weight.sigmoid() - conv.weight.mean()) / conv.weight.std()
        return F.conv2d(x, weight, padding=1) + torch.zeros_like(x[:, :1]).exp()

    assert count_module(Through(standardised), IMAGE).macs == 3 * 9 * 4 * PIXELS


# Networks


@pytest.mark.parametrize("network", [case for case in EDITED if "Q" not in str(case.id)])
def test_a_net_of_this_project_counts_as_its_description(network: Network) -> None:
    assert counts(count_module(Net(network), (3, 16, 16))) == folded(network)


def test_stages_are_those_of_the_description() -> None:
    network = resnet18(8, resolution=16, classes=10)
    relus = [each.relus for each in count_module(Net(network), (3, 16, 16)).by_stage.values()]
    assert relus == [*cost(network).stage_relus, 0]


TORCHVISION = ["resnet18", "vgg16_bn", "mobilenet_v2", "regnet_x_400mf", "densenet121"]


@pytest.mark.parametrize("name", TORCHVISION)
def test_torchvisions_networks_multiply_as_often_as_torch_counts(name: str) -> None:
    net = on_paper(lambda: models.get_model(name, weights=None)).eval()
    counted = count_module(net, (3, 224, 224))
    with FlopCounterMode(display=False) as flops, torch.no_grad():
        net(torch.zeros(1, 3, 224, 224, device="meta"))
    assert 2 * counted.macs == flops.get_total_flops()
    assert counted.parameters == sum(each.numel() for each in net.parameters())


def regnet_400() -> nn.Module:
    net = models.regnet_x_400mf(num_classes=100)
    net.stem = nn.Sequential(published.conv3(3, 32), nn.BatchNorm2d(32), nn.ReLU())
    net.trunk_output.block1[0].proj = None
    net.trunk_output.block1[0].f.b[0].stride = (1, 1)
    net.trunk_output.block2[0].proj[0].stride = (1, 1)
    net.trunk_output.block2[0].f.b[0].stride = (1, 1)
    return net


def small_vgg() -> nn.Module:
    net = models.vgg16_bn(num_classes=100)
    net.avgpool = nn.Identity()
    net.classifier[0] = nn.Linear(512, 4096)
    return net


def small_mobilenet() -> nn.Module:
    net = models.mobilenet_v2(num_classes=100)
    net.features[0][0].stride = (1, 1)
    net.features[2].conv[1][0].stride = (1, 1)
    return net


@pytest.mark.parametrize(
    ("make", "network", "bias"),
    [
        (partial(published.small_resnet18, 100), resnet18(), 0),
        (small_vgg, vgg(), 4224),
        (small_mobilenet, mobilenet(2), 0),
        (
            regnet_400,
            parse("GroupedNet[16](32; 32x1, 64x2/1, 160x7, 400x12)"),
            0,
        ),
        (published.StemWithoutReLU, cull(resnet18(), [0]), 0),
        (published.wide_resnet, wide_resnet(22, 8), 0),
        (published.deepreduce, optimize(resnet18(16), [1]), 0),
    ],
    ids=["resnet18", "vgg16", "mobilenet_v2", "regnet", "SNL", "WRN22x8", "DeepReDuce"],
)
def test_a_network_of_others_counts_as_the_family(
    make: Callable[[], nn.Module], network: Network, bias: int
) -> None:
    """On 32 x 32 pixels, with the stem for small images. bias: what torchvision's VGG16 has, in
    front of its BatchNorms; its pools, and the bounds of ReLU6, are apart."""
    relus, macs, batchnorm, params = folded(network)
    counted = count_module(on_paper(make), (3, 32, 32))
    assert counts(counted) == (relus, macs, batchnorm, params + bias)


def test_snls_resnet18_has_the_relus_that_it_is_published_with() -> None:
    counted = count_module(on_paper(published.StemWithoutReLU), (3, 32, 32))
    assert counted.relus == 491_520


def test_parts_add_up() -> None:
    counted = count_module(published.deepreduce(8), (3, 32, 32))
    for parts in (counted.by_module, counted.by_stage):
        for field in ("relus", "macs", "parameters", "batchnorm", "comparisons"):
            total = sum(getattr(each, field) for each in parts.values())
            assert total == getattr(counted, field), field


def test_modules_are_named_by_their_place() -> None:
    counted = count_module(published.deepreduce(4), (3, 32, 32))
    relus = {name: each.relus for name, each in counted.by_module.items() if each.relus}
    assert list(relus) == [f"{number}.active" for number in range(4, 10)]


def test_a_stage_has_the_sizes_of_its_maps() -> None:
    counted = count_module(published.deepreduce(4), (3, 32, 32))
    assert list(counted.by_stage) == ["32x32", "16x16", "8x8", "4x4", "1x1"]


def test_flops_are_counted_as_a_networks() -> None:
    network = resnet18(8, resolution=16)
    counted, wanted = count_module(Net(network), (3, 16, 16)), cost(network)
    assert [counted.flops(each) for each in ("A", "B")] == [
        wanted.flops(each) for each in ("A", "B")
    ]


# Control flow and state


def test_control_flow_goes_as_an_image_of_zeros_goes() -> None:
    def forward(x: Tensor) -> Tensor:
        assert not x.isnan().any()
        return x.relu() if x.mean() > 1 or x.shape[0] > 1 else x.relu().relu()

    assert count_module(Through(forward), IMAGE).relus == 2 * 3 * PIXELS


def test_a_module_stays_as_it_was() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout(), nn.ReLU())
    net[1].eval()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    count_module(net, IMAGE)
    assert [each.training for each in net.modules()] == [True, True, False, True, True]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert not any(each._forward_hooks or each._forward_pre_hooks for each in net.modules())


def test_weights_of_half_precision_see_images_of_half_precision() -> None:
    assert count_module(nn.Conv2d(3, 4, 1).bfloat16(), IMAGE).macs == 12 * PIXELS


# What is not counted


class Attending(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(SIDE, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        row = x[:, 0]
        found: Tensor = self.attention(row, row, row)[0]
        return found


UNKNOWN: dict[str, tuple[nn.Module, str]] = {
    "GELU": (nn.Sequential(nn.Conv2d(3, 3, 1), nn.GELU()), "GELU (in 1)"),
    "sigmoid": (nn.Sequential(nn.Sigmoid(), nn.Sigmoid()), "sigmoid (in 0 and 1 more places)"),
    "SiLU": (nn.SiLU(), "SiLU (in the module itself)"),
    "softmax": (nn.Softmax(1), "softmax"),
    "attention": (Attending(), "attention (in attention)"),
    "layer norm": (nn.LayerNorm(SIDE), "layer normalisation"),
    "instance norm": (nn.InstanceNorm2d(3), "normalisation by the image's own statistics"),
    "leaky ReLU": (nn.LeakyReLU(), "leaky ReLU"),
    "two activations": (Through(lambda x: x * x.mean()), "product of two activations"),
    "a division": (Through(lambda x: 1 / (x + 1)), "reciprocal"),
    "a choice": (Through(lambda x: torch.where(x > 0, x, 0 * x)), "choice by value (where)"),
    "a clamp elsewhere": (Through(lambda x: x.clamp(min=1)), "clamp"),
    "a hardtanh": (nn.Hardtanh(), "hardtanh"),
    "a recurrent layer": (Through(lambda x: nn.LSTM(SIDE, 2)(x[0])[0]), "recurrent layer"),
    "a power": (Through(lambda x: x**2), "power"),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_what_is_not_known_is_named_with_its_place(name: str) -> None:
    module, said = UNKNOWN[name]
    with pytest.raises(ModuleNotTaken) as refused:
        count_module(module, IMAGE)
    assert said in str(refused.value)


def test_all_that_is_not_known_is_said_at_once() -> None:
    with pytest.raises(ModuleNotTaken, match=r"GELU \(in 0\), sigmoid \(in 1\)"):
        count_module(nn.Sequential(nn.GELU(), nn.Sigmoid()), IMAGE)


@pytest.mark.parametrize(
    ("module", "shape", "said"),
    [
        (nn.Conv2d(4, 4, 1), IMAGE, "Conv2d does not take an image of 3 x 8 x 8"),
        (nn.Conv2d(3, 4, 11), IMAGE, "Conv2d does not take an image of 3 x 8 x 8"),
        (nn.ReLU(), (), "an input shape is that of one image"),
        (nn.ReLU(), (3, -1, 8), "an input shape is that of one image"),
        (nn.ReLU(), (3, 8.0, 8), "an input shape is that of one image"),
        (nn.ReLU(), (3, 10**6, 10**6), "out of reach"),
        (nn.LazyConv2d(3, 1), IMAGE, "weight has no shape yet"),
        ("resnet18", IMAGE, "a torch.nn.Module is taken, not str"),
    ],
)
def test_what_cannot_be_shown_an_image_is_said(module: Any, shape: Any, said: str) -> None:
    with pytest.raises(ModuleNotTaken) as refused:
        count_module(module, shape)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
