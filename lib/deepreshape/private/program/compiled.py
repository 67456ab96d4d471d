"""From a trained net, as plain arrays, to a private model, and how well it does."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from deepreshape.design import AnyNetwork
from deepreshape.private.packings import smallest_ring
from deepreshape.private.program import quantise, reference
from deepreshape.private.program.folding import Affine, Floats, Mask, Node, fold
from deepreshape.private.program.quantise import Precision
from deepreshape.private.program.steps import Program, Weights
from deepreshape.private.program.tops import topped

Pixels = npt.NDArray[np.uint8]
"""Images (n, height, width, 3)."""
FAINT = 4
"""Bits, without the sign, below which a channel's weights are little more than noise."""


@dataclass(frozen=True, eq=False, slots=True)
class Compiled:
    """A folded net and its private program. The program fits the ring of every packing.

    open: a tensor that an image might bring out of a ring, as far as the weights tell; none where
    the program is `bounded`. faint: the layers of which some channels' weights are so much smaller
    than the largest that they keep fewer than `FAINT` bits, with how many of how many.
    """

    nodes: tuple[Node, ...]
    program: Program
    weights: Weights
    open: tuple[str, ...]
    faint: Mapping[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of images that have labels: how many, and what part of them is classified rightly by the
    floating-point net and in fixed point, and alike by both; and the largest difference of logits
    over the largest logit."""

    images: int
    floating: float
    fixed: float
    alike: float
    difference: float


def compiled(
    network: AnyNetwork,
    arrays: Mapping[str, npt.NDArray[np.floating]],
    masks: Mapping[str, Mask],
    images: Pixels,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    precision: Precision,
    bound: bool = True,
) -> Compiled:
    """A trained net in fixed point; `images` show how large numbers get. Raises ArraysDoNotFit or
    DoesNotFit. bound: see that no image can leave the ring, which takes some time."""
    nodes = fold(network, arrays, masks)
    normalised = _normalised(images, mean, std)
    made = quantise.program(nodes, normalised, mean, std, smallest_ring(), precision)
    if not bound:
        return Compiled(nodes, made.program, made.weights, (), {})
    found = topped(made.program, made.weights, made.seen)
    return Compiled(nodes, found.program, found.weights, found.open, _faint(nodes, found.weights))


def _faint(nodes: tuple[Node, ...], weights: Weights) -> dict[str, tuple[int, int]]:
    """Layers with channels of few bits; a channel of zeros loses nothing."""
    found = {}
    for node in nodes:
        if isinstance(node.op, Affine):
            largest = np.abs(weights[node.name].weights).max(axis=(1, 2, 3))
            real = np.abs(node.op.weights).max(axis=(1, 2, 3)) > 0
            if faint := int((real & (largest < 2 ** (FAINT - 1))).sum()):
                found[node.name] = (faint, largest.size)
    return found


def agreement(
    found: Compiled,
    images: Pixels,
    labels: npt.NDArray[np.int64],
    progress: Callable[[int], None] = lambda images: None,
) -> Agreement:
    """How a private program, in the clear, does on labelled images."""
    program = found.program
    right_floating = right_fixed = alike = 0
    difference = largest = 0.0
    for start in range(0, len(images), 32):
        batch = images[start : start + 32]
        logits = floating_logits(found, batch)
        for pixels, label, floating in zip(batch, labels[start:], logits, strict=False):
            exact = reference.logits(program, found.weights, pixels) * program.logit
            right_floating += int(floating.argmax() == label)
            right_fixed += int(exact.argmax() == label)
            alike += int(exact.argmax() == floating.argmax())
            difference = max(difference, float(np.abs(exact - floating).max()))
            largest = max(largest, float(np.abs(floating).max()))
        progress(len(batch))
    n = len(images)
    return Agreement(
        n, right_floating / n, right_fixed / n, alike / n, difference / max(largest, 1e-300)
    )


def floating_logits(found: Compiled, images: Pixels) -> Floats:
    """The logits (n, classes) of the net before it was put into fixed point."""
    program = found.program
    *_, (_, logits) = quantise.run(found.nodes, _normalised(images, program.mean, program.std))
    return logits.reshape(len(images), -1)


def _normalised(images: Pixels, mean: tuple[float, ...], std: tuple[float, ...]) -> Floats:
    found: Floats = (images - np.asarray(mean)) / np.asarray(std)
    return found.transpose(0, 3, 1, 2)
