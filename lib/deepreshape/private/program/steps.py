"""A private program: what client and server compute on shares, in fixed point, step by step.

The program itself is public: shapes, shifts, and which ReLUs are kept. Weights and biases are the
server's (`Weights`); the client never sees them, nor needs them. An integer v in a tensor stands
for the number v * unit of that tensor; units are powers of two, except behind a mean.

Offline, online and reference all walk the same steps; they differ in what a `Linear`, a `Nonlinear`
and a `Square` do. The other steps are linear maps that everybody knows, so each party applies them
to its own share (`local`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import product
from math import prod
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from deepreshape.design.ops import IMAGE, Flatten, Shape, Slice
from deepreshape.private.garbled.circuits import rounded
from deepreshape.private.homomorphic.layers import Convolution
from deepreshape.private.program.folding import Mask
from deepreshape.private.rings import Integers, Ring, Words

Numbers = TypeVar("Numbers", Words, Integers)


@dataclass(frozen=True, slots=True)
class Linear:
    """A convolution with the server's weights and bias."""

    layer: Convolution


@dataclass(frozen=True, eq=False, slots=True)
class Nonlinear:
    """x -> max(x, 0) / 2^shift where `relus` is true, x / 2^shift elsewhere, rounded to an integer
    on either side, or to the nearest, halves up, if `exact`. relus: a mask, or one answer for all.
    bits: those of x and its sign, |x| + 2^shift being less than 2^(bits - 1). What a ReLU gives is
    at most 2^top, if that is set: then the sums behind it have a bound."""

    relus: Mask | bool
    shift: int
    bits: int
    top: int | None = None
    exact: bool = False

    @property
    def passes(self) -> bool:
        """Does a part of the elements pass unchanged?"""
        return self.shift == 0 and not np.all(self.relus)


@dataclass(frozen=True, slots=True)
class Square:
    """x -> x^2, by a multiplication of shares (`squares`)."""


@dataclass(frozen=True, slots=True)
class Top:
    """The number of the largest element, the first of equal ones. bits: as of `Nonlinear`."""

    bits: int


@dataclass(frozen=True, slots=True)
class Sum:
    """The sum of the inputs, each times 2^lift."""

    lifts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Join:
    """The inputs behind one another along the channels, each times 2^lift."""

    lifts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SumPool:
    """The sum over windows of size x size."""

    size: int


StepOp = Linear | Nonlinear | Square | Top | Sum | Join | Slice | Flatten | SumPool


@dataclass(frozen=True, eq=False, slots=True)
class Step:
    """An operation: its name, what it reads, and its output shape."""

    name: str
    op: StepOp
    inputs: tuple[str, ...]
    shape: Shape

    @property
    def relus(self) -> Mask:
        """Which of its elements are ReLUs."""
        kept = self.op.relus if isinstance(self.op, Nonlinear) else False
        return np.broadcast_to(np.asarray(kept), self.shape)

    @property
    def layer(self) -> Convolution:
        """Of a linear step."""
        assert isinstance(self.op, Linear)
        return self.op.layer


@dataclass(frozen=True, eq=False, slots=True)
class Program:
    """The public part of a private network.

    image: the shape of its input. unit: what an integer 1 of the input stands for, after pixels
    0..255 are normalised by `mean` and `std` (each by channel). logit: the same for the output.
    bounded: by its weights, no image brings a number beyond the bits that its step has.
    exact: all shifts round to the nearest, halves up; else each is up or down, as the cut bits of
    the client's share have it (`garbled.circuits.rounded`), and costs less.
    classes: what the logits are of, in words; empty where they have no names.
    """

    ring: Ring
    image: Shape
    mean: tuple[float, ...]
    std: tuple[float, ...]
    unit: float
    steps: tuple[Step, ...]
    logit: float
    bounded: bool = False
    exact: bool = False
    classes: tuple[str, ...] = ()

    @property
    def image_bytes(self) -> int:
        """Of a share of the image."""
        return prod(self.image) * self.ring.octets

    def rounds(self, op: Nonlinear) -> bool:
        """Does a shift round to the nearest? Modulo a prime all do."""
        return self.exact or op.exact or not self.ring.binary

    @property
    def answers(self) -> int:
        """Classes that it tells apart."""
        last = self.steps[-1]
        if not isinstance(last.op, Top):
            return prod(last.shape)
        return next(prod(step.shape) for step in self.steps if step.name == last.inputs[0])

    @property
    def relus(self) -> int:
        """ReLUs that are evaluated."""
        return sum(int(step.relus.sum()) for step in self.steps)

    @property
    def truncations(self) -> int:
        """Elements that are shifted and no ReLU."""
        return sum(
            int((~step.relus).sum())
            for step in self.steps
            if isinstance(step.op, Nonlinear) and step.op.shift
        )

    @property
    def squares(self) -> int:
        """Elements that are squared."""
        return sum(prod(step.shape) for step in self.steps if isinstance(step.op, Square))

    def quantised(self, pixels: npt.NDArray[np.uint8]) -> Integers:
        """Pixels (height, width, 3) as integers of the input's shape. Raises ValueError."""
        channels, height, width = self.image
        if pixels.dtype != np.uint8:
            raise ValueError(f"the pixels are {pixels.dtype}: they must be uint8, 0 to 255")
        if pixels.shape != (height, width, channels):
            raise ValueError(
                f"the network takes images of {height} x {width} pixels and {channels} channels,"
                f" not {' x '.join(map(str, pixels.shape))}"
            )
        normalised = (pixels - np.asarray(self.mean)) / np.asarray(self.std)
        found: Integers = np.rint(normalised.transpose(2, 0, 1) / self.unit).astype(np.int64)
        return found


