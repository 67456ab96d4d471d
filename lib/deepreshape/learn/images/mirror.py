"""Sets as Parquet files in an offline mirror."""

import io
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
from numpy.typing import NDArray
from PIL import Image

from deepreshape.learn.images.base import Arrays, DataError, Known, framed, refusing
from deepreshape.places import named_folder


def mirror_folder(name: str, shards: tuple[int, ...] | None) -> Path:
    """The folder of DEEPRESHAPE_MIRROR; DataError where it names none."""
    mirror = named_folder("DEEPRESHAPE_MIRROR")
    if not mirror:
        raise DataError(
            f"{name}{' by shards' if shards else ''} is read from an offline mirror:"
            " set DEEPRESHAPE_MIRROR to its folder"
        )
    return mirror


def mirrored(
    mirror: Path, name: str, known: Known, split: str, shards: tuple[int, ...] | None
) -> Arrays:
    """The images of a split. Raises DataError."""
    parts = [_read(file, known) for file in shard_files(mirror / name, split, name, shards)]
    images, labels = zip(*parts, strict=True)
    return np.concatenate(images), np.concatenate(labels)


_SHARD = re.compile(r"(\d+)-of-(\d+)(?:-[0-9a-f]+)?\.parquet")


def shard_files(
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


def _read(file: Path, known: Known) -> Arrays:
    wanted = [known.image_column, known.label_column]
    with refusing(f"{file} cannot be read as Parquet images"):
        columns = pyarrow.parquet.read_schema(file).names
    for column in wanted:
        if column not in columns:
            raise DataError(f"{file} has no column {column!r}; it has {', '.join(columns)}")
    with refusing(f"{file} cannot be read as Parquet images"):
        table = pyarrow.parquet.read_table(file, columns=wanted)
        images, labels = (table[column] for column in wanted)
        encoded = images.combine_chunks().field("bytes").to_pylist()
    if not encoded:
        raise DataError(f"{file} has no rows")
    if not pyarrow.types.is_integer(labels.type) or labels.null_count:
        raise DataError(
            f"{file}: the labels of column {known.label_column!r} are not whole numbers"
        )
    with ThreadPoolExecutor() as pool:
        decoded = pool.map(partial(_image, file, known), range(len(encoded)), encoded)
        return np.stack(list(decoded)), labels.to_numpy().astype(np.int64)


def _image(file: Path, known: Known, row: int, encoded: bytes) -> NDArray[np.uint8]:
    size = known.stored or known.size
    with refusing(f"{file}: row {row} is not an image"):
        image = np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))
    if image.shape != (size, size, 3):
        raise DataError(f"{file}: row {row} is {image.shape[0]} x {image.shape[1]}, not {size}")
    return framed(image, known.size)


def files_of(mirror: Path, name: str, known: Known) -> int:
    """How many Parquet files a set has in a mirror, all of them there and whole; their images are
    not decoded. Raises DataError."""
    count, columns = 0, [known.image_column, known.label_column]
    for split, expected in (("train", known.train), (known.test_split, known.test)):
        rows = 0
        for file in shard_files(mirror / name, split, name, None):
            with refusing(f"{file} cannot be read as Parquet images"):
                table = pyarrow.parquet.read_table(
                    file, columns=columns, page_checksum_verification=True
                )
            rows, count = rows + len(table), count + 1
        if rows != expected:
            raise DataError(f"{mirror / name}: {rows} images of {split}, expected {expected}")
    return count
