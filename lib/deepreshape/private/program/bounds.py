"""How large the numbers of a private program can get, whatever the image, by its weights alone.

Between one layer of ReLUs and the next everything is linear, but for the rounding of truncations.
So the largest number that a step can give is a sum of the absolute entries of a matrix, times the
tops of the ReLUs before it and the range of pixels. The matrix is that of the whole stretch: layer
by layer its entries would not cancel, and the bound would be many times larger. Only numbers that
are decoded have to fit the ring: what a ReLU or a truncation takes, and the logits; sums in between
may wrap, since they come out right modulo the ring.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, prod

import numpy as np

from deepreshape.design.ops import IMAGE, Flatten, Shape, Slice
from deepreshape.private.homomorphic.layers import Convolution
from deepreshape.private.program.folding import Floats, Mask
from deepreshape.private.program.loose import Rows, pixel_range
from deepreshape.private.program.steps import (
    Join,
    Linear,
    LinearWeights,
    Nonlinear,
    Program,
    Step,
    Sum,
    SumPool,
    Weights,
)
from deepreshape.private.rings import Integers

WORK = 1e11
"""Multiplications that the rows of one step may take; what would take more is not bounded."""
MEMORY = 1 << 27
"""Bytes of the largest array, about."""


def rows(program: Program, weights: Weights, name: str) -> Rows | None:
    """The bound of a tensor; None where it would take more than WORK."""
    steps = {step.name: step for step in program.steps}
    if name == IMAGE:
        return Rows({}, float(np.abs(pixel_range(program)).max()), 0.0)
    shape = steps[name].shape
    stretch = stretch_of(program, name)
    windows = windows_of(program, stretch, name)
    places = places_of(program, stretch, windows, name)
    if shape[0] * len(places) * sum(multiplications(step, windows) for step in stretch) > WORK:
        return None
    largest = max(prod(steps[of].shape) for of in windows if of != IMAGE)
    batch = max(1, MEMORY // (8 * largest))
    total = Rows({}, 0.0, 0.0)
    for place in places:
        for start in range(0, shape[0], batch):
            channels = np.arange(start, min(start + batch, shape[0]))
            cotangent = np.zeros((len(channels), *shape))
            cotangent[np.arange(len(channels)), channels, *place] = 1
            found = _pulled(program, weights, stretch, {name: cotangent})
            total = total.joined(_largest(program, found))
    return total


def _largest(program: Program, found: "_Pulled") -> Rows:
    """The largest of what elements can be."""
    relus = {}
    rest = np.abs(found.bias)
    for name, entries in found.sources.items():
        # ReLUs are not negative, so entries of one sign do not meet those of the other.
        over = np.maximum(entries, 0).sum(axis=(2, 3))
        under = np.maximum(-entries, 0).sum(axis=(2, 3))
        if name == IMAGE:
            low, high = pixel_range(program).T
            upper = over @ high - under @ low
            lower = over @ low - under @ high
            rest = rest + np.maximum(np.abs(upper), np.abs(lower))
        else:
            relus[name] = float(np.maximum(over.sum(axis=1), under.sum(axis=1)).max())
    return Rows(relus, float(rest.max()), float(found.rounded.max()))


@dataclass(eq=False, slots=True)
class _Pulled:
    """Elements as sums over sources: entries (elements, source's shape), what biases add, and what
    truncations may round."""

    sources: dict[str, Floats]
    bias: Floats
    rounded: Floats


def _pulled(
    program: Program, weights: Weights, stretch: list[Step], cotangents: dict[str, Floats]
) -> _Pulled:
    count = len(next(iter(cotangents.values())))
    found = _Pulled({}, np.zeros(count), np.zeros(count))
    shapes = shapes_of(program)
    for step in stretch:
        entries = cotangents.pop(step.name)
        if isinstance(step.op, Nonlinear):
            relus = step.relus
            if relus.any():
                found.sources[step.name] = np.where(relus, entries, 0)
            if relus.all():
                continue
            entries = np.where(relus, 0, entries)
            if step.op.shift:
                found.rounded += np.abs(entries).sum(axis=(1, 2, 3))
        if isinstance(step.op, Linear):
            found.bias += entries.sum(axis=(2, 3)) @ weights[step.name].bias.astype(np.float64)
            found.rounded += np.abs(entries).sum(axis=(1, 2, 3)) / 2
        for name, part in _back(step, weights.get(step.name), entries, shapes):
            cotangents[name] = cotangents[name] + part if name in cotangents else part
    if IMAGE in cotangents:
        found.sources[IMAGE] = cotangents[IMAGE]
        found.rounded += np.abs(cotangents[IMAGE]).sum(axis=(1, 2, 3))
    return found


def _back(
    step: Step, mine: LinearWeights | None, entries: Floats, shapes: Mapping[str, Shape]
) -> Iterator[tuple[str, Floats]]:
    """A step's inputs, and how much the elements depend on each."""
    count, source = len(entries), step.inputs[0]
    channels, side, _ = shapes[source]
    match step.op:
        case Linear(layer):
            assert mine
            yield source, _transposed(layer, mine.weights, entries)
        case Nonlinear(_, shift):
            yield source, entries / 2.0**shift
        case Sum(lifts):
            for name, lift in zip(step.inputs, lifts, strict=True):
                yield name, entries * 2.0**lift
        case Join(lifts):
            first = 0
            for name, lift in zip(step.inputs, lifts, strict=True):
                last = first + shapes[name][0]
                yield name, entries[:, first:last] * 2.0**lift
                first = last
        case Slice(start, stop):
            whole = np.zeros((count, channels, side, side))
            whole[:, start:stop] = entries
            yield source, whole
        case Flatten():
            yield source, entries.reshape(count, channels, side, side)
        case SumPool(size):
            spread = entries.repeat(size, axis=2).repeat(size, axis=3)
            short = side - spread.shape[2]
            yield source, np.pad(spread, ((0, 0), (0, 0), (0, short), (0, short)))


def _transposed(layer: Convolution, weights: Integers, entries: Floats) -> Floats:
    """The transposed convolution, of the part of the positions where anything depends on them."""
    k, stride, groups, side = layer.kernel, layer.stride, layer.groups, layer.side
    rows, columns = (_span(np.any(entries != 0, axis=axes)) for axes in ((0, 1, 3), (0, 1, 2)))
    part = entries[:, :, rows, columns]
    count, _, height, width = part.shape
    kernel = weights.reshape(groups, layer.outputs // groups, -1).transpose(0, 2, 1)
    outputs = part.transpose(1, 0, 2, 3).reshape(groups, layer.outputs // groups, -1)
    spread = (kernel.astype(np.float64) @ outputs).reshape(-1, k, k, count, height, width)
    reach = side + 2 * (k // 2) + stride
    found = np.zeros((layer.inputs, count, reach, reach))
    for i in range(k):
        for j in range(k):
            down, right = (
                slice(stride * span.start + at, stride * span.stop + at, stride)
                for span, at in ((rows, i), (columns, j))
            )
            found[:, :, down, right] += spread[:, i, j]
    inside = slice(k // 2, k // 2 + side)
    return found[:, :, inside, inside].transpose(1, 0, 2, 3)


def _span(used: Mask) -> slice:
    """From the first to the last that is used."""
    places = np.flatnonzero(used)
    return slice(int(places[0]), int(places[-1]) + 1) if places.size else slice(0, 1)


# Stretches that are linear, and what a position at the end of one sees


def stretch_of(program: Program, name: str) -> list[Step]:
    """The linear steps that a tensor depends on, and its sources: last first."""
    needed, found = {name}, []
    for step in reversed(program.steps):
        if step.name in needed:
            found.append(step)
            if not step.relus.all():
                needed.update(step.inputs)
    return found


@dataclass(frozen=True, slots=True)
class Window:
    """What position i of a tensor sees of another: scale * i - before to scale * i + behind."""

    scale: int
    before: int
    behind: int

    def through(self, scale: int, before: int, behind: int) -> "Window":
        return Window(
            self.scale * scale, self.before * scale + before, self.behind * scale + behind
        )

    def joined(self, other: "Window | None") -> "Window":
        if other is None:
            return self
        before, behind = max(self.before, other.before), max(self.behind, other.behind)
        return Window(self.scale, before, behind)


def windows_of(program: Program, stretch: list[Step], name: str) -> dict[str, Window]:
    """By tensor of a stretch, what a position of its last sees of it."""
    shapes = shapes_of(program)
    seen = {name: Window(1, 0, 0)}
    for step in stretch:
        if step.relus.all():
            continue
        scale, before, behind = 1, 0, 0
        if isinstance(step.op, Linear):
            scale, before, behind = step.op.layer.stride, *2 * (step.op.layer.kernel // 2,)
        if isinstance(step.op, SumPool):
            scale, behind = step.op.size, step.op.size - 1
        if isinstance(step.op, Flatten):
            scale = shapes[step.inputs[0]][1]
            behind = scale - 1
        mine = seen[step.name].through(scale, before, behind)
        for of in step.inputs:
            seen[of] = mine.joined(seen.get(of))
    return seen


def shapes_of(program: Program) -> dict[str, Shape]:
    """By tensor."""
    return {IMAGE: program.image} | {step.name: step.shape for step in program.steps}


def places_of(
    program: Program, stretch: list[Step], windows: Mapping[str, Window], name: str
) -> list[tuple[int, int]]:
    """Positions of a tensor, those whose bounds equal another's left out: away from the borders all
    see the same, unless masks tell positions apart."""
    shapes = shapes_of(program)
    side = shapes[name][1]
    everywhere = [(row, column) for row in range(side) for column in range(side)]
    if any(s.relus.any() and not s.relus.all() for s in stretch):
        return everywhere
    near, far = 0, side
    for of, window in windows.items():
        near = max(near, ceil(window.before / window.scale))
        far = min(far, (shapes[of][1] - 1 - window.behind) // window.scale + 1)
    kept = [i for i in range(side) if i <= near or i >= far]
    return [(row, column) for row in kept for column in kept]


def multiplications(step: Step, windows: Mapping[str, Window]) -> float:
    """Multiplications in a step for one element at the end of its stretch."""
    if not isinstance(step.op, Linear) or step.name not in windows:
        return 0.0
    window = windows[step.name]
    seen = min(step.shape[1], window.before + window.behind + 1)
    return float(seen**2 * prod(step.op.layer.weight_shape))
