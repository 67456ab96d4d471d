"""How a network is trained, as a value; and values written down by what sets them apart."""

import math
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from typing import Any, Literal

from deepreshape.learn.losses import KD, Distillation, as_floats


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
    """A frozen dataclass as plain JSON values: the fields that differ from their defaults.

    A field that is added later, with a default, changes no description.
    """
    required = [f for f in fields(value) if _is_required(f)]
    plain = type(value)(**{f.name: getattr(value, f.name) for f in required})
    return {
        f.name: _plain(getattr(value, f.name))
        for f in fields(value)
        if f in required or getattr(value, f.name) != getattr(plain, f.name)
    }


def _plain(part: Any) -> Any:
    return {"kind": type(part).__name__, **described(part)} if is_dataclass(part) else part


def _is_required(f: Field[Any]) -> bool:
    return f.default is MISSING and f.default_factory is MISSING
