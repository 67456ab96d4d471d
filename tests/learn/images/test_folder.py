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

from deepreshape.learn.images import rows
from deepreshape.learn.images.base import DataError, ordered
from deepreshape.learn.images.rows import Pictures, Rows
from deepreshape.learn.images.sets import DataSet, load, loaded, parse, pinned, survey
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
    tensors = source(f"folder:{folder}", size).decode(None).tensors
    return {name: tensor for name, tensor in tensors.items() if isinstance(tensor, torch.Tensor)}


def as_tensor(images: Pictures) -> torch.Tensor:
    assert isinstance(images, torch.Tensor)
    return images


# Its name


def test_its_name_is_parsed_back(birds: Path) -> None:
    data = of(birds)
    assert str(data) == f"folder:{birds}[size=8]"
    assert parse(str(data)) == data
    part = replace(data, per_class=5)
    assert parse(str(part)) == part


def test_spellings_of_a_path_are_one(birds: Path) -> None:
    assert parse(f"folder:{birds}/../{birds.name}/[size=8]") == of(birds)


@pytest.mark.parametrize("text", ["{}", "{}/", "folder:{}", "{}/[]", "{}/[size=32]"])
def test_a_path_is_a_set_of_32_pixels_where_no_size_is_said(birds: Path, text: str) -> None:
    data = parse(text.format(birds))
    assert str(data) == f"folder:{birds}[size=32]"
    assert data.resolution == 32


