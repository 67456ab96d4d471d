"""Images in folders by class, in the layout of torchvision's ImageFolder:

    PATH/train/CLASS/*.jpg         trained on
    PATH/validation/CLASS/*.jpg    held out; without it one in ten of every class of train is
    PATH/test/CLASS/*.jpg          tested on; without it `validation` is
    PATH/CLASS/*.jpg               without train: one in five of every class is tested on

`val` and `valid` are other names of validation. Without both it and test, one in five of train is
tested on. Classes are numbered in the order of their names.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from deepreshape.learn.images import layout
from deepreshape.learn.images.base import Content, DataError, Known, Progress, narrow, silent
from deepreshape.learn.images.decoding import Decoded, decoded
from deepreshape.learn.images.layout import Classes
from deepreshape.learn.images.rows import Pictures, Rows, is_large

Numbers = NDArray[np.int64]

SIDE, MOST = 32, 4096
"""Pixels of a side that images are scaled to where none is asked for, and at most."""
TESTED, TEST_SEED = 5, 2024
"""One image in five of every class is tested on where no folder says which, by this seed."""


@dataclass(frozen=True, slots=True)
class Folder:
    """The images of a folder. size: the side in pixels that they are scaled to. skip: leave out
    files that are no images; else they are an error."""

    place: str
    size: int = SIDE
    skip: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.size <= MOST:
            raise DataError(f"size must be at least 1 and at most {MOST}, not {self.size}")

    def __str__(self) -> str:
        return f"folder:{self.place}"

    @property
    def path(self) -> Path:
        return Path(os.path.expanduser(self.place))  # noqa: PTH111

    @property
    def label(self) -> str:
        return f"folder-{self.size}"

    @property
    def published(self) -> None:
        return None

    @property
    def names(self) -> tuple[str, ...]:
        return layout.names(self.path)

    @property
    def classes(self) -> int:
        return len(self.names)

    @property
    def known(self) -> Known:
        """What the folder holds now; without files that are left out once they are decoded."""
        splits = layout.splits(self.path)
        counts = {
            split: [len(files) for files in classes.values()] for split, classes in splits.items()
        }
        tested = counts.get("test") or [_tested(count) for count in counts["train"]]
        trained = sum(counts["train"]) - (0 if "test" in counts else sum(tested))
        held_out = sum(counts["validation"]) if "validation" in counts else None
        return Known(len(tested), self.size, trained, sum(tested), held_out=held_out)

    def decode(self, shards: tuple[int, ...] | None, progress: Progress = silent) -> Content:
        splits = self._splits(shards)
        at = [
            (split, label, file)
            for split, classes in splits.items()
            for label, files in enumerate(classes.values())
            for file in files
        ]
        files, seen = [file for *_, file in at], [split == "train" for split, *_ in at]
        found = decoded(files, seen, self.size, self.skip, progress)
        labels = np.array([label for _, label, _ in at])
        whole = [row for row, each in enumerate(found.hashes) if each]
        order = sorted(whole, key=lambda row: (labels[row], found.hashes[row]))
        rows = {
            split: np.array([row for row in order if at[row][0] == split], np.int64)
            for split in splits
        }
        if "test" not in rows:
            rows["train"], rows["test"] = _parted(rows["train"], labels)
        _require_all_classes(self.path, rows, labels, list(splits["train"]))
        return Content(_tensors(rows, labels, found), found.left_out)

    def fingerprint(self, shards: tuple[int, ...] | None) -> str:
        """Of the name, the size and the times of every file, which say whether it was changed; its
        content, which may be more than a disk reads in minutes, is read to be decoded alone."""
        total = hashlib.sha256(f"{self.size} {self.skip}\n".encode())
        for split, classes in self._splits(shards).items():
            for file in chain(*classes.values()):
                try:
                    state = file.stat()
                except OSError as error:
                    raise DataError(f"{file} cannot be read ({error.strerror})") from None
                times = f"{state.st_size} {state.st_mtime_ns} {state.st_ctime_ns}"
                total.update(os.fsencode(f"{split} {file.relative_to(self.path)} {times}\n"))
        return total.hexdigest()

    def _splits(self, shards: tuple[int, ...] | None) -> Mapping[str, Classes]:
        if shards is not None:
            raise DataError(f"folder:{self.path} has no shards")
        return layout.splits(self.path)


def _tested(count: int) -> int:
    """Of so many images of a class, how many are tested on where no folder says which."""
    return max(1, count // TESTED)


def _parted(rows: Numbers, labels: Numbers) -> tuple[Numbers, Numbers]:
    """Rows to train on and to test on, each in their order."""
    generator = torch.Generator().manual_seed(TEST_SEED)
    tested = np.zeros(len(rows), bool)
    for label in np.unique(labels[rows]):
        of = np.flatnonzero(labels[rows] == label)
        drawn = torch.randperm(len(of), generator=generator).numpy()
        tested[of[drawn[: _tested(len(of))]]] = True
    return rows[~tested], rows[tested]


def _require_all_classes(
    path: Path, rows: Mapping[str, Numbers], labels: Numbers, names: list[str]
) -> None:
    """Files that are left out, and a part that is tested on, may leave a class without images."""
    for split, of in rows.items():
        for label in sorted(set(range(len(names))) - set(labels[of].tolist())):
            raise DataError(
                f"{path}: no image of the class {names[label]} is left for {split}: there are too"
                " few"
            )


def _tensors(rows: Mapping[str, Numbers], labels: Numbers, found: Decoded) -> dict[str, Pictures]:
    def each() -> Iterator[tuple[str, Pictures]]:
        for split, of in rows.items():
            images = Rows(found.images, torch.from_numpy(of))
            large = is_large(found.images.numel())
            yield f"{split}_images", images if large else images.whole()
            yield f"{split}_labels", torch.from_numpy(narrow(labels[of]))

    return dict(each())
