"""Image sets: named by a value, decoded once, held whole in memory as uint8 tensors."""

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from deepreshape.learn.images.base import DataError, Source
from deepreshape.learn.images.sources import source
from deepreshape.learn.tensor_files import (
    CorruptFile,
    alone_if_possible,
    cache_folder,
    digest_of,
    load_tensors,
    named_digest,
    save_tensors,
)

VALIDATION_SEED = 2024
VALIDATION_FRACTION = 10
"""One training image in ten of every class is held out for validation, by this seed."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """Which images: a known set, or that of a place, or a part of it that is named as one.

    name: of `sources.KNOWN`, or a kind of `sources.PLACES` and a path as it is given, such as
    `folder:birds`. shards: of the mirror's training files, only these (None: all of them).
    per_class: so many training images of each class (None: all). size: side in pixels to which
    images are averaged down (None: as they are); of a folder, to which they are scaled. The order
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

    def __post_init__(self) -> None:
        kind, colon, place = self.name.partition(":")
        if colon and place:
            object.__setattr__(self, "name", f"{kind}:{os.path.normpath(place)}")
        published = source(self.name, self.size).published
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
        return source(self.name, self.size)

    @property
    def resolution(self) -> int:
        return self.size or self.source.known.size

    @property
    def classes(self) -> int:
        return self.source.known.classes

    @property
    def train_images(self) -> int:
        """Images trained on in an epoch (with shards: of the whole set; of classes that are not
        alike, nearly so many)."""
        known = self.source.known
        held_out = known.train // VALIDATION_FRACTION
        return self.per_class * known.classes if self.per_class else known.train - held_out

    def __str__(self) -> str:
        """`cifar100`, or a part of it: `cifar100[per_class=50,size=16]`."""
        parts = [f"shards={'+'.join(map(str, self.shards))}"] if self.shards else []
        parts += [f"per_class={self.per_class}"] if self.per_class else []
        parts += [f"size={self.size}"] if self.size else []
        return f"{self.name}[{','.join(parts)}]" if parts else self.name


def parse(text: str) -> DataSet:
    """The data set of a name as `str(DataSet)` prints it. Raises DataError."""
    match = re.fullmatch(r"([\w-]+(?::.+?)?)(?:\[([\w=+,]*)\])?", text)
    if not match:
        raise DataError(f"{text!r} does not name a data set such as cifar100[per_class=50]")
    values: dict[str, str] = {}
    for item in filter(None, (match[2] or "").split(",")):
        key, _, value = item.partition("=")
        number = r"[0-9]{1,9}"
        form = rf"{number}(\+{number})*" if key == "shards" else number
        if key not in ("shards", "per_class", "size") or not re.fullmatch(form, value):
            raise DataError(f"{item!r} in {text!r} is not shards=0+1, per_class=50 or size=16")
        if key in values:
            raise DataError(f"{text!r} says {key} twice")
        values[key] = value
    return DataSet(
        match[1],
        tuple(map(int, values["shards"].split("+"))) if "shards" in values else None,
        int(values["per_class"]) if "per_class" in values else None,
        int(values["size"]) if "size" in values else None,
    )


@dataclass(frozen=True, slots=True)
class Split:
    """images: uint8, (n, height, width, 3). labels: int64, (n,)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def to(self, device: torch.device) -> "Split":
        return Split(self.images.to(device), self.labels.to(device))


@dataclass(frozen=True, slots=True)
class Images:
    """A data set in memory. mean and std: of the training pixels, by channel, in 0..255.
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
    return loaded(data if data.digest else replace(data, digest=_digest(data)))


def pinned(data: DataSet) -> DataSet:
    """The data set with the digest of the images that are read under its name, which decodes them
    at first use; as it was where they cannot be read."""
    if data.digest is None:
        with suppress(DataError):
            return replace(data, digest=_digest(data))
    return data


