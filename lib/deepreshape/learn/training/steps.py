"""The steps of an epoch, and their losses: step after step as the host asks for them, or as graphs
that a GPU repeats.

Nothing in a step waits for the device: images, labels, teacher's logits and the rate lie there, and
losses are read when the epoch is over. A GPU needs some 100 us to be told the work of a layer, so
that small networks leave it idle most of the time; a graph is told once.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from deepreshape.learn.images.loader import Loader, Shown, scale_of, taken
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.objectives import Objective, refilled

Progress = Callable[[int], None]
"""Called with the number of images that steps have just used, or that were used before."""
Rate = Callable[[int], float]
"""The learning rate of a step, counted from 0 over all epochs."""

WARM = 3
"""Steps before one is captured: libraries set themselves up in these."""


def step(optimizer: Optimizer, machine: Machine, loss: Callable[[], Tensor]) -> Tensor:
    """One step of training, and the loss that it is taken at, on the device."""
    with machine.autocast():
        found = loss()
    optimizer.zero_grad(set_to_none=True)
    found.backward()
    optimizer.step()
    return found.detach()


class Steps(Protocol):
    """Takes the steps of an epoch."""

    def losses(self, objective: Objective, epoch: int, pictures: Shown) -> list[float]:
        """Those of its steps, up to the first that is no number where that is known in time."""


def steps(
    optimizer: Optimizer, loader: Loader, machine: Machine, rate: Rate | None, progress: Progress
) -> Steps:
    """Those of a machine. rate: without it, the optimizer's own."""
    held = isinstance(loader.data.images, Tensor)
    kind = Graphed if machine.graphs and held else Asked
    return kind(optimizer, loader, machine, rate, progress)


@dataclass(eq=False)
class Asked:
    """The host asks for every step."""

    optimizer: Optimizer
    loader: Loader
    machine: Machine
    rate: Rate | None
    progress: Progress

    def __post_init__(self) -> None:
        if self.rate is not None and self.machine.device.type != "cpu":
            _rates_on(self.optimizer, self.machine.device)

    def losses(self, objective: Objective, epoch: int, pictures: Shown) -> list[float]:
        first, found = epoch * self.loader.steps, []
        for number, batch in enumerate(self.loader.batches(epoch, pictures), first):
            if self.rate is not None:
                _set_rate(self.optimizer, self.rate(number))
            loss = step(self.optimizer, self.machine, partial(objective.loss, batch))
            found.append(loss)
            if loss.is_cpu and not math.isfinite(loss.item()):
                break
            self.progress(len(batch.rows))
        return [float(loss) for loss in torch.stack(found).tolist()]


@dataclass(eq=False)
class Graphed:
    """A step is captured, and repeated: it reads its number, and by that its rows and its rate,
    where the step before left them.

    On a CPU the same step is taken again and again without being captured. It is captured anew
    where the objective or the images' side would make it another.
    """

    optimizer: Optimizer
    loader: Loader
    machine: Machine
    rate: Rate | None
    progress: Progress

    def __post_init__(self) -> None:
        device, count = self.machine.device, self.loader.steps
        self.scale = scale_of(self.loader.images, device)
        self.number = torch.zeros(1, dtype=torch.long, device=device)
        self.taken_at = torch.zeros(count, device=device)
        self.lr = None if self.rate is None else _rates_on(self.optimizer, device)
        self.rates: Tensor | None = None
        self.pictures: Tensor | None = None
        self.order: Tensor | None = None
        self.captured_for: object = None
        self.again: Callable[[], object] | None = None

    def losses(self, objective: Objective, epoch: int, pictures: Shown) -> list[float]:
        count, halved = self.loader.steps, self.loader.is_halved(epoch)
        self._fill(epoch, pictures)
        once = partial(self._once, objective, halved)
        facts = (objective, objective.fixed(epoch), halved)
        begun = 0
        if self.again is None or facts != self.captured_for:
            self.again, begun = None, min(WARM, count)
            self.again, self.captured_for = self._captured(once, begun), facts
            for _ in range(begun):
                self.progress(self.loader.batch)
        for _ in range(begun, count):
            self.again()
            self.progress(self.loader.batch)
        return [float(loss) for loss in self.taken_at.tolist()]

    def _fill(self, epoch: int, pictures: Shown) -> None:
        """Put what the epoch's steps read where they read it."""
        count, batch, device = self.loader.steps, self.loader.batch, self.machine.device
        self.number.zero_()
        assert isinstance(pictures.images, Tensor)  # as `steps` chooses
        self.pictures = refilled(self.pictures, pictures.images)
        order = pictures.order[: count * batch].view(count, batch)
        self.order = refilled(self.order, order.to(device))
        if self.rate is not None and self.lr is not None:
            rates = [self.rate(epoch * count + number) for number in range(count)]
            made = torch.tensor(rates, dtype=self.lr.dtype, device=device)
            self.rates = refilled(self.rates, made)

    def _once(self, objective: Objective, halved: bool) -> None:
        """The step whose number is there."""
        assert self.order is not None and self.pictures is not None
        if self.lr is not None and self.rates is not None:
            self.lr.copy_(self.rates.index_select(0, self.number).squeeze(0))
        rows = self.order.index_select(0, self.number).squeeze(0)
        labels = self.loader.data.labels
        batch = taken(rows, self.pictures, labels, self.scale, halved)
        loss = step(self.optimizer, self.machine, partial(objective.loss, batch))
        self.taken_at.index_copy_(0, self.number, loss.float().view(1))
        self.number += 1

    def _captured(self, once: Callable[[], None], warm: int) -> Callable[[], object]:
        """Take so many steps, then capture the next without taking it."""
        device = self.machine.device
        if device.type != "cuda":
            for _ in range(warm):
                once()
            return once
        with torch.cuda.device(device):
            torch.cuda.empty_cache()  # of the graph before this
            aside = torch.cuda.Stream(device)
            aside.wait_stream(torch.cuda.current_stream(device))
            with torch.cuda.stream(aside):
                for _ in range(warm):
                    once()
            torch.cuda.current_stream(device).wait_stream(aside)
            self.optimizer.zero_grad(set_to_none=True)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                once()
        return graph.replay


def _rates_on(optimizer: Optimizer, device: torch.device) -> Tensor:
    """Let all groups of an optimizer read their rate from one number on a device; float32 on a GPU,
    whose kernels take it so."""
    dtype = torch.float32 if device.type == "cuda" else torch.float64
    rate = torch.zeros((), dtype=dtype, device=device)
    for group in optimizer.param_groups:
        rate.fill_(float(group["lr"]))
        group["lr"] = rate
    return rate


def _set_rate(optimizer: Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate
