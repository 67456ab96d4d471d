"""Garbling and evaluation of a layer: as many instances of one circuit as it has elements.

The garbler makes tables and encodes its own inputs; the evaluator turns tables and labels into its
shares of the outputs, as `projections` makes them. A layer may be larger than memory, so all of
that is done in consecutive pieces. Each element is used once: who asks for more than there are gets
`Reused`.
"""

import numpy as np

from deepreshape.private.garbled.circuits import Function
from deepreshape.private.garbled.engine_numba import NumbaEngine
from deepreshape.private.garbled.engine_numpy import NumpyEngine
from deepreshape.private.garbled.gates import Bits
from deepreshape.private.garbled.three_halves import (
    CHUNK,
    TABLE,
    Buffer,
    Chunk,
    Engine,
    Labels,
    Octets,
    chunk_keys,
    schedule,
)
from deepreshape.private.garbled.vectors import width
from deepreshape.private.randomness import SEED, Randomness, Stream
from deepreshape.private.rings import Words


class Reused(RuntimeError):
    """Garbled state was used already; a second use would betray what it hides."""


class Garbler:
    """The garbler of `count` instances of a function.

    offset: the session's, shape (2,), from `draw_offset`; the OT that gives the evaluator its
    labels has the same. source: of the labels' seed and of `nonce`, 16 public bytes that the
    evaluator needs. engine: by default the fastest that runs here; all make the same bytes.

    `garble`, `encode` and `close` each go through the elements once.
    """

    def __init__(
        self,
        function: Function,
        count: int,
        offset: Labels,
        source: Randomness,
        engine: type[Engine] | None = None,
    ) -> None:
        if offset.shape != (2,) or not int(offset[0]) & 1:
            raise ValueError("the offset is no label of colour 1")
        self.function = function
        self.nonce = source.bytes(SEED).tobytes()
        seed = source.bytes(SEED).tobytes()
        # The zero labels are drawn twice from one seed, so nobody has to keep them.
        self._for_tables, self._for_inputs = Stream(seed), Stream(seed)
        self._offset = offset.copy()
        self._shares = np.empty(count, np.uint64)
        self._garbled, self._encoded, self._closed = (
            _Progress(count, past) for past in ("garbled", "encoded", "closed")
        )
        self._layer = _Layer(function, self.nonce, engine)

    def garble(self, zero_labels: Labels, out: Octets | None = None) -> Octets:
        """The tables of the next elements, into `out` if that is given.

        zero_labels: of the evaluator's bits, shape (elements, circuit.evaluator, 2); CHUNK
        elements, a multiple, or all that are left.
        """
        circuit = self.function.circuit
        count = _elements(zero_labels, circuit.evaluator)
        size = table_bytes(self.function)
        tables = np.empty(count * size, np.uint8) if out is None else out
        if tables.shape != (count * size,):
            raise ValueError(f"{tables.size:,} bytes for tables of {count * size:,}")
        for piece, elements in self._garbled.chunks(count):
            own = _drawn(self._for_tables, piece.stop - piece.start, circuit.garbler)
            part = tables[piece.start * size : piece.stop * size]
            self._shares[elements] = self._layer.shares(
                elements, own, zero_labels[piece], part, self._offset
            )
        return tables

    def encode(self, bits: Bits, out: Labels | None = None) -> Labels:
        """The labels of the garbler's bits, (elements, circuit.garbler), of the next elements.

        Written into `out` if that is given, of the bits' shape and two halves.
        """
        width = self.function.circuit.garbler
        if bits.ndim != 2 or bits.shape[1] != width:
            raise ValueError(f"bits of shape {bits.shape}, not (..., {width})")
        labels = np.empty((*bits.shape, 2), np.uint64) if out is None else out
        if _elements(labels, width) != len(bits):
            raise ValueError(f"room for labels of {len(labels)} elements, not {len(bits)}")
        self._encoded.take(len(bits), self._garbled.done)
        offsets = np.tile(self._offset, width)
        for start in range(0, len(bits), CHUNK):  # in the cache
            piece = slice(start, start + CHUNK)
            chosen = np.repeat(np.negative(bits[piece].astype(np.uint64)), 2, axis=1)
            zero = _drawn(self._for_inputs, *bits[piece].shape)
            chosen &= offsets
            np.bitwise_xor(zero, chosen.reshape(zero.shape), out=labels[piece])
        return labels

    def close(self, answers: Words) -> Words:
        """The garbler's shares of the function, (elements,), of the next elements.

        answers: the evaluator's shares, less its masks.
        """
        elements = self._closed.take(answers.size, self._encoded.done)
        return self.function.settled(self.function.ring.add(answers, self._shares[elements]))


