"""What training minimises: cross-entropy, and what a teacher adds to it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, kl_div, log_softmax, mse_loss, normalize


@dataclass(frozen=True, slots=True)
class KD:
    """Knowledge distillation (Hinton et al., 2015): hard CE + soft T^2 KL(teacher || student).

    The paper's temperature is 4; its "relative weight to cross-entropy loss as 0.9" (Appendix J) is
    read as 0.9 on the teacher's term and 0.1 on the labels'. SNL's own weights are 1 and 1.
    """

    temperature: float = 4.0
    soft: float = 0.9
    hard: float = 0.1

    def __post_init__(self) -> None:
        as_floats(self, "temperature", "soft", "hard")
        _require_positive(self.temperature)


@dataclass(frozen=True, slots=True)
class DKD:
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
        _require_positive(self.temperature)
        for name in ("alpha", "beta", "warmup"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")

    def ramp(self, epoch: int) -> float:
        """The share of the teacher's terms in an epoch; epochs count from 0."""
        return min((epoch + 1) / self.warmup, 1.0) if self.warmup else 1.0


Distillation = KD | DKD


def distilled(
    distillation: Distillation,
    student: Tensor,
    teacher: Tensor,
    labels: Tensor,
    epoch: int,
    smoothing: float = 0.0,
) -> Tensor:
    """The loss of a batch under a teacher. student, teacher: logits (n, classes); labels: (n,).

    smoothing: of the labels in the cross-entropy.
    """
    hard = cross_entropy(student, labels, label_smoothing=smoothing)
    match distillation:
        case KD(temperature=t, soft=weight):
            soft = t**2 * divergence(teacher / t, student / t)
            return distillation.hard * hard + weight * soft
        case DKD(temperature=t, alpha=alpha, beta=beta):
            target, others = decoupled(teacher / t, student / t, labels)
            return hard + distillation.ramp(epoch) * t**2 * (alpha * target + beta * others)


def divergence(teacher: Tensor, student: Tensor) -> Tensor:
    """Mean over the batch of KL(softmax(teacher) || softmax(student)), of logits (n, classes)."""
    return kl_div(
        log_softmax(student, dim=1),
        log_softmax(teacher, dim=1),
        reduction="batchmean",
        log_target=True,
    )


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


def as_floats(value: object, *names: str) -> None:
    """Make these fields of a frozen value floats. Raises ValueError where one is not finite."""
    for name in names:
        number = float(getattr(value, name))
        if not math.isfinite(number):
            raise ValueError(f"{name} must be finite, not {number}")
        object.__setattr__(value, name, number)


def _require_positive(temperature: float) -> None:
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, not {temperature}")
