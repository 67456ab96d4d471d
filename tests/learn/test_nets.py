"""Modules: what a network says is what its module does."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock

from deepreshape.design import (
    Network,
    Stage,
    cull,
    hybrenet,
    layers,
    optimize,
    resnet18,
    resnet34,
    reuse,
    scale,
    thin,
)
from deepreshape.learn.nets import Net, build

FAMILIES = {
    "ResNet18": resnet18(8, resolution=16, classes=10),
    "ResNet34": resnet34(8, resolution=16, classes=10),
    "StageCh": resnet18(8, (3, 3, 3), resolution=16, classes=10),
    "HRN": hybrenet(5, 2, 1, m=8, resolution=16, classes=10),
    "R34-HRN": hybrenet(2, 1, 2, m=8, base="34", resolution=16, classes=10),
    "stages": Network(6, (Stage(8, 1), Stage(16, 2)), 16, 10),
}
EDITS: dict[str, Callable[[Network], Network]] = {
    "as it is": lambda network: network,
    "culled": lambda network: cull(network, {1}),
    "thinned": lambda network: thin(network, {1, 2}),
    "optimized": optimize,
    "scaled": lambda network: scale(network, "1/2"),
    "Re2": lambda network: reuse(network, 2),
    "Re4": lambda network: reuse(network, 4),
    "Re8 after all": lambda network: reuse(optimize(network), 8),
}
NETWORKS = [
    pytest.param(edit(network), id=f"{family} {name}")
    for family, network in FAMILIES.items()
    for name, edit in EDITS.items()
]
SMALL = hybrenet(2, 3, 2, m=4, resolution=16, classes=10)


def pictures(count: int, size: int = 16, seed: int = 3) -> Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def equal(left: nn.Module, right: nn.Module) -> bool:
    pairs = zip(left.state_dict().values(), right.state_dict().values(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


# Every member of the family


@pytest.mark.parametrize("network", NETWORKS)
def test_images_in_logits_out(network: Network) -> None:
    assert build(network, 0)(pictures(3)).shape == (3, 10)


@pytest.mark.parametrize("network", NETWORKS)
def test_every_parameter_learns(network: Network) -> None:
    net = build(network, 0)
    net(pictures(8)).logsumexp(1).sum().backward()
    still = [name for name, weight in net.named_parameters() if not (weight.grad != 0).any()]
    assert still == []


@pytest.mark.parametrize("network", NETWORKS)
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


@pytest.mark.parametrize("network", NETWORKS)
def test_relu_sites_are_the_modules_that_are_relus(network: Network) -> None:
    net = build(network, 0)
    relus = [name for name, module in net.named_modules() if isinstance(module, nn.ReLU)]
    assert list(net.relu_sites()) == relus
    assert list(net.relu_sites().values()) == [net.get_submodule(name) for name in relus]


# One network, looked at closely


def test_the_sites_of_resnet18_are_one_in_the_stem_and_two_a_block() -> None:
    blocks = [f"stage{stage}/block{block}" for stage in (1, 2, 3, 4) for block in (1, 2)]
    expected = ["stem/relu", *(f"{block}/relu{site}" for block in blocks for site in (1, 2))]
    assert list(build(FAMILIES["ResNet18"], 0).relu_sites()) == expected


def test_a_thinned_block_keeps_the_relu_behind_its_sum() -> None:
    net = build(thin(Network(4, (Stage(4, 1), Stage(8, 1)), 8, 10), {2}), 0)
    assert list(net.relu_sites()) == [
        "stem/relu",
        "stage1/block1/relu1",
        "stage1/block1/relu2",
        "stage2/block1/relu2",
    ]


def test_the_submodules_are_the_layers() -> None:
    net = build(SMALL, 0)
    assert [name for name, _ in net.named_children()] == [layer.name for layer in layers(SMALL)]


@pytest.mark.parametrize(
    "network",
    [resnet18(8, resolution=16, classes=10), resnet34(8, resolution=16, classes=10), SMALL],
    ids=str,
)
def test_blocks_are_torchvisions_basic_blocks(network: Network) -> None:
    parts: list[nn.Module] = [
        nn.Conv2d(3, network.stem, 3, padding=1, bias=False),
        nn.BatchNorm2d(network.stem),
        nn.ReLU(),
    ]
    width = network.stem
    for number, stage in enumerate(network.stages):
        for block in range(stage.depth):
            stride = 2 if number and not block else 1
            shortcut = None
            if stride == 2 or width != stage.width:
                shortcut = nn.Sequential(
                    nn.Conv2d(width, stage.width, 1, stride, bias=False),
                    nn.BatchNorm2d(stage.width),
                )
            parts.append(BasicBlock(width, stage.width, stride, shortcut))
            width = stage.width
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, network.classes)]
    reference = nn.Sequential(*parts, *head)
    net = build(network, 0)
    weights = net.state_dict().values()
    reference.load_state_dict(dict(zip(reference.state_dict(), weights, strict=True)))
    torch.testing.assert_close(net(pictures(4)), reference(pictures(4)))


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


def test_relu_reuse_passes_convolves_and_activates_the_groups_of_figure_9() -> None:
    """Of 16 channels, 4 pass, 8 are only convolved and feed the last 4, which are activated."""
    net = build(reuse(Network(16, (Stage(16, 1),), 8, 10), 4), 0).eval()
    block = "stage1/block1"
    outputs: dict[str, list[Tensor]] = {f"{block}/relu1": [], f"{block}/reuse/mix_bn": []}
    for name, kept in outputs.items():
        net.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, kept=kept: kept.append(output)
        )
    net(pictures(2, size=8))
    (source,), (result,) = (tuple(kept) for kept in outputs.values())

    def conv_bn(name: str, x: Tensor) -> Tensor:
        conv = net.get_submodule(f"{block}/reuse/{name}")
        return net.get_submodule(f"{block}/reuse/{name}_bn")(conv(x))

    passed, linear, active = source.split([4, 8, 4], dim=1)
    linear = conv_bn("linear_conv", linear)
    active = conv_bn("active_conv", active + conv_bn("match", linear)).relu()
    mixed = conv_bn("mix", torch.cat([passed, linear, active], dim=1))
    torch.testing.assert_close(mixed, result)
