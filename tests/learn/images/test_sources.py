"""Sources: whatever holds a set gives the same tensors, and what is wrong with it is named."""

import io
import os
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from http.client import BadStatusLine, IncompleteRead
from inspect import signature
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest
import torch
import torchvision.datasets
from numpy.typing import NDArray
from PIL import Image

from deepreshape.learn.images.base import DataError, Known, framed, narrow
from deepreshape.learn.images.mirror import files_of
from deepreshape.learn.images.sets import DataSet, Images, load, loaded, parse, pinned
from deepreshape.learn.images.sources import KNOWN, Published

# A mirror as small as can be

CIFAR = Known(3, 4, 60, 9, "img", "fine_label")
TINY = Known(3, 4, 60, 9, "image", "label", "valid")
PIXELS = np.random.default_rng(7).integers(0, 256, (69, 4, 4, 3), dtype=np.uint8)
LABELS = np.arange(69) % 3
TRAIN, TEST = slice(0, 60), slice(60, 69)
SPLITS = {"train": TRAIN, "test": TEST}

Pixels = NDArray[np.uint8]


def decode(name: str, shards: tuple[int, ...] | None) -> dict[str, torch.Tensor]:
    tensors = Published(name).decode(shards).tensors
    return {name: each for name, each in tensors.items() if isinstance(each, torch.Tensor)}


def encoded(image: Pixels, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **({"lossless": True} if kind == "WEBP" else {}))
    return buffer.getvalue()


def write(
    file: Path,
    images: Sequence[bytes | None],
    labels: object,
    columns: tuple[str, str] = ("img", "fine_label"),
) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    cell = pyarrow.struct([("bytes", pyarrow.binary()), ("path", pyarrow.string())])
    cells = pyarrow.array([{"bytes": image, "path": None} for image in images], cell)
    table = pyarrow.table({columns[0]: cells, "coarse_label": labels, columns[1]: labels})
    pyarrow.parquet.write_table(table, file)


def fill(
    mirror: Path,
    train: Sequence[int] = range(60),
    test: Sequence[int] = range(60, 69),
    shards: int = 2,
    kind: str = "PNG",
) -> None:
    """Write both sets into a mirror, rows in this order, training spread over so many files."""
    for file in mirror.glob("*/*.parquet"):
        file.unlink()
    for name, known in (("cifar100", CIFAR), ("tiny-imagenet", TINY)):
        columns = (known.image_column, known.label_column)
        for split, rows, count in (("train", train, shards), (known.test_split, test, 1)):
            for shard, part in enumerate(np.array_split(np.array(rows), count)):
                file = mirror / name / f"{split}-{shard:05d}-of-{count:05d}.parquet"
                write(file, [encoded(PIXELS[row], kind) for row in part], LABELS[part], columns)


