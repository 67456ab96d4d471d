"""A private program in the clear, over the integers: what the two parties must arrive at, to the
last bit, as long as no number that they decode leaves the ring."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from deepreshape.design.ops import IMAGE
from deepreshape.private.homomorphic.layers import Convolution, products
from deepreshape.private.program.steps import (
    Join,
    Linear,
    LinearWeights,
    Nonlinear,
    Program,
    Square,
    Step,
    Sum,
    SumPool,
    Weights,
    rounding,
    shifted,
)
from deepreshape.private.rings import Integers

EXACT = 53
"""A sum of integers below 2^53 is exact in float64, in any order."""
WORD = 62
"""Integers below 2^62 have room in int64; larger ones are Python's."""


@dataclass(frozen=True, eq=False, slots=True)
class Clear:
    """What an image comes to. logits: (classes,), in units of `program.logit`. left: the first step
    that gives a number beyond the half ring which is decoded, where shares wrap and the protocol's
    logits are others; None where there is none. topped: how many ReLUs gave their top instead of
    more."""

    logits: Integers
    left: str | None
    topped: int


def logits(program: Program, weights: Weights, pixels: npt.NDArray[np.uint8]) -> Integers:
    """The logits (classes,) of an image (height, width, 3), in units of `program.logit`."""
    return clear(program, weights, pixels).logits


def clear(program: Program, weights: Weights, pixels: npt.NDArray[np.uint8]) -> Clear:
    """The logits of an image (height, width, 3), and whether a ring could give them. Nothing wraps:
    integers are as large as they need to be."""
    values: dict[str, Integers] = {IMAGE: program.quantised(pixels)}
    last_use = {name: step.name for step in program.steps for name in step.inputs}
    half, left, topped = (program.ring.modulus - 1) // 2, None, 0

    def decoded(name: str, numbers: Integers) -> None:
        nonlocal left
        if left is None and numbers.size and max(-int(numbers.min()), int(numbers.max())) > half:
            left = name

    for step in program.steps:
        inputs = [values[name] for name in step.inputs]
        match step.op:
            case Linear(layer):
                found = _linear(layer, weights[step.name], inputs[0])
            case Nonlinear() as op:
                lifted = inputs[0] + rounding(op.shift)
                decoded(step.inputs[0], lifted)
                found = shifted(op, lifted)
                if op.top is not None:
                    untopped = shifted(replace(op, top=None), lifted)
                    topped += int((found != untopped).sum())
            case Square():
                found = _sized(_wide(inputs[0], _bits(inputs[0])) ** 2)
            case _:
                found = _local(step, inputs)
        values[step.name] = found
        for name in step.inputs:
            if last_use[name] == step.name:
                values.pop(name, None)
    last = program.steps[-1].name
    decoded(last, values[last])
    return Clear(values[last].reshape(-1), left, topped)


def _linear(layer: Convolution, mine: LinearWeights, values: Integers) -> Integers:
    return _sized(_convolved(layer, mine.weights, values)) + mine.bias.reshape(-1, 1, 1)


def _convolved(layer: Convolution, weights: Integers, values: Integers) -> Integers:
    """W x, exactly: numbers that are too large for float64 are cut in two, down to bits."""
    heaviest = int(np.abs(weights).sum(axis=(1, 2, 3)).max())
    most = _bits(values)
    total = most + heaviest.bit_length()
    if total <= EXACT:
        floats = products(layer, weights.astype(np.float64), values[None].astype(np.float64))[0]
        exact: Integers = floats.astype(np.int64)
        return exact
    half = most // 2
    low = values & ((1 << half) - 1)
    high = _convolved(layer, weights, _sized(values >> half))
    return _lifted(high, half) + _convolved(layer, weights, _sized(low))


def _local(step: Step, inputs: list[Integers]) -> Integers:
    """A step that is no secret."""
    match step.op:
        case Sum(lifts):
            terms = [_lifted(values, lift) for values, lift in zip(inputs, lifts, strict=True)]
            return _sized(sum(terms[1:], terms[0]))
        case Join(lifts):
            pairs = zip(inputs, lifts, strict=True)
            return np.concatenate([_lifted(values, lift) for values, lift in pairs])
        case SumPool(size):
            channels, rows, columns = step.shape
            kept = inputs[0][:, : rows * size, : columns * size]
            windows = kept.reshape(channels, rows, size, columns, size)
            sums: Integers = windows.sum(axis=(2, 4))
            return sums
        case op:
            assert not isinstance(op, Linear | Nonlinear | Square)
            return inputs[0][op.start : op.stop]


def _lifted(values: Integers, lift: int) -> Integers:
    """values * 2^lift."""
    return _wide(values, lift) * (1 << lift)


def _wide(values: Integers, more: int) -> Integers:
    """The same numbers where so many more bits have room."""
    return values if _bits(values) + more < WORD else values.astype(object)


def _sized(values: Integers) -> Integers:
    """The same numbers in int64 with room to add to them, or as Python's where there is none."""
    return values.astype(np.int64 if _bits(values) < WORD else object)


def _bits(values: Integers) -> int:
    return max(-int(values.min()), int(values.max()), 1).bit_length()
