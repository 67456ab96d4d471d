"""The training loop: one function, read from top to bottom."""

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import SGD
from torch.optim.lr_scheduler import LambdaLR

from deepreshape.learn.data import Images, Split
from deepreshape.learn.files import CorruptFile, load_tensors, save_tensors
from deepreshape.learn.losses import distillation
from deepreshape.learn.nets import Net

Precision = Literal["float32", "bfloat16"]
Progress = Callable[[int], None]
"""Called with the number of images that a step has just used."""


class TrainingFailed(RuntimeError):
    """The loss is no longer a number; the message says at which step and learning rate."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained; the defaults are the paper's (Appendix J).

    SGD with momentum; `rate` falls along a cosine to zero, after a linear rise over
    the first `warmup` epochs. Images are shifted by up to `shift` pixels (crop from zero padding)
    and, with `flip`, mirrored at random. temperature and weight: of distillation, where the run
    has a teacher.
    """

    epochs: int = 200
    batch: int = 128
    rate: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    warmup: float = 0.0
    shift: int = 4
    flip: bool = True
    temperature: float = 4.0
    weight: float = 0.9

    def __post_init__(self) -> None:
        for name in ("rate", "momentum", "weight_decay", "warmup", "temperature", "weight"):
            object.__setattr__(self, name, float(getattr(self, name)))
        for name in ("epochs", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("rate", "temperature"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if not 0 <= self.weight <= 1:
            raise ValueError(f"weight must lie between 0 and 1, not {self.weight}")
        if self.shift < 0 or not 0 <= self.warmup < self.epochs:
            raise ValueError("shift must not be negative, and warmup must be shorter than epochs")

    @property
    def leaves_images_alone(self) -> bool:
        """Without augmentation a teacher's logits need computing only once."""
        return self.shift == 0 and not self.flip

    def rate_factor(self, step: int, steps_per_epoch: int) -> float:
        """The learning rate at a step, as a fraction of `rate`."""
        epoch = step / steps_per_epoch
        if epoch < self.warmup:
            return (epoch + 1 / steps_per_epoch) / (self.warmup + 1 / steps_per_epoch)
        done = (epoch - self.warmup) / (self.epochs - self.warmup)
        return 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch of a learning curve: mean training loss, seconds, images per second."""

    loss: float
    seconds: float
    images_per_second: float


@dataclass(frozen=True, slots=True)
class Trained:
    """A net at the end of its last epoch, its accuracies in percent, and its curve."""

    net: Net
    validation: float
    test: float
    curve: tuple[Epoch, ...]
    precision: Precision


@dataclass(frozen=True, slots=True)
class Machine:
    """Where a run is computed and in which number format."""

    device: torch.device
    precision: Precision


def train(
    net: Net,
    recipe: Recipe,
    images: Images,
    seed: int,
    machine: Machine,
    teacher: Net | None = None,
    checkpoint: Path | None = None,
    progress: Progress = lambda images: None,
) -> Trained:
    """Train a freshly built net and measure it after its last epoch.

    With a `checkpoint` path the state is written there after every epoch, and a state found there
    is continued: on the same machine and thread count the result is the uninterrupted one, bit for
    bit. Raises TrainingFailed when the loss is not finite.
    """
    device = machine.device
    data = images.train.to(device)
    batch = min(recipe.batch, len(data))
    steps = len(data) // batch
    net.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = SGD(
        net.parameters(), recipe.rate, recipe.momentum, weight_decay=recipe.weight_decay
    )
    curve, precision = _restore(checkpoint, net, optimizer, machine.precision)
    machine = Machine(device, precision)
    targets = _targets(teacher, data, images, recipe, machine)
    progress(len(curve) * steps * batch)
    for group in optimizer.param_groups:
        group["initial_lr"] = recipe.rate
    scheduler = LambdaLR(
        optimizer, lambda step: recipe.rate_factor(step, steps), len(curve) * steps - 1
    )

    for epoch in range(len(curve), recipe.epochs):
        start, total = time.perf_counter(), 0.0
        choices = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        order = torch.randperm(len(data), generator=choices)
        net.train()
        for step in range(steps):
            rows = order[step * batch : (step + 1) * batch]
            x = _normalised(augmented(data.images, rows, recipe, choices), images)
            labels = data.labels[rows.to(device)]
            with _autocast(machine):
                logits = net(x).float()
                target = targets(rows, x)
                if target is None:
                    loss = cross_entropy(logits, labels)
                else:
                    loss = distillation(logits, target, labels, recipe.temperature, recipe.weight)
            value = loss.item()
            if not math.isfinite(value):
                raise TrainingFailed(
                    f"the loss is {value} at step {epoch * steps + step}"
                    f" (epoch {epoch + 1}), learning rate {scheduler.get_last_lr()[0]:.3g}"
                )
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            scheduler.step()
            total += value
            progress(batch)
        seconds = time.perf_counter() - start
        curve = (*curve, Epoch(total / steps, seconds, steps * batch / seconds))
        _save(checkpoint, net, optimizer, curve, precision)

    validation = accuracy(net, images.validation, images, machine)
    test = accuracy(net, images.test, images, machine)
    return Trained(net, validation, test, curve, precision)


def _targets(
    teacher: Net | None, data: Split, images: Images, recipe: Recipe, machine: Machine
) -> Callable[[Tensor, Tensor], Tensor | None]:
    """The teacher's logits for a step, given its rows and its images; None without a teacher.

    Where images are left alone, the teacher sees each of them once, now.
    """
    if teacher is None:
        return lambda rows, x: None
    teacher.eval()
    if recipe.leaves_images_alone:
        known = predicted(teacher, data, images, machine)
        return lambda rows, x: known[rows]

    @torch.no_grad()
    def taught(rows: Tensor, x: Tensor) -> Tensor:
        return teacher(x).float()  # type: ignore[no-any-return]

    return taught


def augmented(images: Tensor, rows: Tensor, recipe: Recipe, choices: torch.Generator) -> Tensor:
    """The chosen images (n, h, w, 3), each shifted over zero padding and mirrored at random."""
    shift, side = recipe.shift, images.shape[1]
    offsets = torch.randint(-shift, shift + 1, (2, len(rows), 1), generator=choices)
    mirrored = torch.rand(len(rows), 1, generator=choices) < 0.5
    pixels = torch.arange(side)
    down, across = pixels + offsets[0], pixels + offsets[1]
    if recipe.flip:
        across = torch.where(mirrored, across.flip(1), across)
    inside = ((down >= 0) & (down < side))[:, :, None] & ((across >= 0) & (across < side))[:, None]
    down, across = down.clamp(0, side - 1), across.clamp(0, side - 1)
    index = (rows[:, None, None], down[:, :, None], across[:, None, :])
    chosen = images[tuple(part.to(images.device) for part in index)]
    return chosen * inside[..., None].to(images.device)


def accuracy(net: Net, split: Split, images: Images, machine: Machine) -> float:
    """Top-1 accuracy in percent, in evaluation mode, on images as they are."""
    right = predicted(net, split, images, machine).argmax(1).cpu() == split.labels.cpu()
    return 100 * int(right.sum()) / len(split)


@torch.no_grad()
def predicted(net: Net, split: Split, images: Images, machine: Machine) -> Tensor:
    """The logits (n, classes) of every image of a split, in evaluation mode."""
    net.eval()
    parts = []
    for x in split.images.split(500):
        with _autocast(machine):
            parts.append(net(_normalised(x.to(machine.device), images)).float())
    return torch.cat(parts)


def _normalised(x: Tensor, images: Images) -> Tensor:
    """uint8 (n, h, w, 3) -> float (n, 3, h, w) in channels-last layout, by mean and deviation."""
    mean, std = (torch.tensor(values, device=x.device) for values in (images.mean, images.std))
    return ((x.float() - mean) / std).permute(0, 3, 1, 2)


def _autocast(machine: Machine) -> torch.autocast:
    enabled = machine.precision == "bfloat16"
    return torch.autocast(machine.device.type, dtype=torch.bfloat16, enabled=enabled)


def _save(
    checkpoint: Path | None,
    net: Net,
    optimizer: SGD,
    curve: tuple[Epoch, ...],
    precision: Precision,
) -> None:
    if checkpoint is None:
        return
    momenta = {
        f"momentum/{index}": optimizer.state[parameter]["momentum_buffer"]
        for index, parameter in enumerate(net.parameters())
        if "momentum_buffer" in optimizer.state[parameter]
    }
    meta = {"curve": [asdict(epoch) for epoch in curve], "precision": precision}
    save_tensors(checkpoint, {**net.state_dict(), **momenta}, meta)


def _restore(
    checkpoint: Path | None, net: Net, optimizer: SGD, precision: Precision
) -> tuple[tuple[Epoch, ...], Precision]:
    """Continue from a checkpoint if there is a whole one: its curve and its number format."""
    if checkpoint is None:
        return (), precision
    try:
        tensors, meta, _ = load_tensors(checkpoint)
    except (FileNotFoundError, CorruptFile):
        return (), precision
    state: dict[str, Any] = meta
    for index, parameter in enumerate(net.parameters()):
        momentum = tensors.pop(f"momentum/{index}", None)
        if momentum is not None:
            buffer = torch.empty_like(parameter).copy_(momentum)
            optimizer.state[parameter]["momentum_buffer"] = buffer
    net.load_state_dict(tensors)
    return tuple(Epoch(**epoch) for epoch in state["curve"]), state["precision"]
