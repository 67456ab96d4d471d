"""Checkpoints: a net, its optimizer and a header in one file, and back, bit for bit.

The steps that follow are those of a run without a stop, bit for bit, only on a CPU, on the same
machine and with as many threads: the order of sums depends on these.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from deepreshape.learn.tensor_files import CorruptFile, load_tensors, save_tensors

_OPTIMIZER = "optimizer/"
SHARE = 0.05
"""Of the time that a training takes, checkpoints take no more."""


class Pace:
    """When the next checkpoint may be written: the first at once, and others so long after the one
    before that they take no more than `SHARE` of the time. What a stop loses is at most an epoch,
    or 20 times what a checkpoint takes."""

    def __init__(self) -> None:
        self._took, self._ended = 0.0, -inf

    def is_due(self) -> bool:
        return time.perf_counter() - self._ended >= self._took / SHARE

    @contextmanager
    def timed(self) -> Iterator[None]:
        """A block that writes one."""
        start = time.perf_counter()
        yield
        self._ended = time.perf_counter()
        self._took = self._ended - start


def thread_counts(header: Mapping[str, Any] | None) -> list[int]:
    """The thread counts of a run so far, each where it changed: those of the checkpoint that it
    goes on from, and this process's."""
    before: list[int] = [] if header is None else header["threads"]
    now = torch.get_num_threads()
    return before if before[-1:] == [now] else [*before, now]


def save(
    path: Path | None,
    net: nn.Module,
    optimizer: Optimizer,
    header: Mapping[str, object],
    teacher: str | None = None,
) -> None:
    """Write a checkpoint; without a path there is none. teacher: the hash of its weights."""
    if path is None:
        return
    kept = {
        f"{_OPTIMIZER}{index}/{name}": value
        for index, values in optimizer.state_dict()["state"].items()
        for name, value in values.items()
        if isinstance(value, Tensor)
    }
    named = {**header, "checkpoint": path.name, "teacher": teacher}
    save_tensors(path, {**net.state_dict(), **kept}, named)


def restore(
    path: Path | None, net: nn.Module, optimizer: Optimizer, teacher: str | None = None
) -> dict[str, Any] | None:
    """Put a checkpoint back in place and return its header; None where there is no whole one of the
    same teacher."""
    found = _load(path)
    if found is None or found[1].get("teacher") != teacher:
        return None
    tensors, header = found
    state: dict[int, dict[str, Any]] = {}
    for key in [key for key in tensors if key.startswith(_OPTIMIZER)]:
        _, index, name = key.split("/")
        state.setdefault(int(index), {})[name] = tensors.pop(key)
    net.load_state_dict(tensors)
    optimizer.load_state_dict({**optimizer.state_dict(), "state": state})
    # In the layout of their parameters, as they were: in another a step may round otherwise.
    for parameter, values in optimizer.state.items():
        for name, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                values[name] = torch.empty_like(parameter).copy_(value)
    return header


def header(path: Path) -> dict[str, Any] | None:
    """The header of a checkpoint; None where there is no whole one."""
    found = _load(path)
    return None if found is None else found[1]


def _load(path: Path | None) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """A whole checkpoint, and no other's under its name."""
    if path is None:
        return None
    try:
        tensors, header, _ = load_tensors(path)
    except (FileNotFoundError, CorruptFile):
        return None
    if header.get("checkpoint") != path.name:
        return None
    if "curve" in header:  # another name of the history of a training, in older files
        header["history"] = header.pop("curve")
    return tensors, header
