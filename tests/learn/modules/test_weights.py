"""Weights from elsewhere: equal logits where they fit, and the first place that differs."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torchvision.models.regnet import BlockParams, RegNet

from deepreshape.design import Network, cull, parse, resnet18, wide_resnet
from deepreshape.learn.modules.weights import WeightsDoNotFit, load_file, load_weights
from deepreshape.learn.training.nets import build
from tests.families import FAMILIES
from tests.learn.modules import published
from tests.learn.tiny import same

NETWORK = resnet18(4, resolution=16, classes=10)
THEIRS = published.lively(partial(published.StemWithoutReLU, 4, 10))


def small_regnet() -> nn.Module:
    blocks = BlockParams([1, 2, 2, 1], [8, 16, 24, 32], [4] * 4, [1.0] * 4, [1, 1, 2, 2])
    net = RegNet(blocks, num_classes=10, stem_width=8)
    net.stem[0].stride = (1, 1)
    return net


@pytest.mark.parametrize(
    ("make", "network"),
    [
        (published.small_resnet18, parse("ResNet18", 32, 10)),
        (partial(published.StemWithoutReLU, 4, 10), cull(NETWORK, [0])),
        (partial(published.wide_resnet, 16, 2, 4, 10), wide_resnet(16, 2, 4, 16, 10)),
        (small_regnet, FAMILIES["RegNet-X"]),
    ],
    ids=["shortcuts last", "SNL", "WideResNet", "shortcuts first"],
)
def test_weights_of_others_give_their_logits(
    make: Callable[[], nn.Module], network: Network
) -> None:
    theirs, ours = published.lively(make), build(network, 1).eval()
    load_weights(ours, theirs.state_dict())
    side = network.resolution
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images))


def test_torchvisions_resnet18_has_as_many_entries_and_all_their_shapes() -> None:
    ours, theirs = build(parse("ResNet18", 32, 10), 1), published.small_resnet18()
    pairs = list(zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True))
    assert len(pairs) == 122
    assert all(one.shape == other.shape for one, other in pairs)


def test_names_decide_where_they_are_the_nets() -> None:
    """In whatever order they come."""
    wanted, net = build(NETWORK, 1), build(NETWORK, 2)
    load_weights(net, dict(reversed(wanted.state_dict().items())))
    assert same(net.state_dict(), wanted.state_dict())


def test_counts_of_batches_may_be_missing() -> None:
    """As they are in files of before PyTorch 0.4.1."""
    old = {name: each for name, each in THEIRS.state_dict().items() if "num_batches" not in name}
    net = build(NETWORK, 2)
    load_weights(net, old)
    assert torch.equal(net.get_parameter("head/logits.weight"), THEIRS.linear.weight)


def without(name: str) -> dict[str, Tensor]:
    return {other: each for other, each in THEIRS.state_dict().items() if other != name}


@pytest.mark.parametrize(
    ("tensors", "said"),
    [
        (
            THEIRS.state_dict() | {"layer1.0.conv1.weight": torch.zeros(4, 4, 1, 1)},
            "tensor 6 of the weights, layer1.0.conv1.weight (4 x 4 x 1 x 1), is not the net's,"
            " stage1/block1/conv1.weight (4 x 4 x 3 x 3)",
        ),
        (without("linear.bias"), "end after 101 tensors, where head/logits.bias (10) comes next"),
        (THEIRS.state_dict() | {"more": torch.zeros(2)}, "the weights go on with more (2) behind"),
        ({}, "end after 0 tensors, where stem/conv.weight"),
        (THEIRS.state_dict() | {"linear.bias": torch.full((10,), torch.nan)}, "linear.bias has"),
    ],
    ids=["shape", "short", "long", "empty", "not finite"],
)
def test_the_first_place_that_differs_is_named(tensors: dict[str, Tensor], said: str) -> None:
    net = build(NETWORK, 2)
    before = {name: each.clone() for name, each in net.state_dict().items()}
    with pytest.raises(WeightsDoNotFit) as refused:
        load_weights(net, tensors)
    assert said in str(refused.value)
    assert same(net.state_dict(), before)


@pytest.mark.parametrize(
    "checkpoint",
    [
        lambda tensors: tensors,
        lambda tensors: {"epoch": 3, "state_dict": tensors, "optimizer": {"lr": 0.1}},
        lambda tensors: {"net": {f"module.{name}": each for name, each in tensors.items()}},
    ],
    ids=["plain", "checkpoint", "parallel"],
)
def test_a_file_of_torch_is_read(checkpoint: Callable[[Any], Any], tmp_path: Path) -> None:
    torch.save(checkpoint(THEIRS.state_dict()), tmp_path / "net.pt")
    net = build(NETWORK, 2)
    load_file(net, tmp_path / "net.pt")
    assert torch.equal(net.get_parameter("head/logits.weight"), THEIRS.linear.weight)


def test_a_file_of_safetensors_is_read_by_name(tmp_path: Path) -> None:
    wanted, net = build(NETWORK, 1), build(NETWORK, 2)
    save_file(wanted.state_dict(), tmp_path / "net.safetensors")
    load_file(net, tmp_path / "net.safetensors")
    assert same(net.state_dict(), wanted.state_dict())


def test_safetensors_keep_no_order(tmp_path: Path) -> None:
    save_file(THEIRS.state_dict(), tmp_path / "net.safetensors")
    with pytest.raises(WeightsDoNotFit, match=r"safetensors keep no order, and bn1\.bias"):
        load_file(build(NETWORK, 2), tmp_path / "net.safetensors")


BAD: dict[str, tuple[Any, str]] = {
    "a module": (nn.Linear(2, 2), "holds no tensors that can be read without running code"),
    "a list": ([torch.zeros(1)], "holds no tensors by name, but a list"),
    "no tensors": ({"epoch": 3}, "holds no tensors by name, but a dict"),
    "two nets": (
        {"teacher": THEIRS.state_dict(), "student": THEIRS.state_dict()},
        "holds the tensors of 2 nets, not of one",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_holds_no_weights_is_said(name: str, tmp_path: Path) -> None:
    value, said = BAD[name]
    torch.save(value, tmp_path / "net.pt")
    with pytest.raises(WeightsDoNotFit, match=said):
        load_file(build(NETWORK, 2), tmp_path / "net.pt")


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_a_file_of_something_else_is_said(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"net{suffix}"
    path.write_text("no weights")
    with pytest.raises(WeightsDoNotFit):
        load_file(build(NETWORK, 2), path)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="is not there"):
        load_file(build(NETWORK, 2), tmp_path / "net.pt")
