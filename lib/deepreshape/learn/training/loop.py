"""The training loop: one function, read from top to bottom."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.optim import SGD, Optimizer

from deepreshape.learn.images.epochs import Batch, batches, shown
from deepreshape.learn.images.sets import Images
from deepreshape.learn.training import checkpoints
from deepreshape.learn.training.curve import Epoch
from deepreshape.learn.training.evaluate import TrainingFailed, accuracy, correct, percent
from deepreshape.learn.training.losses import attention_mismatch, distilled
from deepreshape.learn.training.machine import Machine, Precision
from deepreshape.learn.training.nets import Net
from deepreshape.learn.training.recipe import Recipe
from deepreshape.learn.training.teacher import Teacher

Progress = Callable[[int], None]
"""Called with the number of images that a step has just used."""


@dataclass(frozen=True, slots=True)
class Trained:
    """A net at the end of its last epoch, its accuracies in percent, and its curve.

    right: bool, (test images,): which of them it is right about.
    """

    net: Net
    validation: float
    test: float
    right: Tensor
    curve: tuple[Epoch, ...]
    precision: Precision


def train(
    net: Net,
    recipe: Recipe,
    images: Images,
    seed: int,
    machine: Machine,
    teacher: Teacher | None = None,
    checkpoint: Path | None = None,
    progress: Progress = lambda images: None,
) -> Trained:
    """Train a net and measure it after its last epoch.

    With a `checkpoint` path the state is written there after every epoch, and a state found there
    under the same teacher is continued: on a CPU, on the same machine and thread count, the result
    is the uninterrupted one, bit for bit. Raises TrainingFailed when the loss is not finite, or a
    weight after an epoch, or a logit after the last.
    """
    data = images.train.to(machine.device)
    batch = min(recipe.batch, len(data))
    steps = len(data) // batch
    machine.place(net)
    optimizer = SGD(
        net.parameters(),
        recipe.rate,
        recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=recipe.nesterov,
    )
    taught_by = teacher.weights if teacher else None
    found = checkpoints.restore(checkpoint, net, optimizer, taught_by)
    threads = checkpoints.sittings(found)
    header = found or {"curve": [], "precision": machine.precision}
    curve = tuple(Epoch(**epoch) for epoch in header["curve"])
    machine = Machine(machine.device, header["precision"])
    progress(len(curve) * steps * batch)

    for epoch in range(len(curve), recipe.epochs):
        start = time.perf_counter()
        pictures = shown(data, recipe.shift, recipe.flip, seed, epoch)
        lesson = teacher.lesson(epoch, pictures.images) if teacher else None
        loss = descend(
            net,
            optimizer,
            batches(pictures, data, images, batch, recipe.halves(epoch)),
            partial(_loss, net, recipe, epoch, teacher, lesson),
            epoch * steps,
            steps,
            machine,
            progress,
            rate=lambda step: recipe.rate * recipe.rate_factor(step, steps),
        )
        seconds = time.perf_counter() - start
        curve = (*curve, Epoch(loss, seconds, steps * batch / seconds))
        header = {
            "curve": [asdict(each) for each in curve],
            "precision": machine.precision,
            "threads": threads,
        }
        checkpoints.save(checkpoint, net, optimizer, header, taught_by)

    validation = accuracy(net, images.validation, images, machine)
    right = correct(net, images.test, images, machine)
    return Trained(net, validation, percent(right), right, curve, machine.precision)


def descend(
    net: nn.Module,
    optimizer: Optimizer,
    batches: Iterable[Batch],
    loss_of: Callable[[Batch], Tensor],
    first: int,
    steps: int,
    machine: Machine,
    progress: Progress,
    rate: Callable[[int], float] | None = None,
    what: str = "the loss",
) -> float:
    """An epoch: a step of the optimizer for every batch; returns the mean loss.

    first: the number of the first step; steps: of an epoch. rate: the learning rate at a step; the
    optimizer's own without it. Raises TrainingFailed, which says `what` is no number, or that a
    weight is none after the last step; where and at which rate.
    """

    def failed(what: str, step: int) -> TrainingFailed:
        rate = optimizer.param_groups[0]["lr"]
        where = f"at step {step} (epoch {step // steps + 1}), learning rate {rate:.3g}"
        return TrainingFailed(f"{what} {where}")

    net.train()
    total = 0.0
    for step, seen in enumerate(batches, first):
        if rate is not None:
            for group in optimizer.param_groups:
                group["lr"] = rate(step)
        with machine.autocast():
            loss = loss_of(seen)
        value = loss.item()
        if not math.isfinite(value):
            raise failed(f"{what} is {value}", step)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        total += value
        progress(len(seen.rows))
    for name, value in net.state_dict().items():
        if not value.isfinite().all():
            raise failed(f"{name} is no longer finite", first + steps - 1)
    return total / steps


def _loss(
    net: Net,
    recipe: Recipe,
    epoch: int,
    teacher: Teacher | None,
    lesson: Tensor | None,
    seen: Batch,
) -> Tensor:
    """The loss of a batch; lesson: the teacher's logits for the epoch, by row."""
    if teacher is None or lesson is None:
        logits = net(seen.images).float()
        return cross_entropy(logits, seen.labels, label_smoothing=recipe.smoothing)
    logits, maps = net.observe(seen.images, net.stage_ends() if recipe.pram else ())
    loss = distilled(
        recipe.distillation,
        logits.float(),
        lesson[seen.rows],
        seen.labels,
        epoch,
        recipe.smoothing,
    )
    if recipe.pram:
        with torch.no_grad():
            _, theirs = teacher.net.observe(seen.images, teacher.net.stage_ends())
        loss = loss + recipe.pram * attention_mismatch(maps, theirs)
    return loss
