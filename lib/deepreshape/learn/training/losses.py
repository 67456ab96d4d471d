"""What training minimises beside cross-entropy: the ways to learn from a teacher that there are,
and SENet's mismatch of activations."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Self

import torch
from torch import Tensor
from torch.nn.functional import (
    cosine_similarity,
    cross_entropy,
    kl_div,
    log_softmax,
    mse_loss,
    normalize,
    softmax,
)

from deepreshape.learn.training.values import as_floats, require_not_negative, require_positive


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

    def fixed(self, epoch: int) -> object:
        """What the loss makes of an epoch: where it is the same, so is the loss."""
        return epoch


def divergence(teacher: Tensor, student: Tensor) -> Tensor:
    """Mean over the batch of KL(softmax(teacher) || softmax(student)), of logits (n, classes)."""
    return kl_div(
        log_softmax(student, dim=1),
        log_softmax(teacher, dim=1),
        reduction="batchmean",
        log_target=True,
    )


@dataclass(frozen=True, slots=True)
class KD(Distillation):
    """Knowledge distillation (Hinton et al., 2015): hard CE + soft T^2 KL(teacher || student).

    The paper's temperature is 4; its "relative weight to cross-entropy loss as 0.9" (Appendix J) is
    read as 0.9 on the teacher's term and 0.1 on the labels'. SNL's own weights are 1 and 1.
    """

    temperature: float = 4.0
    soft: float = 0.9
    hard: float = 0.1

    def __post_init__(self) -> None:
        as_floats(self, "temperature", "soft", "hard")
        require_positive(self, "temperature")

    def fixed(self, epoch: int) -> object:
        return None

    def loss(
        self, student: Tensor, teacher: Tensor, labels: Tensor, epoch: int, smoothing: float = 0.0
    ) -> Tensor:
        hard = cross_entropy(student, labels, label_smoothing=smoothing)
        t = self.temperature
        soft = t**2 * divergence(teacher / t, student / t)
        return self.hard * hard + self.soft * soft


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

    def fixed(self, epoch: int) -> object:
        return self.ramp(epoch)

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
    target = labels[:, None]
    # By number, not by a mask: how many a mask takes, a GPU would have to tell the host.
    rest = torch.arange(student.shape[1] - 1, device=labels.device)
    rest = rest + (rest >= target)
    return (
        divergence(_against_rest(teacher, target, rest), _against_rest(student, target, rest)),
        divergence(teacher.gather(1, rest), student.gather(1, rest)),
    )


def _against_rest(logits: Tensor, target: Tensor, rest: Tensor) -> Tensor:
    """Two logits (n, 2): the target's, and one that stands for all others."""
    others = logits.gather(1, rest).logsumexp(dim=1, keepdim=True)
    return torch.cat([logits.gather(1, target), others], dim=1)


@dataclass(frozen=True, slots=True)
class DIST(Distillation):
    """Distillation from a stronger teacher by correlations (Huang et al., "Knowledge distillation
    from a stronger teacher", 2022): CE + T^2 (beta inter + gamma intra).

    Of the probabilities of student and teacher, inter is 1 - Pearson's correlation over the classes
    of an image, in the mean over images; intra is the same over the images of a class, in the mean
    over classes. The student need not match the teacher's probabilities, only what is linear in
    them.
    """

    beta: float = 2.0
    gamma: float = 2.0
    temperature: float = 4.0

    def __post_init__(self) -> None:
        as_floats(self, "beta", "gamma", "temperature")
        require_positive(self, "temperature")
        require_not_negative(self, "beta", "gamma")

    def fixed(self, epoch: int) -> object:
        return None

    def loss(
        self, student: Tensor, teacher: Tensor, labels: Tensor, epoch: int, smoothing: float = 0.0
    ) -> Tensor:
        hard = cross_entropy(student, labels, label_smoothing=smoothing)
        t = self.temperature
        ours, theirs = softmax(student / t, dim=1), softmax(teacher / t, dim=1)
        inter = 1 - pearson(ours, theirs).mean()
        intra = 1 - pearson(ours.T, theirs.T).mean()
        return hard + t**2 * (self.beta * inter + self.gamma * intra)


def pearson(left: Tensor, right: Tensor) -> Tensor:
    """Pearson's correlation (n,) of each row of two tensors (n, k); 0 where one is constant."""
    left = left - left.mean(dim=1, keepdim=True)
    right = right - right.mean(dim=1, keepdim=True)
    return cosine_similarity(left, right, dim=1)


DISTILLATIONS: dict[str, type[Distillation]] = {
    kind.__name__.lower(): kind for kind in (KD, DKD, DIST)
}
"""By name, as `deepreshape train --distil` takes it."""


def distillation(name: str) -> type[Distillation]:
    """The kind of that name; ValueError for an unknown one."""
    if name not in DISTILLATIONS:
        raise ValueError(f"unknown distillation {name!r}; known are {', '.join(DISTILLATIONS)}")
    return DISTILLATIONS[name]


def attention_mismatch(student: Sequence[Tensor], teacher: Sequence[Tensor]) -> Tensor:
    """PRAM, SENet's mismatch of post-ReLU activations (Kundu et al., 2023): over the given maps
    (n, c, h, w), the sum of the mean squared difference of their normalised attention.

    The attention of a map is the mean over channels of its squares, as a vector of length 1.
    """
    pairs = zip(student, teacher, strict=True)
    return torch.stack(
        [mse_loss(_attention(ours), _attention(their)) for ours, their in pairs]
    ).sum()


def _attention(maps: Tensor) -> Tensor:
    return normalize(maps.float().square().mean(dim=1).flatten(1), dim=1)
