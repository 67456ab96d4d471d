"""Notices work that a device would have to tell its host about, or be told of from it."""

from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

SIZED_BY_VALUES = ("nonzero", "masked_select", "unique", "bincount", "repeat_interleave")


class Waits(AssertionError):
    """An operation that a GPU's queue would stop at."""


class NoWaiting(TorchDispatchMode):
    """A block in which the host reads no value of a tensor, makes no shape depend on one, and
    copies nothing from one device to another; raises Waits."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.seen += 1
        kwargs = kwargs or {}
        name = func.__name__.partition(".")[0].strip("_")
        before = _places((args, kwargs))
        if name == "local_scalar_dense":
            raise Waits("reads a number")
        if any(name.startswith(each) for each in SIZED_BY_VALUES):
            raise Waits(f"{name} has a size that depends on values")
        if name.startswith("index") and any(_is_mask(each) for each in tree_leaves(args[1:])):
            raise Waits(f"{name} takes a mask")
        result = func(*args, **kwargs)
        after = _places(result)
        if before and len(before | after) > 1:
            raise Waits(f"{name} copies between {' and '.join(sorted(before | after))}")
        return result


def _places(values: object) -> set[str]:
    return {each.device.type for each in tree_leaves(values) if isinstance(each, Tensor)}


def _is_mask(value: object) -> bool:
    return isinstance(value, Tensor) and value.dtype in (torch.bool, torch.uint8)
