"""Images that are too many to hold in memory: rows of a mapped file, read as they are asked for."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import torch
from torch import Tensor

HELD = Fraction(1, 8)
"""A set is held in memory where it takes at most this share of it: a training holds its images
three times, and several may run side by side."""
LIMIT = Path("/sys/fs/cgroup/memory.max")
"""What a container may take of the machine's memory."""


def memory() -> int:
    """Bytes of memory that this machine or container has."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        whole = min(whole, int(LIMIT.read_text()))
    return whole


def is_large(octets: int) -> bool:
    """Do images of so many bytes stay on the disk?"""
    return octets > HELD * memory()


class Rows:
    """Rows of images, uint8 (n, height, width, 3), which are read when they are asked for: what of
    such a tensor a training uses."""

    def __init__(self, images: "Pictures", rows: Tensor) -> None:
        self._images, self._rows = images, rows
        self.shape: torch.Size = torch.Size((len(rows), *images.shape[1:]))
        self.dtype: torch.dtype = images.dtype
        self.device: torch.device = images.device

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, chosen: "Chosen") -> Tensor:
        """The images of some rows, in memory."""
        return self._images[self._rows[chosen]]

    def of(self, chosen: Tensor) -> "Rows":
        """Some of the rows, not read."""
        return Rows(self._images, self._rows[chosen])

    def split(self, count: int) -> Iterator[Tensor]:
        """All of them in their order, so many at a time."""
        for rows in torch.arange(len(self)).split(count):
            yield self[rows]

    def whole(self) -> Tensor:
        """All of them, in memory."""
        return self[torch.arange(len(self))]


Chosen = Tensor | Sequence[int] | slice | int
Pictures = Tensor | Rows
"""uint8, (n, height, width, 3)."""

Moments = tuple[float, ...]


def moments(images: Pictures) -> tuple[Moments, Moments]:
    """Mean and deviation of the pixels, by channel; the deviation at least 1."""
    if isinstance(images, Rows):
        values = torch.arange(256.0, dtype=torch.double)
        shares = _counts(images).double() / (images.shape.numel() / 3)
        means = shares @ values
        deviations = (shares @ values.square() - means.square()).clamp(min=1).sqrt()
        return tuple(means.tolist()), tuple(deviations.tolist())
    pixels = images.reshape(-1, 3)
    mean = tuple(pixels[:, c].float().mean().item() for c in range(3))
    return mean, tuple(max(pixels[:, c].float().std().item(), 1.0) for c in range(3))


def _counts(images: Rows) -> Tensor:
    """How many pixels have each of the 256 values, by channel: (3, 256)."""
    total = torch.zeros(3, 256, dtype=torch.long)
    for part in images.split(1024):
        for channel, values in enumerate(part.reshape(-1, 3).unbind(1)):
            total[channel] += values.long().bincount(minlength=256)
    return total
