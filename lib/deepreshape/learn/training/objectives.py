"""What a net is trained for: the loss of a batch, and what happens around an epoch."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from deepreshape.learn.images.loader import Batch
from deepreshape.learn.images.rows import Pictures
from deepreshape.learn.training.losses import attention_mismatch
from deepreshape.learn.training.nets import Net
from deepreshape.learn.training.recipe import Recipe
from deepreshape.learn.training.teacher import Teacher


class Objective(ABC):
    """`Trainer.fit` calls `begin` before an epoch, `loss` at each of its steps, `end` after it.

    name: of the loss, in an error.
    """

    name = "the loss"

    @abstractmethod
    def begin(self, epoch: int, pictures: Pictures) -> None:
        """Before an epoch, counted from 0, of these images, uint8 (n, h, w, 3), by row."""

    @abstractmethod
    def loss(self, batch: Batch) -> Tensor: ...

    def fixed(self, epoch: int) -> object:
        """What of `loss` is not in tensors that stay where they are, in an epoch that has begun:
        where it is the same as in another, so are the steps, but for what those tensors hold."""
        return epoch

    def end(self) -> dict[str, Any]:
        """What the history says of the epoch beside loss and seconds, as JSON values."""
        return {}

    def reached(self) -> bool:
        """Is there nothing left to train for, though epochs are?"""
        return False


def refilled(kept: Tensor | None, new: Tensor) -> Tensor:
    """The values of a tensor in the place of one that is kept, where they fit there."""
    if kept is None or kept is new or kept.shape != new.shape:
        return new
    return kept.copy_(new)


class Labels(Objective):
    """Cross-entropy with the labels."""

    def __init__(self, net: Net, recipe: Recipe) -> None:
        self.net, self.recipe = net, recipe

    def begin(self, epoch: int, pictures: Pictures) -> None:
        pass

    def fixed(self, epoch: int) -> object:
        return None

    def loss(self, batch: Batch) -> Tensor:
        logits = self.net(batch.images).float()
        return cross_entropy(logits, batch.labels, label_smoothing=self.recipe.smoothing)


class Taught(Objective):
    """The recipe's distillation, and PRAM where it has a weight."""

    def __init__(self, net: Net, recipe: Recipe, teacher: Teacher) -> None:
        self.net, self.recipe, self.teacher = net, recipe, teacher
        self.lesson: Tensor | None = None

    def begin(self, epoch: int, pictures: Pictures) -> None:
        self.epoch = epoch
        self.lesson = refilled(self.lesson, self.teacher.lesson(epoch, pictures))

    def fixed(self, epoch: int) -> object:
        return self.recipe.distillation.fixed(epoch)

    def loss(self, batch: Batch) -> Tensor:
        recipe, theirs = self.recipe, self.teacher.net
        assert self.lesson is not None, "begin comes first"
        logits, maps = self.net.observe(batch.images, self.net.stage_ends() if recipe.pram else ())
        loss = recipe.distillation.loss(
            logits.float(), self.lesson[batch.rows], batch.labels, self.epoch, recipe.smoothing
        )
        if recipe.pram:
            with torch.no_grad():
                _, wanted = theirs.observe(batch.images, theirs.stage_ends())
            loss = loss + recipe.pram * attention_mismatch(maps, wanted)
        return loss
