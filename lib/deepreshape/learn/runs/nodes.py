"""What is done on the nodes of a cluster (`cluster`), one process for each run.

Nodes that see the store's folder work in it, and another one goes on from a checkpoint there.
Others work in their cache folder, get a teacher with the run, and send back what they made.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch

from deepreshape.learn.runs.make import obtain
from deepreshape.learn.runs.record import FILES
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.tensor_files import Busy, cache_folder
from deepreshape.learn.training.machine import Precision, this_machine

MISSING = "the executor ray needs Ray, which is not installed: pip install 'deepreshape[ray]'"
PAUSE = 0.5
"""Seconds between reports of a run, and between looks at what ended."""

Sent = tuple[Record, dict[str, bytes] | None]
"""A record, and what lies beside it (`Store.receive`); None where nothing has to be kept."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a node is told of a run. marker: a file that it sees where it shares the store's folder.
    teacher: a reference to `Sent`, for where it does not."""

    number: int
    run: Run
    store: Store
    marker: Path
    device: str
    precision: Precision | None
    settings: Mapping[str, str]
    teacher: Any = None


class Node(NamedTuple):
    """Does it see the store's folder? And the bytes of its smallest GPU, 0 without one."""

    shares: bool
    gpu: int


def imported() -> Any:
    """Ray. Raises RuntimeError where it is not installed."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError:
        raise RuntimeError(MISSING) from None
    return ray


def look(marker: Path) -> Node:
    gpus = range(torch.cuda.device_count())
    memory = (torch.cuda.get_device_properties(each).total_memory for each in gpus)
    return Node(marker.exists(), min(memory, default=0))


class News:
    """What was trained on, from all nodes: number of the run and images."""

    def __init__(self) -> None:
        self._told: list[tuple[int, int]] = []

    def tell(self, number: int, images: list[int]) -> None:
        self._told += [(number, each) for each in images]

    def heard(self) -> list[tuple[int, int]]:
        """What was told since."""
        told, self._told = self._told, []
        return told


def made(order: Order, news: Any) -> Sent | None:
    """Make a run on this node; None where another process makes it."""
    os.environ.update(order.settings)
    torch.set_num_threads(1)
    run, shares = order.run, order.marker.exists()
    store = order.store if shares else Store(cache_folder() / "runs")
    pending: list[int] = []
    last = time.monotonic()

    def progress(images: int) -> None:
        nonlocal last
        pending.append(images)
        if time.monotonic() > last + PAUSE:
            news.tell.remote(order.number, pending.copy())
            pending.clear()
            last = time.monotonic()

    if not shares:
        _put_teacher(order, store)
    machine = this_machine(order.device, order.precision)
    try:
        record = obtain(run, store, machine, progress, net_too=True, wait=False)
    except Busy:
        return None
    if shares:
        return record, None
    files = None if store.get(run) is None else store.files(run)
    _remove(run, store)
    return record, files


def _put_teacher(order: Order, store: Store) -> None:
    """Into the store of a node, where it is not yet, or another."""
    teacher = order.run.teacher
    if teacher is not None and order.teacher is not None:
        record, files = imported().get(order.teacher)
        if store.get(teacher) != record or not store.holds(teacher):
            store.receive(record, files)


def _remove(run: Run, store: Store) -> None:
    """What a node has no use for once it is sent: a run, and a teacher that failed."""
    done = [run]
    if run.teacher is not None and (record := store.get(run.teacher)) is not None:
        done += [run.teacher] * (record.status == "failed")
    for each in done:
        for suffix in (".json", *FILES):
            store.path(each, suffix).unlink(missing_ok=True)
