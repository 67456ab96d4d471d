"""What every way to learn from a teacher is, and the divergence that most compare by."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import Self

from torch import Tensor
from torch.nn.functional import kl_div, log_softmax


@dataclass(frozen=True, slots=True)
class Distillation(ABC):
    """A loss under a teacher, as a value with a default for each of its settings."""

    @abstractmethod
    def loss(
        self, student: Tensor, teacher: Tensor, labels: Tensor, epoch: int, smoothing: float = 0.0
    ) -> Tensor:
        """Of a batch, in an epoch, counted from 0. student, teacher: logits (n, classes); labels:
        (n,); smoothing: of these in the cross-entropy."""

    def stretched(self, share: Fraction) -> Self:
        """The same for training with this share of the epochs: what counts in epochs follows."""
        return self


def divergence(teacher: Tensor, student: Tensor) -> Tensor:
    """Mean over the batch of KL(softmax(teacher) || softmax(student)), of logits (n, classes)."""
    return kl_div(
        log_softmax(student, dim=1),
        log_softmax(teacher, dim=1),
        reduction="batchmean",
        log_target=True,
    )
