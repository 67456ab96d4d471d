"""CIFAR-100, as torchvision downloads it."""

import numpy as np

from deepreshape.learn.images.base import Arrays, DataError
from deepreshape.learn.tensor_files import cache_folder


def downloaded() -> tuple[Arrays, Arrays]:
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