class Evaluator:
    """The evaluator of `count` instances of a function. nonce: the garbler's."""

    def __init__(
        self, function: Function, count: int, nonce: bytes, engine: type[Engine] | None = None
    ) -> None:
        if len(nonce) != SEED:
            raise ValueError(f"a nonce of {len(nonce)} bytes, not {SEED}")
        self.function = function
        self._evaluated = _Progress(count, "evaluated")
        self._layer = _Layer(function, nonce, engine)

    def evaluate(self, garbler: Labels, labels: Labels, tables: Buffer) -> Words:
        """The evaluator's shares of the next elements, (elements,).

        garbler: labels of its bits, (elements, circuit.garbler, 2); CHUNK elements, a multiple, or
        all that are left. labels: of the evaluator's own bits, alike. tables: of these elements.
        Raises ValueError for other sizes.
        """
        circuit, size = self.function.circuit, table_bytes(self.function)
        count = _elements(garbler, circuit.garbler)
        if _elements(labels, circuit.evaluator) != count:
            raise ValueError(f"labels of {len(labels)} elements, not {count}")
        octets = np.frombuffer(tables, np.uint8)
        if octets.size != count * size:
            raise ValueError(f"{octets.size:,} bytes for tables of {count * size:,}")
        found = np.empty(count, np.uint64)
        for piece, elements in self._evaluated.chunks(count):
            part = octets[piece.start * size : piece.stop * size]
            found[piece] = self._layer.shares(elements, garbler[piece], labels[piece], part)
        return found


def table_bytes(function: Function) -> int:
    """Bytes of one element's tables: of its AND gates, and of its outputs' projection."""
    return TABLE * function.circuit.and_gates + function.projection.bytes


class _Layer:
    """An engine at work on the chunks of one layer."""

    def __init__(self, function: Function, nonce: bytes, engine: type[Engine] | None) -> None:
        self._nonce, self._projection = nonce, function.projection
        self._gates, self._outputs = function.circuit.and_gates, len(function.circuit.outputs)
        made = engine or (NumbaEngine if width() > 0 else NumpyEngine)
        self._engine = made(schedule(function.circuit))
        self._labels = np.empty((self._outputs, CHUNK, 2), np.uint64)

    def shares(
        self,
        elements: slice,
        garbler: Labels,
        evaluator: Labels,
        tables: Octets,
        offset: Labels | None = None,
    ) -> Words:
        """Of the outputs, one an element: garbled if there is an offset, else evaluated."""
        count = len(garbler)
        keys = chunk_keys(self._nonce, elements.start // CHUNK, self._gates + self._outputs)
        garbler, evaluator = (
            np.require(labels, requirements=["C", "A"]) for labels in (garbler, evaluator)
        )
        cut = tables.size - count * self._projection.bytes
        labels = self._labels[:, :count]
        chunk = Chunk(keys[: self._gates], garbler, evaluator, tables[:cut], labels)
        last = keys[self._gates :]
        if offset is None:
            self._engine.evaluate(chunk)
            return self._projection.evaluate(labels, last, tables[cut:])
        self._engine.garble(chunk, offset)
        return self._projection.garble(labels, offset, last, tables[cut:])


class _Progress:
    """How many of a layer's elements were used."""

    def __init__(self, count: int, past: str) -> None:
        self._count, self._past = count, past
        self.done = 0

    def take(self, count: int, limit: int | None = None) -> slice:
        """The next elements; at most those before `limit`."""
        if count and self.done == self._count:
            raise Reused(f"all {self._count:,} elements were {self._past} already")
        stop = self.done + count
        if stop > (self._count if limit is None else limit):
            raise ValueError(f"{stop:,} elements to be {self._past}, more than there are")
        taken, self.done = slice(self.done, stop), stop
        return taken

    def chunks(self, count: int) -> list[tuple[slice, slice]]:
        """The next elements in chunks: where each is in their piece, and in the layer."""
        if count % CHUNK and self.done + count < self._count:
            raise ValueError(f"{count:,} elements, neither a multiple of {CHUNK} nor all the rest")
        first = self.take(count).start
        starts = range(0, count, CHUNK)
        pieces = [slice(start, min(start + CHUNK, count)) for start in starts]
        return [(piece, slice(first + piece.start, first + piece.stop)) for piece in pieces]


def _drawn(stream: Stream, elements: int, bits: int) -> Labels:
    """The next labels of a stream, shape (elements, bits, 2)."""
    labels = np.empty((elements, bits, 2), np.uint64)
    stream.read(labels.reshape(-1).view(np.uint8))
    return labels


def _elements(labels: Labels, bits: int) -> int:
    """Of how many elements labels are; ValueError for the wrong shape."""
    if labels.dtype != np.uint64 or labels.ndim != 3 or labels.shape[1:] != (bits, 2):
        raise ValueError(f"labels of shape {labels.shape} and {labels.dtype}, not (..., {bits}, 2)")
    return len(labels)
