"""Image files as a net takes them: upright, eight bits, on a background, square and of its size."""

import warnings
from collections.abc import Sequence
from io import BufferedReader
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

Pixels = NDArray[np.uint8]
"""(height, width, 3)."""


_ALONE = Lock()
"""Which warnings are ignored is said for all threads."""


class Unread(ValueError):
    """An image that is not taken, in a line that names its file."""


class _Doubtful(ValueError):
    """Why an image is not taken, though it is one."""


def opened(path: Path) -> Image.Image:
    """An image file as RGB, or RGBA where it has transparency; of an animation the first picture.

    Raises Unread where it is no image, or one whose pixels do not say what is white; ValueError
    where the file is not there or the system does not let it be read. Each is one line.
    """
    try:
        with path.open("rb") as file, _identified(file) as image:
            _check_size(image)
            scaled = image.mode == "I" and image.format == "PPM"
            return _eight_bits(ImageOps.exif_transpose(image), scaled)
    except FileNotFoundError:
        raise ValueError(f"{path} is not there") from None
    except _Doubtful as error:
        raise Unread(f"{path} is not read: {error}") from None
    except Image.DecompressionBombError:
        raise Unread(f"{path} is not read: {_too_many()}") from None
    except Exception as error:  # decoders raise what they like
        if isinstance(error, OSError) and error.errno is not None:
            raise ValueError(f"{path} cannot be read ({error.strerror})") from None
        raise Unread(f"{path} is no image that can be read") from None


def fitted(image: Image.Image, side: int, background: Sequence[int]) -> Pixels:
    """An image on its background, an RGB colour, cut to a square around the middle, and scaled."""
    if image.mode == "RGBA":
        behind = Image.new("RGBA", image.size, (*background, 255))
        image = Image.alpha_composite(behind, image).convert("RGB")
    return np.asarray(ImageOps.fit(image, (side, side)), np.uint8)


def colour(mean: Sequence[float]) -> tuple[int, int, int]:
    """The colour nearest to the mean of pixels."""
    red, green, blue = (min(255, max(0, round(value))) for value in mean)
    return red, green, blue


def _identified(file: BufferedReader) -> Image.Image:
    """An image whose pixels are not read yet."""
    file.peek()  # a slow disk holds up no other thread
    with _ALONE, warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return Image.open(file)


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if Image.MAX_IMAGE_PIXELS is not None and width * height > Image.MAX_IMAGE_PIXELS:
        raise _Doubtful(f"it has {width:,} x {height:,} pixels; {_too_many()}")


def _too_many() -> str:
    return f"at most {(Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} million pixels are"


def _eight_bits(image: Image.Image, scaled: bool) -> Image.Image:
    """An image in RGB or RGBA. scaled: its integers are of 16 bits, as those of a PGM of more than
    8 are once it is read. Raises _Doubtful where nothing says what is white."""
    if image.mode.startswith("I;16") or scaled:
        return _of_sixteen_bits(image)
    if image.mode == "F":
        values = np.asarray(image)
        if not (values.min() >= 0 and values.max() <= 1):
            raise _Doubtful(
                "its pixels are floating-point numbers beyond 0 to 1, and nothing says which of"
                " them is white"
            )
        return Image.fromarray(np.rint(255 * values).astype(np.uint8)).convert("RGB")
    if image.mode == "I":
        raise _Doubtful(
            "its pixels are integers of 32 bits, and nothing says which of them is white"
        )
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _of_sixteen_bits(image: Image.Image) -> Image.Image:
    grey = np.asarray(image).astype(np.int64)
    mono = Image.fromarray((grey // 257).astype(np.uint8))
    hidden = image.info.get("transparency")
    if not isinstance(hidden, int):
        return mono.convert("RGB")
    mono.putalpha(Image.fromarray(np.where(grey == hidden, 0, 255).astype(np.uint8)))
    return mono.convert("RGBA")
