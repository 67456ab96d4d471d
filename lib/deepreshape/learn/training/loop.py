"""The training loop, of nets and of searches for their ReLUs: `Trainer.fit`, from top to bottom."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from deepreshape.learn.images.loader import Loader
from deepreshape.learn.images.sets import Images
from deepreshape.learn.training import checkpoints
from deepreshape.learn.training.curve import Epoch
from deepreshape.learn.training.evaluate import TrainingFailed, accuracy, correct, percent
from deepreshape.learn.training.machine import Machine, Precision
from deepreshape.learn.training.nets import Net
from deepreshape.learn.training.objectives import Labels, Objective, Taught
from deepreshape.learn.training.recipe import Recipe
from deepreshape.learn.training.steps import Progress, Rate, steps
from deepreshape.learn.training.teacher import Teacher

__all__ = ["Progress", "Trainer", "TrainingResult", "train", "unsound"]


class Trainer:
    """A net in training, its optimizer and its history, as far as its checkpoint has them.

    optimizer: makes one for the net, once that is on the machine. checkpoint: the file that epochs
    are written to, the last always, others as `checkpoints.Pace` says; where it holds one under the
    same teacher (the hash of its weights), that is gone on from, in the number format that it began
    with. rate: the learning rate of a step, counted from 0; without it the optimizer's own.

    history: an entry for every epoch, with its loss, its seconds and what its objective notes.
    """

    def __init__(
        self,
        net: Net,
        optimizer: Callable[[Net], Optimizer],
        loader: Loader,
        machine: Machine,
        checkpoint: Path | None,
        progress: Progress,
        teacher: str | None,
        rate: Rate | None = None,
    ) -> None:
        self.net, self.loader = machine.place(net), loader
        self.optimizer = optimizer(net)
        self.checkpoint, self.progress, self.teacher = checkpoint, progress, teacher
        self.rate = rate
        found = checkpoints.restore(checkpoint, net, self.optimizer, teacher)
        self.threads = checkpoints.thread_counts(found)
        self.history: list[dict[str, Any]] = found["history"] if found else []
        self.machine = replace(machine, precision=found["precision"]) if found else machine
        if found:
            epochs = sum("loss" in entry for entry in self.history)
            progress(epochs * loader.steps * loader.batch)

    def fit(self, objective: Objective, epochs: int, before: int = 0) -> None:
        """Train until the history has an entry for each of so many epochs, behind the first
        `before`, or until the objective is reached.

        Raises TrainingFailed when a loss is not finite, or a weight after an epoch.
        """
        count = self.loader.steps
        taking = steps(self.optimizer, self.loader, self.machine, self.rate, self.progress)
        saving = checkpoints.Pace()
        for epoch in range(len(self.history) - before, epochs):
            if objective.reached():
                break
            start = time.perf_counter()
            pictures = self.loader.shown(epoch)
            objective.begin(epoch, pictures.images)
            self.net.train()
            total = 0.0
            for number, loss in enumerate(taking.losses(objective, epoch, pictures), epoch * count):
                if not math.isfinite(loss):
                    raise self._failed(f"{objective.name} is {loss}", number)
                total += loss
            if name := unsound(self.net):
                raise self._failed(f"{name} is no longer finite", (epoch + 1) * count - 1)
            noted = objective.end()
            seconds = time.perf_counter() - start
            self.history.append({**noted, "loss": total / count, "seconds": seconds})
            if epoch + 1 == epochs or objective.reached() or saving.is_due():
                with saving.timed():
                    self._save()

    def _save(self) -> None:
        header = {
            "history": self.history,
            "precision": self.machine.precision,
            "threads": self.threads,
        }
        checkpoints.save(self.checkpoint, self.net, self.optimizer, header, self.teacher)

    def _failed(self, what: str, step: int) -> TrainingFailed:
        epoch, own = step // self.loader.steps + 1, self.optimizer.param_groups[0]["lr"]
        rate = float(own) if self.rate is None else self.rate(step)
        return TrainingFailed(f"{what} at step {step} (epoch {epoch}), learning rate {rate:.3g}")


def unsound(net: nn.Module) -> str | None:
    """Of what a net holds, the first by name that is no number; asked of the device once."""
    held = net.state_dict()
    sound = torch.stack([value.isfinite().all() for value in held.values()]).tolist()
    return next((name for name, fine in zip(held, sound, strict=True) if not fine), None)


@dataclass(frozen=True, slots=True)
class TrainingResult:
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
) -> TrainingResult:
    """Train a net and measure it after its last epoch.

    With a `checkpoint` path the state is written there between epochs, and a state found there
    under the same teacher is continued: on a CPU, on the same machine and thread count, the result
    is the uninterrupted one, bit for bit. Raises TrainingFailed when the loss is not finite, or a
    weight after an epoch, or a logit after the last.
    """
    device, shift, flip = machine.device, recipe.shift, recipe.flip
    loader = Loader(images, device, recipe.batch, shift, flip, seed, recipe.halved)
    trainer = Trainer(
        net,
        recipe.optimizer,
        loader,
        machine,
        checkpoint,
        progress,
        teacher.weights if teacher else None,
        rate=lambda step: recipe.rate * recipe.rate_factor(step, loader.steps),
    )
    trainer.fit(Taught(net, recipe, teacher) if teacher else Labels(net, recipe), recipe.epochs)

    seen = loader.steps * loader.batch
    epochs = [(entry["loss"], entry["seconds"]) for entry in trainer.history]
    curve = tuple(Epoch(loss, seconds, seen / seconds) for loss, seconds in epochs)
    validation = accuracy(net, images.validation, images, trainer.machine)
    right = correct(net, images.test, images, trainer.machine)
    return TrainingResult(net, validation, percent(right), right, curve, trainer.machine.precision)
