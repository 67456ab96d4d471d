"""What a run takes before it is made: multiply-accumulates, and seconds here or on a named GPU.

Seconds here come from a probe of this machine (`learn.runs.speed`), seconds on a GPU from its data
sheet. Both are of training alone: reading data and measuring accuracies are small beside it.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import inf, prod
from typing import NamedTuple, Protocol

from deepreshape.design import AnyNetwork, cost, layers
from deepreshape.design.ops import Add, Slice
from deepreshape.learn.runs.run import Run
from deepreshape.learn.training.machine import Machine, describe
from deepreshape.places import DATA

GPUS = DATA / "gpus.csv"
"""Peaks and memory from data sheets, two assumptions, and what was measured.

measured: the share of the peak that training was seen to reach on such a card; empty where none was
measured, as on all of them so far. share: what is assumed there. Tuned code trains a ResNet-18 of
full width with 32.3e15 operations in 7 minutes on an A100, a quarter of its peak
(KellerJordan/cifar10-airbench); most networks here are narrower. launch_us: microseconds that it
takes to start the work of a layer, forward and backward, however little that is.
"""
ASKED = 500
"""Images of a batch that a teacher answers."""


class Size(NamedTuple):
    """What decides how long a network takes: multiply-accumulates and elements of the layers'
    outputs for an image; layers; learned numbers. Slices are free, and sums are no layers."""

    macs: int
    elements: int
    layers: int
    params: int


@lru_cache(maxsize=2**12)
def size(network: AnyNetwork) -> Size:
    listed = [layer for layer in layers(network) if not isinstance(layer.op, Slice)]
    elements = sum(prod(layer.shape) for layer in listed)
    launched = sum(not isinstance(layer.op, Add) for layer in listed)
    counted = cost(network)
    return Size(counted.macs, elements, launched, counted.params)


@dataclass(frozen=True, slots=True)
class Task:
    """Images that a network is trained on in batches, or, as a teacher, is only asked about."""

    network: AnyNetwork
    images: int
    batch: int
    asked: bool = False

    @property
    def steps(self) -> float:
        return self.images / self.batch

    @property
    def passes(self) -> int:
        """Backward takes twice as long as forward."""
        return 1 if self.asked else 3

    @property
    def macs(self) -> int:
        return self.passes * size(self.network).macs * self.images


def tasks(run: Run) -> list[Task]:
    """What a run consists of, at most: a search may end before its last epoch or start where
    another ended, and a teacher's answers may be there from another run."""
    recipe, search, images = run.recipe, run.search, run.data.train_images
    batch, halved = min(recipe.batch, images), recipe.halved
    found = [Task(run.network, images * (recipe.epochs - halved), batch)]
    if halved:  # a quarter of the pixels, in as many steps
        found.append(Task(run.network, images * halved // 4, max(1, batch // 4)))
    lessons, observed = recipe.epochs, recipe.epochs if recipe.pram else 0
    if search is not None:
        found.append(Task(run.network, images * search.all_epochs, min(search.batch, images)))
        lessons, observed = lessons + search.lessons, observed + search.observed
    if run.teacher is not None:
        asked = images * ((1 if recipe.leaves_images_alone else lessons) + observed)
        found.append(Task(run.teacher.network, asked, min(ASKED, images), asked=True))
    return found


def macs(run: Run) -> int:
    """Multiply-accumulates of a run, forward and backward, at most."""
    return sum(task.macs for task in tasks(run))


def with_teachers(runs: Iterable[Run]) -> list[Run]:
    """Every run once, and before it what it learns or starts from."""
    found: dict[Run, None] = {}
    for run in runs:
        if run.teacher is not None:
            found |= dict.fromkeys(with_teachers([run.teacher]))
        found[run] = None
    return list(found)


class Pace(Protocol):
    """Something that tasks are computed on."""

    def seconds(self, task: Task) -> float: ...


@dataclass(frozen=True, slots=True)
class Speed:
    """A machine, as a probe found it: the seconds that training takes for a multiply-accumulate and
    an element of an image, and for a layer and a learned number of a batch."""

    mac: float
    element: float
    layer: float
    param: float

    def seconds(self, task: Task) -> float:
        macs, elements, layers, params = size(task.network)
        image = self.mac * macs + self.element * elements
        step = self.layer * layers + self.param * params * (not task.asked)
        return (image * task.images + step * task.steps) * task.passes / 3


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU of `GPUS`: operations a second that training reaches, seconds to launch a layer,
    operations a second at its peak, and whether what training reaches was measured."""

    name: str
    flops: float
    launch: float
    peak: float = inf
    is_measured: bool = False

    def seconds(self, task: Task) -> float:
        """A multiply-accumulate is two operations; a GPU computes while the next are launched."""
        launching = task.steps * size(task.network).layers * self.launch * task.passes / 3
        return max(2 * task.macs / self.flops, launching)


def gpu(name: str) -> Gpu:
    """The GPU of that name; ValueError for an unknown one."""
    known = _gpus()
    plain = name.upper().replace(" ", "").replace("-", "")
    if plain not in known:
        raise ValueError(f"unknown GPU {name!r}; known are {', '.join(known)}")
    return known[plain]


@lru_cache(maxsize=1)
def _gpus() -> dict[str, Gpu]:
    with GPUS.open(newline="", encoding="utf-8") as file:
        return {row["name"]: _gpu(row) for row in csv.DictReader(file)}


def _gpu(row: dict[str, str]) -> Gpu:
    peak = float(row["peak_tflops"]) * 1e12
    reached = peak * float(row["measured"] or row["share"])
    return Gpu(row["name"], reached, float(row["launch_us"]) * 1e-6, peak, bool(row["measured"]))


SLOWER = ("PCIE", "NVL")
"""In the names of cards whose peak is below that of their chip's other form in `GPUS`."""


def called(said: str) -> Gpu | None:
    """The GPU of `GPUS` that calls itself so, as in NVIDIA A100-SXM4-80GB or GeForce RTX 4090; None
    where none does."""
    words = said.upper().replace("-", " ").split()
    pairs = [left + right for left, right in pairwise(words)]
    found = next((each for name, each in _gpus().items() if name in (*words, *pairs)), None)
    if found is not None and found.name != "A100" and any(form in words for form in SLOWER):
        return None
    return found


def peak(machine: Machine) -> float | None:
    """Multiply-accumulates a second that a GPU of `GPUS` could do; None elsewhere."""
    said = describe(machine.device)["processor"]
    found = called(str(said)) if machine.device.type == "cuda" else None
    return None if found is None else found.peak / 2


def seconds(run: Run, pace: Pace) -> float:
    """Of one run, at most, without its teacher's training."""
    return sum(pace.seconds(task) for task in tasks(run))
