"""A trained net as a graph of few operations: BatchNorm is folded into the convolution before it.

What is left are affine layers, ReLUs, squares and what needs no secret (sums, slices, means): a
polynomial a x^2 + b x + c is an affine layer of the square, plus one of x. A trained net comes as
plain arrays, such as `weight` and `bias` under a layer's name, and a mask for each ReLU site of
which only a part is activated.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from deepreshape.design import AnyNetwork, layers
from deepreshape.design.ops import (
    IMAGE,
    Add,
    BatchNorm,
    Concat,
    Conv,
    Flatten,
    FullyConnected,
    Op,
    Pool,
    Quadratic,
    Relu,
    Shape,
    Slice,
)
from deepreshape.private.homomorphic.layers import Convolution

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

EPSILON = 1e-5
"""What BatchNorm adds to a variance."""
PARTS: Mapping[type, tuple[str, ...]] = {
    Conv: ("weight", "bias"),
    BatchNorm: ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"),
    FullyConnected: ("weight", "bias"),
    Quadratic: ("a", "b", "c"),
}
"""The arrays of a layer, by its operation; the count of batches is not needed, and not every
operation has a bias."""


@dataclass(frozen=True, eq=False, slots=True)
class Affine:
    """A convolution, with its bias. A fully connected layer is one of 1 x 1 on a map of 1 x 1.

    weights: (outputs, inputs / groups, kernel, kernel). bias: (outputs,).
    """

    layer: Convolution
    weights: Floats
    bias: Floats


@dataclass(frozen=True, eq=False, slots=True)
class Activation:
    """ReLUs where `kept` is true (None: everywhere); elsewhere the input passes."""

    kept: Mask | None = None


@dataclass(frozen=True, slots=True)
class Square:
    """x -> x^2, element by element."""


NodeOp = Affine | Activation | Square | Add | Slice | Concat | Pool | Flatten


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """An operation: its name, what it reads, and its output shape."""

    name: str
    op: NodeOp
    inputs: tuple[str, ...]
    shape: Shape


class ArraysDoNotFit(ValueError):
    """Arrays that are not those of the network; the message names the first."""


def fold(
    network: AnyNetwork, arrays: Mapping[str, npt.NDArray[np.floating]], masks: Mapping[str, Mask]
) -> tuple[Node, ...]:
    """The graph of a trained net; its last node gives the logits, shape (classes, 1, 1).

    Raises ArraysDoNotFit where an array is missing, has another shape or is not finite, or where an
    array belongs to no layer or a mask to no ReLU site.
    """
    listed = layers(network)
    known = {f"{of.name}.{part}" for of in listed for part in _parts(of.op)}
    if strange := set(arrays) - known:
        raise ArraysDoNotFit(f"{min(strange)} is of no layer of {network}")
    readers = Counter(name for of in listed for name in of.inputs)
    shapes: dict[str, Shape] = {IMAGE: (3, network.resolution, network.resolution)}
    alias: dict[str, str] = {IMAGE: IMAGE}
    nodes: dict[str, Node] = {}
    unused = set(masks)
    for layer in listed:
        shapes[layer.name] = layer.shape
        inputs = tuple(alias[name] for name in layer.inputs)
        alias[layer.name] = layer.name
        match layer.op:
            case BatchNorm(channels):
                scale, shift = _normalisation(arrays, layer.name, channels)
                before = nodes.get(inputs[0])
                if before and isinstance(before.op, Affine) and readers[inputs[0]] == 1:
                    nodes[before.name] = replace(before, op=_scaled(before.op, scale, shift))
                    alias[layer.name] = before.name
                    continue
                op: NodeOp = _by_channel(layer.shape, scale, shift)
            case Conv(n, m, kernel, stride, groups):
                side = shapes[layer.inputs[0]][1]
                convolution = Convolution(n, m, side, kernel, stride, groups)
                weights = _array(arrays, f"{layer.name}.weight", convolution.weight_shape)
                op = Affine(convolution, weights, _bias(arrays, layer.name, layer.op))
            case FullyConnected(n, m):
                weights = _array(arrays, f"{layer.name}.weight", (m, n)).reshape(m, n, 1, 1)
                op = Affine(Convolution(n, m, 1), weights, _bias(arrays, layer.name, layer.op))
            case Add() | Slice() | Concat() | Pool() | Flatten():
                op = layer.op
            case Quadratic(channels):
                a, b, c = (_array(arrays, f"{layer.name}.{of}", (channels,)) for of in "abc")
                squared, curved, straight = (
                    f"{layer.name}/{part}" for part in ("squared", "curved", "straight")
                )
                curve, line = (
                    _by_channel(layer.shape, *by) for by in ((a, c), (b, np.zeros_like(b)))
                )
                nodes[squared] = Node(squared, Square(), inputs, layer.shape)
                nodes[curved] = Node(curved, curve, (squared,), layer.shape)
                nodes[straight] = Node(straight, line, inputs, layer.shape)
                op, inputs = Add(), (curved, straight)
            case Relu():
                unused.discard(layer.name)
                op = Activation(_mask(masks, layer.name, layer.shape))
        nodes[layer.name] = Node(layer.name, op, inputs, layer.shape)
    if unused:
        raise ArraysDoNotFit(f"{min(unused)} has a mask, but is no ReLU site of {network}")
    return tuple(nodes.values())


def _parts(op: Op) -> tuple[str, ...]:
    """The arrays of a layer."""
    parts = PARTS.get(type(op), ())
    biased = not isinstance(op, Conv | FullyConnected) or op.bias
    return parts if biased else tuple(part for part in parts if part != "bias")


def _bias(
    arrays: Mapping[str, npt.NDArray[np.floating]], name: str, op: Conv | FullyConnected
) -> Floats:
    return _array(arrays, f"{name}.bias", (op.outputs,)) if op.bias else np.zeros(op.outputs)


def _by_channel(shape: Shape, scale: Floats, shift: Floats) -> Affine:
    """x -> scale * x + shift, each channel its own."""
    channels, side, _ = shape
    layer = Convolution(channels, channels, side, groups=channels)
    return Affine(layer, scale.reshape(-1, 1, 1, 1), shift)


def _scaled(op: Affine, scale: Floats, shift: Floats) -> Affine:
    return Affine(op.layer, op.weights * scale.reshape(-1, 1, 1, 1), op.bias * scale + shift)


def _normalisation(
    arrays: Mapping[str, npt.NDArray[np.floating]], name: str, channels: int
) -> tuple[Floats, Floats]:
    """BatchNorm in evaluation: x -> scale * x + shift."""
    gamma, beta, mean, variance = (
        _array(arrays, f"{name}.{part}", (channels,))
        for part in ("weight", "bias", "running_mean", "running_var")
    )
    if variance.min() < 0:
        raise ArraysDoNotFit(f"{name}.running_var has negative entries")
    scale = gamma / np.sqrt(variance + EPSILON)
    return scale, beta - mean * scale


def _array(
    arrays: Mapping[str, npt.NDArray[np.floating]], name: str, shape: tuple[int, ...]
) -> Floats:
    if name not in arrays:
        raise ArraysDoNotFit(f"{name} is missing")
    found = np.asarray(arrays[name], np.float64)
    if found.shape != shape:
        raise ArraysDoNotFit(f"{name} has shape {found.shape}, not {shape}")
    if not np.isfinite(found).all():
        raise ArraysDoNotFit(f"{name} has entries that are not finite")
    return found


def _mask(masks: Mapping[str, Mask], name: str, shape: Shape) -> Mask | None:
    mask = masks.get(name)
    if mask is None:
        return None
    if mask.shape != shape or mask.dtype != np.bool_:
        found = f"{mask.dtype} {mask.shape}"
        raise ArraysDoNotFit(f"the mask of {name} is {found}, not bool {shape}")
    return None if mask.all() else mask
