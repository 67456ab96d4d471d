"""Weights from elsewhere: by name where the names are a net's own, else by order and shape."""

from collections.abc import Callable, Mapping
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors import torch as safetensors
from torch import Tensor, nn

COUNT = "num_batches_tracked"
"""What a BatchNorm counts, and old files do not have; nothing is computed from it."""


class WeightsDoNotFit(ValueError):
    """Weights that are not a net's; the message names the first place that differs."""


class _Place(NamedTuple):
    name: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return f"{self.name} ({' x '.join(map(str, self.shape)) or 'a number'})"


def load_weights(net: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Put tensors, such as another implementation's `state_dict()`, into a net.

    Where the names are those of the net they decide. Else the tensors are taken in their order, and
    have to have the shapes of the net's one after the other; of a network of a family the shortcut
    of a block may come first, last or where it is computed. Counts of batches are left out. Order
    and shape do not tell two layers of one shape apart: compare logits where you can.
    Raises WeightsDoNotFit, with the first place that differs, and leaves the net as it was.
    """
    held = net.state_dict()
    theirs = [
        _Place(name, tuple(each.shape)) for name, each in tensors.items() if not _is_count(name)
    ]
    ours = [_Place(name, tuple(each.shape)) for name, each in held.items() if not _is_count(name)]
    if {each.name for each in theirs} == {each.name for each in ours}:
        theirs = [_Place(each.name, tuple(tensors[each.name].shape)) for each in ours]
    fitting = [(_first_difference(order(ours), theirs), order(ours)) for order in _ORDERS]
    at, chosen = max(fitting, key=lambda found: found[0])
    if at < max(len(chosen), len(theirs)):
        raise WeightsDoNotFit(_difference(at, chosen, theirs))
    for other in theirs:
        if not tensors[other.name].isfinite().all():
            raise WeightsDoNotFit(f"{other.name} has entries that are not finite")
    pairs = zip(chosen, theirs, strict=True)
    net.load_state_dict({**held, **{own.name: tensors[other.name] for own, other in pairs}})


def load_file(net: nn.Module, path: Path) -> None:
    """`load_weights` of a file of `torch.save`, or of safetensors, which keeps no order: its names
    have to be the net's.

    A checkpoint may hold its tensors under a name (`state_dict`). Nothing in a file is executed.
    Raises FileNotFoundError, or WeightsDoNotFit, also for a file that holds no tensors.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not there, or no file")
    if path.suffix != ".safetensors":
        load_weights(net, _read(path))
        return
    try:
        tensors = safetensors.load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsDoNotFit(f"{path} is no file of safetensors ({error})") from None
    named = {name for name in net.state_dict() if not _is_count(name)}
    if strange := named ^ {name for name in tensors if not _is_count(name)}:
        raise WeightsDoNotFit(
            f"safetensors keep no order, and {min(strange)} is a name of one side alone:"
            " torch.save the state_dict(), which keeps it"
        )
    load_weights(net, tensors)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise WeightsDoNotFit(
            f"{path} holds no tensors that can be read without running code"
            f" ({type(error).__name__}); save a net's state_dict()"
        ) from None
    return _tensors(path, found)


def _tensors(path: Path, found: object) -> dict[str, Tensor]:
    if isinstance(found, Mapping):
        tensors = {str(name): each for name, each in found.items() if isinstance(each, Tensor)}
        if tensors:
            return tensors
        inner = [each for each in found.values() if isinstance(each, Mapping) and _any(each)]
        if len(inner) == 1:
            return _tensors(path, inner[0])
        if inner:
            raise WeightsDoNotFit(f"{path} holds the tensors of {len(inner)} nets, not of one")
    raise WeightsDoNotFit(f"{path} holds no tensors by name, but a {type(found).__name__}")


def _any(found: Mapping[object, object]) -> bool:
    return any(isinstance(each, Tensor) for each in found.values())


def _is_count(name: str) -> bool:
    return name.rpartition(".")[2] == COUNT


def _first_difference(ours: list[_Place], theirs: list[_Place]) -> int:
    pairs = enumerate(zip(ours, theirs, strict=False))
    differing = (at for at, (own, other) in pairs if own.shape != other.shape)
    return next(differing, min(len(ours), len(theirs)))


def _difference(at: int, ours: list[_Place], theirs: list[_Place]) -> str:
    if at == len(theirs):
        return f"the weights end after {at} tensors, where {ours[at]} comes next"
    if at == len(ours):
        return f"the weights go on with {theirs[at]} behind the net's last, {ours[-1]}"
    return f"tensor {at + 1} of the weights, {theirs[at]}, is not the net's, {ours[at]}"


def _in_blocks(first: bool) -> Callable[[list[_Place]], list[_Place]]:
    """With the shortcuts first in their blocks, or last."""

    def ordered(places: list[_Place]) -> list[_Place]:
        blocks = groupby(places, lambda place: place.name.split("/")[:2])
        return [
            place
            for _, block in blocks
            for place in sorted(block, key=lambda place: ("/shortcut" in place.name) != first)
        ]

    return ordered


_ORDERS: tuple[Callable[[list[_Place]], list[_Place]], ...] = (
    lambda places: places,
    _in_blocks(first=False),
    _in_blocks(first=True),
)
"""In which another implementation may hold what a net has."""
