"""A folder of images by class is a data set as any other, and what is wrong with one is named."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from deepreshape.learn.images.base import DataError, ordered
from deepreshape.learn.images.sets import DataSet, load, loaded, parse, pinned
from deepreshape.learn.images.sources import source
from deepreshape.learn.runs.make import obtain
from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.training.machine import Machine
from tests.learn.tiny import NETWORK, RECIPE

CLASSES = ("ant", "bee", "cat")
TRAINED, TESTED = 12, 2
"""Images of each class."""
DRAWS = np.random.default_rng(5).integers(0, 256, (3, TRAINED + TESTED, 8, 8, 3), np.uint8)


def picture(label: int, number: int) -> NDArray[np.uint8]:
    return DRAWS[label, number]


def fill(folder: Path, tested: str = "test") -> Path:
    """Three classes of images of 8 x 8 pixels, as PNG."""
    for label, name in enumerate(CLASSES):
        for number in range(TRAINED + TESTED):
            split = "train" if number < TRAINED else tested
            file = folder / split / name / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture(label, number)).save(file)
    return folder


@pytest.fixture
def birds(own_cache: Path, tmp_path: Path) -> Path:
    return fill(tmp_path / "my birds")


def of(folder: Path, size: int = 8) -> DataSet:
    return DataSet(f"folder:{folder}", size=size)


def decoded(folder: Path, size: int = 8) -> dict[str, torch.Tensor]:
    loaded.cache_clear()
    return source(f"folder:{folder}", size).decode(None)


# Its name


def test_its_name_is_parsed_back(birds: Path) -> None:
    data = of(birds)
    assert str(data) == f"folder:{birds}[size=8]"
    assert parse(str(data)) == data
    part = replace(data, per_class=5)
    assert parse(str(part)) == part


def test_spellings_of_a_path_are_one(birds: Path) -> None:
    assert parse(f"folder:{birds}/../{birds.name}/[size=8]") == of(birds)


@pytest.mark.parametrize("size", ["", "[size=0]", "[per_class=2]"])
def test_a_size_must_be_said(birds: Path, size: str) -> None:
    with pytest.raises(DataError, match=r"needs a size in pixels: folder:.*my birds\[size=32\]"):
        parse(f"folder:{birds}{size}")


def test_a_folder_has_no_shards(birds: Path) -> None:
    with pytest.raises(DataError, match="my birds has no shards"):
        load(replace(of(birds), shards=(0,)))


# Its images


def test_it_says_what_it_holds(birds: Path) -> None:
    data = of(birds, 16)
    assert (data.resolution, data.classes) == (16, 3)
    assert data.train_images == 3 * TRAINED - 3 * TRAINED // 10
    assert replace(data, per_class=4).train_images == 12


@pytest.mark.parametrize(("split", "numbers"), [("train", (0, 12)), ("test", (12, 14))])
def test_images_are_those_of_the_files_in_the_order_of_classes(
    birds: Path, split: str, numbers: tuple[int, int]
) -> None:
    wanted = [(picture(label, n), label) for label in range(3) for n in range(*numbers)]
    images, labels = ordered(np.stack([w[0] for w in wanted]), np.array([w[1] for w in wanted]))
    found = decoded(birds)
    assert np.array_equal(found[f"{split}_images"].numpy(), images)
    assert np.array_equal(found[f"{split}_labels"].numpy(), labels)


def test_a_tenth_of_a_class_is_held_out(birds: Path) -> None:
    images = load(of(birds))
    counts = [len(split) for split in (images.train, images.validation, images.test)]
    assert counts == [3 * 11, 3 * 1, 3 * TESTED]


def test_without_test_val_is_tested_on(birds: Path, tmp_path: Path) -> None:
    other = fill(tmp_path / "other", tested="val")
    assert load(of(other)).digest == load(of(birds)).digest
    shutil.copytree(birds / "train", birds / "val")
    assert len(load(of(birds)).test) == 3 * TESTED


def test_images_of_any_size_are_cut_square_and_scaled(birds: Path) -> None:
    wide = np.zeros((20, 60, 3), np.uint8)
    wide[:, 10:50] = 200
    Image.fromarray(wide).save(birds / "test" / "ant" / "12.png")
    found = decoded(birds, 10)
    assert found["test_images"].shape == (6, 10, 10, 3)
    assert (found["test_images"] == 200).flatten(1).all(dim=1).sum() == 1
    bee = ImageOps.fit(Image.open(birds / "test" / "bee" / "12.png"), (10, 10))
    scaled = torch.from_numpy(np.array(bee))
    assert any(torch.equal(scaled, image) for image in found["test_images"])


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "1"])
def test_every_mode_of_eight_bits_becomes_rgb(birds: Path, mode: str) -> None:
    file = birds / "test" / "ant" / "12.tiff"
    (birds / "test" / "ant" / "12.png").unlink()
    Image.new("L", (8, 8), 255).convert(mode).save(file)
    assert (decoded(birds)["test_images"] == 255).flatten(1).all(dim=1).sum() == 1


def test_an_image_is_turned_upright(birds: Path) -> None:
    sideways = Image.fromarray(picture(0, 12)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 270 degrees
    whole = decoded(birds)
    sideways.save(birds / "test" / "ant" / "12.png", exif=exif)
    assert torch.equal(decoded(birds)["test_images"], whole["test_images"])


def test_more_than_256_classes_have_numbers_of_their_own(own_cache: Path, tmp_path: Path) -> None:
    for label in range(300):
        for split in ("train", "test"):
            file = tmp_path / "many" / split / f"{label:03d}" / "0.png"
            file.parent.mkdir(parents=True)
            Image.new("L", (1, 1), label % 256).save(file)
    assert decoded(tmp_path / "many", 1)["train_labels"].tolist() == list(range(300))


def test_files_that_are_no_images_and_hidden_folders_are_passed_over(birds: Path) -> None:
    whole = decoded(birds)
    (birds / "train" / "README.txt").write_text("birds")
    (birds / "train" / "ant" / "Thumbs.db").write_bytes(b"x")
    (birds / "train" / ".cache").mkdir()
    found = decoded(birds)
    assert all(torch.equal(found[name], whole[name]) for name in whole)


# Its digest


def test_the_digest_is_that_of_the_content(birds: Path, tmp_path: Path) -> None:
    """Not of the place, of file names or of the format."""
    first = pinned(of(birds)).digest
    other = Path(shutil.copytree(birds, tmp_path / "elsewhere"))
    file = other / "train" / "ant" / "3.png"
    Image.open(file).save(other / "train" / "ant" / "zebra.bmp")
    file.unlink()
    assert pinned(of(other)).digest == first
    assert pinned(of(other, 4)).digest != first
    (other / "train" / "ant" / "0.png").rename(other / "train" / "bee" / "99.png")
    assert pinned(of(other)).digest != first


def test_it_is_decoded_once(birds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = load(of(birds))
    loaded.cache_clear()
    monkeypatch.setattr("deepreshape.learn.images.folder._decoded", None)
    again = load(of(birds))
    assert again.digest == first.digest
    assert torch.equal(again.train.images, first.train.images)


def test_other_images_than_those_of_the_digest_are_refused(birds: Path) -> None:
    data = pinned(of(birds))
    (birds / "train" / "ant" / "0.png").unlink()
    with pytest.raises(DataError, match="holds other images than those that are asked for"):
        load(data)


def test_a_run_is_trained_on_it(birds: Path, store: Store, cpu: Machine) -> None:
    run = Run(replace(NETWORK, classes=3), of(birds), RECIPE)
    record = obtain(run, store, cpu)
    assert record.status == "done"
    assert record.run["data"] == str(of(birds))
    assert record.run["images"] == record.data_digest == pinned(of(birds)).digest
    assert record.tested == 3 * TESTED


# What is wrong


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:60])


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, r"my birds: there is no folder train in it"),
    "no train": (lambda f: shutil.rmtree(f / "train"), r"there is no folder train in it"),
    "no test": (lambda f: shutil.rmtree(f / "test"), r"neither a folder test nor val in it"),
    "one class": (
        lambda f: [shutil.rmtree(f / "train" / name) for name in CLASSES[1:]],
        r"train holds 1 folders of classes; there must be 2 at least",
    ),
    "a class that is not tested": (
        lambda f: shutil.rmtree(f / "test" / "bee"),
        r"my birds: the class bee is in train and not in test",
    ),
    "a class that is not trained": (
        lambda f: shutil.copytree(f / "test" / "bee", f / "test" / "dog"),
        r"my birds: the class dog is in test and not in train",
    ),
    "a class without images": (
        lambda f: [file.unlink() for file in (f / "test" / "cat").iterdir()],
        r"test/cat holds no images \(\.bmp, ",
    ),
    "a cut image": (
        lambda f: cut(f / "train" / "ant" / "4.png"),
        r"train/ant/4\.png cannot be read as an image \(",
    ),
    "text for an image": (
        lambda f: (f / "train" / "ant" / "x.jpg").write_text("ant"),
        r"train/ant/x\.jpg cannot be read as an image \(",
    ),
    "an image of 16 bits": (
        lambda f: Image.new("I;16", (8, 8)).save(f / "train" / "ant" / "x.png"),
        r"ant/x\.png cannot be read as an image \(its pixels have more than 8 bits\)",
    ),
    "too few to hold one out": (
        lambda f: [
            (f / "train" / name / f"{n}.png").unlink() for name in CLASSES for n in range(3)
        ],
        r"no class has 10 training images, of which one is held out",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_said_in_a_line(birds: Path, wrong: str) -> None:
    spoil, said = WRONG[wrong]
    spoil(birds)
    with pytest.raises(DataError, match=said) as caught:
        load(of(birds))
    assert "\n" not in str(caught.value)
