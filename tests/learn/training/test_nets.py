"""Modules: what a network says is what its module does."""

import pickle
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import replace
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision import models
from torchvision.models.regnet import BlockParams, RegNet
from torchvision.models.resnet import BasicBlock
from torchvision.models.vgg import make_layers

from deepreshape.design import (
    Network,
    Stage,
    cifar_resnet,
    convnext_like,
    cost,
    cull,
    hybrenet,
    layers,
    mobilenet,
    parse,
    quadratic,
    regnet,
    resnet18,
    resnet34,
    reuse,
    thin,
    vgg,
    wide_resnet,
)
from deepreshape.design.architectures import REGNET_X, Grouped
from deepreshape.learn.training.nets import Net, Polynomial, Strided1x1, build
from tests.families import FAMILIES
from tests.learn.edits import EDITED
from tests.learn.tracing import relu_sites

pytestmark = pytest.mark.long

SMALL = hybrenet(2, 3, 2, m=4, resolution=16, classes=10)


def pictures(count: int, size: int = 16, seed: int = 3) -> Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def fx(net: Net) -> nn.Module:
    return torch.fx.symbolic_trace(net)


def equal(left: nn.Module, right: nn.Module) -> bool:
    pairs = zip(left.state_dict().values(), right.state_dict().values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def numbers(module: nn.Module) -> int:
    """How many numbers it learns."""
    return sum(parameter.numel() for parameter in module.parameters())


# Every member of the family


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_takes_the_images_of_cifar_and_tiny_imagenet(family: str, size: int) -> None:
    network = replace(FAMILIES[family], resolution=size, classes=200)
    assert build(network, 0)(pictures(2, size)).shape == (2, 200)


@pytest.mark.parametrize("network", EDITED)
def test_every_parameter_learns(network: Network) -> None:
    """In evaluation mode: in training a BatchNorm may take away what a bias before it adds."""
    net = build(network, 0).eval()
    net(pictures(8)).logsumexp(1).sum().backward()
    still = [
        name
        for name, weight in net.named_parameters()
        if weight.grad is None or not weight.grad.any()
    ]
    assert still == []


@pytest.mark.parametrize("network", EDITED)
def test_every_layer_gives_the_shape_it_states(network: Network) -> None:
    net = build(network, 0)
    shapes: dict[str, tuple[int, ...]] = {}
    for layer in net.program:
        net.get_submodule(layer.name).register_forward_hook(
            lambda module, inputs, output, name=layer.name: shapes.update({name: output.shape[1:]})
        )
    net(pictures(2))
    flat = {layer.name: tuple(layer.shape) for layer in layers(network)}
    assert {name: (*shape, 1, 1)[:3] for name, shape in shapes.items()} == flat


@pytest.mark.parametrize("network", EDITED)
def test_relu_sites_are_the_modules_that_are_relus(network: Network) -> None:
    net = build(network, 0)
    relus = [name for name, module in net.named_modules() if isinstance(module, nn.ReLU)]
    assert list(relu_sites(net)) == relus
    assert list(relu_sites(net).values()) == [net.get_submodule(name) for name in relus]


class Convolutions(TorchDispatchMode):
    """Kernel size and stride of every convolution that reaches a backend."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[int, int]] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is torch.ops.aten.convolution.default:
            self.seen.add((args[1].shape[-1], args[3][0]))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("network", EDITED)
def test_no_1x1_convolution_with_a_stride_reaches_a_backend(network: Network) -> None:
    """oneDNN's gradients of it are wrong."""
    net = build(network, 0)
    with Convolutions() as convolutions:
        net(pictures(2))
    assert (3, 1) in convolutions.seen
    assert (1, 2) not in convolutions.seen


@pytest.mark.parametrize("side", [1, 5, 8])
@pytest.mark.parametrize("groups", [1, 2])
def test_a_strided_1x1_convolution_is_what_torch_computes(side: int, groups: int) -> None:
    """In float64, which oneDNN leaves alone; weight, values and gradients."""
    answers = []
    for kind in (nn.Conv2d, Strided1x1):
        torch.manual_seed(0)
        module = kind(4, 6, 1, 2, groups=groups, dtype=torch.float64)
        images = torch.randn(3, 4, side, side, dtype=torch.float64, requires_grad=True)
        values = module(images)
        values.square().sum().backward()
        assert isinstance(module.weight.grad, Tensor)
        assert isinstance(images.grad, Tensor)
        answers.append([values, images.grad, module.weight.grad, *module.state_dict().values()])
    for one, other in zip(*answers, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("copied", [deepcopy, lambda net: pickle.loads(pickle.dumps(net)), fx])
def test_a_net_with_shortcuts_is_copied_and_traced(copied: Callable[[Net], nn.Module]) -> None:
    net = build(SMALL, 0).eval()
    images = pictures(2)
    assert torch.equal(copied(net)(images), net(images))


# One network, looked at closely


def test_the_sites_of_resnet18_are_one_in_the_stem_and_two_a_block() -> None:
    blocks = [f"stage{stage}/block{block}" for stage in (1, 2, 3, 4) for block in (1, 2)]
    expected = ["stem/relu", *(f"{block}/relu{site}" for block in blocks for site in (1, 2))]
    assert list(relu_sites(build(FAMILIES["ResNet18"], 0))) == expected


def test_a_thinned_block_keeps_the_relu_behind_its_sum() -> None:
    net = build(thin(Network(4, (Stage(4, 1), Stage(8, 1)), 8, 10), {2}), 0)
    assert list(relu_sites(net)) == [
        "stem/relu",
        "stage1/block1/relu1",
        "stage1/block1/relu2",
        "stage2/block1/relu2",
    ]


def test_the_submodules_are_the_layers() -> None:
    net = build(SMALL, 0)
    assert [name for name, _ in net.named_children()] == [layer.name for layer in layers(SMALL)]


def test_a_polynomial_is_its_formula_by_channel() -> None:
    module = Polynomial(2)
    with torch.no_grad():
        for each, values in ((module.a, (2, -1)), (module.b, (0.5, 3)), (module.c, (1, 0))):
            each.copy_(torch.tensor(values))
    x = torch.tensor([[[[3.0]], [[2.0]]]])
    assert module(x).flatten().tolist() == [2 * 9 + 0.5 * 3 + 1, -4 + 3 * 2 + 0]
    assert torch.equal(module(x[..., 0, 0]), module(x)[..., 0, 0])  # behind the mean


@pytest.mark.parametrize("family", FAMILIES)
def test_a_net_with_polynomials_starts_as_the_net_without_their_relus(family: str) -> None:
    removed = thin(FAMILIES[family], {1, 2})
    one, other = build(quadratic(removed), 0).eval(), build(removed, 0).eval()
    assert torch.equal(one(pictures(2)), other(pictures(2)))


# Blocks that others wrote


def assert_answers_as(
    reference: nn.Module, network: Network, order: Iterable[str] | None = None
) -> None:
    """Both give the same logits, once the reference's weights, in the order of the layers, are
    those of the network."""
    net = build(network, 0)
    generator = torch.Generator().manual_seed(4)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):  # ones and zeros would hide a mistaken order
                module.weight.uniform_(0.5, 1.5, generator=generator)
                module.bias.uniform_(-0.5, 0.5, generator=generator)
    names = list(reference.state_dict()) if order is None else list(order)
    weights = dict(zip(names, net.state_dict().values(), strict=True))
    reference.load_state_dict(weights)
    images = pictures(4, network.resolution)
    torch.testing.assert_close(net(images), reference(images))


def conv_bn(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    padding = kernel // 2
    return [
        nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]


def head(channels: int, *hidden: int) -> list[nn.Module]:
    found: list[nn.Module] = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    for width in hidden:
        found += [nn.Linear(channels, width), nn.ReLU()]
        channels = width
    return [*found, nn.Linear(channels, 10)]


@pytest.mark.parametrize(
    "network",
    [
        resnet18(8, resolution=16, classes=10),
        resnet34(8, resolution=16, classes=10),
        cifar_resnet(20, 4, resolution=16, classes=10),
        convnext_like("A", 4, resolution=16, classes=10),
        SMALL,
    ],
    ids=str,
)
def test_basic_blocks_are_torchvisions(network: Network) -> None:
    parts: list[nn.Module] = [*conv_bn(3, network.stem), nn.ReLU()]
    width = network.stem
    for number, stage in enumerate(network.stages):
        for block in range(stage.depth):
            stride = 2 if number and not block else 1
            changed = stride == 2 or width != stage.width
            shortcut = nn.Sequential(*conv_bn(width, stage.width, 1, stride)) if changed else None
            parts.append(BasicBlock(width, stage.width, stride, shortcut))
            width = stage.width
    assert_answers_as(nn.Sequential(*parts, *head(width)), network)


class WideBlock(nn.Module):
    """The block of Zagoruyko and Komodakis's WideResNet, its modules in the order of our layers."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.shortcut = None
        if inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        activated = self.bn1(x).relu()
        short = self.shortcut(activated) if self.shortcut else x
        result: Tensor = self.conv2(self.bn2(self.conv1(activated)).relu()) + short
        return result


def test_a_wideresnet_is_that_of_its_paper() -> None:
    blocks: list[nn.Module] = []
    width = 4
    for outputs, stride in [(8, 1), (16, 2), (32, 2)]:
        blocks += [WideBlock(width, outputs, stride), WideBlock(outputs, outputs, 1)]
        width = outputs
    reference = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, bias=False),
        *blocks,
        nn.BatchNorm2d(32),
        nn.ReLU(),
        *head(32),
    )
    assert_answers_as(reference, FAMILIES["WideResNet"])


def test_vgg16_is_torchvisions_with_means_and_without_bias() -> None:
    """The last 2x2 mean of torchvision's is the mean of the whole map here."""
    config = [4, 4, "M", 8, 8, "M", 16, 16, 16, "M", 32, 32, 32, "M", 32, 32, 32]
    features = make_layers(config, batch_norm=True)
    for number, module in enumerate(features):
        if isinstance(module, nn.Conv2d):
            module.bias = None
        if isinstance(module, nn.MaxPool2d):
            features[number] = nn.AvgPool2d(2)
    reference = nn.Sequential(*features, *head(32, 256, 256))
    assert_answers_as(reference, FAMILIES["VGG16"])


def test_mobilenet_v1_is_that_of_its_paper() -> None:
    """Table 1 of Howard et al. (2017), but the stem keeps the size of small images."""
    parts: list[nn.Module] = [*conv_bn(3, 4), nn.ReLU()]
    width = 4
    halves = {16, 32, 64, 128}
    for outputs in [8, 16, 16, 32, 32, *[64] * 6, 128, 128]:
        stride = 2 if outputs in halves and outputs != width else 1
        parts += [*conv_bn(width, width, 3, stride, groups=width), nn.ReLU()]
        parts += [*conv_bn(width, outputs, 1), nn.ReLU()]
        width = outputs
    assert_answers_as(nn.Sequential(*parts, *head(128)), FAMILIES["MobileNetV1"])


def test_mobilenet_v2_is_torchvisions_with_relu_for_small_images() -> None:
    reference = models.MobileNetV2(
        num_classes=10,
        inverted_residual_setting=[[1, 4, 1, 1], [6, 8, 2, 1], [6, 8, 2, 2], [6, 12, 1, 1]],
        round_nearest=1,
        dropout=0.0,
    )
    for module in reference.modules():
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU6):
                setattr(module, name, nn.ReLU())
    reference.features[0][0].stride = (1, 1)
    text = "InvertedNet[6,1280](32; 4x1, 8x2/1, 8x2/2, 12x1/1)"
    assert_answers_as(reference, parse(text, 16, 10))


def test_a_regnet_is_torchvisions_for_small_images() -> None:
    widths, depths = [8, 16, 24, 32], [1, 2, 2, 1]
    blocks = BlockParams(depths, widths, [4] * 4, [1.0] * 4, [1, 1, 2, 2])
    reference = RegNet(blocks, num_classes=10, stem_width=8)
    reference.stem[0].stride = (1, 1)
    names = list(reference.state_dict())
    block_of = {name: name.split(".proj.")[0].split(".f.")[0] for name in names}
    place = {block: number for number, block in enumerate(block_of.values())}
    order = sorted(names, key=lambda name: (place[block_of[name]], ".proj." in name))
    assert_answers_as(reference, FAMILIES["RegNet-X"], order)


# The networks of the paper, in full, against torchvision's


def on_paper(make: Callable[[], nn.Module]) -> int:
    """The numbers that a module would learn: none of them takes memory."""
    with torch.device("meta"):
        return numbers(make())


@pytest.mark.parametrize(
    "network",
    [
        resnet18(),
        wide_resnet(22, 8),
        vgg(),
        cifar_resnet(32),
        convnext_like("T"),
        mobilenet(1),
        mobilenet(2),
        regnet("1.6GF"),
        regnet("32GF"),
    ],
    ids=str,
)
def test_the_parameters_of_a_network_in_full_are_the_folded_ones(network: Network) -> None:
    assert on_paper(lambda: Net(network)) == cost(network).params


def test_mobilenet_v2_has_as_many_parameters_as_torchvisions() -> None:
    """Strides are all that differs."""
    theirs = on_paper(lambda: models.mobilenet_v2(num_classes=100))
    assert cost(mobilenet(2)).params == theirs


def test_the_convolutions_of_vgg16_have_as_many_parameters_as_torchvisions_but_bias() -> None:
    theirs = on_paper(lambda: models.vgg16_bn().features)
    bias = 2 * 64 + 2 * 128 + 3 * 256 + 6 * 512
    dense = on_paper(lambda: nn.Sequential(*head(512, 4096, 4096)))
    assert cost(vgg(classes=10)).params == theirs - bias + dense


@pytest.mark.parametrize(
    ("make", "network"),
    [(models.resnet18, resnet18()), (models.resnet34, resnet34())],
    ids=["ResNet18", "ResNet34"],
)
def test_a_resnet_has_as_many_parameters_as_torchvisions_but_in_its_stem(
    make: Callable[..., nn.Module], network: Network
) -> None:
    """Which is a convolution of 7 x 7."""
    theirs = on_paper(lambda: make(num_classes=100))
    assert cost(network).params == theirs - (7 * 7 - 3 * 3) * 3 * 64


@pytest.mark.parametrize("name", REGNET_X)
def test_a_regnet_has_as_many_parameters_as_torchvisions_of_its_widths(name: str) -> None:
    network = regnet(name)
    assert isinstance(network.block, Grouped)
    groups = [min(network.block.group, width) for width in network.widths]
    blocks = BlockParams(network.depths, network.widths, groups, [1.0] * 4, network.strides)
    theirs = on_paper(lambda: RegNet(blocks, num_classes=100, stem_width=64))
    assert cost(network).params == theirs


@pytest.mark.parametrize("name", [name for name in REGNET_X if name not in ("400MF", "4.0GF")])
def test_the_widths_of_a_regnet_are_torchvisions(name: str) -> None:
    theirs = BlockParams.from_init_params(*REGNET_X[name])
    assert (list(regnet(name).widths), list(regnet(name).depths)) == (theirs.widths, theirs.depths)


@pytest.mark.parametrize(
    ("name", "stage", "published", "rounded_up"),
    [("400MF", 3, 384, 400), ("4.0GF", 0, 80, 120)],
    ids=["24.5 groups of 16", "2.4 groups of 40"],
)
def test_of_two_regnets_torchvision_rounds_one_width_up(
    name: str, stage: int, published: int, rounded_up: int
) -> None:
    """It takes a half up, and no less than 90 %; the published widths are rounded to even."""
    widths = list(regnet(name).widths)
    assert widths[stage] == published
    widths[stage] = rounded_up
    assert widths == BlockParams.from_init_params(*REGNET_X[name]).widths


# Seeds


def test_the_same_seed_gives_the_same_weights() -> None:
    assert equal(build(SMALL, 5), build(SMALL, 5))


def test_another_seed_gives_other_weights() -> None:
    assert not equal(build(SMALL, 5), build(SMALL, 6))


def test_the_weights_do_not_depend_on_what_was_drawn_before() -> None:
    before = build(SMALL, 5)
    torch.rand(7)
    assert equal(build(SMALL, 5), before)


def test_building_draws_nothing_from_the_global_generator() -> None:
    torch.manual_seed(1)
    expected = torch.rand(4)
    torch.manual_seed(1)
    build(SMALL, 5)
    assert torch.equal(torch.rand(4), expected)


def test_convolutions_start_with_kaimings_variance() -> None:
    weight = build(resnet18(64, resolution=16, classes=10), 0).state_dict()
    conv = weight["stage2/block1/conv1.weight"]  # 64 channels in, 128 out
    assert conv.std().item() == pytest.approx((2 / (9 * 128)) ** 0.5, rel=0.02)


# What the ReLUs do


def settled(network: Network) -> Net:
    """In evaluation mode and double precision, with BatchNorm statistics of its own."""
    net = build(network, 0).double()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    net(pictures(16).double())
    return net.eval()


def bend(net: Net) -> float:
    """How far f(a) + f(b) is from f(a + b) + f(0)."""
    a, b = pictures(4, seed=1).double(), pictures(4, seed=2).double()
    with torch.no_grad():
        return float((net(a) + net(b) - net(a + b) - net(0 * a)).abs().max())


@pytest.mark.parametrize("family", FAMILIES)
def test_without_relus_a_net_is_affine(family: str) -> None:
    network = FAMILIES[family]
    every = range(1, len(network.stages) + 1)
    assert bend(settled(cull(network, every))) < 1e-9


@pytest.mark.parametrize("family", FAMILIES)
def test_with_the_relus_of_one_stage_it_is_not(family: str) -> None:
    network = FAMILIES[family]
    assert bend(settled(cull(network, range(2, len(network.stages) + 1)))) > 1e-3


def test_where_a_stage_is_culled_only_its_relus_are_gone() -> None:
    """What stands before it and behind it is as it was: of two culled stages, the one between."""
    net = build(cull(SMALL, {1, 3}), 0)
    assert {name.partition("/")[0] for name in relu_sites(net)} == {"stage2", "stage4"}


def test_in_evaluation_an_image_does_not_depend_on_its_batch() -> None:
    net = settled(SMALL)
    batch = pictures(5).double()
    with torch.no_grad():
        torch.testing.assert_close(net(batch)[2:3], net(batch[2:3]))


def test_a_reused_relu_activates_a_fraction_of_the_channels() -> None:
    net = build(reuse(FAMILIES["ResNet18"], 4), 0)
    site = net.get_submodule("stage3/block2/reuse/relu")
    channels: list[int] = []
    site.register_forward_hook(lambda module, inputs, output: channels.append(output.shape[1]))
    net(pictures(2))
    assert channels == [32 // 4]


def seen_in_reuse(net: Net) -> tuple[Tensor, Tensor, Callable[[str, Tensor], Tensor]]:
    """What the first ReLU-reuse module reads and gives, and its convolutions by name, each with
    its BatchNorm."""
    block = "stage1/block1"
    _, (source, result) = net.observe(
        pictures(2, size=8), [f"{block}/relu1", f"{block}/reuse/mix_bn"]
    )

    def conv_bn(name: str, x: Tensor) -> Tensor:
        parts = [net.get_submodule(f"{block}/reuse/{name}{end}") for end in ("", "_bn")]
        return nn.Sequential(*parts)(x)  # type: ignore[no-any-return]

    return source, result, conv_bn


def test_relu_reuse_passes_convolves_and_activates_the_groups_of_figure_9() -> None:
    """Of 16 channels, 4 pass, 8 are only convolved and feed the last 4, which are activated."""
    net = build(reuse(Network(16, (Stage(16, 1),), 8, 10), 4), 0).eval()
    source, result, conv_bn = seen_in_reuse(net)
    passed, linear, active = source.split([4, 8, 4], dim=1)
    linear = conv_bn("linear_conv", linear)
    active = conv_bn("active_conv", active + conv_bn("match", linear)).relu()
    mixed = conv_bn("mix", torch.cat([passed, linear, active], dim=1))
    torch.testing.assert_close(mixed, result)


@pytest.mark.parametrize("divisions", ["chained", "apart"])
def test_equal_groups_are_convolved_and_the_last_is_activated(
    divisions: Literal["chained", "apart"],
) -> None:
    """Chained, each but the first adds what the one before it gives (Table 9)."""
    net = build(reuse(Network(16, (Stage(16, 1),), 8, 10), 4, divisions), 0).eval()
    source, result, conv_bn = seen_in_reuse(net)
    groups: list[Tensor] = []
    for number, group in enumerate(source.split(4, dim=1), start=1):
        if divisions == "chained" and groups:
            group = group + groups[-1]
        groups.append(conv_bn(f"conv{number}", group))
    mixed = conv_bn("mix", torch.cat([*groups[:-1], groups[-1].relu()], dim=1))
    torch.testing.assert_close(mixed, result)


def test_a_network_that_no_memory_holds_is_refused() -> None:
    with pytest.raises(ValueError, match=r"has [\d,]+ weights: too many for the memory"):
        build(resnet18(1_000_000), 1)
