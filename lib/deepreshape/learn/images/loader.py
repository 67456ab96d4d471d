"""What an epoch shows a net: every training image once, augmented, in a random order."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from deepreshape.learn.images.sets import Images, Split


class Loader:
    """The training images of a set, epoch after epoch, in whole batches.

    batch: images of a step; all, where there are fewer. shift, flip, seed: see `shown`. halved: so
    many epochs, from the first, show images of half the side.
    """

    def __init__(
        self,
        images: Images,
        device: torch.device,
        batch: int,
        shift: int,
        flip: bool,
        seed: int,
        halved: int = 0,
    ) -> None:
        self.images, self.data = images, images.train.to(device)
        self.batch = min(batch, len(self.data))
        self.steps = len(self.data) // self.batch
        self.shift, self.flip, self.seed, self.halved = shift, flip, seed, halved

    def shown(self, epoch: int) -> "Shown":
        return shown(self.data, self.shift, self.flip, self.seed, epoch)

    def batches(self, epoch: int, pictures: "Shown") -> Iterator["Batch"]:
        return batches(pictures, self.data, self.images, self.batch, epoch < self.halved)


@dataclass(frozen=True, slots=True)
class Shown:
    """The images of an epoch, uint8 (n, h, w, 3), by row of the training set, and their order."""

    images: Tensor
    order: Tensor


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of the training set, their images normalised, float (b, 3, h, w), and labels (b,)."""

    rows: Tensor
    images: Tensor
    labels: Tensor


def shown(data: Split, shift: int, flip: bool, seed: int, epoch: int) -> Shown:
    """The epoch's images and their order: a function of seed and epoch alone, not of batch or net.

    Each image is shifted by up to `shift` pixels over zero padding and, with `flip`, mirrored at
    random.
    """
    choices = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    order = torch.randperm(len(data), generator=choices)
    images = data.images
    if flip:
        mirrored = torch.rand(len(data), generator=choices) < 0.5
        images = images.clone()
        images[mirrored.to(images.device)] = images[mirrored.to(images.device)].flip(2)
    if shift:
        images = _shifted(images, shift, choices)
    return Shown(images, order)


def _shifted(images: Tensor, most: int, choices: torch.Generator) -> Tensor:
    """Each image moved by its own offsets in -most..most; what leaves the frame is lost."""
    _, height, width, _ = images.shape
    span = 2 * most + 1
    moves = torch.randint(0, span * span, (len(images),), generator=choices)
    groups = moves.sort(stable=True).indices.split(moves.bincount(minlength=span * span).tolist())
    result = torch.zeros_like(images)
    for move, group in enumerate(groups):
        down, across = move // span - most, move % span - most
        rows = group.to(images.device)
        moved = torch.zeros_like(images[rows])
        moved[:, _to(down, height), _to(across, width)] = images[rows][
            :, _to(-down, height), _to(-across, width)
        ]
        result[rows] = moved
    return result


def _to(offset: int, size: int) -> slice:
    """Where the pixels land that move by an offset and stay within 0..size-1."""
    return slice(max(offset, 0), max(size + min(offset, 0), 0))


def batches(
    epoch: Shown, data: Split, images: Images, batch: int, halved: bool = False
) -> Iterator[Batch]:
    """The whole batches of an epoch, in its order; what is left over is not seen."""
    for rows in epoch.order.to(epoch.images.device).split(batch):
        if len(rows) == batch:
            x = normalised(epoch.images[rows], images)
            if halved:
                x = avg_pool2d(x, 2)
            yield Batch(rows, x, data.labels[rows])


def normalised(x: Tensor, images: Images) -> Tensor:
    """uint8 (n, h, w, 3) -> float (n, 3, h, w) in channels-last layout, by mean and deviation."""
    mean, std = (torch.tensor(values, device=x.device) for values in (images.mean, images.std))
    return ((x.float() - mean) / std).permute(0, 3, 1, 2)
