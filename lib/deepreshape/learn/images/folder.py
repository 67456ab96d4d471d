"""Images in folders by class, in the layout of torchvision's ImageFolder:

    PATH/train/CLASS/*.jpg    trained on, some of them held out for validation
    PATH/test/CLASS/*.jpg     tested on; without it `val` is

Classes are numbered in the order of their names. Images have any size; each is cut to a square
around its middle and scaled.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from deepreshape.learn.images.base import (
    Arrays,
    DataError,
    Known,
    fingerprint,
    refusing,
    tensors,
)

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"})
"""Files that are taken for images, as torchvision does; others are passed over."""


class Folder:
    """The images of a folder. size: the side in pixels that they are scaled to."""

    def __init__(self, place: str, size: int | None) -> None:
        if size is None or size < 1:
            raise DataError(f"folder:{place} needs a size in pixels: folder:{place}[size=32]")
        self.path, self.size = Path(os.path.expanduser(place)), size  # noqa: PTH111
        self.label = f"folder-{size}"

    @property
    def published(self) -> None:
        return None

    @property
    def known(self) -> Known:
        """What the folder holds now."""
        train, test = self._files()
        trained, tested = (sum(map(len, split.values())) for split in (train, test))
        return Known(len(train), self.size, trained, tested)

    def decode(self, shards: tuple[int, ...] | None) -> dict[str, Tensor]:
        train, test = self._files(shards)
        return tensors(_decoded(train, self.size), _decoded(test, self.size))

    def fingerprint(self, shards: tuple[int, ...] | None) -> str:
        """Of every file, and of the number of files of every class."""
        classes = [files for split in self._files(shards) for files in split.values()]
        each = (file for files in classes for file in files)
        return fingerprint(each, *(str(len(files)) for files in classes))

    def _files(self, shards: tuple[int, ...] | None = None) -> tuple[dict[str, list[Path]], ...]:
        """The image files of training and of test by class."""
        if shards is not None:
            raise DataError(f"folder:{self.path} has no shards")
        tested = next((name for name in ("test", "val") if (self.path / name).is_dir()), None)
        if not (self.path / "train").is_dir():
            raise DataError(f"{self.path}: there is no folder train in it")
        if tested is None:
            raise DataError(f"{self.path}: there is neither a folder test nor val in it")
        train, test = (_by_class(self.path / split) for split in ("train", tested))
        for other in sorted(train.keys() ^ test.keys()):
            has, lacks = ("train", tested) if other in train else (tested, "train")
            raise DataError(f"{self.path}: the class {other} is in {has} and not in {lacks}")
        return train, test


def _by_class(folder: Path) -> dict[str, list[Path]]:
    """The image files of every class, both in the order of names."""
    with refusing(f"{folder} cannot be read"):
        classes = sorted(path for path in folder.iterdir() if path.is_dir())
        found = {
            path.name: sorted(file for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
            for path in classes
            if not path.name.startswith(".")
        }
    if len(found) < 2:
        raise DataError(f"{folder} holds {len(found)} folders of classes; there must be 2 at least")
    for name, files in found.items():
        if not files:
            raise DataError(f"{folder / name} holds no images ({', '.join(sorted(SUFFIXES))})")
    return found


def _decoded(classes: dict[str, list[Path]], size: int) -> Arrays:
    files = [file for each in classes.values() for file in each]
    with ThreadPoolExecutor() as pool:
        images = list(pool.map(partial(_image, size=size), files))
    labels = np.repeat(np.arange(len(classes)), [len(each) for each in classes.values()])
    return np.stack(images), labels


def _image(file: Path, size: int) -> NDArray[np.uint8]:
    """An image upright, in RGB, of its own colours where it is transparent."""
    with refusing(f"{file} cannot be read as an image"), Image.open(file) as image:
        if image.mode.startswith(("I", "F")):
            raise ValueError("its pixels have more than 8 bits")
        upright = ImageOps.exif_transpose(image)
        if upright.has_transparency_data:
            upright = upright.convert("RGBA")
        return np.asarray(ImageOps.fit(upright.convert("RGB"), (size, size)), np.uint8)
