"""Image sets: named by a value, decoded once, held whole in memory as uint8 tensors."""

import os
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from deepreshape.learn.images.base import DataError, Progress, Source, silent
from deepreshape.learn.images.cache import Noted, content, noted
from deepreshape.learn.images.rows import Pictures, Rows, is_large, moments
from deepreshape.learn.images.sources import KNOWN, PLACES, SIDES, source
from deepreshape.learn.tensor_files import digest_of

VALIDATION_SEED = 2024
VALIDATION_FRACTION = 10
"""One training image in ten of every class is held out for validation, by this seed."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """Which images: a known set, or that of a place, or a part of it that is named as one.

    name: of `sources.KNOWN`, or a kind of `sources.PLACES` and a path as it is given, such as
    `folder:birds`. shards: of the mirror's training files, only these (None: all of them).
    per_class: so many training images of each class (None: all). size: side in pixels to which
    images are averaged down (None: as they are); of a folder, to which they are scaled (None: 32).
    skip_damaged: leave out files of a folder that are no images, which are an error else. The order
    of shards, and the size that images have anyway, make no other set. digest: SHA-256 of the whole
    set, or of the shards, decoded: of which images these are. It goes without saying where it is
    published (`KNOWN`); elsewhere `pinned` finds it, and without it (None) the images are whichever
    are read. Raises DataError for what cannot be.
    """

    name: str
    shards: tuple[int, ...] | None = None
    per_class: int | None = None
    size: int | None = None
    digest: str | None = None
    skip_damaged: bool = False

    def __post_init__(self) -> None:
        kind, _, place = self.name.partition(":")
        if place and kind in PLACES:
            object.__setattr__(self, "name", f"{kind}:{os.path.normpath(place)}")
            object.__setattr__(self, "size", SIDES[kind] if self.size is None else self.size)
        published = self.source.published
        if published and self.size is not None and (self.size < 1 or published.size % self.size):
            raise DataError(
                f"size {self.size} does not divide the {published.size} pixels of {self.name}"
            )
        if self.shards is not None and (
            not self.shards or min(self.shards) < 0 or len(set(self.shards)) < len(self.shards)
        ):
            raise DataError(f"shards {self.shards} are not different numbers from 0 on")
        if self.shards is not None:
            object.__setattr__(self, "shards", tuple(sorted(self.shards)))
        if published and self.size == published.size:
            object.__setattr__(self, "size", None)
        if self.per_class is not None and self.per_class < 1:
            raise DataError(f"per_class must be at least 1, not {self.per_class}")
        if published and self.digest is None and self.shards is None:
            object.__setattr__(self, "digest", published.digest)

    @property
    def source(self) -> Source:
        return source(self.name, self.size, self.skip_damaged)

    @property
    def resolution(self) -> int:
        return self.size or self.source.known.size

    @property
    def classes(self) -> int:
        return self.source.classes

    @property
    def train_images(self) -> int:
        """Images trained on in an epoch (with shards: of the whole set; of classes that are not
        alike, nearly so many)."""
        known = self.source.known
        held_out = known.train // VALIDATION_FRACTION if known.held_out is None else 0
        return self.per_class * known.classes if self.per_class else known.train - held_out

    def __str__(self) -> str:
        """`cifar100`, or a part of it: `cifar100[per_class=50,size=16]`."""
        parts = [f"shards={'+'.join(map(str, self.shards))}"] if self.shards else []
        parts += [f"per_class={self.per_class}"] if self.per_class else []
        parts += [f"size={self.size}"] if self.size else []
        parts += ["damaged=skip"] if self.skip_damaged else []
        return f"{self.name}[{','.join(parts)}]" if parts else self.name


def parse(text: str) -> DataSet:
    """The data set of a name as `str(DataSet)` prints it, or of the path of a folder, which has a
    slash or is there, with or without brackets behind it: `birds/[size=64]`. Raises DataError."""
    if text not in KNOWN and os.path.isdir(os.path.expanduser(text)):  # noqa: PTH111, PTH112
        return DataSet(f"folder:{text}")
    match = re.fullmatch(r"(.+?)(?:\[([\w=+,]*)\])?", text, re.S)
    if not match:
        raise DataError(f"{text!r} does not name a data set such as cifar100[per_class=50]")
    name = match[1]
    kind, colon, _ = name.partition(":")
    if name not in KNOWN and not (colon and kind in PLACES) and _is_path(name):
        name = f"folder:{name}"
    return DataSet(name, **_said(match[2] or "", text))


def _is_path(name: str) -> bool:
    return "/" in name or os.path.exists(os.path.expanduser(name))  # noqa: PTH110, PTH111


def _said(inside: str, text: str) -> dict[str, Any]:
    """What the brackets behind the name of a set say."""
    values: dict[str, Any] = {}
    for item in filter(None, inside.split(",")):
        key, _, value = item.partition("=")
        form = _FORMS.get(key)
        if form is None or not re.fullmatch(form, value):
            raise DataError(
                f"{item!r} in {text!r} is not shards=0+1, per_class=50, size=16 or damaged=skip"
            )
        if key in values:
            raise DataError(f"{text!r} says {key} twice")
        values[key] = value
    return {name: read(values[key]) for key, (name, read) in _READ.items() if key in values}


_NUMBER = r"[0-9]{1,9}"
_FORMS = {
    "shards": rf"{_NUMBER}(\+{_NUMBER})*",
    "per_class": _NUMBER,
    "size": _NUMBER,
    "damaged": "skip",
}
_READ: dict[str, tuple[str, Callable[[str], Any]]] = {
    "shards": ("shards", lambda value: tuple(map(int, value.split("+")))),
    "per_class": ("per_class", int),
    "size": ("size", int),
    "damaged": ("skip_damaged", bool),
}
"""Of what brackets may say, the field of a data set and what reads it."""


@dataclass(frozen=True, slots=True)
class Split:
    """images: uint8, (n, height, width, 3), in memory or on the disk. labels: int64, (n,)."""

    images: Pictures
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "Split":
        """On a device; images on the disk stay there."""
        images = self.images if isinstance(self.images, Rows) else self.images.to(device)
        return Split(images, self.labels.to(device))


@dataclass(frozen=True, slots=True)
class Images:
    """The images of a data set. mean and std: of the training pixels, by channel, in 0..255.
    digest: SHA-256 of the decoded set that the splits were taken from; split: of its rows that are
    trained on and held out."""

    train: Split
    validation: Split
    test: Split
    mean: tuple[float, ...]
    std: tuple[float, ...]
    digest: str
    split: str = ""


def load(data: DataSet) -> Images:
    """The images of a data set; decoded into the cache folder at first use.

    Raises DataError where the source is missing or damaged, or holds other images than those of
    the data set's digest; the message names the file.
    """
    return loaded(data if data.digest else replace(data, digest=survey(data).digest))


def survey(data: DataSet, progress: Progress = silent) -> Noted:
    """What is read under the name of a set without a published digest. Raises DataError."""
    return noted(data.source, data.shards, progress)


def contents(data: DataSet) -> tuple[tuple[str, ...], int]:
    """Of a place as it is now, the names of its classes, and how many files are left out; nothing
    of a set that is known, or of a place that is gone."""
    with suppress(DataError):
        if data.source.published is None:
            return data.source.names, len(survey(data).left_out)
    return (), 0


def pinned(data: DataSet) -> DataSet:
    """The data set with the digest of the images that are read under its name, which decodes them
    at first use; as it was where they cannot be read."""
    if data.digest is None:
        with suppress(DataError):
            return replace(data, digest=survey(data).digest)
    return data


@lru_cache(maxsize=2)
def loaded(data: DataSet) -> Images:
    """`load`, of a data set that says its digest; held in memory, or on the disk where it is more
    than a share of the memory (`rows.HELD`)."""
    tensors, digest = content(data.source, data.shards, data.digest)
    large = is_large(sum(each.shape.numel() for each in tensors.values()))
    whole = {
        split: Split(_placed(tensors[f"{split}_images"], large), _labels(tensors, split))
        for split in ("train", "validation", "test")
        if f"{split}_images" in tensors
    }
    kept, held_out = _parted(data, whole)
    train, validation = whole["train"], whole.get("validation", whole["train"])
    splits = {
        "train": _rows(train, kept),
        "validation": _rows(validation, held_out),
        "test": whole["test"],
    }
    if data.size is not None:
        splits = {name: _shrunk(split, data.size) for name, split in splits.items()}
    mean, std = moments(splits["train"].images)
    split = digest_of({"train": kept, "validation": held_out}, {})
    return Images(**splits, mean=mean, std=std, digest=digest, split=split)


def _placed(images: Pictures, large: bool) -> Pictures:
    if large:
        return images if isinstance(images, Rows) else Rows(images, torch.arange(len(images)))
    return images.whole() if isinstance(images, Rows) else images


def _labels(tensors: Mapping[str, Pictures], split: str) -> Tensor:
    labels = tensors[f"{split}_labels"]
    assert isinstance(labels, Tensor)
    return labels.long()


def _parted(data: DataSet, whole: Mapping[str, Split]) -> tuple[Tensor, Tensor]:
    """The rows that are trained on, and those that are held out: of the training images, where the
    set does not say which. Raises DataError."""
    kept = _shuffled_classes(whole["train"].labels)
    if "validation" in whole:
        rows = torch.arange(len(whole["validation"]))
    else:
        held_out = [rows[: len(rows) // VALIDATION_FRACTION] for rows in kept]
        kept = [rows[len(rows) // VALIDATION_FRACTION :] for rows in kept]
        rows = torch.cat(held_out)
    if not len(rows):
        raise DataError(
            f"{data}: no class has {VALIDATION_FRACTION} training images, of which one is held out"
        )
    if data.per_class is not None:
        fewest = min(map(len, kept))
        if data.per_class > fewest:
            raise DataError(f"{data}: a class has only {fewest} training images")
        kept = [rows[: data.per_class] for rows in kept]
    return torch.cat(kept), rows


def _shuffled_classes(labels: Tensor) -> list[Tensor]:
    """The rows of each class, in an order that is fixed by VALIDATION_SEED."""
    generator = torch.Generator().manual_seed(VALIDATION_SEED)
    classes = [torch.nonzero(labels == label).flatten() for label in labels.unique()]
    return [rows[torch.randperm(len(rows), generator=generator)] for rows in classes]


def _rows(split: Split, rows: Tensor) -> Split:
    images = split.images
    return Split(images.of(rows) if isinstance(images, Rows) else images[rows], split.labels[rows])


def _shrunk(split: Split, size: int) -> Split:
    factor = split.images.shape[1] // size
    if factor == 1:
        return split
    parts = [
        avg_pool2d(part.permute(0, 3, 1, 2).float(), factor).round().to(torch.uint8)
        for part in split.images.split(4096)
    ]
    return Split(torch.cat(parts).permute(0, 2, 3, 1).contiguous(), split.labels)
