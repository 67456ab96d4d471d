"""Image files as a net takes them: upright, eight bits, on a background, square and of its size."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from deepreshape.private.asking import Pixels
from deepreshape.private.program.steps import Program


class Unread(ValueError):
    """Why an image is not taken, though it is one."""


def opened(path: Path) -> Image.Image:
    """An image file as RGB, or RGBA where it has transparency. Raises ValueError where it is no
    image, or one whose pixels do not say what is white, in a line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                _check_size(image)
                return ImageOps.exif_transpose(_eight_bits(image))
    except FileNotFoundError:
        raise ValueError(f"{path} is not there") from None
    except Unread as error:
        raise ValueError(f"{path} is not read: {error}") from None
    except Image.DecompressionBombError:
        raise ValueError(f"{path} is not read: {_too_many()}") from None
    except Exception:  # decoders raise what they like
        raise ValueError(f"{path} is no image that can be read") from None


def fitted(images: Sequence[Image.Image], program: Program) -> list[Pixels]:
    """Images as the program takes them: on their background, cut to a square around the middle, and
    scaled.

    What is transparent shows the mean pixel of the images that the net was trained on, which is the
    colour that tells it nothing: nearly black for digits, whose ink is white.
    """
    side = program.image[1]
    mean = [min(255, max(0, round(value))) for value in program.mean]
    found = []
    for image in images:
        if image.mode == "RGBA":
            background = Image.new("RGBA", image.size, (*mean, 255))
            image = Image.alpha_composite(background, image).convert("RGB")
        found.append(np.asarray(ImageOps.fit(image, (side, side)), np.uint8))
    return found


def _check_size(image: Image.Image) -> None:
    width, height = image.size
    if Image.MAX_IMAGE_PIXELS is not None and width * height > Image.MAX_IMAGE_PIXELS:
        raise Unread(f"it has {width:,} x {height:,} pixels; {_too_many()}")


def _too_many() -> str:
    return f"at most {(Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} million pixels are"


def _eight_bits(image: Image.Image) -> Image.Image:
    """An image in RGB or RGBA. Raises Unread where nothing says what is white."""
    deep = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")
    if deep:  # a PGM of more than 8 bits is scaled to 16 as it is read
        grey = np.asarray(image).astype(np.int64)
        mono = Image.fromarray((grey // 257).astype(np.uint8))
        hidden = image.info.get("transparency")
        if not isinstance(hidden, int):
            return mono.convert("RGB")
        mono.putalpha(Image.fromarray(np.where(grey == hidden, 0, 255).astype(np.uint8)))
        return mono.convert("RGBA")
    if image.mode in ("I", "F"):
        kind = "integers of 32 bits" if image.mode == "I" else "floating-point numbers"
        raise Unread(f"its pixels are {kind}, and nothing says which of them is white")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")
