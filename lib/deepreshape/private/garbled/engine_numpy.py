"""Half gates in numpy: a gate's hashes are one call of AES-ECB for all elements of a chunk."""

from collections.abc import Iterator

import numpy as np

from deepreshape.private.garbled.half_gates import (
    AND,
    CHUNK,
    GROUP,
    LABEL,
    LOAD_EVALUATOR,
    LOAD_GARBLER,
    XOR,
    Chunk,
    Labels,
    Octets,
    Schedule,
    hashed,
)

GARBLE, EVALUATE = 4, 2
"""Hashes of an AND gate."""


class NumpyEngine:
    """The engine that runs everywhere."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self._places = np.empty((schedule.places, CHUNK, 2), np.uint64)
        self._hashed = np.empty((GARBLE * CHUNK + 1, 2), np.uint64)
        self._inputs = np.empty(GARBLE * CHUNK * 2, np.uint64)

    def garble(self, chunk: Chunk, offset: Labels) -> None:
        count = len(chunk.garbler)
        rows = _Rows(chunk.tables, count, len(chunk.keys))
        inputs = self._inputs[: GARBLE * count * 2].reshape(GARBLE, count, 2)
        offset = np.tile(offset, (count, 1))  # a broadcast over two halves is slow
        for gate, target, left, right, inversions in self._steps(chunk):
            inputs[0] = left ^ (offset if inversions & 1 else np.uint64(0))
            inputs[2] = right ^ (offset if inversions & 2 else np.uint64(0))
            inputs[1], inputs[3] = inputs[0] ^ offset, inputs[2] ^ offset
            left_0, left_1, right_0, right_1 = hashed(chunk.keys[gate], inputs, self._hashed)
            left_half, right_half = left_0 ^ left_1, right_0 ^ right_1
            rows.write(gate, 0, left_half ^ _if_coloured(inputs[2], offset))
            rows.write(gate, 1, right_half ^ inputs[0])
            target[:] = left_0 ^ right_0 ^ _if_coloured(inputs[2], right_half)
            target ^= _if_coloured(inputs[0], rows.read(gate, 0))

    def evaluate(self, chunk: Chunk) -> None:
        count = len(chunk.garbler)
        rows = _Rows(chunk.tables, count, len(chunk.keys))
        inputs = self._inputs[: EVALUATE * count * 2].reshape(EVALUATE, count, 2)
        for gate, target, left, right, _ in self._steps(chunk):
            inputs[0], inputs[1] = left, right
            left_hash, right_hash = hashed(chunk.keys[gate], inputs, self._hashed)
            target[:] = left_hash ^ _if_coloured(inputs[0], rows.read(gate, 0))
            target ^= right_hash
            target ^= _if_coloured(inputs[1], rows.read(gate, 1) ^ inputs[0])

    def _steps(self, chunk: Chunk) -> Iterator[tuple[int, Labels, Labels, Labels, int]]:
        """Do all that is free, and yield the AND gates: number, target, left, right, inversions."""
        places = self._places[:, : len(chunk.garbler)]
        gate = 0
        for what, target, left, right, inversions in self._schedule.instructions.tolist():
            if what == XOR:
                np.bitwise_xor(places[left], places[right], out=places[target])
            elif what == AND:
                yield gate, places[target], places[left], places[right], inversions
                gate += 1
            elif what == LOAD_GARBLER:
                places[target] = chunk.garbler[:, left]
            elif what == LOAD_EVALUATOR:
                places[target] = chunk.evaluator[:, left]
            else:
                chunk.colours[target] = places[left, :, 0] & np.uint64(1)


class _Rows:
    """A chunk's tables by gate and half: the full groups, and the one that is shorter."""

    def __init__(self, tables: Octets, count: int, gates: int) -> None:
        labels = tables.view(np.uint64)
        self._groups, rest = divmod(count, GROUP)
        self._cut = self._groups * GROUP
        size = self._cut * tables.size // LABEL * 2 // max(count, 1)
        self._full = labels[:size].reshape(self._groups, gates, 2, GROUP, 2)
        self._rest = labels[size:].reshape(gates, 2, rest, 2)

    def write(self, gate: int, half: int, labels: Labels) -> None:
        self._full[:, gate, half] = labels[: self._cut].reshape(self._groups, GROUP, 2)
        self._rest[gate, half] = labels[self._cut :]

    def read(self, gate: int, half: int) -> Labels:
        full = self._full[:, gate, half].reshape(self._cut, 2)
        return np.concatenate([full, self._rest[gate, half]])


def _if_coloured(labels: Labels, other: Labels) -> Labels:
    """`other` where a label's colour is 1, else zero."""
    mask = np.negative(labels[:, 0] & np.uint64(1))
    return np.repeat(mask, 2).reshape(-1, 2) & other