@dataclass(frozen=True, eq=False, slots=True)
class LinearWeights:
    """weights: (outputs, inputs / groups, kernel, kernel). bias: (outputs,)."""

    weights: Integers
    bias: Integers


Weights = Mapping[str, LinearWeights]
"""The server's part, by step."""


class Arithmetic(Protocol[Numbers]):
    """Of a ring, or of the integers."""

    def add(self, left: Numbers, right: Numbers, /) -> Numbers: ...

    def multiply(self, left: Numbers, right: int, /) -> Numbers: ...


def local(
    op: Sum | Join | Slice | Flatten | SumPool, inputs: list[Numbers], of: Arithmetic[Numbers]
) -> Numbers:
    """A step that each party takes on its own share, (channels, height, width)."""
    match op:
        case Sum(lifts):
            return reduce(of.add, _lifted(inputs, lifts, of))
        case Join(lifts):
            return np.concatenate(_lifted(inputs, lifts, of))
        case Slice(start, stop):
            return inputs[0][start:stop]
        case Flatten():
            return inputs[0].reshape(-1, 1, 1)
        case SumPool(size):
            _, height, width = inputs[0].shape
            kept = inputs[0][:, : height // size * size, : width // size * size]
            offsets = product(range(size), repeat=2)
            return reduce(of.add, (kept[:, i::size, j::size] for i, j in offsets))


def _lifted(
    inputs: list[Numbers], lifts: tuple[int, ...], of: Arithmetic[Numbers]
) -> list[Numbers]:
    """Each of the inputs, times 2^lift."""
    pairs = zip(inputs, lifts, strict=True)
    return [of.multiply(values, 1 << lift) if lift else values for values, lift in pairs]


def walk(
    program: Program,
    image: Numbers,
    linear: Callable[[Step, Numbers], Numbers],
    joint: Callable[[Step, Numbers], Numbers],
    of: Arithmetic[Numbers],
) -> Numbers:
    """Take every step, from a share of the image to a share of the logits (classes,).

    joint: of nonlinear steps, squares and tops, where the parties meet.
    """
    last_use = {name: step.name for step in program.steps for name in step.inputs}
    values = {IMAGE: image}
    for step in program.steps:
        inputs = [values[name] for name in step.inputs]
        match step.op:
            case Linear():
                values[step.name] = linear(step, inputs[0])
            case Nonlinear() | Square() | Top():
                values[step.name] = joint(step, inputs[0])
            case _:
                values[step.name] = local(step.op, inputs, of)
        for name in step.inputs:
            if last_use[name] == step.name:
                values.pop(name, None)
    return values[program.steps[-1].name].reshape(-1)


def rounding(shift: int) -> int:
    """What is added before a shift, so that it rounds to the nearest."""
    return (1 << shift) >> 1


def shifted(op: Nonlinear, numbers: Integers, lows: Words | None) -> Integers:
    """A `Nonlinear` step in the clear. lows: the bits of the client's shares that are cut; without
    them it rounds to the nearest."""
    if lows is None:
        cut = numbers + rounding(op.shift) >> op.shift
    else:
        cut = rounded(lows, numbers, op.shift)
    relu = np.maximum(cut, 0)
    return np.where(op.relus, relu if op.top is None else np.minimum(relu, 1 << op.top), cut)


def most_of(op: Nonlinear, ring: Ring) -> int:
    """The largest magnitude of what a `Nonlinear` step takes: in its bits, and in the ring."""
    bits = op.bits if op.exact else min(op.bits, ring.bits - 1)
    return min((1 << bits - 1) - 1, (ring.modulus - 1) // 2) - (1 << op.shift)


def most_shift(ring: Ring) -> int:
    """The most by which logits are shifted, so that rounding them takes no number out of a ring."""
    return ring.bits - 4
