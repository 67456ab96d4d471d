"""How a network is trained, as a value; and values written down in full."""

import math
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from deepreshape.learn.training.losses import KD, Distillation, as_floats


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
        for name in ("epochs", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if not self.rate > 0:
            raise ValueError(f"rate must be positive, not {self.rate}")
        if self.nesterov and not self.momentum:
            raise ValueError("nesterov needs a momentum")
        for name in ("momentum", "smoothing", "small"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in [0, 1), not {getattr(self, name)}")
        for name in ("weight_decay", "pram", "shift"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
        if not 0 <= self.warmup < self.epochs:
            raise ValueError(f"warmup must be shorter than {self.epochs} epochs, not {self.warmup}")
        if self.schedule not in ("cosine", "linear"):
            raise ValueError(f"schedule must be cosine or linear, not {self.schedule!r}")

    @property
    def leaves_images_alone(self) -> bool:
        """Without augmentation every epoch sees the same images."""
        return self.shift == 0 and not self.flip

    def halves(self, epoch: int) -> bool:
        """Does an epoch, counted from 0, see images of half the side?"""
        return epoch < math.floor(self.small * self.epochs)

    def rate_factor(self, step: int, steps_per_epoch: int) -> float:
        """The learning rate at a step, as a fraction of `rate`."""
        epoch = step / steps_per_epoch
        if epoch < self.warmup:
            return (epoch + 1 / steps_per_epoch) / (self.warmup + 1 / steps_per_epoch)
        done = min((epoch - self.warmup) / (self.epochs - self.warmup), 1.0)
        return 0.5 * (1 + math.cos(math.pi * done)) if self.schedule == "cosine" else 1 - done


def described(value: Any) -> dict[str, Any]:
    """A frozen dataclass as plain JSON values: every field, so that what it says does not depend
    on the defaults of a version."""
    return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}


def named(value: Any) -> dict[str, Any]:
    """The same, and which class it is of."""
    return {"kind": type(value).__name__, **described(value)}


def _plain(part: Any) -> Any:
    if is_dataclass(part):
        return named(part)
    return [_plain(each) for each in part] if isinstance(part, tuple) else part
