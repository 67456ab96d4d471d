"""The sources that there are: of sets that are known by name, and of a place.

Every source of a set gives the same tensors (`base.tensors`).
"""

from collections.abc import Callable
from dataclasses import dataclass

from deepreshape.learn.images import packages
from deepreshape.learn.images.base import (
    Arrays,
    Content,
    DataError,
    Known,
    Progress,
    Source,
    fingerprint,
    silent,
    tensors,
)
from deepreshape.learn.images.folder import SIDE, Folder
from deepreshape.learn.images.mirror import mirror_folder, mirrored, shard_files
from deepreshape.places import named_folder

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
    "cifar10": Known(10, 32, 50_000, 10_000, "img", "label"),
    "fashion-mnist": Known(10, 32, 60_000, 10_000, "image", "label", stored=28),
    "svhn": Known(10, 32, 73_257, 26_032, "image", "label"),
}

PACKAGED: dict[str, Callable[[], tuple[Arrays, Arrays]]] = {"mnist5k": packages.mnist5k}
"""Sets that are in no mirror: what gives training and test images."""
DOWNLOADS: dict[str, Callable[[], tuple[Arrays, Arrays]]] = {
    "cifar100": packages.cifar100,
    "cifar10": packages.cifar10,
    "fashion-mnist": packages.fashion_mnist,
    "svhn": packages.svhn,
}
"""The same of whole sets where there is no mirror."""
PLACES: dict[str, Callable[[str, int, bool], Source]] = {"folder": Folder}
"""What `KIND:PLACE` names, by kind: the source of a place, of the side that is asked for, with or
without leaving out what is damaged."""
SIDES = {"folder": SIDE}
"""Of a place, the side where none is asked for."""


@dataclass(frozen=True, slots=True)
class Published:
    """A set of `KNOWN`. The mirror named by DEEPRESHAPE_MIRROR comes before a download."""

    label: str

    def __str__(self) -> str:
        return self.label

    @property
    def published(self) -> Known:
        return KNOWN[self.label]

    @property
    def known(self) -> Known:
        return self.published

    @property
    def classes(self) -> int:
        return self.published.classes

    @property
    def names(self) -> tuple[str, ...]:
        """None: its own name says them (`deepreshape.classes`)."""
        return ()

    def decode(self, shards: tuple[int, ...] | None, progress: Progress = silent) -> Content:
        name, known = self.label, self.published
        self._require_no_shards_of_a_package(shards)
        if name in PACKAGED:
            train, test = PACKAGED[name]()
        elif self._is_downloaded(shards):
            train, test = DOWNLOADS[name]()
        else:
            folder = mirror_folder(name, shards)
            train = mirrored(folder, name, known, "train", shards)
            test = mirrored(folder, name, known, known.test_split, None)
        for split, arrays in (("train", train), ("test", test)):
            expected = getattr(known, split)
            whole = shards is None or split == "test"
            if whole and len(arrays[1]) != expected:
                raise DataError(f"{name}: {len(arrays[1])} {split} images, expected {expected}")
            if arrays[1].min() < 0 or arrays[1].max() >= known.classes:
                raise DataError(f"{name}: {split} labels outside 0..{known.classes - 1}")
        return Content(tensors(train, test))

    def fingerprint(self, shards: tuple[int, ...] | None) -> str:
        """Of files of the mirror; of a download, whose files torchvision checks, of its name."""
        name = self.label
        self._require_no_shards_of_a_package(shards)
        if self._is_downloaded(shards):
            return fingerprint([], "torchvision", name)
        folder = mirror_folder(name, shards) / name
        train = shard_files(folder, "train", name, shards)
        test = shard_files(folder, self.published.test_split, name, None)
        return fingerprint([*train, *test])

    def _is_downloaded(self, shards: tuple[int, ...] | None) -> bool:
        whole = self.label in DOWNLOADS and shards is None
        return whole and not named_folder("DEEPRESHAPE_MIRROR")

    def _require_no_shards_of_a_package(self, shards: tuple[int, ...] | None) -> None:
        if self.label in PACKAGED and shards is not None:
            raise DataError(f"{self.label} has no shards")


def source(name: str, size: int | None, skip: bool = False) -> Source:
    """The source of a set by name; size: the side in pixels that is asked for; skip: leave out the
    files of a place that are damaged. Raises DataError."""
    kind, _, place = name.partition(":")
    if place and kind in PLACES:
        return PLACES[kind](place, SIDES[kind] if size is None else size, skip)
    if name not in KNOWN:
        known = ", ".join(KNOWN)
        raise DataError(f"unknown data set {name!r}: neither a folder nor one of {known}")
    if skip:
        raise DataError(f"{name} has no damaged images to leave out; a folder may have")
    return Published(name)
