"""Files become pixels: all of them, or without those that are damaged, on one background."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepreshape.image_files import colour, fitted, opened
from deepreshape.learn.images import decoding, rows
from deepreshape.learn.images.base import DataError
from deepreshape.learn.images.decoding import Decoded, decoded


@pytest.fixture(params=["in memory", "on the disk"])
def place(request: pytest.FixtureRequest, own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where decoded images go."""
    if request.param == "on the disk":
        monkeypatch.setattr(rows, "memory", lambda: 0)
    return str(request.param)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    found = []
    for number, shape in enumerate([(8, 8), (9, 5), (30, 40)]):
        pixels = np.random.default_rng(number).integers(0, 256, (*shape, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
        found.append(tmp_path / f"{number}.png")
    return found


def of(files: Sequence[Path], skip: bool = False, side: int = 6) -> Decoded:
    return decoded(files, [True] * len(files), side, skip)


def test_each_is_what_a_net_is_given_of_its_file(place: str, files: list[Path]) -> None:
    found = of(files).images.numpy()
    assert found.shape == (3, 6, 6, 3)
    for image, file in zip(found, files, strict=True):
        np.testing.assert_array_equal(image, fitted(opened(file), 6, (0, 0, 0)))


def test_progress_is_told_of_every_file(files: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "AT_ONCE", 2)
    said: list[tuple[int, int]] = []
    decoded(files, [True] * 3, 6, False, lambda done, of: said.append((done, of)))
    assert said == [(2, 3), (1, 3)]


def test_the_same_pixels_have_the_same_hash(files: list[Path]) -> None:
    first, again, other = of([files[0], files[0], files[1]]).hashes
    assert first == again != other


# Damaged files


def test_the_first_damaged_file_is_named(files: list[Path], tmp_path: Path) -> None:
    for number in (1, 2):
        files[number].write_bytes(b"x")
    says = rf"{tmp_path}/1\.png is no image that can be read; --skip-damaged leaves out such"
    with pytest.raises(DataError, match=says):
        of(files)


def test_damaged_files_are_left_out_and_named(place: str, files: list[Path]) -> None:
    whole = of(files)
    files[1].write_bytes(b"x")
    found = of(files, skip=True)
    assert [each for each in found.hashes if each] == [whole.hashes[0], whole.hashes[2]]
    assert found.left_out == (f"{files[1]} is no image that can be read",)


def test_a_file_that_is_not_there_is_not_left_out(files: list[Path]) -> None:
    files[1].unlink()
    with pytest.raises(DataError, match=r"1\.png is not there$"):
        of(files, skip=True)


# Transparency


@pytest.fixture
def clear(tmp_path: Path) -> list[Path]:
    """An opaque red image, a clear one, one that is half of it green, and a blue one."""
    names = ("red", "none", "half", "blue")
    for name, shade in zip(names, ("red", "#0000", "#0000", "blue"), strict=True):
        image = Image.new("RGB" if name == "red" else "RGBA", (4, 4), shade)
        if name == "half":
            image.paste((0, 255, 0, 255), (0, 0, 2, 4))
        image.save(tmp_path / f"{name}.png")
    return [tmp_path / f"{name}.png" for name in names]


def test_what_is_transparent_shows_the_mean_of_what_is_visible(
    place: str, clear: list[Path]
) -> None:
    found = of(clear[:3], side=4).images.numpy()
    behind = (170, 85, 0)  # 16 red pixels and 8 green ones
    assert (found[1] == behind).all()
    assert (found[2, :, 2:] == behind).all()
    assert (found[2, :, :2] == (0, 255, 0)).all()


def test_it_is_then_the_mean_of_all_pixels(clear: list[Path]) -> None:
    """On which private inference puts an image that has transparency."""
    found = of(clear, side=4).images.numpy()
    assert colour(found.reshape(-1, 3).mean(axis=0).tolist()) == tuple(found[1, 0, 0].tolist())


def test_images_that_no_net_is_trained_on_do_not_change_the_background(clear: list[Path]) -> None:
    found = decoded(clear, [True, True, True, False], 4, False).images.numpy()
    assert tuple(found[1, 0, 0]) == (170, 85, 0)


def test_the_background_of_nothing_visible_is_black(clear: list[Path]) -> None:
    assert of([clear[1]], side=4).images.max() == 0


# On the disk


def test_nothing_is_left_of_a_decoding_that_is_interrupted(
    files: list[Path], own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "memory", lambda: 0)

    def stop(done: int, of: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decoded(files, [True] * 3, 6, False, stop)
    assert list(own_cache.iterdir()) == []


def test_a_disk_that_is_too_small_is_named(
    files: list[Path], own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "memory", lambda: 0)
    monkeypatch.setattr(decoding, "free", lambda folder: 300_000)
    says = rf"3 images of 600 x 600 pixels take 0\.0065 GB .* the cache {own_cache} has 0\.0003 GB"
    with pytest.raises(DataError, match=says):
        of(files, side=600)


def test_a_cache_that_cannot_be_written_to_is_named(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "memory", lambda: 0)
    monkeypatch.setenv("DEEPRESHAPE_CACHE", str(files[0] / "cache"))
    with pytest.raises(DataError, match=r"cache, where decoded images go, cannot be written to \("):
        of(files)
