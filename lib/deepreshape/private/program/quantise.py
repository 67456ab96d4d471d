"""From a folded net to a private program: weights and activations in fixed point.

Every affine layer multiplies the unit of its input by that of its weights, so integers grow along
the net. A ReLU shifts them back, at no cost in a garbled circuit. Where a chain of layers without a
ReLU would outgrow the ring, the input of the next is truncated first, and so is always that of a
square. How large numbers get is measured on images.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil, floor, log2

import numpy as np

from deepreshape.design.ops import IMAGE, Add, Concat, Flatten, Pool, Shape, Slice
from deepreshape.private.homomorphic.flooding import PRIVACY
from deepreshape.private.homomorphic.layers import products
from deepreshape.private.packings import PACKINGS, packing
from deepreshape.private.program import folding
from deepreshape.private.program.folding import Activation, Affine, Floats, Mask, Node
from deepreshape.private.program.steps import (
    Join,
    Linear,
    LinearWeights,
    Nonlinear,
    Program,
    Square,
    Step,
    StepOp,
    Sum,
    SumPool,
    Weights,
)
from deepreshape.private.rings import Integers, Ring

LARGEST = 1e100
"""What no number of a net comes near; squares and products of units stay far from overflow."""


@dataclass(frozen=True, slots=True)
class Precision:
    """Bits without the sign: of the largest activation behind a ReLU or a truncation, of the
    largest weight of a layer, and of the room above the largest number seen.

    A layer's weights get fewer bits where flooding could not hide their noise: each layer may tell
    an equal part of what an image may (`flooding`), whose squares add up."""

    activation: int = 13
    weight: int = 10
    margin: int = 2


class DoesNotFit(ValueError):
    """A ring that is too small for a net; the message names the layer."""


@dataclass(frozen=True, eq=False, slots=True)
class Quantised:
    """A program and its weights. seen: the largest integer measured behind each activation."""

    program: Program
    weights: Weights
    seen: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Tensor:
    """A tensor as it is written: the step that gives it, its shape, the number that its integer 1
    stands for, and the largest number seen in it."""

    step: str
    shape: Shape
    unit: float
    top: float


def program(
    nodes: tuple[Node, ...],
    images: Floats,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    ring: Ring,
    precision: Precision,
) -> Quantised:
    """The program of a folded net, and the server's weights.

    images: (n, 3, side, side), normalised, on which ranges are measured. mean, std: of pixels
    0..255, by channel. Raises DoesNotFit, also where numbers are beyond floating point.
    """
    tops = dict(_tops(nodes, images))
    linear = sum(isinstance(node.op, Affine) for node in nodes)
    writer = _Writer(ring, precision, images.shape[1:], float(np.abs(images).max()), linear)
    unit = writer.tensors[IMAGE].unit
    for node in nodes:
        writer.write(node, tops[node.name])
    logits = writer.tensors[nodes[-1].name]
    found = Program(ring, images.shape[1:], mean, std, unit, tuple(writer.steps), logits.unit)
    return Quantised(found, writer.weights, writer.seen)


def run(nodes: tuple[Node, ...], images: Floats) -> Iterator[tuple[str, Floats]]:
    """What every node gives for a batch of images (n, 3, side, side), in floating point."""
    last_use = {name: node.name for node in nodes for name in node.inputs}
    values: dict[str, Floats] = {IMAGE: images}
    for node in nodes:
        first, *others = (values[name] for name in node.inputs)
        match node.op:
            case Affine(layer, weights, bias):
                found = products(layer, weights, first) + bias.reshape(-1, 1, 1)
            case Activation(kept):
                relu = np.maximum(first, 0)
                found = relu if kept is None else np.where(kept, relu, first)
            case folding.Square():
                found = np.square(first)
            case Add():
                found = first + others[0]
            case Slice(start, stop):
                found = first[:, start:stop]
            case Flatten():
                found = first.reshape(len(first), -1, 1, 1)
            case Concat():
                found = np.concatenate([first, *others], axis=1)
            case Pool(size):
                n, channels, side = first.shape[:3]
                size = size or side
                kept_side = side // size * size
                windows = first[:, :, :kept_side, :kept_side].reshape(
                    n, channels, side // size, size, side // size, size
                )
                found = windows.mean(axis=(3, 5))
        values[node.name] = found
        yield node.name, found
        for name in node.inputs:
            if last_use[name] == node.name:
                values.pop(name, None)


def _tops(nodes: tuple[Node, ...], images: Floats) -> Iterator[tuple[str, float]]:
    """The largest magnitude in each tensor; batches keep the memory small."""
    tops: dict[str, float] = {}
    for start in range(0, len(images), 32):
        with np.errstate(over="ignore", invalid="ignore"):
            for name, values in run(nodes, images[start : start + 32]):
                top = float(np.abs(values).max())
                if not top < LARGEST:
                    raise DoesNotFit(f"{name} gives numbers of {top:.0e}: no trained net's")
                tops[name] = max(tops.get(name, 0.0), top)
    yield from tops.items()


class _Writer:
    """Steps and weights written so far, and the tensor that now stands for each node."""

    def __init__(
        self, ring: Ring, precision: Precision, image: Shape, top: float, linear: int
    ) -> None:
        self._privacy = PRIVACY + log2(max(1, linear)) / 2
        self.ring = ring
        self.precision = precision
        self.steps: list[Step] = []
        self.weights: dict[str, LinearWeights] = {}
        self.seen: dict[str, int] = {}
        unit = _unit(top, precision.activation)
        self.tensors = {IMAGE: _Tensor(IMAGE, image, unit, top)}

    def write(self, node: Node, top: float) -> None:
        match node.op:
            case Affine() as affine:
                self._affine(node, affine, top)
            case Activation(kept):
                source = self.tensors[node.inputs[0]]
                op = self._nonlinear(True if kept is None else kept, source, top)
                shift = op.shift
                unit = source.unit * 2**shift
                self._step(node, op, unit, top)
                self.seen[node.name] = ceil(top / unit)
            case folding.Square():
                self._truncate(node.inputs[0])
                unit = self.tensors[node.inputs[0]].unit ** 2
                self._require(node, top, unit)
                self._step(node, Square(), unit, top)
            case Add() | Concat():
                self._together(node, top)
            case (Slice() | Flatten()) as op:
                self._step(node, op, self.tensors[node.inputs[0]].unit, top)
            case Pool(size):
                source = self.tensors[node.inputs[0]]
                self._pool(node, size or source.shape[1], top)

    def _affine(self, node: Node, affine: Affine, top: float) -> None:
        """A linear step; where its output would outgrow the ring, its input is truncated first."""
        weights, weight_unit = self._weights(affine)
        name = node.inputs[0]
        finest = _unit(top, self.precision.activation)
        reach = float(np.abs(affine.weights).sum(axis=(1, 2, 3)).max()) * self.tensors[name].top
        if reach < finest / 2:
            # What the weights add is nothing beside the bias, in any unit that holds the bias.
            weights, weight_unit = np.zeros_like(weights), finest / self.tensors[name].unit
        if not self._holds(top, self.tensors[name].unit * weight_unit):
            self._truncate(name)
        unit = self.tensors[name].unit * weight_unit
        self._require(node, top, unit)
        self._step(node, Linear(affine.layer), unit, top)
        self.weights[node.name] = LinearWeights(weights, _rounded(affine.bias / unit))

    def _weights(self, affine: Affine) -> tuple[Integers, float]:
        """Weights in fixed point, and their unit."""
        unit = _unit(float(np.abs(affine.weights).max()), self.precision.weight)
        while True:
            weights = _rounded(affine.weights / unit)
            asked = affine.layer, weights, self.ring, self._privacy
            if all(packing(of).hides(*asked) for of in PACKINGS) or not weights.any():
                return weights, unit
            unit *= 2

    def _pool(self, node: Node, size: int, top: float) -> None:
        """A sum over windows, whose unit makes it a mean; its input is truncated where needed."""
        name = node.inputs[0]
        if not self._holds(top, self.tensors[name].unit / size**2):
            self._truncate(name)
        unit = self.tensors[name].unit / size**2
        self._require(node, top, unit)
        self._step(node, SumPool(size), unit, top)

    def _together(self, node: Node, top: float) -> None:
        """A sum or a concatenation: all inputs are lifted to the finest unit, and the finest are
        truncated as long as that does not fit."""
        while True:
            inputs = [self.tensors[name] for name in node.inputs]
            unit = min(tensor.unit for tensor in inputs)
            most = max(top, *(tensor.top for tensor in inputs))
            if self._holds(most, unit):
                break
            finest = node.inputs[[tensor.unit for tensor in inputs].index(unit)]
            if not self._truncate(finest, most):
                self._require(node, most, unit)
        lifts = []
        for tensor in inputs:
            lift = log2(tensor.unit / unit)
            if lift != round(lift):
                raise DoesNotFit(f"{node.name} adds tensors whose units are no power of two apart")
            lifts.append(round(lift))
        op = Sum(tuple(lifts)) if isinstance(node.op, Add) else Join(tuple(lifts))
        self._step(node, op, unit, top)

    def _truncate(self, name: str, beside: float = 0.0) -> bool:
        """Put a truncated tensor in the place of one; was there something to cut?

        beside: how large the numbers are that it is added to; finer than those it need not be.
        """
        source = self.tensors[name]
        wider = self._wider(source, max(source.top, beside))
        if not wider:
            return False
        # What the ring holds is zero behind the longest shift, and stays zero in any unit.
        op = self._nonlinear(False, source, max(source.top, beside))
        step = f"{name}/truncated"
        self.steps.append(Step(step, op, (source.step,), source.shape))
        self.tensors[name] = replace(source, step=step, unit=source.unit * 2.0**wider)
        return True

    def _nonlinear(self, kept: Mask | bool, source: _Tensor, top: float) -> Nonlinear:
        """The step that leaves so large a number an activation's bits."""
        shift = min(self._wider(source, top), self.ring.bits - 3)
        most = source.top / source.unit * 2.0**self.precision.margin + 2.0**shift
        bits = min(max(ceil(log2(most)) + 1, shift + 2), self.ring.bits - 1)
        return Nonlinear(kept, shift, bits)

    def _wider(self, source: _Tensor, top: float) -> int:
        """By how many bits numbers up to `top` are wider there than an activation."""
        return max(0, floor(log2(_unit(top, self.precision.activation) / source.unit)))

    def _step(self, node: Node, op: StepOp, unit: float, top: float) -> None:
        inputs = tuple(self.tensors[name].step for name in node.inputs)
        self.steps.append(Step(node.name, op, inputs, node.shape))
        self.tensors[node.name] = _Tensor(node.name, node.shape, unit, top)

    def _holds(self, top: float, unit: float) -> bool:
        """Do numbers up to `top` fit the ring, with the margin, in this unit?"""
        return top / unit * 2.0 ** (self.precision.margin + 2) < self.ring.modulus

    def _require(self, node: Node, top: float, unit: float) -> None:
        if not self._holds(top, unit):
            bits = floor(log2(top / unit)) + self.precision.margin + 3
            raise DoesNotFit(
                f"{node.name} needs {bits} bits, and the ring has {self.ring.bits}:"
                f" take fewer bits for activations ({self.precision.activation})"
                f" or weights ({self.precision.weight})"
            )


def _unit(top: float, bits: int) -> float:
    """The power of two in which numbers up to `top` have so many bits."""
    return 2.0 ** (ceil(log2(top)) - bits) if top > 0 else 1.0


def _rounded(numbers: Floats) -> Integers:
    return np.rint(numbers).astype(np.int64)
