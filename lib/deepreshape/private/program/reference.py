"""A private program in the clear, over the integers: what the two parties must arrive at, to the
last bit, as long as no number exceeds the bits of its step.

Where a shift is rounded as the client's shares have it, those shares' cut bits say how; without
them every shift rounds to the nearest, which no step of the protocol misses by more than one unit.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from deepreshape.private.homomorphic.layers import Convolution, products
from deepreshape.private.program.steps import (
    Nonlinear,
    Program,
    Square,
    Step,
    Top,
    Weights,
    most_of,
    shifted,
    walk,
)
from deepreshape.private.rings import Integers, Words

EXACT = 53
"""A sum of integers below 2^53 is exact in float64, in any order."""
WORD = 62
"""Integers below 2^62 have room in int64; larger ones are Python's."""


@dataclass(frozen=True, eq=False, slots=True)
class Clear:
    """What an image comes to. logits: (classes,), in units of `program.logit`. left: the first step
    that gives a number beyond the bits of the step that takes it, where the protocol's logits are
    others; None where there is none. topped: how many ReLUs gave their top instead of
    more."""

    logits: Integers
    left: str | None
    topped: int


Lows = Mapping[str, Words]
"""By step, the bits of the client's shares that its shift cuts, in the step's shape."""


def logits(
    program: Program, weights: Weights, pixels: npt.NDArray[np.uint8], lows: Lows | None = None
) -> Integers:
    """The logits (classes,) of an image (height, width, 3), in units of `program.logit`."""
    return clear(program, weights, pixels, lows).logits


def clear(
    program: Program, weights: Weights, pixels: npt.NDArray[np.uint8], lows: Lows | None = None
) -> Clear:
    """The logits of an image (height, width, 3), and whether a program could give them. Nothing
    wraps: integers are as large as they need to be."""
    left, topped = None, 0

    def fits(name: str, numbers: Integers, most: int) -> None:
        nonlocal left
        if left is None and numbers.size and max(-int(numbers.min()), int(numbers.max())) > most:
            left = name

    def linear(step: Step, values: Integers) -> Integers:
        mine = weights[step.name]
        found = _convolved(step.layer, mine.weights, values)
        return _sized(found) + mine.bias.reshape(-1, 1, 1)

    def joint(step: Step, values: Integers) -> Integers:
        nonlocal topped
        op = step.op
        if isinstance(op, Square):
            return _sized(_wide(values, _bits(values)) ** 2)
        if isinstance(op, Top):
            fits(step.inputs[0], values, (1 << op.bits - 1) - 1)
            return np.full(step.shape, values.argmax(), np.int64)
        assert isinstance(op, Nonlinear)
        fits(step.inputs[0], values, most_of(op, program.ring))
        low = (lows or {}).get(step.name)
        found = shifted(op, values, low)
        if op.top is not None:
            topped += int((found != shifted(replace(op, top=None), values, low)).sum())
        return found

    last = walk(program, program.quantised(pixels), linear, joint, _Exact())
    fits(program.steps[-1].name, last, (program.ring.modulus - 1) // 2)
    return Clear(last, left, topped)


class _Exact:
    """Integers that are as large as they need to be."""

    def add(self, left: Integers, right: Integers) -> Integers:
        return _sized(left + right)

    def multiply(self, left: Integers, right: int) -> Integers:
        return _wide(left, right.bit_length()) * right


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
    return _Exact().multiply(high, 1 << half) + _convolved(layer, weights, _sized(low))


def _wide(values: Integers, more: int) -> Integers:
    """The same numbers where so many more bits have room."""
    return values if _bits(values) + more < WORD else values.astype(object)


def _sized(values: Integers) -> Integers:
    """The same numbers in int64 with room to add to them, or as Python's where there is none."""
    return values.astype(np.int64 if _bits(values) < WORD else object)


def _bits(values: Integers) -> int:
    return max(-int(values.min()), int(values.max()), 1).bit_length()
