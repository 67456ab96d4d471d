"""Files of images -> pixels, side by side, into memory or into a file that nobody else sees."""

import hashlib
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.Image import Image
from PIL.ImageOps import fit
from torch import Tensor

from deepreshape.image_files import Unread, colour, fitted, opened
from deepreshape.learn.images.base import DataError, Progress, silent
from deepreshape.learn.images.rows import is_large
from deepreshape.learn.tensor_files import cache_folder

AT_ONCE = 256
"""Files between two reports of progress; Ctrl-C waits for so many."""
BLACK = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Decoded:
    """images: uint8 (n, side, side, 3), in memory, or mapped where they are large. hashes: of the
    pixels of each; empty for a file that is left out. left_out: why, a line for each of these."""

    images: Tensor
    hashes: list[bytes]
    left_out: tuple[str, ...]


def decoded(
    files: Sequence[Path],
    seen: Sequence[bool],
    side: int,
    skip: bool,
    progress: Progress = silent,
) -> Decoded:
    """The images of files, cut to a square around the middle and scaled.

    What is transparent shows the mean colour of all that is visible in the images of `seen`, which
    a net is trained on: it is then the mean of their pixels as well, on which private inference
    puts an image. skip: leave out files that are no images. Raises DataError.
    """
    at_work = _Decoding(files, side, skip)
    for start in range(0, len(files), AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, len(files)))
        at_work.each(at_work.decode, numbers)
        progress(len(numbers), len(files))
    at_work.each(at_work.composing(seen), list(at_work.shows))
    left_out = tuple(at_work.whys[number] for number in sorted(at_work.whys))
    return Decoded(torch.from_numpy(at_work.images), at_work.hashes, left_out)


class _Decoding:
    """Files on their way. shows: of each image with transparency, what of it is visible, (4,): the
    sums of its colours, weighted by opacity, and of its opacity."""

    def __init__(self, files: Sequence[Path], side: int, skip: bool) -> None:
        self.files, self.side, self.skip = files, side, skip
        self.images = _room(len(files), side)
        self.hashes = [b""] * len(files)
        self.shows: dict[int, NDArray[np.int64]] = {}
        self.whys: dict[int, str] = {}

    def each(self, task: Callable[[int], None], numbers: Sequence[int]) -> None:
        with ThreadPoolExecutor() as pool:
            for _ in pool.map(task, numbers):
                pass
        if self.whys and not self.skip:
            first = self.whys[min(self.whys)]
            raise DataError(f"{first}; --skip-damaged leaves out such files")

    def decode(self, number: int) -> None:
        picture = self._opened(number)
        if picture is None:
            return
        if picture.mode != "RGBA":
            self._put(number, picture, BLACK)
            return
        pixels = np.asarray(fit(picture, (self.side, self.side)), np.int64)
        self.shows[number] = _visible(pixels[..., :3], pixels[..., 3:])

    def composing(self, seen: Sequence[bool]) -> Callable[[int], None]:
        """What puts an image with transparency on the background of them all."""
        total = np.zeros(4, np.int64)
        if self.shows:
            total += sum(shown for number, shown in self.shows.items() if seen[number])
            for number, found in enumerate(self.hashes):
                if found and seen[number]:
                    total += _visible(self.images[number].astype(np.int64), np.array(255))
        background = colour((total[:3] / max(int(total[3]), 1)).tolist())

        def task(number: int) -> None:
            picture = self._opened(number)
            if picture is not None:
                self._put(number, picture, background)

        return task

    def _opened(self, number: int) -> Image | None:
        try:
            return opened(self.files[number])
        except Unread as error:
            self.whys[number] = str(error)
        except ValueError as error:
            raise DataError(str(error)) from None
        return None

    def _put(self, number: int, picture: Image, background: Sequence[int]) -> None:
        self.images[number] = fitted(picture, self.side, background)
        self.hashes[number] = hashlib.sha256(self.images[number]).digest()


def _visible(colours: NDArray[np.int64], opacity: NDArray[np.int64]) -> NDArray[np.int64]:
    weighted = (colours * opacity).sum(axis=(0, 1))
    return np.append(weighted, np.broadcast_to(opacity, (*colours.shape[:2], 1)).sum())


def _room(count: int, side: int) -> NDArray[np.uint8]:
    """Where so many images go; a file has no name, and is gone with the process."""
    shape = (count, side, side, 3)
    octets = count * side * side * 3
    if not is_large(octets):
        return np.empty(shape, np.uint8)
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if free(folder) < 2 * octets:
            raise DataError(
                f"{count:,} images of {side} x {side} pixels take {_gigabytes(2 * octets)} GB while"
                f" they are decoded, and the cache {folder} has {_gigabytes(free(folder))} GB free:"
                " name another with DEEPRESHAPE_CACHE"
            )
        with TemporaryFile(dir=folder) as file:
            os.posix_fallocate(file.fileno(), 0, octets)  # a full disk is an error now, not later
            return np.memmap(file, np.uint8, "r+", shape=shape)
    except OSError as error:
        raise DataError(
            f"{folder}, where decoded images go, cannot be written to ({error.strerror})"
        ) from None


def free(folder: Path) -> int:
    """Bytes that the disk of a folder has free."""
    return shutil.disk_usage(folder).free


def _gigabytes(octets: int) -> str:
    return f"{octets / 1e9:.2g}" if octets < 1e11 else f"{octets / 1e9:,.0f}"
