"""A first, quick bound of the numbers of a private program: step by step, from that of the inputs.

It is too large by what would cancel along a stretch of linear layers (`bounds` is not).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from deepreshape.design.ops import IMAGE, Flatten, Slice
from deepreshape.private.program.folding import Floats
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
    Top,
    Weights,
)

SLACK = 1 + 2.0**-30
"""What a sum in floating point may be short of the sum of integers."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a decoded tensor can be, over all of its elements: `relus` of it, for each step of ReLUs
    that it depends on, times the top of that step, and beside them `rest`, of image and biases,
    which scale with the unit, and `rounded`, of rounding pixels, biases and truncations, which does
    not. All are upper bounds of magnitudes.
    """

    relus: Mapping[str, float]
    rest: float
    rounded: float

    def joined(self, other: "Rows") -> "Rows":
        """Of the elements of both."""
        relus = dict(self.relus)
        for name, share in other.relus.items():
            relus[name] = max(relus.get(name, 0.0), share)
        rest, rounded = max(self.rest, other.rest), max(self.rounded, other.rounded)
        return Rows(relus, rest, rounded)

    def most(self, tops: Mapping[str, float]) -> float:
        """The largest magnitude, for ReLUs of at most so much."""
        relus = sum(share * tops[name] for name, share in self.relus.items())
        return (relus + self.rest + self.rounded) * SLACK


def pixel_range(program: Program) -> Floats:
    """The least and the largest integer of each channel of an image, (channels, 2)."""
    side = program.image[1]
    ends = [np.full((side, side, program.image[0]), pixel, np.uint8) for pixel in (0, 255)]
    return np.stack([program.quantised(end)[:, 0, 0] for end in ends], axis=1).astype(np.float64)


def loose(program: Program, weights: Weights) -> dict[str, Rows]:
    """Bounds of all tensors, each step's made from those of its inputs: quickly, and too large by
    what would cancel."""
    ends = np.abs(pixel_range(program)).max(axis=1)
    zeros = np.zeros(program.image[0])
    found = {IMAGE: _Channels({}, ends, zeros + 1)}
    for step in program.steps:
        found[step.name] = _forward(step, weights.get(step.name), [found[of] for of in step.inputs])
    return {name: channels.rows() for name, channels in found.items()}


@dataclass(frozen=True, eq=False, slots=True)
class _Channels:
    """`Rows` by channel."""

    relus: Mapping[str, Floats]
    rest: Floats
    rounded: Floats

    def rows(self) -> Rows:
        relus = {name: float(share.max()) for name, share in self.relus.items()}
        return Rows(relus, float(self.rest.max()), float(self.rounded.max()))

    def mapped(self, of: Callable[[Floats], Floats]) -> "_Channels":
        return _combined([self], lambda parts: of(parts[0]))


def _combined(parts: list[_Channels], of: Callable[[list[Floats]], Floats]) -> _Channels:
    """What several make together: their sum, or one behind the other."""
    names = {name for part in parts for name in part.relus}
    relus = {
        name: of([part.relus.get(name, np.zeros_like(part.rest)) for part in parts])
        for name in names
    }
    return _Channels(relus, of([part.rest for part in parts]), of([part.rounded for part in parts]))


def _forward(step: Step, mine: LinearWeights | None, inputs: list[_Channels]) -> _Channels:
    first = inputs[0]
    match step.op:
        case Linear(layer):
            assert mine
            absolute = np.abs(mine.weights).sum(axis=(2, 3), dtype=np.float64)
            grouped = absolute.reshape(layer.groups, layer.outputs // layer.groups, -1)

            def through(share: Floats) -> Floats:
                split = share.reshape(layer.groups, -1, 1)
                sums: Floats = (grouped @ split).reshape(-1)
                return sums

            found = first.mapped(through)
            biases = np.abs(mine.bias).astype(np.float64)
            return _Channels(found.relus, found.rest + biases, found.rounded + 0.5)
        case Nonlinear(_, shift):
            flat = step.relus.reshape(len(step.relus), -1)
            own, passed = (np.asarray(of.max(axis=1), np.float64) for of in (flat, ~flat))
            found = first.mapped(lambda share: passed * share / 2.0**shift)
            own_of = {step.name: own} if own.any() else {}
            rounded = found.rounded + passed if shift else found.rounded
            return _Channels({**found.relus, **own_of}, found.rest, rounded)
        case Square() | Top():
            raise ValueError(f"{step.name} gives what no sum of a row is a bound of")
        case Sum(lifts):
            return _combined(_times(inputs, lifts), lambda parts: np.sum(parts, axis=0))
        case Join(lifts):
            return _combined(_times(inputs, lifts), lambda parts: np.concatenate(parts))
        case Slice(start, stop):
            return first.mapped(lambda share: share[start:stop])
        case Flatten():
            return first.mapped(lambda share: share.repeat(step.shape[0] // len(share)))
        case SumPool(size):
            return first.mapped(lambda share: share * size**2)


def _times(inputs: list[_Channels], lifts: tuple[int, ...]) -> list[_Channels]:
    pairs = zip(inputs, lifts, strict=True)
    return [each.mapped(partial(np.multiply, 2.0**lift)) for each, lift in pairs]
