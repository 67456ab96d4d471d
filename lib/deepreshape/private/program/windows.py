"""Stretches of a private program that are linear, and what a position at the end of one sees."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, prod

import numpy as np

from deepreshape.design.ops import IMAGE
from deepreshape.private.program.folding import Mask
from deepreshape.private.program.steps import Linear, Nonlinear, Program, Step, SumPool


def is_source(step: Step) -> bool:
    """Does a step have ReLUs, behind which the stretch of another begins?"""
    return isinstance(step.op, Nonlinear) and bool(np.any(step.op.relus))


def stretch_of(program: Program, name: str) -> list[Step]:
    """The linear steps that a tensor depends on, and its sources: last first."""
    needed, found = {name}, []
    for step in reversed(program.steps):
        if step.name in needed:
            found.append(step)
            if not (is_source(step) and np.all(relus_of(step))):
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


def windows_of(stretch: list[Step], name: str) -> dict[str, Window]:
    """By tensor of a stretch, what a position of its last sees of it."""
    seen = {name: Window(1, 0, 0)}
    for step in stretch:
        if is_source(step) and np.all(relus_of(step)):
            continue
        scale, before, behind = 1, 0, 0
        if isinstance(step.op, Linear):
            scale, before, behind = step.op.layer.stride, *2 * (step.op.layer.kernel // 2,)
        if isinstance(step.op, SumPool):
            scale, behind = step.op.size, step.op.size - 1
        mine = seen[step.name].through(scale, before, behind)
        for of in step.inputs:
            seen[of] = mine.joined(seen.get(of))
    return seen


def places_of(
    program: Program, stretch: list[Step], windows: Mapping[str, Window], name: str
) -> list[tuple[int, int]]:
    """Positions of a tensor, those whose bounds equal another's left out: away from the borders all
    see the same, unless masks tell positions apart."""
    shapes = {IMAGE: program.image} | {step.name: step.shape for step in program.steps}
    side = shapes[name][1]
    everywhere = [(row, column) for row in range(side) for column in range(side)]
    if any(isinstance(s.op, Nonlinear) and len(set(relus_of(s).flat)) > 1 for s in stretch):
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


def relus_of(step: Step) -> Mask:
    """Which elements of a nonlinear step are ReLUs."""
    assert isinstance(step.op, Nonlinear)
    return np.broadcast_to(np.asarray(step.op.relus), step.shape)
