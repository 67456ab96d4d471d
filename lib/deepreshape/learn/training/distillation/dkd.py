"""Decoupled knowledge distillation (Zhao et al., 2022)."""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from deepreshape.learn.training.distillation.base import Distillation, divergence
from deepreshape.learn.training.values import as_floats, require_not_negative, require_positive


@dataclass(frozen=True, slots=True)
class DKD(Distillation):
    """Decoupled knowledge distillation (Zhao et al., 2022): CE + ramp (alpha TCKD + beta NCKD).

    TCKD compares how teacher and student split probability between the target and the rest, NCKD
    how they split the rest. The ramp rises from 0 to 1 over the first `warmup` epochs. The paper
    takes alpha = 1, beta from {0.8, 1, 2, 6} for each network, and 20 epochs (Appendix J).
    """

    beta: float = 1.0
    alpha: float = 1.0
    temperature: float = 4.0
    warmup: float = 20.0

    def __post_init__(self) -> None:
        as_floats(self, "beta", "alpha", "temperature", "warmup")
        require_positive(self, "temperature")
        require_not_negative(self, "alpha", "beta", "warmup")

    def stretched(self, share: Fraction) -> Self:
        return replace(self, warmup=float(self.warmup * share))

    def ramp(self, epoch: int) -> float:
        """The share of the teacher's terms in an epoch; epochs count from 0."""
        return min((epoch + 1) / self.warmup, 1.0) if self.warmup else 1.0

    def loss(
        self, student: Tensor, teacher: Tensor, labels: Tensor, epoch: int, smoothing: float = 0.0
    ) -> Tensor:
        hard = cross_entropy(student, labels, label_smoothing=smoothing)
        t = self.temperature
        target, others = decoupled(teacher / t, student / t, labels)
        return hard + self.ramp(epoch) * t**2 * (self.alpha * target + self.beta * others)


def decoupled(teacher: Tensor, student: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """The two parts of the divergence of logits (n, classes): of target against the rest (TCKD),
    and within the rest (NCKD). Both are finite however certain the teacher is.

    KL(teacher || student) = TCKD + (1 - p) NCKD for each image, p the teacher's probability of the
    target (Zhao et al., 2022, equation 5).
    """
    rest = torch.ones_like(student, dtype=torch.bool).scatter_(1, labels[:, None], False)
    return (
        divergence(_against_rest(teacher, rest), _against_rest(student, rest)),
        divergence(_only(teacher, rest), _only(student, rest)),
    )


def _against_rest(logits: Tensor, rest: Tensor) -> Tensor:
    """Two logits (n, 2): the target's, and one that stands for all others."""
    others = _only(logits, rest).logsumexp(dim=1, keepdim=True)
    return torch.cat([logits[~rest][:, None], others], dim=1)


def _only(logits: Tensor, rest: Tensor) -> Tensor:
    """The logits (n, classes - 1) of all classes but the target."""
    return logits[rest].view(len(logits), -1)