@pytest.fixture
def small(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """cifar100 and tiny-imagenet are sets of 60 and 9 images of 4 x 4 pixels in 3 classes."""
    monkeypatch.setitem(KNOWN, "cifar100", CIFAR)
    monkeypatch.setitem(KNOWN, "tiny-imagenet", TINY)
    monkeypatch.delenv("DEEPRESHAPE_MIRROR", raising=False)


@pytest.fixture
def mirror(small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A whole mirror of both, named by DEEPRESHAPE_MIRROR."""
    folder = tmp_path / "mirror"
    fill(folder)
    monkeypatch.setenv("DEEPRESHAPE_MIRROR", str(folder))
    return folder


def test_the_files_of_a_mirror_are_counted(mirror: Path) -> None:
    assert [files_of(mirror, name, KNOWN[name]) for name in ("cifar100", "tiny-imagenet")] == [3, 3]


def test_a_mirror_with_a_cut_file_is_not_whole(mirror: Path) -> None:
    path = mirror / SHARD
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=rf"{SHARD} cannot be read as Parquet images"):
        files_of(mirror, "cifar100", CIFAR)


def test_a_mirror_with_fewer_images_is_not_whole(mirror: Path) -> None:
    damage(mirror, images=[encoded(PIXELS[0])], labels=LABELS[:1])
    with pytest.raises(DataError, match="cifar100: 31 images of train, expected 60"):
        files_of(mirror, "cifar100", CIFAR)


SHARD = "cifar100/train-00001-of-00002.parquet"


def damage(mirror: Path, **changed: object) -> None:
    """Write the mirror's second training shard anew, with images or labels of another kind."""
    content = {"images": [encoded(PIXELS[row]) for row in range(30, 60)], "labels": LABELS[30:60]}
    write(mirror / SHARD, **{**content, **changed})


def refusal(shards: tuple[int, ...] | None = None, name: str = "cifar100") -> str:
    """The message of the DataError that decoding ends in: one line."""
    with pytest.raises(DataError) as caught:
        decode(name, shards)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# What a mirror gives


@pytest.mark.parametrize(
    ("last", "kind"), [(255, np.uint8), (256, np.int16), (32_767, np.int16), (32_768, np.int32)]
)
def test_labels_take_as_few_bytes_as_hold_them(last: int, kind: type) -> None:
    found = narrow(np.array([0, last]))
    assert found.dtype == kind
    assert found.tolist() == [0, last]


@pytest.mark.parametrize("name", ["cifar100", "tiny-imagenet"])
@pytest.mark.parametrize("split", SPLITS)
def test_the_images_are_those_of_the_mirror(mirror: Path, name: str, split: str) -> None:
    tensors = decode(name, None)
    images, labels = tensors[f"{split}_images"], tensors[f"{split}_labels"]
    rows = SPLITS[split]
    expected = Counter(
        (label, image.tobytes()) for image, label in zip(PIXELS[rows], LABELS[rows], strict=True)
    )
    assert expected == Counter(
        (label.item(), image.numpy().tobytes()) for image, label in zip(images, labels, strict=True)
    )


def test_images_and_labels_are_bytes(mirror: Path) -> None:
    assert {tensor.dtype for tensor in decode("cifar100", None).values()} == {torch.uint8}


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_rows_does_not_matter(mirror: Path, seed: int) -> None:
    digest = load(DataSet("cifar100")).digest
    loaded.cache_clear()
    for file in Path(os.environ["DEEPRESHAPE_CACHE"]).glob("*.safetensors"):
        file.unlink()
    order = np.random.default_rng(seed).permutation(60).tolist()
    fill(mirror, train=order, test=list(reversed(range(60, 69))))
    assert load(DataSet("cifar100")).digest == digest


@pytest.mark.parametrize("change", [{"shards": 5}, {"kind": "WEBP"}, {"kind": "BMP"}], ids=str)
def test_files_and_format_do_not_matter(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, object]
) -> None:
    first = decode("cifar100", None)
    fill(tmp_path / "other", **change)
    monkeypatch.setenv("DEEPRESHAPE_MIRROR", str(tmp_path / "other"))
    second = decode("cifar100", None)
    assert all(torch.equal(first[part], second[part]) for part in first)


def test_a_grey_image_becomes_a_coloured_one(mirror: Path) -> None:
    grey = PIXELS[30, :, :, 0]
    damage(mirror, images=[encoded(grey) for _ in range(30)])
    images = decode("cifar100", None)["train_images"]
    expected = np.repeat(grey[..., None], 3, axis=2)
    assert sum(np.array_equal(image, expected) for image in images) == 30


def test_a_mirror_may_be_named_from_the_current_folder(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(mirror.parent)
    monkeypatch.setenv("DEEPRESHAPE_MIRROR", "mirror")
    assert len(decode("cifar100", None)["train_labels"]) == 60


def test_a_mirror_may_be_named_from_the_home(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No shell puts the home in for `~` in a file of settings."""
    monkeypatch.setenv("HOME", str(mirror.parent))
    monkeypatch.setenv("DEEPRESHAPE_MIRROR", "~/mirror")
    assert len(decode("cifar100", None)["train_labels"]) == 60


def test_the_path_of_a_mirror_may_have_spaces(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = mirror.rename(mirror.with_name("my  own sets"))
    monkeypatch.setenv("DEEPRESHAPE_MIRROR", str(moved))
    assert len(decode("cifar100", None)["train_labels"]) == 60


def test_a_mirror_comes_before_a_download(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torchvision.datasets.CIFAR100", None)
    assert len(decode("cifar100", None)["train_labels"]) == 60


# Parts of a mirror


def test_a_part_is_the_images_of_its_shards(mirror: Path) -> None:
    fill(mirror, shards=3)
    images = decode("tiny-imagenet", (0, 2))["train_images"]
    expected = {PIXELS[row].tobytes() for row in (*range(20), *range(40, 60))}
    assert {image.numpy().tobytes() for image in images} == expected


def test_a_part_needs_only_its_own_shards(mirror: Path) -> None:
    (mirror / "tiny-imagenet/train-00001-of-00002.parquet").unlink()
    assert len(decode("tiny-imagenet", (0,))["train_labels"]) == 30


def test_a_part_is_loaded_by_its_name(mirror: Path) -> None:
    fill(mirror, shards=3)
    images = load(parse("tiny-imagenet[shards=0+1]"))
    assert (len(images.train) + len(images.validation), len(images.test)) == (40, 9)


def test_a_missing_shard_is_named_with_the_part_that_is_there(mirror: Path) -> None:
    fill(mirror, shards=4)
    gone = mirror / "tiny-imagenet/train-00002-of-00004.parquet"
    gone.unlink()
    message = refusal(name="tiny-imagenet")
    assert str(gone) in message
    assert "tiny-imagenet[shards=0+1+3]" in message


def test_a_shard_that_the_set_does_not_have_is_named(mirror: Path) -> None:
    message = refusal((0, 7), "tiny-imagenet")
    assert "train-00007-of-00002.parquet" in message
    assert "tiny-imagenet[shards=0+1]" in message


# Other images under the same name


def other_images(folder: Path) -> Path:
    """A mirror of other images, in files of the same names."""
    fill(folder, train=list(range(30, 60)) * 2)
    return folder


PART = DataSet("tiny-imagenet", shards=(0,))


def test_other_images_under_the_same_name_are_another_set(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one cache folder, one after the other, and back again."""
    first, images = pinned(PART), load(PART)
    monkeypatch.setenv("DEEPRESHAPE_MIRROR", str(other_images(tmp_path / "other")))
    second, others = pinned(PART), load(PART)
    assert first.digest == images.digest != second.digest == others.digest
    assert not torch.equal(images.train.images, others.train.images)
    monkeypatch.setenv("DEEPRESHAPE_MIRROR", str(mirror))
    assert torch.equal(load(PART).train.images, images.train.images)


def test_files_that_change_in_their_place_are_other_images(mirror: Path) -> None:
    first = pinned(PART)
    other_images(mirror)
    assert pinned(PART) != first


def test_other_images_than_those_of_a_digest_are_refused(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pinned(PART)
    monkeypatch.setenv("DEEPRESHAPE_CACHE", str(tmp_path / "another cache"))
    monkeypatch.setenv("DEEPRESHAPE_MIRROR", str(other_images(tmp_path / "other")))
    with pytest.raises(DataError, match="tiny-imagenet holds other images than"):
        load(first)


def test_the_same_images_in_other_files_are_the_same_set(
    mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = DataSet("tiny-imagenet")
    first = pinned(whole)
    fill(tmp_path / "other", shards=3, kind="BMP")
    monkeypatch.setenv("DEEPRESHAPE_MIRROR", str(tmp_path / "other"))
    assert pinned(whole) == first


def test_what_is_decoded_is_known_without_being_decoded_again(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = pinned(PART)
    monkeypatch.setattr(Published, "decode", None)
    assert pinned(PART) == first
    assert load(PART).digest == first.digest


def test_a_set_that_cannot_be_read_keeps_its_name_alone(small: None) -> None:
    assert pinned(PART) == PART
    assert PART.digest is None


def test_a_published_digest_needs_no_reading(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(KNOWN, "cifar100", replace(CIFAR, digest=64 * "0"))
    part = DataSet("cifar100", per_class=2, size=2)
    assert part.digest == 64 * "0"
    assert pinned(part) is part
    assert DataSet("cifar100", shards=(0,)).digest is None


# Files as hubs name them, with a hash


def add_hash(mirror: Path, hexadecimal: str = "0123456789abcdef") -> None:
    for file in mirror.glob("*/*.parquet"):
        file.rename(file.with_name(f"{file.stem}-{hexadecimal}.parquet"))


def test_a_hash_in_the_names_changes_nothing(mirror: Path) -> None:
    plain = decode("cifar100", None)
    add_hash(mirror)
    hashed = decode("cifar100", None)
    assert all(torch.equal(plain[part], hashed[part]) for part in plain)


def test_of_hashed_files_too_a_missing_one_is_named(mirror: Path) -> None:
    add_hash(mirror)
    next((mirror / "tiny-imagenet").glob("train-00000-*")).unlink()
    message = refusal(name="tiny-imagenet")
    assert "train-00000-of-00002.parquet is missing" in message
    assert "tiny-imagenet[shards=1]" in message


def test_two_files_of_one_part_are_refused(mirror: Path) -> None:
    whole = (mirror / SHARD).read_bytes()
    add_hash(mirror)
    (mirror / SHARD).write_bytes(whole)
    assert "are the same part: remove one" in refusal()


def test_a_file_that_only_looks_alike_is_passed_over(mirror: Path) -> None:
    (mirror / "cifar100/train-x-of-y.parquet").touch()
    (mirror / "cifar100/train-00000-of-00002-old.parquet").touch()
    assert len(decode("cifar100", None)["train_labels"]) == 60


# What a mirror may lack


def test_a_missing_test_file_is_named(mirror: Path) -> None:
    (mirror / "cifar100/test-00000-of-00001.parquet").unlink()
    assert f"{mirror / 'cifar100'}: no files test-*" in refusal()


def test_a_mirror_that_is_not_there_is_named(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPRESHAPE_MIRROR", str(mirror / "elsewhere"))
    assert str(mirror / "elsewhere") in refusal()


def test_files_of_two_divisions_are_refused(mirror: Path) -> None:
    (mirror / SHARD).rename(mirror / "cifar100/train-00001-of-00003.parquet")
    assert "mixed numbers of files train-*" in refusal()


def test_too_few_images_are_counted(mirror: Path) -> None:
    damage(mirror, images=[encoded(PIXELS[30])], labels=[0])
    assert refusal() == "cifar100: 31 train images, expected 60"


@pytest.mark.parametrize("label", [-1, 3, 259])
def test_labels_outside_the_classes_are_refused(mirror: Path, label: int) -> None:
    damage(mirror, labels=[label, *LABELS[31:60]])
    assert refusal() == "cifar100: train labels outside 0..2"


def test_missing_columns_are_named_with_those_there(mirror: Path) -> None:
    content = [encoded(PIXELS[row]) for row in range(30, 60)]
    write(mirror / SHARD, content, LABELS[30:60], ("img", "label"))
    message = refusal()
    assert str(mirror / SHARD) in message
    assert "no column 'fine_label'; it has img, coarse_label, label" in message


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(lambda whole: b"", id="empty"),
        pytest.param(lambda whole: b"no Parquet", id="text"),
        pytest.param(lambda whole: whole[: len(whole) // 2], id="cut in half"),
        pytest.param(lambda whole: whole[:-1], id="cut by a byte"),
        pytest.param(lambda whole: whole[:4] + bytes(200) + whole[204:], id="zeroed at its start"),
        pytest.param(
            lambda whole: whole[:-300] + bytes(200) + whole[-100:], id="zeroed at its end"
        ),
        pytest.param(
            lambda whole: whole.replace(b"coarse_label", b"coarse_l\xff\xffel"), id="name"
        ),
    ],
)
def test_a_damaged_file_is_named(mirror: Path, broken: Callable[[bytes], bytes]) -> None:
    file = mirror / SHARD
    file.write_bytes(broken(file.read_bytes()))
    assert str(file) in refusal()


def test_a_file_without_rows_is_refused(mirror: Path) -> None:
    damage(mirror, images=[], labels=[])
    assert "cifar100" in refusal()


@pytest.mark.parametrize(
    "labels",
    [
        pytest.param(30 * ["cat"], id="text"),
        pytest.param([None, *LABELS[31:60].tolist()], id="one missing"),
        pytest.param(30 * [[0]], id="lists"),
    ],
)
def test_labels_that_are_no_numbers_are_refused(mirror: Path, labels: object) -> None:
    damage(mirror, labels=labels)
    assert str(mirror / SHARD) in refusal()


@pytest.mark.parametrize(
    "column",
    [
        pytest.param(pyarrow.array(30 * [b"bytes"]), id="bytes"),
        pytest.param(pyarrow.array(30 * [{"path": "a.png"}]), id="paths only"),
        pytest.param(pyarrow.array(30 * [1.5]), id="numbers"),
    ],
)
def test_a_column_that_holds_no_images_is_refused(mirror: Path, column: pyarrow.Array) -> None:
    table = pyarrow.table({"img": column, "fine_label": LABELS[30:60]})
    pyarrow.parquet.write_table(table, mirror / SHARD)
    assert str(mirror / SHARD) in refusal()


PNG, BITMAP = encoded(PIXELS[0]), encoded(PIXELS[0], "BMP")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(None, id="null"),
        pytest.param(b"no image", id="text"),
        pytest.param(PNG[: len(PNG) // 2], id="a cut PNG"),
        pytest.param(PNG[:8] + b"\0\0\0\4" + PNG[12:], id="a PNG with a short header"),
        pytest.param(PNG[:50] + b"\xff" + PNG[51:], id="a PNG with a changed pixel"),
        pytest.param(b"P6\n4 x\n255\n" + bytes(48), id="a PPM whose size is no number"),
        pytest.param(b"P6\n4 4\n255\n" + bytes(20), id="a cut PPM"),
        pytest.param(BITMAP[:20] + b"\1" + BITMAP[21:], id="a bitmap that claims too much"),
        pytest.param(BITMAP[:21] + b"\x7f" + BITMAP[22:], id="a bitmap that claims far too much"),
    ],
)
def test_a_row_that_is_no_image_is_named(mirror: Path, content: bytes | None) -> None:
    images = [encoded(PIXELS[row]) for row in range(30, 60)]
    images[17] = content
    damage(mirror, images=images)
    assert f"{mirror / SHARD}: row 17 is" in refusal()


def test_an_image_of_another_size_is_named(mirror: Path) -> None:
    images = [encoded(PIXELS[row]) for row in range(30, 60)]
    images[4] = encoded(np.zeros((5, 4, 3), np.uint8))
    damage(mirror, images=images)
    assert f"{mirror / SHARD}: row 4 is 5 x 4, not 4" in refusal()


def test_the_digits_have_no_shards() -> None:
    assert refusal((0,), "mnist5k") == "mnist5k has no shards"


# A download


class Download:
    """Stands in for torchvision's CIFAR-100: the same images, in an order of its own."""

    def __init__(self, root: str, train: bool, download: bool) -> None:
        rows = np.random.default_rng(11).permutation(60) if train else np.arange(68, 59, -1)
        self.data = PIXELS[rows]
        self.targets = LABELS[rows].tolist()


def test_a_download_gives_what_a_mirror_gives(
    mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored = decode("cifar100", None)
    monkeypatch.delenv("DEEPRESHAPE_MIRROR")
    monkeypatch.setattr("torchvision.datasets.CIFAR100", Download)
    downloaded = decode("cifar100", None)
    assert all(torch.equal(mirrored[part], downloaded[part]) for part in mirrored)


# Sets that torchvision downloads as well


class InFashion(Download):
    """Fashion-MNIST: grey tensors."""

    def __init__(self, root: str, train: bool, download: bool) -> None:
        super().__init__(root, train, download)
        self.data = torch.from_numpy(self.data[..., 0])
        self.targets = torch.tensor(self.targets)


class Streets(Download):
    """SVHN: channels first, and labels by another name."""

    def __init__(self, root: str, split: str, download: bool) -> None:
        super().__init__(root, split == "train", download)
        self.data = self.data.transpose(0, 3, 1, 2)
        self.labels = np.array(self.targets)


OTHERS = {
    "cifar10": ("CIFAR10", Download, Known(3, 4, 60, 9, "img", "label")),
    "fashion-mnist": (
        "FashionMNIST",
        InFashion,
        Known(3, 32, 60, 9, "image", "label", stored=4),
    ),
    "svhn": ("SVHN", Streets, Known(3, 4, 60, 9, "image", "label")),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_mirror_gives_what_torchvision_gives(
    mirror: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kind, stand_in, known = OTHERS[name]
    monkeypatch.setitem(KNOWN, name, known)
    grey = name == "fashion-mnist"
    for split, rows in SPLITS.items():
        images = [encoded(image[..., 0] if grey else image) for image in PIXELS[rows]]
        file = mirror / name / f"{split}-00000-of-00001.parquet"
        write(file, images, LABELS[rows], (known.image_column, "label"))
    mirrored = decode(name, None)
    monkeypatch.delenv("DEEPRESHAPE_MIRROR")
    monkeypatch.setattr(f"torchvision.datasets.{kind}", stand_in)
    downloaded = decode(name, None)
    assert mirrored["train_images"].shape == (60, known.size, known.size, 3)
    assert all(torch.equal(mirrored[part], downloaded[part]) for part in mirrored)
    assert pinned(DataSet(name)).digest == load(DataSet(name)).digest


@pytest.mark.parametrize("name", OTHERS)
def test_torchvision_has_a_class_of_these_arguments(name: str) -> None:
    kind = getattr(torchvision.datasets, OTHERS[name][0])
    part = {"split": "test"} if name == "svhn" else {"train": False}
    signature(kind).bind("root", download=True, **part)


def test_images_in_a_frame_lie_in_its_middle() -> None:
    found = framed(np.full((2, 1, 2, 3), 7, np.uint8), 4)
    assert found.shape == (2, 4, 4, 3)
    assert (found[:, 1, 1:3] == 7).all()
    assert found.sum() == 2 * 2 * 3 * 7


def test_an_empty_name_is_no_mirror(small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPRESHAPE_MIRROR", "")
    monkeypatch.setattr("torchvision.datasets.CIFAR100", Download)
    assert len(decode("cifar100", None)["train_labels"]) == 60


@pytest.mark.parametrize(
    "error",
    [
        URLError("no network"),
        RuntimeError("file corrupted"),
        PermissionError(13, "denied"),
        IncompleteRead(b"", 100),
        BadStatusLine("HTTP/9 what"),
        EOFError("Compressed file ended"),
        tarfile.ReadError("unexpected end of data"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_failed_download_names_the_mirror_as_a_way_out(
    small: None, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(root: str, train: bool, download: bool) -> None:
        raise error

    monkeypatch.setattr("torchvision.datasets.CIFAR100", fail)
    message = refusal()
    assert str(error) in message
    assert "DEEPRESHAPE_MIRROR" in message


def test_a_download_lies_in_the_cache(
    small: None, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    roots: list[str] = []

    def record(root: str, train: bool, download: bool) -> Download:
        roots.append(root)
        return Download(root, train, download)

    monkeypatch.setattr("torchvision.datasets.CIFAR100", record)
    decode("cifar100", None)
    assert {Path(root).parent for root in roots} == {own_cache}


@pytest.mark.parametrize(("name", "shards"), [("tiny-imagenet", None), ("cifar100", (0,))])
def test_what_cannot_be_downloaded_asks_for_a_mirror(
    small: None, name: str, shards: tuple[int, ...] | None
) -> None:
    assert "set DEEPRESHAPE_MIRROR" in refusal(shards, name)


# The real sets, where there is a mirror

NAMED = os.environ.get("DEEPRESHAPE_MIRROR")
BESIDE = Path(__file__).resolve().parents[4] / "shared" / "datasets"
REAL = Path(NAMED).resolve() if NAMED else BESIDE
TINY_FILES = REAL / "tiny-imagenet"


def needs(file: str) -> pytest.MarkDecorator:
    """Skip where the mirror, named or beside the repository, lacks a file."""
    reason = f"no mirror of {file.split('/')[0]}: set DEEPRESHAPE_MIRROR to its folder"
    return pytest.mark.skipif(not (REAL / file).is_file(), reason=reason)


needs_cifar = needs("cifar100/train-00000-of-00002.parquet")
needs_tiny = needs("tiny-imagenet/train-00000-of-00005.parquet")
needs_a_part = pytest.mark.skipif(
    len(list(TINY_FILES.glob("train-*"))) == 5, reason="the mirror holds all of tiny-imagenet"
)


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The real mirror, and an empty cache."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEEPRESHAPE_MIRROR", str(REAL))
        patch.setenv("DEEPRESHAPE_CACHE", str(tmp_path_factory.mktemp("real")))
        loaded.cache_clear()
        yield
        loaded.cache_clear()


@pytest.fixture(scope="module")
def cifar(real: None) -> Images:
    return load(DataSet("cifar100"))


def hashes(images: torch.Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in images}


@pytest.mark.long
@needs_cifar
def test_cifar_100_is_the_pinned_one(cifar: Images) -> None:
    assert cifar.digest == KNOWN["cifar100"].digest


@needs_cifar
@pytest.mark.parametrize(("split", "each"), [("train", 450), ("validation", 50), ("test", 100)])
def test_cifar_100_is_balanced(cifar: Images, split: str, each: int) -> None:
    assert getattr(cifar, split).labels.bincount().tolist() == 100 * [each]


@needs_cifar
def test_cifar_100_has_the_published_mean(cifar: Images) -> None:
    pixels = torch.cat([cifar.train.images, cifar.validation.images]).reshape(-1, 3).numpy()
    published = np.array([0.50707516, 0.48654887, 0.44091784])
    assert pixels.mean(axis=0) / 255 == pytest.approx(published, abs=1e-7)


@needs_cifar
def test_only_cifar_100s_own_duplicates_are_in_two_splits(cifar: Images) -> None:
    train, validation, test = (
        hashes(split.images) for split in (cifar.train, cifar.validation, cifar.test)
    )
    assert len((train | validation) & test) == 10
    assert len(train & validation) <= 14


@needs_tiny
@needs_a_part
def test_the_whole_of_tiny_imagenet_names_the_file_it_lacks(real: None) -> None:
    with pytest.raises(DataError, match=r"train-0000\d-of-00005\.parquet is missing; the part"):
        load(DataSet("tiny-imagenet"))


@needs_tiny
def test_rows_of_tiny_imagenet_are_decoded(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first 600 of a shard, some of them grey, and of the validation set."""
    for split, count in (("train", 5), ("valid", 1)):
        name = f"tiny-imagenet/{split}-00000-of-{count:05d}.parquet"
        batches = pyarrow.parquet.ParquetFile(REAL / name).iter_batches(600)
        (tmp_path / name).parent.mkdir(exist_ok=True)
        table = pyarrow.Table.from_batches([next(batches)])
        pyarrow.parquet.write_table(table, tmp_path / name)
    monkeypatch.setitem(KNOWN, "tiny-imagenet", replace(KNOWN["tiny-imagenet"], test=600))
    monkeypatch.setenv("DEEPRESHAPE_MIRROR", str(tmp_path))
    tensors = decode("tiny-imagenet", (0,))
    for split in ("train", "test"):
        assert tensors[f"{split}_images"].shape == (600, 64, 64, 3)
        assert len(tensors[f"{split}_labels"].unique()) > 100
