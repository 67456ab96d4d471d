"""Where the images of a folder lie: its splits, their classes, and the files of each."""

import os
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from deepreshape.learn.images.base import DataError

SPLITS = {"train": "train", "test": "test"} | dict.fromkeys(
    ("validation", "val", "valid"), "validation"
)
"""What is split off by the name of a folder."""
SUFFIXES = frozenset(
    {
        *(".apng", ".avif", ".bmp", ".dds", ".dib", ".gif", ".ico", ".j2k", ".jfif", ".jp2"),
        *(".jpe", ".jpeg", ".jpf", ".jpg", ".jpx", ".pbm", ".pcx", ".pfm", ".pgm", ".png", ".pnm"),
        *(".ppm", ".psd", ".qoi", ".sgi", ".tga", ".tif", ".tiff", ".webp"),
    }
)
"""Files that are taken for images; others are passed over."""
PASSED_OVER = ("__MACOSX",)
"""Folders of no class, beside hidden ones."""

Classes = dict[str, list[Path]]
"""The files of every class by its name, both in the order of names."""


def names(path: Path) -> tuple[str, ...]:
    """The classes that a folder trains on, in the order of their numbers. Raises DataError."""
    return tuple(_classes(_parts(path)["train"]))


def splits(path: Path) -> dict[str, Classes]:
    """The image files by split, `train` first; of `validation` and `test` those that the folder
    has, and never `validation` alone. Raises DataError."""
    parts = _parts(path)
    found = {split: _files(part) for split, part in parts.items()}
    for split, classes in found.items():
        for other in sorted(found["train"].keys() ^ classes.keys()):
            both = (parts["train"].name, parts[split].name)
            has, lacks = both if other in found["train"] else reversed(both)
            raise DataError(f"{path}: the class {other} is in {has} and not in {lacks}")
    return found


def passed_over(path: Path) -> dict[str, int]:
    """How many files in the folders of classes are taken for no images, by suffix, the most first.
    Raises DataError."""
    found: Counter[str] = Counter()
    for part in _parts(path).values():
        for folder in _classes(part).values():
            suffixes = (each.suffix.lower() for each in _walk(folder, ()))
            found.update(each or "without a suffix" for each in suffixes if each not in SUFFIXES)
    return dict(found.most_common())


def _parts(path: Path) -> dict[str, Path]:
    """The folder of each split."""
    _require_folder(path)
    found: dict[str, Path] = {}
    for folder in _folders(path):
        split = SPLITS.get(folder.name)
        if split in found:
            raise DataError(f"{path}: {found[split].name} and {folder.name} are the same")
        if split is not None:
            found[split] = folder
    by_split = [folder for folder in found.values() if any(_folders(folder))]
    if not by_split and len(found) < 2:
        return {"train": path}
    if "train" not in found:
        raise DataError(f"{path}: there is no folder train in it")
    if "test" not in found and "validation" in found:
        found["test"] = found.pop("validation")
    return {split: found[split] for split in ("train", "validation", "test") if split in found}


def _require_folder(path: Path) -> None:
    try:
        os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        raise DataError(f"{path} is not there: it should be a folder of images by class") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({_reason(error)})") from None
    if not path.is_dir():
        raise DataError(f"{path} is a file, not a folder of images by class")


def _folders(path: Path) -> Iterator[Path]:
    """The folders in a folder, in the order of names."""
    try:
        inside = sorted(each for each in path.iterdir() if each.is_dir())
    except OSError as error:
        raise DataError(f"{path} cannot be read ({_reason(error)})") from None
    for folder in inside:
        if not folder.name.startswith(".") and folder.name not in PASSED_OVER:
            yield folder


def _classes(folder: Path) -> dict[str, Path]:
    """The folder of every class."""
    found: dict[str, Path] = {}
    for each in _folders(folder):
        name = unicodedata.normalize("NFC", each.name)
        if name in found:
            raise DataError(f"{folder}: two folders are called {name}, spelt in other bytes")
        if not name.isprintable():
            raise DataError(f"{each}: the name of a class has letters that cannot be shown")
        found[name] = each
    if len(found) < 2:
        what = f"{len(found)} folder" + "s" * (not found)
        raise DataError(f"{folder} holds {what} of classes; there must be 2 at least")
    return dict(sorted(found.items()))


def _files(folder: Path) -> Classes:
    return {name: _of_class(path) for name, path in _classes(folder).items()}


def _of_class(folder: Path) -> list[Path]:
    """The image files of a class, also in one folder below its own."""
    found = sorted(file for file in _walk(folder, ()) if file.suffix.lower() in SUFFIXES)
    if not found:
        raise DataError(f"{folder} holds no images ({', '.join(sorted(SUFFIXES))})")
    below = sorted({file.relative_to(folder).parts[0] for file in found if file.parent != folder})
    if len(below) > 1:
        raise DataError(
            f"{folder} holds images in folders of its own ({', '.join(below[:3])}): the folders of"
            f" classes must lie in {folder.parent}"
        )
    return found


def _walk(folder: Path, above: tuple[str, ...]) -> Iterator[Path]:
    """Every file below a folder, through links as well. above: what it lies in, as the file
    system knows it."""
    real = os.path.realpath(folder)
    if real in above:
        raise DataError(f"{folder} leads back to {real}, which it lies in")
    try:
        with os.scandir(folder) as entries:
            inside = [each for each in entries if not each.name.startswith(".")]
        for each in inside:
            if os.path.isdir(each):  # noqa: PTH112
                if each.name not in PASSED_OVER:
                    yield from _walk(Path(each.path), (*above, real))
            else:
                yield Path(each.path)
    except OSError as error:
        raise DataError(f"{folder} cannot be read ({_reason(error)})") from None


def _reason(error: OSError | ValueError) -> str:
    return getattr(error, "strerror", None) or str(error)
