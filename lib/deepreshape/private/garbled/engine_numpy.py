"""Three halves in numpy: a gate's hashes are one call of AES-ECB for all elements of a chunk."""

from collections.abc import Iterator

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from deepreshape.private.garbled.three_halves import (
    AND,
    CHUNK,
    GROUP,
    LOAD_EVALUATOR,
    LOAD_GARBLER,
    PARTS,
    TABLE,
    XOR,
    Chunk,
    Labels,
    Octets,
    Schedule,
)
from deepreshape.private.rings import Words

GARBLE, EVALUATE = 6, 3
"""Hashes of an AND gate."""
ONE, TWO = np.uint64(1), np.uint64(2)


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
        d = np.tile(offset, (count, 1))
        for gate, target, left, right, inversions in self._steps(chunk):
            a = left ^ (d if inversions & 1 else np.uint64(0))
            b = right ^ (d if inversions & 2 else np.uint64(0))
            na, nb = _mask(a[:, 0]), _mask(b[:, 0])
            a = a ^ (na[:, None] & d)
            b = b ^ (nb[:, None] & d)
            pa, pb = ~na, ~nb
            inputs[0], inputs[2], inputs[4] = a, b, a ^ b
            inputs[1::2] = inputs[::2] ^ d
            a0, a1, b0, b1, x0, x1 = _sliced(chunk.keys[gate], inputs, self._hashed)
            r1, r2 = _mask(a0[:, 1] ^ x0[:, 1])[:, None], _mask(b0[:, 0] ^ x0[:, 1])[:, None]
            w = a ^ _omega_squared(b)
            # s0 d + (a + b w^2) (W + d), of which both halves are in what G0, G1 and G2 hide.
            v = w ^ d
            y = r1 & _omega(d) ^ r2 & d ^ pa[:, None] & v ^ pb[:, None] & _omega_squared(v)
            g2 = y[:, 1] ^ pb & d[:, 1]
            g0 = y[:, 0] ^ b[:, 0] ^ d[:, 0] ^ pb & d[:, 0] ^ g2
            g1 = y[:, 0] ^ a[:, 1] ^ d[:, 1] ^ pb & d[:, 0]
            z = (pa ^ a0[:, 1] ^ a1[:, 1]) & ONE
            z |= ((pb ^ b0[:, 0] ^ b1[:, 0]) & ONE) << ONE
            z |= ((pa ^ pb ^ x0[:, 1] ^ x1[:, 1]) & ONE) << TWO
            rows.write(
                gate,
                np.stack([g0 ^ a0[:, 0] ^ a1[:, 0], g1 ^ b0[:, 1] ^ b1[:, 1]], -1),
                g2 ^ x0[:, 0] ^ x1[:, 0],
                z,
            )
            c = r1 & _omega(w) ^ r2 & w ^ (na & nb)[:, None] & d
            c[:, 0] ^= b[:, 0] ^ a0[:, 0] ^ x0[:, 0]
            c[:, 1] ^= a[:, 1] ^ b0[:, 1] ^ x0[:, 0]
            target[:] = c

    def evaluate(self, chunk: Chunk) -> None:
        count = len(chunk.garbler)
        rows = _Rows(chunk.tables, count, len(chunk.keys))
        inputs = self._inputs[: EVALUATE * count * 2].reshape(EVALUATE, count, 2)
        for gate, target, a, b, _ in self._steps(chunk):
            inputs[0], inputs[1], inputs[2] = a, b, a ^ b
            ha, hb, hx = _sliced(chunk.keys[gate], inputs, self._hashed)
            pairs, g2, z = rows.read(gate)
            i, j = _mask(a[:, 0]), _mask(b[:, 0])
            k = i ^ j
            r1 = _mask(ha[:, 1] ^ hx[:, 1] ^ i & z ^ k & (z >> TWO))[:, None]
            r2 = _mask(hb[:, 0] ^ hx[:, 1] ^ j & (z >> ONE) ^ k & (z >> TWO))[:, None]
            w = a ^ _omega_squared(b)
            c = r1 & _omega(w) ^ r2 & w
            c[:, 0] ^= ha[:, 0] ^ hx[:, 0] ^ i & pairs[:, 0] ^ k & g2 ^ ~i & b[:, 0]
            c[:, 1] ^= hb[:, 1] ^ hx[:, 0] ^ j & pairs[:, 1] ^ k & g2 ^ ~j & a[:, 1]
            target[:] = c

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
                chunk.outputs[target] = places[left]


class _Rows:
    """A chunk's tables by gate: the full groups, and the one that is shorter."""

    def __init__(self, tables: Octets, count: int, gates: int) -> None:
        cut = count - count % GROUP
        size = cut * gates * TABLE
        pieces = [
            (slice(0, cut), tables[:size].reshape(cut // GROUP, gates, GROUP * TABLE)),
            (slice(cut, count), tables[size:].reshape(1, gates, (count - cut) * TABLE)),
        ]
        self._pieces = [piece for piece in pieces if piece[1].size]

    def write(self, gate: int, pairs: Labels, third: Words, control: Words) -> None:
        parts = pairs, third, control.astype(np.uint8)
        for elements, octets in self._pieces:
            rows = [part[elements].view(np.uint8).reshape(len(octets), -1) for part in parts]
            octets[:, gate] = np.concatenate(rows, axis=1)

    def read(self, gate: int) -> tuple[Labels, Words, Words]:
        found = []
        for _, octets in self._pieces:
            size = octets.shape[2] // TABLE
            parts = np.split(octets[:, gate], np.cumsum(PARTS)[:-1] * size, axis=1)
            found.append([part.reshape(-1) for part in parts])
        pairs, third, control = (np.concatenate(part) for part in zip(*found, strict=True))
        halves = pairs.view(np.uint64).reshape(-1, 2)
        return halves, third.view(np.uint64), control.astype(np.uint64)


def _sliced(key: Octets, labels: Labels, room: Labels) -> Labels:
    """Both halves of AES, of which one hashes a label and the other has its control bit.

    room: an array to overwrite, of one label more than there are.
    """
    cipher = Cipher(algorithms.AES128(key.tobytes()), modes.ECB()).encryptor()
    cipher.update_into(labels.data.cast("B"), room.reshape(-1).view(np.uint8).data)
    found = room[: labels.size // 2].reshape(labels.shape)
    found ^= labels >> ONE
    return found


def _omega(labels: Labels) -> Labels:
    """Labels times w, in the field of four elements."""
    return np.stack([labels[:, 0] ^ labels[:, 1], labels[:, 0]], axis=1)


def _omega_squared(labels: Labels) -> Labels:
    return np.stack([labels[:, 1], labels[:, 0] ^ labels[:, 1]], axis=1)


def _mask(bits: Words) -> Words:
    """All ones where the lowest bit is one."""
    found: Words = np.negative(bits & ONE)
    return found