def test_a_folder_of_the_current_one_may_be_named_alone(
    birds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(birds.parent)
    assert str(parse("my birds")) == "folder:my birds[size=32]"
    assert str(parse("./my birds/[size=8]")) == "folder:my birds[size=8]"


def test_a_known_name_is_no_folder(birds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(birds.parent)
    birds.rename("cifar100")
    assert str(parse("cifar100")) == "cifar100"
    assert str(parse("./cifar100")) == "folder:cifar100[size=32]"


@pytest.mark.parametrize("name", ["birds[1]", "birds[size=8]", "föglar", "a b", "x:y"])
def test_a_folder_may_have_any_name(own_cache: Path, tmp_path: Path, name: str) -> None:
    folder = fill(tmp_path / name)
    data = parse(str(folder))
    assert str(data) == f"folder:{folder}[size=32]"
    assert parse(str(data)) == data
    assert data.classes == 3


@pytest.mark.parametrize("size", [0, 4097, 999_999_999])
def test_a_side_has_bounds(birds: Path, size: int) -> None:
    with pytest.raises(DataError, match=rf"size must be at least 1 and at most 4096, not {size}"):
        parse(f"{birds}[size={size}]")


def test_to_leave_out_what_is_damaged_is_said_in_the_name(birds: Path) -> None:
    data = replace(of(birds), skip_damaged=True)
    assert str(data) == f"folder:{birds}[size=8,damaged=skip]"
    assert parse(str(data)) == data


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


def test_an_image_is_turned_upright(birds: Path) -> None:
    sideways = Image.fromarray(picture(0, 12)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 270 degrees
    whole = decoded(birds)
    sideways.save(birds / "test" / "ant" / "12.png", exif=exif)
    assert torch.equal(decoded(birds)["test_images"], whole["test_images"])


# What is tested on and held out


def test_validation_is_held_out_where_there_is_one(birds: Path) -> None:
    shutil.copytree(birds / "test", birds / "validation")
    data = of(birds)
    images = load(data)
    assert data.train_images == len(images.train) == 3 * TRAINED
    assert torch.equal(images.validation.images, images.test.images)


def test_its_images_are_not_trained_on(birds: Path) -> None:
    whole = load(of(birds)).digest
    shutil.copytree(birds / "test", birds / "val")
    assert load(of(birds)).digest != whole


@pytest.mark.parametrize("layout", ["train alone", "classes alone"])
def test_without_both_a_fifth_of_every_class_is_tested_on(birds: Path, layout: str) -> None:
    shutil.rmtree(birds / "test")
    if layout == "classes alone":
        for folder in (birds / "train").iterdir():
            folder.rename(birds / folder.name)
        (birds / "train").rmdir()
    images = load(of(birds))
    assert images.test.labels.bincount().tolist() == 3 * [TRAINED // 5]
    counts = (len(images.train), len(images.validation), len(images.test))
    assert counts == (3 * 9, 3 * 1, 3 * 2)
    assert of(birds).source.known.train == 3 * 10
    every = torch.cat([images.train.images, images.validation.images, images.test.images])
    wanted = {picture(label, n).tobytes() for label in range(3) for n in range(TRAINED)}
    assert {image.numpy().tobytes() for image in every} == wanted


def test_which_are_tested_on_follows_from_the_images_alone(birds: Path, tmp_path: Path) -> None:
    shutil.rmtree(birds / "test")
    first = load(of(birds)).digest
    other = tmp_path / "other"
    for number, file in enumerate(sorted(birds.rglob("*.png"))):
        moved = other / file.parent.name / f"{number * 7919 % 1000}.png"
        moved.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, moved)
    assert load(of(other)).digest == first


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
    (birds / "train" / "__MACOSX").mkdir()
    (birds / "train" / "ant" / "._0.png").write_bytes(b"x")
    found = decoded(birds)
    assert all(torch.equal(found[name], whole[name]) for name in whole)


# Its digest


def test_a_digest_is_the_one_that_records_have(birds: Path) -> None:
    """Of images in eight bits and without transparency, whatever version decoded them."""
    digest = "0b287330ca9062f223aed7931ba9885ed3572f4329dd18e5448b3360693f2a5a"
    assert pinned(of(birds)).digest == digest


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
    monkeypatch.setattr("deepreshape.learn.images.folder.decoded", None)
    again = load(of(birds))
    assert again.digest == first.digest
    assert torch.equal(as_tensor(again.train.images), as_tensor(first.train.images))


def test_a_file_that_is_changed_in_its_place_is_decoded_again(birds: Path) -> None:
    first = pinned(of(birds)).digest
    file = birds / "train" / "ant" / "0.png"
    size = file.stat().st_size
    Image.fromarray(255 - picture(0, 0)).save(file)
    assert pinned(of(birds)).digest != first
    assert abs(file.stat().st_size - size) < size


def test_the_images_of_a_digest_need_no_folder_once_they_are_decoded(birds: Path) -> None:
    data = pinned(of(birds))
    first = load(data)
    loaded.cache_clear()
    shutil.rmtree(birds)
    assert torch.equal(as_tensor(load(data).test.images), as_tensor(first.test.images))


def test_other_images_than_those_of_the_digest_are_refused(birds: Path, own_cache: Path) -> None:
    data = pinned(of(birds))
    (birds / "train" / "ant" / "0.png").unlink()
    shutil.rmtree(own_cache)
    with pytest.raises(DataError, match="holds other images than those that are asked for"):
        load(data)


def test_a_run_is_trained_on_it(birds: Path, store: Store, cpu: Machine) -> None:
    run = Run(replace(NETWORK, classes=3), of(birds), RECIPE)
    record = obtain(run, store, cpu)
    assert record.status == "done"
    assert record.run["data"] == str(of(birds))
    assert record.run["images"] == record.data_digest == pinned(of(birds)).digest
    assert record.tested == 3 * TESTED
    assert record.classes == CLASSES
    assert record.left_out == 0


# What is wrong


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:60])


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "a cut image": (
        lambda f: cut(f / "train" / "ant" / "4.png"),
        r"train/ant/4\.png is no image that can be read; --skip-damaged leaves out such files$",
    ),
    "text for an image": (
        lambda f: (f / "train" / "ant" / "x.jpg").write_text("ant"),
        r"train/ant/x\.jpg is no image that can be read; --skip",
    ),
    "an empty file": (
        lambda f: (f / "train" / "ant" / "x.jpg").touch(),
        r"train/ant/x\.jpg is no image that can be read; --skip",
    ),
    "an image of 32 bits": (
        lambda f: Image.new("I", (8, 8)).save(f / "train" / "ant" / "x.tiff"),
        r"ant/x\.tiff is not read: its pixels are integers of 32 bits, and nothing says",
    ),
    "a link to itself": (
        lambda f: (f / "train" / "ant" / "x.png").symlink_to("x.png"),
        r"ant/x\.png cannot be read \(Too many levels of symbolic links\)",
    ),
    "a link to nothing": (
        lambda f: (f / "train" / "ant" / "x.png").symlink_to("y.png"),
        r"ant/x\.png cannot be read \(No such file or directory\)",
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


def test_one_image_of_a_class_is_too_few_to_be_tested_as_well(birds: Path) -> None:
    shutil.rmtree(birds / "test")
    for number in range(1, TRAINED):
        (birds / "train" / "bee" / f"{number}.png").unlink()
    with pytest.raises(DataError, match="no image of the class bee is left for train"):
        load(of(birds))


# More than the memory holds


@pytest.fixture
def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every set is too large for the memory."""
    monkeypatch.setattr(rows, "memory", lambda: 0)


@pytest.mark.parametrize("part", ["[size=8]", "[size=8,per_class=3]", "[size=5]"])
def test_on_the_disk_it_is_what_it_is_in_memory(
    birds: Path, monkeypatch: pytest.MonkeyPatch, own_cache: Path, part: str
) -> None:
    held = load(parse(f"{birds}{part}"))
    loaded.cache_clear()
    shutil.rmtree(own_cache)
    monkeypatch.setattr(rows, "memory", lambda: 0)
    kept = load(parse(f"{birds}{part}"))
    assert (kept.digest, kept.split) == (held.digest, held.split)
    assert kept.mean == pytest.approx(held.mean, rel=1e-5)
    for split in ("train", "validation", "test"):
        ours, theirs = getattr(kept, split), getattr(held, split)
        assert isinstance(ours.images, Rows)
        assert torch.equal(ours.images.whole(), theirs.images)
        assert torch.equal(ours.labels, theirs.labels)


def test_a_set_that_was_decoded_into_memory_is_mapped_where_that_is_too_small(
    birds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = load(of(birds)).digest
    loaded.cache_clear()
    monkeypatch.setattr(rows, "memory", lambda: 0)
    monkeypatch.setattr("deepreshape.learn.images.folder.decoded", None)
    images = load(of(birds))
    assert images.digest == digest
    assert isinstance(images.train.images, Rows)


@pytest.mark.usefixtures("no_memory")
def test_a_taught_run_is_trained_on_images_on_the_disk(
    birds: Path, store: Store, cpu: Machine
) -> None:
    run = Run(replace(NETWORK, classes=3), of(birds), RECIPE)
    record = obtain(replace(run, teacher=replace(run, seed=9)), store, cpu)
    assert record.status == "done"
    assert record.tested == 3 * TESTED


@pytest.mark.usefixtures("no_memory")
def test_a_decoding_that_is_killed_leaves_nothing_that_is_taken_for_whole(
    birds: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("deepreshape.learn.tensor_files._octets", die)
    with pytest.raises(KeyboardInterrupt):
        load(of(birds))
    monkeypatch.undo()
    monkeypatch.setenv("DEEPRESHAPE_CACHE", str(own_cache))
    assert list(own_cache.glob("*.safetensors")) == list(own_cache.glob("*.json")) == []
    assert len(load(of(birds)).test) == 3 * TESTED


# What is damaged and left out


def skipping(folder: Path) -> DataSet:
    return replace(of(folder), skip_damaged=True)


def test_a_damaged_file_is_left_out_as_if_it_were_not_there(birds: Path) -> None:
    damaged = birds / "train" / "ant" / "4.png"
    cut(damaged)
    found = load(skipping(birds))
    damaged.unlink()
    assert load(of(birds)).digest == found.digest


def test_what_is_left_out_is_named(birds: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("test/cat/13.png", "train/ant/4.png")
    for name in names:
        cut(birds / name)
    wanted = {f"{birds / name} is no image that can be read" for name in names}
    assert set(survey(skipping(birds)).left_out) == wanted
    monkeypatch.setattr("deepreshape.learn.images.folder.decoded", None)
    assert set(survey(skipping(birds)).left_out) == wanted


def test_a_record_counts_what_is_left_out(birds: Path, store: Store, cpu: Machine) -> None:
    cut(birds / "train" / "ant" / "4.png")
    run = Run(replace(NETWORK, classes=3), skipping(birds), RECIPE)
    assert obtain(run, store, cpu).left_out == 1


def test_a_class_of_damaged_files_alone_is_named(birds: Path) -> None:
    for file in (birds / "test" / "cat").iterdir():
        cut(file)
    with pytest.raises(DataError, match="no image of the class cat is left for test"):
        load(skipping(birds))


def test_a_known_set_has_nothing_to_leave_out() -> None:
    with pytest.raises(DataError, match="mnist5k has no damaged images to leave out"):
        parse("mnist5k[damaged=skip]")
