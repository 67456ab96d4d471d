"""What an epoch shows a net: every training image once, augmented, in a random order."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from deepreshape.learn.images.rows import Chosen, Pictures, Rows
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
        return batches(pictures, self.data, self.images, self.batch, self.is_halved(epoch))

    def is_halved(self, epoch: int) -> bool:
        return epoch < self.halved


@dataclass(frozen=True, slots=True)
class Shown:
    """The images of an epoch, uint8 (n, h, w, 3), by row of the training set, and their order.
    Those that are on the disk are changed when they are asked for."""

    images: Pictures
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
    count, span = len(data), 2 * shift + 1
    order = torch.randperm(count, generator=choices)
    mirrored = torch.rand(count, generator=choices) < 0.5 if flip else None
    moves = torch.randint(0, span * span, (count,), generator=choices) if shift else None
    if isinstance(data.images, Rows):
        return Shown(_Changed(data.images, mirrored, moves, shift), order)
    return Shown(_changed(data.images, mirrored, moves, shift), order)


class _Changed(Rows):
    """Rows that are mirrored and shifted, each as it is read."""

    def __init__(
        self, images: Rows, mirrored: Tensor | None, moves: Tensor | None, most: int
    ) -> None:
        super().__init__(images, torch.arange(len(images)))
        self._mirrored, self._moves, self._most = mirrored, moves, most

    def __getitem__(self, chosen: Chosen) -> Tensor:
        rows = torch.arange(len(self))[chosen]
        mirrored, moves = (
            None if each is None else each[rows] for each in (self._mirrored, self._moves)
        )
        return _changed(super().__getitem__(rows), mirrored, moves, self._most)


def _changed(images: Tensor, mirrored: Tensor | None, moves: Tensor | None, most: int) -> Tensor:
    """Images, mirrored where that is true, then each moved by its own offsets."""
    if mirrored is None and moves is None:
        return images
    if not images.is_cpu:
        return gathered(images, mirrored, moves, most)
    # Copies of whole rows of pixels: faster on a CPU, while a GPU would wait for the host at each.
    if mirrored is not None:
        images = images.clone()
        images[mirrored] = images[mirrored].flip(2)
    return images if moves is None else _shifted(images, most, moves)


AT_ONCE = 8192
"""Images that `gathered` makes at a time, beside all that it reads and gives."""


def gathered(images: Tensor, mirrored: Tensor | None, moves: Tensor | None, most: int) -> Tensor:
    """Images, uint8 (n, h, w, 3), mirrored where that is true, bool (n,), then shifted, pixel by
    pixel. moves: (n,), of the (2 most + 1)^2 offsets of at most `most` pixels, by rows."""
    count, height, width, _ = images.shape
    device, span = images.device, 2 * most + 1
    still = torch.zeros(count, dtype=torch.long)
    down, across = (still, still) if moves is None else (moves // span - most, moves % span - most)
    mirror = still.bool() if mirrored is None else mirrored
    result = torch.empty_like(images)
    y, x = torch.arange(height, device=device), torch.arange(width, device=device)
    chosen = (each.to(device)[:, None].split(AT_ONCE) for each in (down, across, mirror))
    parts = (images.split(AT_ONCE), result.split(AT_ONCE), *chosen)
    for source, target, fall, slide, turned in zip(*parts, strict=True):
        row, column = y - fall, x - slide
        inside = _within(row, height)[:, :, None] & _within(column, width)[:, None]
        column = torch.where(turned, width - 1 - column, column)
        picture = torch.arange(len(source), device=device)[:, None, None]
        row, column = row.clamp(0, height - 1), column.clamp(0, width - 1)
        target.copy_(source[picture, row[:, :, None], column[:, None]] * inside[..., None])
    return result


def _within(position: Tensor, size: int) -> Tensor:
    return (position >= 0) & (position < size)


def _shifted(images: Tensor, most: int, moves: Tensor) -> Tensor:
    """Each image moved by its own offsets in -most..most; what leaves the frame is lost."""
    _, height, width, _ = images.shape
    span = 2 * most + 1
    groups = moves.sort(stable=True).indices.split(moves.bincount(minlength=span * span).tolist())
    result = torch.zeros_like(images)
    for move, group in enumerate(groups):
        if not len(group):
            continue
        down, across = move // span - most, move % span - most
        moved = torch.zeros_like(images[group])
        moved[:, _to(down, height), _to(across, width)] = images[group][
            :, _to(-down, height), _to(-across, width)
        ]
        result[group] = moved
    return result


def _to(offset: int, size: int) -> slice:
    """Where the pixels land that move by an offset and stay within 0..size-1."""
    return slice(max(offset, 0), max(size + min(offset, 0), 0))


def batches(
    epoch: Shown, data: Split, images: Images, batch: int, halved: bool = False
) -> Iterator[Batch]:
    """The whole batches of an epoch, in its order; what is left over is not seen."""
    scale = scale_of(images, data.labels.device)
    for rows in epoch.order.to(epoch.images.device).split(batch):
        if len(rows) == batch:
            yield taken(rows, epoch.images, data.labels, scale, halved)


Scale = tuple[Tensor, Tensor]
"""Mean and deviation, (3,), of a set's pixels by channel, on a device."""


def scale_of(images: Images, device: torch.device) -> Scale:
    return torch.tensor(images.mean, device=device), torch.tensor(images.std, device=device)


def taken(rows: Tensor, pictures: Pictures, labels: Tensor, scale: Scale, halved: bool) -> Batch:
    """The batch of these rows; halved: of half the side. All of it is work of one device."""
    x = scaled(pictures[rows].to(labels.device), scale)
    return Batch(rows, avg_pool2d(x, 2) if halved else x, labels[rows])


def scaled(x: Tensor, scale: Scale) -> Tensor:
    """uint8 (n, h, w, 3) -> float (n, 3, h, w) in channels-last layout, by mean and deviation."""
    mean, std = scale
    return ((x.float() - mean) / std).permute(0, 3, 1, 2)


def normalised(x: Tensor, images: Images) -> Tensor:
    """`scaled` as the images of a set are."""
    return scaled(x, scale_of(images, x.device))
