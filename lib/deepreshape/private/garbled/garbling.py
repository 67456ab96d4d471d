"""Garbling and evaluation of a layer: as many instances of one circuit as it has elements.

The garbler makes tables, encodes its own inputs and decodes outputs; the evaluator turns tables and
labels into the outputs' colours, which tell it nothing. A layer may be larger than memory, so all
of that is done in consecutive pieces. Each element is used once: who asks for more than there are
gets `Reused`.
"""

import numpy as np

from deepreshape.private.garbled.engine_numba import NumbaEngine, width
from deepreshape.private.garbled.engine_numpy import NumpyEngine
from deepreshape.private.garbled.gates import Bits, Circuit
from deepreshape.private.garbled.half_gates import (
    CHUNK,
    LABEL,
    Buffer,
    Chunk,
    Engine,
    Labels,
    Octets,
    chunk_keys,
    schedule,
)
from deepreshape.private.randomness import SEED, Randomness, Stream


class Reused(RuntimeError):
    """Garbled state was used already; a second use would betray what it hides."""


class Garbler:
    """The garbler of `count` instances of a circuit.

    offset: the session's, shape (2,), from `draw_offset`; the OT that gives the evaluator its
    labels has the same. source: of the labels' seed and of `nonce`, 16 public bytes that the
    evaluator needs. engine: by default the fastest that runs here; all make the same bytes.

    `garble`, `encode` and `decode` each go through the elements once.
    """

    def __init__(
        self,
        circuit: Circuit,
        count: int,
        offset: Labels,
        source: Randomness,
        engine: type[Engine] | None = None,
    ) -> None:
        if offset.shape != (2,) or not int(offset[0]) & 1:
            raise ValueError("the offset is no label of colour 1")
        self.circuit = circuit
        self.nonce = source.bytes(SEED).tobytes()
        seed = source.bytes(SEED).tobytes()
        # The zero labels are drawn twice from one seed, so nobody has to keep them.
        self._for_tables, self._for_inputs = Stream(seed), Stream(seed)
        self._offset = offset.copy()
        self._colours = np.empty((count, -(-len(circuit.outputs) // 8)), np.uint8)
        self._garbled, self._encoded, self._decoded = (
            _Progress(count, past) for past in ("garbled", "encoded", "decoded")
        )
        self._layer = _Layer(circuit, self.nonce, engine)

    def garble(self, zero_labels: Labels, out: Octets | None = None) -> Octets:
        """The tables of the next elements, into `out` if that is given.

        zero_labels: of the evaluator's bits, shape (elements, circuit.evaluator, 2); CHUNK
        elements, a multiple, or all that are left.
        """
        count = _elements(zero_labels, self.circuit.evaluator)
        size = table_bytes(self.circuit)
        tables = np.empty(count * size, np.uint8) if out is None else out
        if tables.shape != (count * size,):
            raise ValueError(f"{tables.size:,} bytes for tables of {count * size:,}")
        for piece, elements in self._garbled.chunks(count):
            own = _drawn(self._for_tables, piece.stop - piece.start, self.circuit.garbler)
            part = tables[piece.start * size : piece.stop * size]
            self._colours[elements] = self._layer.colours(
                elements, own, zero_labels[piece], part, self._offset
            )
        return tables

    def encode(self, bits: Bits, out: Labels | None = None) -> Labels:
        """The labels of the garbler's bits, (elements, circuit.garbler), of the next elements.

        Written into `out` if that is given, of the bits' shape and two halves.
        """
        if bits.ndim != 2 or bits.shape[1] != self.circuit.garbler:
            raise ValueError(f"bits of shape {bits.shape}, not (..., {self.circuit.garbler})")
        labels = np.empty((*bits.shape, 2), np.uint64) if out is None else out
        if _elements(labels, self.circuit.garbler) != len(bits):
            raise ValueError(f"room for labels of {len(labels)} elements, not {len(bits)}")
        self._encoded.take(len(bits))
        offsets = np.tile(self._offset, self.circuit.garbler)
        for start in range(0, len(bits), CHUNK):  # in the cache
            piece = slice(start, start + CHUNK)
            chosen = np.repeat(np.negative(bits[piece].astype(np.uint64)), 2, axis=1)
            zero = _drawn(self._for_inputs, *bits[piece].shape)
            chosen &= offsets
            np.bitwise_xor(zero, chosen.reshape(zero.shape), out=labels[piece])
        return labels

    def decode(self, colours: Buffer) -> Bits:
        """The outputs, (elements, circuit.outputs), of the next elements.

        Colours are what the evaluator sent of elements whose tables were made.
        """
        width, outputs = self._colours.shape[1], self.circuit.outputs
        octets = np.frombuffer(colours, np.uint8)
        if octets.size % width:
            raise ValueError(f"{octets.size:,} bytes of colours, no multiple of {width}")
        count = octets.size // width
        elements = self._decoded.take(count, self._garbled.done)
        zero = self._colours[elements]
        bits = np.unpackbits(
            octets.reshape(-1, width) ^ zero, axis=1, count=len(outputs), bitorder="little"
        )
        return bits.astype(np.bool_) ^ np.array([literal & 1 for literal in outputs], np.bool_)


class Evaluator:
    """The evaluator of `count` instances of a circuit.

    nonce: the garbler's. tables: `table_bytes(circuit)` for each element, in any buffer. labels: of
    the evaluator's own bits, shape (count, circuit.evaluator, 2). Both may be memory-mapped.
    Raises ValueError for wrong sizes.
    """

    def __init__(
        self,
        circuit: Circuit,
        count: int,
        nonce: bytes,
        tables: Buffer,
        labels: Labels,
        engine: type[Engine] | None = None,
    ) -> None:
        if len(nonce) != SEED:
            raise ValueError(f"a nonce of {len(nonce)} bytes, not {SEED}")
        self.circuit = circuit
        self._tables = np.frombuffer(tables, np.uint8)
        if self._tables.size != count * table_bytes(circuit):
            raise ValueError(
                f"{self._tables.size:,} bytes for tables of {count * table_bytes(circuit):,}"
            )
        if _elements(labels, circuit.evaluator) != count:
            raise ValueError(f"labels of {len(labels)} elements, not {count}")
        self._labels = labels
        self._evaluated = _Progress(count, "evaluated")
        self._layer = _Layer(circuit, nonce, engine)

    def evaluate(self, garbler_labels: Labels) -> bytes:
        """The colours of the next elements' outputs, for the garbler to decode.

        garbler_labels: shape (elements, circuit.garbler, 2); CHUNK elements, a multiple, or all
        that are left.
        """
        size = table_bytes(self.circuit)
        count = _elements(garbler_labels, self.circuit.garbler)
        colours = (
            self._layer.colours(
                elements,
                garbler_labels[piece],
                self._labels[elements],
                self._tables[elements.start * size : elements.stop * size],
            )
            for piece, elements in self._evaluated.chunks(count)
        )
        return b"".join(each.tobytes() for each in colours)


def table_bytes(circuit: Circuit) -> int:
    """Bytes of one element's tables."""
    return 2 * LABEL * circuit.and_gates


class _Layer:
    """An engine at work on the chunks of one layer."""

    def __init__(self, circuit: Circuit, nonce: bytes, engine: type[Engine] | None) -> None:
        self._nonce, self._gates = nonce, circuit.and_gates
        made = engine or (NumbaEngine if width() > 0 else NumpyEngine)
        self._engine = made(schedule(circuit))
        self._colours = np.empty((len(circuit.outputs), CHUNK), np.uint8)

    def colours(
        self,
        elements: slice,
        garbler: Labels,
        evaluator: Labels,
        tables: Octets,
        offset: Labels | None = None,
    ) -> Octets:
        """Of the outputs, a row an element: garbled if there is an offset, else evaluated."""
        colours = self._colours[:, : len(garbler)]
        keys = chunk_keys(self._nonce, elements.start // CHUNK, self._gates)
        garbler, evaluator = (
            np.require(labels, requirements=["C", "A"]) for labels in (garbler, evaluator)
        )
        chunk = Chunk(keys, garbler, evaluator, tables, colours)
        if offset is None:
            self._engine.evaluate(chunk)
        else:
            self._engine.garble(chunk, offset)
        return np.packbits(colours, axis=0, bitorder="little").T


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
