"""What every source of images is, and what several of them need."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from deepreshape.learn.images.rows import Pictures


class DataError(ValueError):
    """A data set that is unknown, missing, damaged or incomplete; the message names the file, in
    one line whatever that is called."""

    def __init__(self, message: str) -> None:
        super().__init__(re.sub(r"[^ -~\u00a0-\ud7ff\ue000-\U0010ffff]", _escaped, message))


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape", "surrogatepass").decode()


Progress = Callable[[int, int], None]
"""Called with the number of images that have just been decoded, and of all."""


def silent(done: int, of: int) -> None:
    """No progress."""


@dataclass(frozen=True, slots=True)
class Known:
    """A set's facts: classes, side in pixels, images in all, columns of its Parquet files, the
    split that is tested on, and the digest of the whole decoded set where it is fixed.

    held_out: images for validation, where the set itself says which. stored: the side of what its
    files hold, where that is less: a black frame makes it up.
    """

    classes: int
    size: int
    train: int
    test: int
    image_column: str = ""
    label_column: str = ""
    test_split: str = "test"
    digest: str | None = None
    held_out: int | None = None
    stored: int | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """What was decoded: `tensors`, or what becomes such. left_out: why files are not among it, a
    line for each."""

    tensors: Mapping[str, Pictures]
    left_out: tuple[str, ...] = ()


class Source(Protocol):
    """Where the images of a data set come from. Whatever cannot be read is a DataError.

    label: names the decoded set; its digest and its file in the cache follow from it. published:
    its facts, where they do not depend on what is read; known: those, or what is there now.
    classes: so many; names: of these, in the order of their numbers, where a place gives them.
    """

    @property
    def label(self) -> str: ...

    @property
    def published(self) -> Known | None: ...

    @property
    def known(self) -> Known: ...

    @property
    def classes(self) -> int: ...

    @property
    def names(self) -> tuple[str, ...]: ...

    def decode(self, shards: tuple[int, ...] | None, progress: Progress = silent) -> Content:
        """Its images; with validation_images and validation_labels where the set says which."""

    def fingerprint(self, shards: tuple[int, ...] | None) -> str:
        """SHA-256 by which the files that `decode` reads are known again, not decoded."""


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
    return images[order], narrow(labels[order])


def narrow(labels: NDArray[np.int64]) -> NDArray[Any]:
    """Labels in as few bytes as their numbers need."""
    kinds = (np.uint8, np.int16, np.int32)
    return labels.astype(next(kind for kind in kinds if labels.max() <= np.iinfo(kind).max))


def framed(images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Images (..., height, width, 3) in the middle of a black square of this side."""
    height, width = (side - each for each in images.shape[-3:-1])
    frame = ((height // 2, height - height // 2), (width // 2, width - width // 2), (0, 0))
    return np.pad(images, ((0, 0),) * (images.ndim - 3) + frame)


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
