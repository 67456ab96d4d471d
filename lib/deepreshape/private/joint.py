"""Where the two parties meet: parts of nonlinear steps and squares, each with an end at either.

Every part goes the same way. Offline the client asks for the labels of some bits of its shares, and
the server answers with a message made from the labels. Online the server opens with a message made
from its own shares, the client answers with its shares of the result less its masks, and the server
closes: its own new shares. So a step costs one message each way, however many parts it has.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from deepreshape.private.garbled import circuits
from deepreshape.private.garbled.garbling import Evaluator, Garbler, table_bytes
from deepreshape.private.garbled.gates import Bits
from deepreshape.private.garbled.kept import Kept
from deepreshape.private.garbled.three_halves import LABEL, Buffer, Labels, Octets
from deepreshape.private.program.steps import Nonlinear, Program, Square, Step, Top
from deepreshape.private.protocol import Kind, Room
from deepreshape.private.randomness import Randomness
from deepreshape.private.rings import Ring, Words
from deepreshape.private.squares import Multiplicand, Multiplier
from deepreshape.private.stopwatch import Work
from deepreshape.private.truncations import Dividend, Divider


class ServerEnd(Protocol):
    """bits: transfers of an element. kinds: of its messages offline and online."""

    bits: int
    kinds: tuple[Kind, Kind]
    nonce: bytes

    def prepare(self, batch: slice, labels: Labels, offset: Labels) -> Octets: ...

    def open(self, batch: slice, share: Words) -> Octets: ...

    def close(self, batch: slice, share: Words, answer: Words) -> Words: ...


class ClientEnd(Protocol):
    """As `ServerEnd`."""

    bits: int
    kinds: tuple[Kind, Kind]
    nonce: bytes

    def prepared_bytes(self, count: int) -> int: ...

    def opened_bytes(self, count: int) -> int: ...

    def choices(self, batch: slice) -> Bits: ...

    def take(self, batch: slice, labels: Labels, message: Octets) -> None: ...

    def answer(self, batch: slice, message: Buffer) -> Words: ...


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """The elements of a step, as flat indices, that go the same way: through a circuit, shifted
    alone, or squared. each: how many numbers an element is made from, one behind the other."""

    ring: Ring
    elements: npt.NDArray[np.intp]
    function: circuits.Function | None = None
    shift: int | None = None
    each: int = 1

    def taken(self, batch: slice) -> npt.NDArray[np.intp]:
        """The flat indices of what a batch is made from."""
        if self.each == 1:
            return self.elements[batch]
        return np.add.outer(self.elements[batch] * self.each, np.arange(self.each)).reshape(-1)

    def server(self, source: Randomness, offset: Labels, room: Room) -> ServerEnd:
        count = self.elements.size
        if self.function:
            return GarblerEnd(self.function, count, offset, source, room)
        if self.shift is not None:
            return Divider(self.ring, self.shift, count, source)
        return Multiplier(self.ring, count, source)

    def client(self, share: Words, kept: Kept) -> ClientEnd:
        """share: of the step's input, all elements, flat."""
        mine = share[self.taken(slice(None))]
        if self.function:
            return EvaluatorEnd(self.function, mine.reshape(-1, self.each), kept)
        if self.shift is not None:
            return Dividend(self.ring, self.shift, mine)
        return Multiplicand(self.ring, mine)

    @property
    def garbled(self) -> bool:
        return self.function is not None

    def work(self, otherwise: Work = "clear") -> Work:
        """What seconds spent on it count as, where it is not garbled."""
        return "GC" if self.garbled else otherwise


def parts(step: Step, program: Program) -> list[Part]:
    """The elements of a step under a ReLU, then those that are only shifted; what is neither
    passes. Or all that are squared, or the one that is a top."""
    ring, op = program.ring, step.op
    if isinstance(op, Square):
        return [Part(ring, np.arange(int(np.prod(step.shape))))]
    if isinstance(op, Top):
        count = program.answers
        function = circuits.argmax(ring, count, op.bits)
        return [Part(ring, np.arange(1), function, each=count)]
    assert isinstance(op, Nonlinear)
    exact = program.rounds(op)
    relus = step.relus.reshape(-1)
    under, others = np.flatnonzero(relus), np.flatnonzero(~relus)
    found = []
    if under.size:
        relu = circuits.relu(ring, op.shift, op.top, _bits(op, ring), exact)
        found.append(Part(ring, under, relu))
    if others.size and op.shift:
        if exact:
            found.append(Part(ring, others, circuits.truncate(ring, op.shift, _bits(op, ring))))
        else:
            found.append(Part(ring, others, shift=op.shift))
    return found


def _bits(op: Nonlinear, ring: Ring) -> int:
    return op.bits if ring.binary else ring.bits


class GarblerEnd:
    """A garbled part at the server."""

    kinds = Kind.TABLES, Kind.LABELS

    def __init__(
        self,
        function: circuits.Function,
        count: int,
        offset: Labels,
        source: Randomness,
        room: Room,
    ) -> None:
        self._garbler = Garbler(function, count, offset, source)
        self.bits, self.nonce = function.circuit.evaluator, self._garbler.nonce
        self._function, self._room = function, room

    def prepare(self, batch: slice, labels: Labels, offset: Labels) -> Octets:
        room = self._room.octets(len(labels) * table_bytes(self._function))
        return self._garbler.garble(labels, room)

    def open(self, batch: slice, share: Words) -> Octets:
        bits = self._function.garbler_bits(share)
        room = self._room.labels(*bits.shape)
        return self._garbler.encode(bits, room).reshape(-1).view(np.uint8)

    def close(self, batch: slice, share: Words, answer: Words) -> Words:
        return self._garbler.close(answer)


class EvaluatorEnd:
    """A garbled part at the client. share: of what the function takes, a row for each element."""

    kinds = GarblerEnd.kinds

    def __init__(self, function: circuits.Function, share: Words, kept: Kept) -> None:
        self.bits, self.nonce = function.circuit.evaluator, b""
        self._function, self._share, self._kept = function, share, kept
        self._places: dict[int, tuple[int, int]] = {}
        self._evaluator: Evaluator | None = None

    def prepared_bytes(self, count: int) -> int:
        return count * table_bytes(self._function)

    def opened_bytes(self, count: int) -> int:
        return count * LABEL * self._function.circuit.garbler

    def choices(self, batch: slice) -> Bits:
        return self._function.evaluator_bits(self._share[batch])

    def take(self, batch: slice, labels: Labels, message: Octets) -> None:
        own = np.ascontiguousarray(labels).reshape(-1).view(np.uint8)
        self._places[batch.start] = self._kept.put(own), self._kept.put(message)

    def answer(self, batch: slice, message: Buffer) -> Words:
        if self._evaluator is None:
            self._evaluator = Evaluator(self._function, len(self._share), self.nonce)
        own, tables = map(self._kept.take, self._places.pop(batch.start))
        shape = batch.stop - batch.start, -1, 2
        theirs = np.frombuffer(message, np.uint64).reshape(shape)
        return self._evaluator.evaluate(theirs, own.view(np.uint64).reshape(shape), tables)
