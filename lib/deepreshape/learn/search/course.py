"""The course of a search: what its epochs show, a step for every batch, and its checkpoints."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from deepreshape.learn.images.epochs import Batch, Shown, batches, shown
from deepreshape.learn.images.sets import Images, Split
from deepreshape.learn.training import checkpoints
from deepreshape.learn.training.loop import Progress, descend
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.recipe import Recipe

History = list[dict[str, Any]]
"""What a search went through, as JSON values; an entry with a "loss" is an epoch."""


@dataclass(frozen=True, slots=True)
class Course:
    """data: the training images, on the machine. recipe: how they are augmented. batch: at most as
    many as there are images. teacher: the hash of its weights. threads: `checkpoints.sittings`."""

    data: Split
    images: Images
    recipe: Recipe
    seed: int
    batch: int
    machine: Machine
    checkpoint: Path | None
    progress: Progress
    teacher: str
    threads: tuple[int, ...] = ()

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return len(self.data) // self.batch

    def resume(self, net: nn.Module, optimizer: Optimizer) -> tuple["Course", History]:
        """Go on from the checkpoint, where there is one: the course in the number format that it
        began with, and its history so far."""
        header = checkpoints.restore(self.checkpoint, net, optimizer, self.teacher)
        course = replace(self, threads=tuple(checkpoints.sittings(header)))
        if header is None:
            return course, []
        history: History = header["history"]
        self.progress(sum("loss" in entry for entry in history) * self.steps * self.batch)
        return replace(course, machine=Machine(self.machine.device, header["precision"])), history

    def save(self, net: nn.Module, optimizer: Optimizer, history: History) -> None:
        header = {
            "history": history,
            "precision": self.machine.precision,
            "threads": self.threads,
        }
        checkpoints.save(self.checkpoint, net, optimizer, header, self.teacher)

    def shown(self, epoch: int) -> Shown:
        return shown(self.data, self.recipe.shift, self.recipe.flip, self.seed, epoch)

    def descend(
        self,
        epoch: int,
        pictures: Shown,
        net: nn.Module,
        optimizer: Optimizer,
        loss_of: Callable[[Batch], Tensor],
    ) -> float:
        """Go through an epoch, a step of the optimizer for every batch; returns the mean loss.

        Raises TrainingFailed when a loss is not finite, or a weight after the last step.
        """
        return descend(
            net,
            optimizer,
            batches(pictures, self.data, self.images, self.batch),
            loss_of,
            epoch * self.steps,
            self.steps,
            self.machine,
            self.progress,
            what="the loss of the search",
        )
