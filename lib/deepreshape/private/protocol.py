"""What client and server share: kinds of frames, the order of steps, the parts of a ReLU layer.

Both walk the same public program, in Delphi's layout (Mishra et al. 2020). Offline the client
learns its share of every tensor: of the image and behind every nonlinear step it draws it, of a
linear step it gets it encrypted. Online the server learns its own, and the two meet only at
nonlinear steps, which are garbled, and at squares.
"""

from collections.abc import Iterator
from enum import IntEnum
from math import prod
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from deepreshape.design.ops import IMAGE
from deepreshape.private.garbled import circuits
from deepreshape.private.garbled.half_gates import CHUNK, LABEL, Labels, Octets
from deepreshape.private.program.steps import Linear, Nonlinear, Program, Square, Step
from deepreshape.private.rings import Ring, Words
from deepreshape.private.wire.pipe import KEPT


class Kind(IntEnum):
    """Frames of the protocol, in the order of their first use; the last three are of squares."""

    PROGRAM = 1
    KEYS = 2
    TRANSFER = 3
    NEXT = 4
    INPUT = 5
    ANSWER = 6
    CHOICES = 7
    NONCE = 8
    TABLES = 9
    IMAGE = 10
    LABELS = 11
    COLOURS = 12
    LOGITS = 13
    PRODUCTS = 14
    DIFFERENCES = 15
    SQUARES = 16


AHEAD = 2
"""Requests that are sent before the answer to the first is read: both sides compute."""
ANSWERS = KEPT // 2
"""Bytes of answers that may be due before another request: no two writers wait for each other."""
BATCH = 2 * CHUNK
"""Elements whose transfers and tables are made at a time; memory does not grow with a layer."""


class Instances(NamedTuple):
    """The elements of a nonlinear step that share a circuit, as flat indices."""

    function: circuits.Function
    elements: npt.NDArray[np.intp]


def batches(count: int) -> Iterator[slice]:
    """So many elements, BATCH at a time."""
    for start in range(0, count, BATCH):
        yield slice(start, min(start + BATCH, count))


def instances(step: Step, ring: Ring) -> list[Instances]:
    """The elements of a nonlinear step under a ReLU, then those that are only shifted; what is
    neither passes."""
    op = step.op
    assert isinstance(op, Nonlinear)
    relus = step.relus.reshape(-1)
    found = [Instances(circuits.relu(ring, op.shift, op.top), np.flatnonzero(relus))]
    if op.shift:
        found.append(Instances(circuits.truncate(ring, op.shift), np.flatnonzero(~relus)))
    return [part for part in found if part.elements.size]


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
            case Nonlinear(passes=False) | Square():
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
    return [step for step in program.steps if isinstance(step.op, Nonlinear | Square)]


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


def place(share: Words, part: Instances, values: Words) -> Words:
    """The share, with the values of a part's elements in their places."""
    share = share.copy()
    share.reshape(-1)[part.elements] = values
    return share
