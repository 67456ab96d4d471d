"""Where the images of a folder lie, and one line for each folder that is not laid out so."""

import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from deepreshape.learn.images import layout
from deepreshape.learn.images.base import DataError

CLASSES = ("ant", "bee")
PARTS = ("train", "test")


def fill(folder: Path, *names: str) -> Path:
    """An empty file as the only image of each of these classes."""
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / "0.png").touch()
    return folder


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    return fill(tmp_path / "birds", *(f"{part}/{name}" for part in PARTS for name in CLASSES))


def at(folder: Path) -> dict[str, list[str]]:
    """The image files of every split, from the folder on."""
    return {
        split: [str(file.relative_to(folder)) for files in classes.values() for file in files]
        for split, classes in layout.splits(folder).items()
    }


def test_images_lie_in_folders_of_classes_in_folders_of_splits(birds: Path) -> None:
    assert at(birds) == {part: [f"{part}/{name}/0.png" for name in CLASSES] for part in PARTS}
    assert layout.names(birds) == CLASSES


@pytest.mark.parametrize("name", ["validation", "val", "valid"])
def test_validation_has_three_names(birds: Path, name: str) -> None:
    shutil.copytree(birds / "test", birds / name)
    assert list(at(birds)) == ["train", "validation", "test"]
    assert at(birds)["validation"] == [f"{name}/{each}/0.png" for each in CLASSES]


def test_validation_is_tested_on_where_there_is_no_test(birds: Path) -> None:
    (birds / "test").rename(birds / "val")
    assert at(birds)["test"] == [f"val/{name}/0.png" for name in CLASSES]
    assert list(at(birds)) == ["train", "test"]


def test_a_folder_of_classes_alone_is_trained_on(birds: Path) -> None:
    assert at(birds / "train") == {"train": [f"{name}/0.png" for name in CLASSES]}


def test_train_may_be_the_name_of_a_class(tmp_path: Path) -> None:
    """Of vehicles, say: it holds images, and no folder of a split is beside it."""
    assert layout.names(fill(tmp_path / "vehicles", "car", "train")) == ("car", "train")


def test_classes_are_in_the_order_of_names_however_these_are_spelt(tmp_path: Path) -> None:
    """A Mac writes é in two letters, of which the first is before f."""
    apart = unicodedata.normalize("NFD", "é")
    folder = fill(tmp_path / "f", "train/é", "train/f", f"test/{apart}", "test/f")
    found = layout.splits(folder)
    assert list(found["train"]) == list(found["test"]) == ["f", "é"] == [*layout.names(folder)]


def test_images_may_lie_one_folder_deeper(tmp_path: Path) -> None:
    """As those of TinyImageNet: train/n01443537/images/0.JPEG."""
    folder = fill(tmp_path / "tiny", "train/a/images", "train/b/images")
    assert at(folder / "train") == {"train": ["a/images/0.png", "b/images/0.png"]}


def test_a_link_to_a_folder_is_followed(birds: Path, tmp_path: Path) -> None:
    (birds / "train" / "ant").rename(tmp_path / "elsewhere")
    (birds / "train" / "ant").symlink_to(tmp_path / "elsewhere")
    assert at(birds)["train"] == ["train/ant/0.png", "train/bee/0.png"]


@pytest.mark.parametrize("suffix", sorted(layout.SUFFIXES))
def test_an_image_is_known_by_its_suffix(birds: Path, suffix: str) -> None:
    file = birds / "train" / "ant" / f"1{suffix.upper()}"
    file.touch()
    assert file.relative_to(birds).as_posix() in at(birds)["train"]


@pytest.mark.parametrize("name", ["a.txt", "Thumbs.db", ".hidden.png", "png", "a.png.part"])
def test_other_files_are_passed_over(birds: Path, name: str) -> None:
    whole = at(birds)
    (birds / "train" / "ant" / name).touch()
    (birds / "train" / name).touch()
    assert at(birds) == whole


