"""A teacher's logits for the images of an epoch, computed once and shared by all who are shown
the same images."""

import hashlib
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor

from deepreshape.learn.images.rows import Pictures
from deepreshape.learn.images.sets import Images
from deepreshape.learn.tensor_files import CorruptFile, alone, load_tensors, save_tensors
from deepreshape.learn.training.evaluate import logits_of
from deepreshape.learn.training.machine import Machine, describe
from deepreshape.learn.training.nets import Net

MOST_KEPT = 2**30
"""Lessons of a run are kept on disk where all of them take at most so many bytes."""

Lesson = Callable[[int, Pictures], Tensor]
"""An epoch, counted from 0, and its images, uint8 (n, h, w, 3) -> logits (n, classes)."""


@dataclass(frozen=True, slots=True)
class Teacher:
    """A trained net, in evaluation mode, and its logits for an epoch. weights: the hash of what the
    net holds, by which others know it."""

    net: Net
    lesson: Lesson
    weights: str = ""


def teacher(
    net: Net,
    images: Images,
    machine: Machine,
    folder: Path | None,
    shown: object,
    epochs: int,
    still: bool = False,
) -> Teacher:
    """A teacher whose logits, rounded to 16 bits, are kept in `folder` for the next run.

    shown: what decides which images an epoch shows, as JSON values: data, augmentation and seed.
    With the net and the machine it names the files. still: every epoch shows the same.
    """
    net.eval()
    size = (1 if still else epochs) * len(images.train) * net.network.classes * 2
    kept = folder if size <= MOST_KEPT else None
    facts = [shown, str(net.network), machine.precision, describe(machine.device)]
    name = _hash(net, facts)

    def lesson(epoch: int, pictures: Pictures) -> Tensor:
        def computed() -> Tensor:
            return rounded(logits_of(net, pictures, images, machine))

        number = 0 if still else epoch
        logits = _once(kept / f"{name}-{number}.safetensors", computed) if kept else computed()
        return logits.to(machine.device).float()

    return Teacher(net, lesson, _hash(net))


def rounded(logits: Tensor) -> Tensor:
    """Logits (n, classes) to 16 bits; those of an image that are too large for these are taken
    from its largest first, which changes no probability."""
    halves = logits.half()
    beyond = halves.isinf().any(dim=1, keepdim=True)
    least = torch.finfo(torch.half).min
    below = (logits - logits.amax(dim=1, keepdim=True)).clamp(min=least).half()
    return torch.where(beyond, below, halves)


def _hash(net: Net, facts: object = None) -> str:
    """Of facts, as JSON values, and of all that a net holds."""
    total = hashlib.sha256(json.dumps(facts).encode())
    for name, value in chain(net.named_parameters(), net.named_buffers()):
        raw = value.detach().cpu().contiguous().view(-1).view(torch.uint8)
        total.update(name.encode() + raw.numpy().data)
    return total.hexdigest()[:16]


def _once(path: Path, computed: Callable[[], Tensor]) -> Tensor:
    """The logits of a file, or computed and put there: a cache, which may fail to keep them."""
    with alone(path.with_suffix(".lock")):
        with suppress(FileNotFoundError, CorruptFile):
            tensors, header, _ = load_tensors(path)
            if header == {"lesson": path.name}:
                return tensors["logits"]
        logits = computed()
        with suppress(OSError):
            save_tensors(path, {"logits": logits}, {"lesson": path.name})
    return logits
