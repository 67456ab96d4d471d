"""Masks: which pixels of which ReLU sites are activated, after a search."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from deepreshape.design import AnyNetwork, layers
from deepreshape.design.ops import Relu, Shape
from deepreshape.learn.tensor_files import CorruptFile, load_tensors, save_tensors
from deepreshape.learn.training.nets import Net

Masks = Mapping[str, Tensor]
"""By ReLU site, bool (channels, height, width): True where the ReLU stays, False where the input
passes."""


@dataclass(frozen=True, slots=True)
class Found:
    """The masks of a search, the seconds it took, and an entry for each of its epochs."""

    masks: Masks
    seconds: float
    history: tuple[dict[str, Any], ...]


class Masked(nn.Module):
    """A ReLU site of which only a part is activated. mask: bool (channels, height, width), held as
    (1, channels, height, width). persistent: does it belong to the net's state?"""

    mask: Tensor

    def __init__(self, mask: Tensor, persistent: bool = False) -> None:
        super().__init__()
        # Four dimensions: `Machine.place` then gives it the layout of the maps it is laid upon.
        self.register_buffer("mask", mask[None], persistent)

    def forward(self, x: Tensor) -> Tensor:
        return torch.where(self.mask.view(self.mask.shape[: x.dim()]), x.relu(), x)


def sites(network: AnyNetwork) -> dict[str, Shape]:
    """The shape of every ReLU site, by name, in the order in which they run."""
    return {layer.name: layer.shape for layer in layers(network) if isinstance(layer.op, Relu)}


def require_budget(budget: int, network: AnyNetwork) -> None:
    """Raise ValueError where a network does not have that many ReLUs."""
    relus = sum(map(prod, sites(network).values()))
    if not 0 <= budget <= relus:
        raise ValueError(
            f"a budget for {network.name} lies between 0 and its {relus:,} ReLUs;"
            f" {budget:,} does not"
        )


def without_choice(budget: int, network: AnyNetwork) -> Masks | None:
    """The masks that keep all ReLUs of a network, or none: None where the budget is between."""
    shapes = sites(network)
    if 0 < budget < sum(map(prod, shapes.values())):
        return None
    return {name: torch.full(shape, budget > 0) for name, shape in shapes.items()}


def apply(net: Net, masks: Masks) -> None:
    """Put masks in place of the net's ReLUs. Raises ValueError where they are for other sites."""
    if {name: tuple(mask.shape) for name, mask in masks.items()} != sites(net.network):
        raise ValueError(f"these masks are not for the ReLU sites of {net.network}")
    for name, mask in masks.items():
        net.replace(name, Masked(mask))


def unmask(net: Net) -> None:
    """Put plain ReLUs back at all sites."""
    for name in sites(net.network):
        net.replace(name, nn.ReLU())


def counted(masks: Masks, network: AnyNetwork) -> tuple[int, ...]:
    """The ReLUs left in each stage; the stem counts with stage 1 and the head with the last."""
    last = len(network.stages)
    totals = [0] * last
    for layer in layers(network):
        if layer.name in masks:
            totals[min(max(layer.stage, 1), last) - 1] += int(masks[layer.name].sum())
    return tuple(totals)


def save_masks(path: Path, masks: Masks, meta: Mapping[str, object]) -> str:
    """Write masks, eight pixels a byte, atomically; returns the file's SHA-256."""
    packed = {name: _packed(mask) for name, mask in masks.items()}
    shapes = {name: list(mask.shape) for name, mask in masks.items()}
    return save_tensors(path, packed, {**meta, "shapes": shapes})


def load_masks(path: Path) -> tuple[dict[str, Tensor], str]:
    """The masks of a file and its SHA-256. Raises FileNotFoundError or CorruptFile."""
    packed, meta, digest = load_tensors(path)
    shapes: Any = meta.get("shapes")
    try:
        if shapes.keys() != packed.keys():
            raise ValueError
        masks = {name: _unpacked(packed[name], shape) for name, shape in shapes.items()}
    except (AttributeError, TypeError, ValueError):
        raise CorruptFile(f"{path} does not hold masks") from None
    return masks, digest


def _packed(mask: Tensor) -> Tensor:
    return torch.from_numpy(np.packbits(mask.cpu().numpy().reshape(-1)))


def _unpacked(bits: Tensor, shape: list[int]) -> Tensor:
    """A mask of its bits. Raises TypeError or ValueError where they are not those of the shape."""
    channels, height, width = shape
    count = channels * height * width
    if min(shape) < 1 or bits.dtype != torch.uint8 or bits.shape != (-(-count // 8),):
        raise ValueError
    flat = np.unpackbits(bits.numpy(), count=count).astype(bool)
    return torch.from_numpy(flat.reshape(shape))