@lru_cache(maxsize=2)
def loaded(data: DataSet) -> Images:
    """`load`, of a data set that says its digest; held in memory."""
    tensors, digest = _decoded(data)
    train = Split(tensors["train_images"], tensors["train_labels"].long())
    order = _shuffled_classes(train.labels)
    held_out = [rows[: len(rows) // VALIDATION_FRACTION] for rows in order]
    kept = [rows[len(rows) // VALIDATION_FRACTION :] for rows in order]
    fewest = min(len(rows) for rows in kept)
    if not any(map(len, held_out)):
        raise DataError(
            f"{data}: no class has {VALIDATION_FRACTION} training images, of which one is held out"
        )
    if data.per_class is not None:
        if data.per_class > fewest:
            raise DataError(f"{data}: a class has only {fewest} training images")
        kept = [rows[: data.per_class] for rows in kept]
    splits = {
        "train": _rows(train, torch.cat(kept)),
        "validation": _rows(train, torch.cat(held_out)),
        "test": Split(tensors["test_images"], tensors["test_labels"].long()),
    }
    if data.size is not None:
        splits = {name: _shrunk(split, data.size) for name, split in splits.items()}
    pixels = splits["train"].images.reshape(-1, 3)
    mean = tuple(pixels[:, c].float().mean().item() for c in range(3))
    std = tuple(max(pixels[:, c].float().std().item(), 1.0) for c in range(3))
    split = digest_of({"train": torch.cat(kept), "validation": torch.cat(held_out)}, {})
    return Images(**splits, mean=mean, std=std, digest=digest, split=split)


def _digest(data: DataSet) -> str:
    """Of what is read under the name of a set without a published digest."""
    return named_digest(_cached(data)) or _decoded(data)[1]


def _cached(data: DataSet) -> Path:
    """Where a decoded set is kept: by its content, which its published digest names, or else the
    digest of the files that it is read from. Raises DataError where these are not there."""
    part = "" if data.shards is None else "-shards-" + "+".join(map(str, data.shards))
    known = data.source.published
    published = known.digest if known and data.shards is None else None
    content = published or data.source.fingerprint(data.shards)
    return cache_folder() / f"{data.source.label}{part}-{content[:16]}.safetensors"


def _decoded(data: DataSet) -> tuple[Mapping[str, Tensor], str]:
    """The whole set (or the named shards) as tensors, from the cache or from its source, and their
    digest; kept in the cache where that can be written to. Raises DataError, also where the digest
    is not the one that the set says."""
    path, source = _cached(data), data.source
    with alone_if_possible(path.with_suffix(".lock")):
        with suppress(FileNotFoundError, CorruptFile):
            tensors, _, digest = load_tensors(path)
            if data.digest in (None, digest):
                return tensors, digest
        tensors = dict(source.decode(data.shards))
        meta = {"data": source.label, "shards": data.shards}
        digest = digest_of(tensors, meta)
        if data.digest not in (None, digest):
            raise DataError(
                f"the source of {data.name} holds other images than those that are asked for:"
                f" SHA-256 {digest[:12]}, expected {str(data.digest)[:12]}"
            )
        with suppress(OSError):
            save_tensors(path, tensors, meta)
    return tensors, digest


def _shuffled_classes(labels: Tensor) -> list[Tensor]:
    """The rows of each class, in an order that is fixed by VALIDATION_SEED."""
    generator = torch.Generator().manual_seed(VALIDATION_SEED)
    classes = [torch.nonzero(labels == label).flatten() for label in labels.unique()]
    return [rows[torch.randperm(len(rows), generator=generator)] for rows in classes]


def _rows(split: Split, rows: Tensor) -> Split:
    return Split(split.images[rows], split.labels[rows])


def _shrunk(split: Split, size: int) -> Split:
    factor = split.images.shape[1] // size
    if factor == 1:
        return split
    parts = [
        avg_pool2d(part.permute(0, 3, 1, 2).float(), factor).round().to(torch.uint8)
        for part in split.images.split(4096)
    ]
    return Split(torch.cat(parts).permute(0, 2, 3, 1).contiguous(), split.labels)