def test_what_is_passed_over_is_counted_by_suffix(birds: Path) -> None:
    assert layout.passed_over(birds) == {}
    for name in ("train/ant/a.HEIC", "train/bee/b.heic", "test/ant/notes", "test/ant/.hidden"):
        (birds / name).touch()
    assert layout.passed_over(birds) == {".heic": 2, "without a suffix": 1}


def remove(*names: str) -> Callable[[Path], object]:
    return lambda folder: [shutil.rmtree(folder / name) for name in names]


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def in_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("birds")


def flat(folder: Path) -> None:
    """train and test, with images and no classes."""
    empty(folder)
    fill(folder, "train", "test")


def parts_of(name: str) -> Callable[[Path], object]:
    return lambda folder: fill(folder, f"train/{name}/one", f"train/{name}/two")


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (shutil.rmtree, "birds is not there: it should be a folder of images by class"),
    "a file": (in_a_file, "birds is a file, not a folder of images by class"),
    "an empty folder": (empty, "birds holds 0 folders of classes; there must be 2 at least"),
    "no train": (remove("train"), "birds: there is no folder train in it"),
    "one class": (
        remove("train/bee"),
        "birds/train holds 1 folder of classes; there must be 2 at least",
    ),
    "images without classes": (
        flat,
        "birds/train holds 0 folders of classes; there must be 2 at least",
    ),
    "a class that is not tested": (
        remove("test/bee"),
        "birds/test holds 1 folder of classes; there must be 2 at least",
    ),
    "other classes": (
        lambda f: (f / "test" / "bee").rename(f / "test" / "cat"),
        "birds: the class bee is in train and not in test",
    ),
    "a class that is not trained": (
        lambda f: fill(f, "test/cat"),
        "birds: the class cat is in test and not in train",
    ),
    "a class that is not held out": (
        lambda f: fill(f, "val/ant", "val/bee", "val/Bee"),
        "birds: the class Bee is in val and not in train",
    ),
    "a class without images": (
        lambda f: (f / "test" / "bee" / "0.png").rename(f / "test" / "bee" / "0.heic"),
        "birds/test/bee holds no images (.apng, .avif, ",
    ),
    "classes one folder deeper": (
        parts_of("songbirds"),
        "birds/train/songbirds holds images in folders of its own (one, two): the folders of"
        " classes must lie in birds/train",
    ),
    "validation twice": (
        lambda f: fill(f, "val/ant", "valid/ant"),
        "birds: val and valid are the same",
    ),
    "a loop of links": (
        lambda f: (f / "train" / "ant" / "loop").symlink_to(f / "train" / "ant"),
        "birds/train/ant/loop leads back to birds/train/ant, which it lies in",
    ),
    "a name in two spellings": (
        lambda f: fill(f, "train/é", "train/" + unicodedata.normalize("NFD", "é")),
        "birds/train: two folders are called é, spelt in other bytes",
    ),
    "a name of two lines": (
        lambda f: fill(f, "train/a\nb"),
        r"birds/train/a\nb: the name of a class has letters that cannot be shown",
    ),
    "a name in another encoding": (
        lambda f: os.makedirs(os.fsencode(f / "train") + b"/caf\xe9"),  # noqa: PTH103
        r"birds/train/caf\udce9: the name of a class has letters that cannot be shown",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_said_in_one_line(birds: Path, wrong: str) -> None:
    spoil, said = WRONG[wrong]
    spoil(birds)
    with pytest.raises(DataError) as caught:
        layout.splits(birds)
    line = str(caught.value).replace(f"{birds.parent}/", "")
    assert line.startswith(said)
    assert "\n" not in line


def test_a_link_that_leads_to_itself_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(DataError, match=r"loop cannot be read \(Too many levels of symbolic links"):
        layout.splits(tmp_path / "loop")


def test_a_path_that_no_system_takes_is_not_read() -> None:
    with pytest.raises(DataError, match=r"a\\x00b cannot be read \(.*embedded null"):
        layout.names(Path("a\0b"))
