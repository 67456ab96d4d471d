"""What every source of images is, and what several of them need."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class DataError(ValueError):
    """A data set that is unknown, missing, damaged or incomplete; the message names the file."""


@dataclass(frozen=True, slots=True)
class Known:
    """A set's facts: classes, side in pixels, images in all, columns of its Parquet files, the
    split that is tested on, and the digest of the whole decoded set where it is fixed."""

    classes: int
    size: int
    train: int
    test: int
    image_column: str = ""
    label_column: str = ""
    test_split: str = "test"
    digest: str | None = None


class Source(Protocol):
    """Where the images of a data set come from. Whatever cannot be read is a DataError.

    label: names the decoded set; its digest and its file in the cache follow from it. published:
    its facts, where they do not depend on what is read; known: those, or what is there now.
    """

    @property
    def label(self) -> str: ...

    @property
    def published(self) -> Known | None: ...

    @property
    def known(self) -> Known: ...

    def decode(self, shards: tuple[int, ...] | None) -> dict[str, Tensor]:
        """`tensors` of its images."""

    def fingerprint(self, shards: tuple[int, ...] | None) -> str:
        """SHA-256 of the files that `decode` reads, not decoded."""


Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""Images (n, height, width, 3) and labels (n,)."""


def tensors(train: Arrays, test: Arrays) -> dict[str, Tensor]:
    """train_images, train_labels, test_images, test_labels, in a fixed order."""
    return {
        f"{split}_{part}": torch.from_numpy(array)
        for split, arrays in (("train", ordered(*train)), ("test", ordered(*test)))
        for part, array in zip(("images", "labels"), arrays, strict=True)
    }


def ordered(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
    """Rows by label and pixels, not in the order in which a source happens to store them."""
    pixels = [hashlib.sha256(image.tobytes()).digest() for image in images]
    order = sorted(range(len(labels)), key=lambda row: (labels[row], pixels[row]))
    return images[order], labels[order].astype(np.uint8 if labels.max() < 256 else np.int16)


def fingerprint(files: Iterable[Path], *names: str) -> str:
    """SHA-256 of files, not decoded, and of names. Raises DataError."""
    try:
        whole = [_hashed(file, file.stat().st_mtime_ns, file.stat().st_size) for file in files]
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read ({error.strerror})") from None
    return hashlib.sha256(" ".join([*whole, *names]).encode()).hexdigest()


@lru_cache(maxsize=2**16)
def _hashed(file: Path, changed: int, size: int) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Turn whatever a reader of damaged bytes may raise into a DataError of one line."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        raise DataError(f"{what} ({' '.join(str(error).split())})") from None
