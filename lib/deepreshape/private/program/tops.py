"""Tops of ReLUs, units and bits of steps, beyond which no image brings a number.

Every ReLU gets a top, the least power of two that nothing seen exceeds. Where even so numbers could
leave the ring, by the weights, those of that stretch get a coarser unit: the ReLU or truncation
before it shifts by more bits, the one behind it by fewer. Then every step gets the bits that the
weights may need and no more, since a garbled circuit pays for each (`circuits.relu`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, log2

from deepreshape.design.ops import IMAGE
from deepreshape.private.program.bounds import rows
from deepreshape.private.program.loose import Rows, loose
from deepreshape.private.program.steps import (
    LinearWeights,
    Nonlinear,
    Program,
    Square,
    Weights,
    most_shift,
    rounding,
)

COARSER = 6
"""Bits by which a unit may be coarser than the program's: beyond, rounding would be felt."""


@dataclass(frozen=True, eq=False, slots=True)
class Topped:
    """A program that is bounded, its ReLUs with tops; or as it was, where that cannot be had. open:
    a decoded tensor that would take a unit coarser by more than COARSER bits, or none."""

    program: Program
    weights: Weights
    open: tuple[str, ...]


def topped(program: Program, weights: Weights, seen: Mapping[str, int]) -> Topped:
    """The program with tops. seen: the largest integer seen behind each step of ReLUs."""
    if squares := _squares(program):
        return Topped(program, weights, squares)
    least = {
        step.name: max(seen[step.name] - 1, 0).bit_length()
        for step in program.steps
        if step.relus.any()
    }
    bounds, over = _over(program, weights, least, COARSER)
    if beyond := tuple(name for name in bounds if over[name] > COARSER):
        return Topped(program, weights, beyond)
    stretches = _stretches(program)
    coarser = dict.fromkeys(stretches.values(), 0)
    for name in bounds:
        coarser[stretches[name]] = max(coarser[stretches[name]], over[name])
    _settled(program, stretches, coarser)
    tops = {name: max(0, bits - coarser[stretches[name]]) for name, bits in least.items()}
    changed, narrower = _changed(program, weights, stretches, coarser, tops)
    return Topped(_fitted(changed, narrower), narrower, ())


def _fitted(program: Program, weights: Weights) -> Program:
    """The program, each step with the bits that its numbers may need."""
    tops = {
        step.name: 2.0**step.op.top
        for step in program.steps
        if isinstance(step.op, Nonlinear) and step.op.top is not None
    }
    quick, steps = loose(program, weights), []
    for step in program.steps:
        if isinstance(step.op, Nonlinear):
            name = step.inputs[0]
            most = (rows(program, weights, name) or quick[name]).most(tops)
            needed = ceil(log2(most + (1 << step.op.shift) + 1)) + 1
            step = replace(step, op=replace(step.op, bits=max(needed, step.op.shift + 2)))
        steps.append(step)
    return replace(program, steps=tuple(steps))


def _squares(program: Program) -> tuple[str, ...]:
    """The first square, or none: it has no top, and what it gives is bound by no sum of a row."""
    return tuple(step.name for step in program.steps if isinstance(step.op, Square))[:1]


def _over(
    program: Program, weights: Weights, tops: Mapping[str, int], most: int
) -> tuple[dict[str, Rows], dict[str, int]]:
    """Bounds of what is decoded, and by how many bits they exceed what may be (below zero: by how
    many they are short of it), up to the first that does by more than `most`. What is loosely bound
    and fits is not bound closer."""
    quick = loose(program, weights)
    largest = {name: 2.0**bits for name, bits in tops.items()}
    bounds: dict[str, Rows] = {}
    over: dict[str, int] = {}
    for name, (added, limit) in decoded(program).items():
        bound = quick[name]
        if bound.most(largest) + added > limit:
            bound = rows(program, weights, name) or bound
        bounds[name] = bound
        over[name] = ceil(log2(max(bound.most(largest) + added, 1) / limit))
        if over[name] > most:
            break
    return bounds, over


def _stretches(program: Program) -> dict[str, str]:
    """By tensor, the first of those that share its unit: all but ReLUs and truncations keep it."""
    first = {IMAGE: IMAGE}

    def joined(one: str, other: str) -> None:
        old, new = first[one], first[other]
        for name, start in first.items():
            if start == old:
                first[name] = new

    for step in program.steps:
        first[step.name] = step.name
        if not isinstance(step.op, Nonlinear) or step.op.passes:
            for name in step.inputs:
                joined(step.name, name)
    return first


def _settled(program: Program, stretches: Mapping[str, str], coarser: dict[str, int]) -> None:
    """Make units coarser until every shift is one that the circuits have."""
    most, before = program.ring.bits - 3, None
    while before != coarser:
        before = dict(coarser)
        for step in program.steps:
            taken, given = stretches[step.inputs[0]], stretches[step.name]
            if isinstance(step.op, Nonlinear) and taken != given:
                shift = step.op.shift
                coarser[given] = max(coarser[given], coarser[taken] - shift)
                coarser[taken] = max(coarser[taken], shift + coarser[given] - most)


def _changed(
    program: Program,
    weights: Weights,
    stretches: Mapping[str, str],
    coarser: Mapping[str, int],
    tops: Mapping[str, int],
) -> tuple[Program, dict[str, LinearWeights]]:
    by = {name: coarser[start] for name, start in stretches.items()}
    steps = []
    for step in program.steps:
        if isinstance(step.op, Nonlinear):
            shift = step.op.shift + by[step.name] - by[step.inputs[0]]
            step = replace(step, op=replace(step.op, shift=shift, top=tops.get(step.name)))
        steps.append(step)
    narrower = {
        name: LinearWeights(mine.weights, mine.bias + rounding(by[name]) >> by[name])
        for name, mine in weights.items()
    }
    last = program.steps[-1].name
    unit, logit = program.unit * 2.0 ** by[IMAGE], program.logit * 2.0 ** by[last]
    return replace(program, steps=tuple(steps), unit=unit, logit=logit, bounded=True), narrower


def decoded(program: Program) -> dict[str, tuple[int, int]]:
    """The tensors that are decoded: by name, what rounding may add, and the largest magnitude that
    both together may have."""
    half = program.ring.modulus // 2
    found = {program.steps[-1].name: (1 << most_shift(program.ring), half - 1)}
    for step in program.steps:
        if isinstance(step.op, Nonlinear):
            added, _ = found.get(step.inputs[0], (0, 0))
            found[step.inputs[0]] = (max(added, 1 << step.op.shift), half // 2 - 1)
    return found
