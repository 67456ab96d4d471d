"""Image files as a net takes them."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deepreshape.image_files import Unread, colour, fitted, opened

MEAN = (10.0, 20.0, 30.4)


def _taken(path: Path) -> list[list[int]]:
    """The four pixels, row by row, that a net of 2 x 2 gets of a file."""
    found: list[list[int]] = fitted(opened(path), 2, colour(MEAN)).reshape(4, 3).tolist()
    return found


def test_an_image_is_taken_upright(tmp_path: Path) -> None:
    lying = Image.fromarray(np.arange(12, dtype=np.uint8).reshape(3, 4))
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the picture is on the right
    lying.save(tmp_path / "lying.png", exif=exif)
    upright = np.asarray(opened(tmp_path / "lying.png"))[..., 0]
    np.testing.assert_array_equal(upright, np.rot90(np.asarray(lying), -1))


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    ramp = np.array([[0, 257, 32_896, 65_535]], np.uint16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    found = np.asarray(opened(tmp_path / "deep.png"))
    np.testing.assert_array_equal(found[0, :, 0], [0, 1, 128, 255])


def test_ten_bits_become_eight(tmp_path: Path) -> None:
    values = b"".join(value.to_bytes(2, "big") for value in (0, 256, 512, 1023))
    (tmp_path / "ten.pgm").write_bytes(b"P5 4 1 1023\n" + values)
    found = np.asarray(opened(tmp_path / "ten.pgm"))
    np.testing.assert_array_equal(found[0, :, 0], [0, 63, 127, 255])


def test_numbers_from_0_to_1_are_black_to_white(tmp_path: Path) -> None:
    Image.fromarray(np.array([[0, 0.25, 0.5, 1]], np.float32)).save(tmp_path / "float.tiff")
    found = np.asarray(opened(tmp_path / "float.tiff"))
    np.testing.assert_array_equal(found[0, :, 1], [0, 64, 128, 255])


@pytest.mark.parametrize("kind", ["I;16", "F"])
def test_a_deep_image_is_taken_upright_as_well(tmp_path: Path, kind: str) -> None:
    lying = np.linspace(0, 1, 12).reshape(3, 4)
    pixels = (lying * 65535).astype(np.uint16) if kind == "I;16" else lying.astype(np.float32)
    Image.fromarray(pixels).save(tmp_path / "flat.tiff")
    Image.fromarray(pixels).save(tmp_path / "lying.tiff", tiffinfo={0x0112: 6})
    flat, upright = (np.asarray(opened(tmp_path / f"{name}.tiff")) for name in ("flat", "lying"))
    np.testing.assert_array_equal(upright, np.rot90(flat, -1))


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "CMYK", "YCbCr", "LAB"])
def test_every_mode_of_eight_bits_becomes_rgb(tmp_path: Path, mode: str) -> None:
    white = Image.new("RGB", (2, 2), "white")
    if mode == "LAB":
        white = Image.new("LAB", (2, 2), (255, 128, 128))
    white.convert(mode).save(tmp_path / "a.tiff")
    assert np.min(_taken(tmp_path / "a.tiff")) >= 254


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp", "a.tiff"])
def test_of_an_animation_the_first_picture_is_taken(tmp_path: Path, name: str) -> None:
    first, second = (Image.new("RGB", (2, 2), colour) for colour in ("white", "black"))
    first.save(tmp_path / name, save_all=True, append_images=[second])
    assert _taken(tmp_path / name) == 4 * [[255, 255, 255]]


@pytest.mark.parametrize(("shape", "side"), [((30, 10), 4), ((3, 9), 5), ((1, 1), 2), ((7, 1), 3)])
def test_an_image_of_any_shape_becomes_a_square(shape: tuple[int, int], side: int) -> None:
    pixels = fitted(Image.new("RGB", shape, (1, 2, 3)), side, (0, 0, 0))
    assert pixels.dtype == np.uint8
    assert (pixels == np.full((side, side, 3), (1, 2, 3))).all()


# Transparency: what shows through is the mean pixel.

THROUGH = [10, 20, 30]
INK, HIDDEN = (200, 100, 50), (1, 255, 77)


def _rgba(hidden: tuple[int, int, int]) -> Image.Image:
    image = Image.new("RGBA", (2, 2), (*INK, 255))
    image.putpixel((1, 0), (*hidden, 0))
    return image


@pytest.mark.parametrize("hidden", [HIDDEN, (0, 0, 0), INK])
def test_what_lies_under_no_ink_does_not_matter(
    tmp_path: Path, hidden: tuple[int, int, int]
) -> None:
    _rgba(hidden).save(tmp_path / "a.png")
    assert _taken(tmp_path / "a.png") == [list(INK), THROUGH, list(INK), list(INK)]


def test_half_of_what_lies_behind_shows_through_half_of_the_ink(tmp_path: Path) -> None:
    Image.new("RGBA", (2, 2), (110, 120, 130, 128)).save(tmp_path / "a.png")
    assert np.abs(np.array(_taken(tmp_path / "a.png")) - (60, 70, 80)).max() <= 1


def test_grey_with_alpha(tmp_path: Path) -> None:
    image = Image.new("LA", (2, 2), (90, 255))
    image.putpixel((1, 0), (255, 0))
    image.save(tmp_path / "a.png")
    assert _taken(tmp_path / "a.png") == [[90] * 3, THROUGH, [90] * 3, [90] * 3]


@pytest.mark.parametrize("name", ["a.png", "a.gif"])
def test_a_palette_with_a_transparent_colour(tmp_path: Path, name: str) -> None:
    image = Image.new("P", (2, 2), 0)
    image.putpalette([*INK, *HIDDEN])
    image.putpixel((1, 0), 1)
    image.save(tmp_path / name, transparency=1)
    assert _taken(tmp_path / name) == [list(INK), THROUGH, list(INK), list(INK)]


@pytest.mark.parametrize(("mode", "ink", "key"), [("L", 90, 77), ("RGB", INK, HIDDEN), ("1", 1, 0)])
def test_a_colour_that_stands_for_nothing(
    tmp_path: Path, mode: str, ink: int | tuple[int, ...], key: int | tuple[int, ...]
) -> None:
    image = Image.new(mode, (2, 2), ink)
    image.putpixel((1, 0), key)
    image.save(tmp_path / "a.png", transparency=key)
    assert _taken(tmp_path / "a.png")[1] == THROUGH
    assert _taken(tmp_path / "a.png")[0] != THROUGH


def test_a_grey_of_sixteen_bits_that_stands_for_nothing(tmp_path: Path) -> None:
    """Only the very value, not those that have its high bits."""
    pixels = struct.pack(">B2HB2H", 0, 30_000, 30_001, 0, 30_002, 30_000)
    header = struct.pack(">2I5B", 2, 2, 16, 0, 0, 0, 0)
    key, data = struct.pack(">H", 30_001), zlib.compress(pixels)
    _png(tmp_path / "a.png", (b"IHDR", header), (b"tRNS", key), (b"IDAT", data))
    grey = [30_000 // 257] * 3
    assert _taken(tmp_path / "a.png") == [grey, THROUGH, grey, grey]


def _png(path: Path, *parts: tuple[bytes, bytes]) -> None:
    chunks = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in (*parts, (b"IEND", b""))
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))


# What is not read, and why


REFUSED = {
    "numbers from -1 to 1": (np.linspace(-1, 1, 16, dtype=np.float32), "floating-point numbers"),
    "numbers from 0 to 255": (np.arange(0, 256, 16, dtype=np.float32), "floating-point numbers"),
    "no number at all": (np.full(16, np.nan, np.float32), "floating-point numbers"),
    "integers": (np.ones(16, np.int32), "integers of 32 bits"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_an_image_that_does_not_say_what_is_white_is_refused(tmp_path: Path, kind: str) -> None:
    pixels, says = REFUSED[kind]
    Image.fromarray(pixels.reshape(4, 4)).save(tmp_path / "raw.tiff")
    with pytest.raises(Unread, match=rf"raw\.tiff is not read: .* {says}.*, and nothing"):
        opened(tmp_path / "raw.tiff")


def test_the_system_says_why_a_file_is_not_read(tmp_path: Path) -> None:
    loop = tmp_path / "loop.png"
    loop.symlink_to(loop)
    with pytest.raises(ValueError, match=r"loop\.png cannot be read \(Too many levels of symbolic"):
        opened(loop)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.png is not there"):
        opened(tmp_path / "none.png")


@pytest.mark.parametrize("side", [10_000, 20_000])
def test_an_image_that_is_too_large_is_refused_by_its_size(tmp_path: Path, side: int) -> None:
    header = struct.pack(">2I5B", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((side // 8 + 1) * side))
    _png(tmp_path / "huge.png", (b"IHDR", header), (b"IDAT", rows))
    says = r"huge\.png is not read: .*at most 89 million pixels are$"
    with pytest.raises(ValueError, match=says):
        opened(tmp_path / "huge.png")


@pytest.mark.parametrize("error", [SyntaxError, MemoryError, RuntimeError])
def test_whatever_a_decoder_raises_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / "a.png")

    def broken(*_: object, **__: object) -> None:
        raise error("two\nlines")

    monkeypatch.setattr("PIL.Image.Image.convert", broken)
    with pytest.raises(ValueError, match=r"a\.png is no image that can be read"):
        opened(tmp_path / "a.png")
