"""How a network is trained, as a value."""

import math
from dataclasses import dataclass, field
from typing import Literal

from torch import nn
from torch.optim import SGD

from deepreshape.learn.training.losses import KD, Distillation
from deepreshape.learn.training.values import (
    as_floats,
    require_at_least_one,
    require_below_one,
    require_not_negative,
    require_positive,
)


def on_gpu(net: nn.Module) -> bool:
    return next(net.parameters()).is_cuda


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained; the defaults are the paper's (Appendix J).

    SGD with momentum; after a linear rise over the first `warmup` epochs `rate` falls to zero,
    along a cosine or a line. Images are shifted by up to `shift` pixels (crop from zero padding)
    and, with `flip`, mirrored at random. smoothing: of the labels. small: the share of the epochs,
    from the first, that see images of half the side (progressive resizing). distillation: used
    where the run has a teacher; pram: weight of SENet's mismatch of activations beside it.
    """

    epochs: int = 200
    batch: int = 128
    rate: float = 0.1
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 5e-4
    warmup: float = 0.0
    schedule: Literal["cosine", "linear"] = "cosine"
    shift: int = 4
    flip: bool = True
    smoothing: float = 0.0
    small: float = 0.0
    distillation: Distillation = field(default_factory=KD)
    pram: float = 0.0

    def __post_init__(self) -> None:
        as_floats(self, "rate", "momentum", "weight_decay", "warmup", "smoothing", "small", "pram")
        require_at_least_one(self, "epochs", "batch")
        require_positive(self, "rate")
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum")
        require_below_one(self, "momentum", "smoothing", "small")
        require_not_negative(self, "weight_decay", "pram", "shift")
        if not 0 <= self.warmup < self.epochs:
            raise ValueError(f"warmup must be shorter than {self.epochs} epochs, not {self.warmup}")
        if self.schedule not in ("cosine", "linear"):
            raise ValueError(f"schedule must be cosine or linear, not {self.schedule!r}")

    @property
    def leaves_images_alone(self) -> bool:
        """Without augmentation every epoch sees the same images."""
        return self.shift == 0 and not self.flip

    @property
    def halved(self) -> int:
        """So many epochs, from the first, see images of half the side."""
        return math.floor(self.small * self.epochs)

    def optimizer(self, net: nn.Module) -> SGD:
        """SGD; on a GPU as one kernel, which takes the rate from there."""
        return SGD(
            net.parameters(),
            self.rate,
            self.momentum,
            weight_decay=self.weight_decay,
            nesterov=self.nesterov,
            fused=on_gpu(net) or None,
        )

    def rate_factor(self, step: int, steps_per_epoch: int) -> float:
        """The learning rate at a step, as a fraction of `rate`."""
        epoch = step / steps_per_epoch
        if epoch < self.warmup:
            return (epoch + 1 / steps_per_epoch) / (self.warmup + 1 / steps_per_epoch)
        done = min((epoch - self.warmup) / (self.epochs - self.warmup), 1.0)
        return 0.5 * (1 + math.cos(math.pi * done)) if self.schedule == "cosine" else 1 - done
