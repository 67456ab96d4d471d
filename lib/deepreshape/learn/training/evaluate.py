"""What a net answers, in evaluation mode: logits and accuracies."""

import torch
from torch import Tensor

from deepreshape.learn.images.loader import normalised
from deepreshape.learn.images.rows import Pictures
from deepreshape.learn.images.sets import Images, Split
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.nets import Net

AT_ONCE = {"cpu": 500, "cuda": 2000}
"""Images that a net is asked about at once, by device: a GPU then waits for fewer layers."""


class TrainingFailed(RuntimeError):
    """Loss, weights or answers are no longer numbers; the message says which, and where."""


@torch.no_grad()
def logits_of(net: Net, pictures: Pictures, images: Images, machine: Machine) -> Tensor:
    """The logits (n, classes) of pictures, uint8 (n, h, w, 3), normalised as the set's images.

    Raises TrainingFailed for a logit that is not finite: it would be taken for an answer.
    """
    net.eval()
    parts = []
    for x in pictures.split(AT_ONCE[machine.device.type]):
        with machine.autocast():
            parts.append(net(normalised(x.to(machine.device), images)).float())
    logits = torch.cat(parts)
    wrong = int((~logits.isfinite()).any(dim=1).sum())
    if wrong:
        raise TrainingFailed(f"logits of {wrong} of {len(logits)} images are not finite")
    return logits


def correct(net: Net, split: Split, images: Images, machine: Machine) -> Tensor:
    """Which images of a split a net is right about: bool, (n,), on the CPU."""
    return logits_of(net, split.images, images, machine).argmax(1).cpu() == split.labels.cpu()


def percent(right: Tensor) -> float:
    """The share of a bool tensor that is true, in percent."""
    return 100 * int(right.sum()) / len(right)


def accuracy(net: Net, split: Split, images: Images, machine: Machine) -> float:
    """Top-1 accuracy in percent."""
    return percent(correct(net, split, images, machine))
