"""What training minimises beside cross-entropy: the ways to learn from a teacher that there are,
and SENet's mismatch of activations."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import mse_loss, normalize

from deepreshape.learn.training.distillation.base import Distillation
from deepreshape.learn.training.distillation.dist import DIST
from deepreshape.learn.training.distillation.dkd import DKD
from deepreshape.learn.training.distillation.kd import KD

__all__ = ["DIST", "DISTILLATIONS", "DKD", "KD", "Distillation", "distillation"]

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
