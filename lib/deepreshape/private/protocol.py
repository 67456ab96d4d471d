"""What client and server share: kinds of frames, and the order of steps.

Both walk the same public program, in Delphi's layout (Mishra et al. 2020). Offline the client
learns its share of every tensor: of the image and behind every nonlinear step it draws it, of a
linear step it gets it encrypted. Online the server learns its own, and the two meet only at
nonlinear steps, squares and tops (`joint`).
"""

from collections.abc import Iterator
from enum import IntEnum
from math import prod

import numpy as np

from deepreshape.design.ops import IMAGE
from deepreshape.private.garbled.three_halves import CHUNK, LABEL, Labels, Octets
from deepreshape.private.program.steps import Linear, Nonlinear, Program, Square, Step, Top
from deepreshape.private.wire.pipe import KEPT


class Kind(IntEnum):
    """Frames of the protocol, in the order of their first use."""

    PROGRAM = 1
    KEYS = 2
    TRANSFER = 3
    NEXT = 4
    INPUT = 5
    ANSWER = 6
    CHOICES = 7
    NONCE = 8
    TABLES = 9
    PRODUCTS = 10
    IMAGE = 11
    LABELS = 12
    DIFFERENCES = 13
    SHARES = 14
    LOGITS = 15


DUE = KEPT // 16
"""Bytes of answers that may be due before another request: what a fast and long wire holds, and few
enough that no two writers wait for each other."""
BATCH = 2 * CHUNK
"""Elements whose transfers and tables are made at a time; memory does not grow with a layer."""


def batches(count: int) -> Iterator[slice]:
    """So many elements, BATCH at a time."""
    for start in range(0, count, BATCH):
        yield slice(start, min(start + BATCH, count))


def offline_order(program: Program) -> list[Step]:
    """The steps in the order in which the client gets its shares: a step stands behind those whose
    shares make its own, and linear steps behind as few others as can be.

    What the client draws waits for no answer, so most linear steps follow each other closely.
    """
    waits = {IMAGE: 0}
    for step in program.steps:
        answers = max(waits[name] for name in step.inputs)
        match step.op:
            case Linear():
                waits[step.name] = answers + 1
            case Nonlinear(passes=False) | Square() | Top():
                waits[step.name] = 0
            case _:
                waits[step.name] = answers
    return sorted(
        program.steps, key=lambda step: (waits[step.name], not isinstance(step.op, Linear))
    )


def linear_steps(program: Program) -> list[Step]:
    """The linear steps in the order in which they are asked for."""
    return [step for step in offline_order(program) if isinstance(step.op, Linear)]


def joint_steps(program: Program) -> list[Step]:
    """The steps at which the parties meet online."""
    return [step for step in program.steps if isinstance(step.op, Nonlinear | Square | Top)]


class Room:
    """Memory that is used again and again: fresh pages cost more than what is done in them."""

    def __init__(self) -> None:
        self._octets = np.empty(0, np.uint8)

    def octets(self, size: int) -> Octets:
        """So many bytes, of which those of the last call become invalid."""
        if size > self._octets.size:
            self._octets = np.empty(size, np.uint8)
        return self._octets[:size]

    def labels(self, *shape: int) -> Labels:
        """Labels of this shape and two halves."""
        return self.octets(LABEL * prod(shape)).view(np.uint64).reshape(*shape, 2)
