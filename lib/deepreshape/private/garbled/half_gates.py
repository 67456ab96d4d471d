"""What both garbling engines share: labels, layout of the tables, keys, the order of the work.

Half gates (Zahur, Rosulek and Evans, EUROCRYPT 2015): XOR is free, an AND costs two labels. A label
is 128 bits, held as two `uint64`, the low half first; its lowest bit is its colour. The two labels
of a wire differ by the offset, whose colour is 1.

The hash of a label x under a key k is AES_k(x) xor s(x), with s(high, low) = (high xor low, high),
in the multi-instance setting of Guo, Katz, Wang, Weng and Yu (CRYPTO 2020, ePrint 2019/1168): what
an attacker gains from many instances grows with the labels that one key serves, so a key serves one
gate of one chunk, 2 * CHUNK labels, and no other. (The paper puts s(x) into the cipher too; to an
ideal cipher that is a renaming.)

Elements stand one beside the other: every gate is done for many at once. The tables of a chunk are
those of its groups in order, the last group as short as it comes out; a group's tables have the
shape (AND gates, 2, elements, 2).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from deepreshape.private.garbled.gates import Circuit
from deepreshape.private.randomness import Randomness

Labels = npt.NDArray[np.uint64]
"""Labels, last axis 2: the low and the high half."""
Octets = npt.NDArray[np.uint8]
Buffer = bytes | bytearray | memoryview | Octets
"""Received bytes, in whatever holds them."""

LABEL = 16
"""Bytes of a label."""
CHUNK = 1024
"""Elements that share a gate's key."""
GROUP = 16
"""Elements whose wires stay in the processor's cache."""

LOAD_GARBLER, LOAD_EVALUATOR, XOR, AND, OUT = range(5)
"""What an instruction does."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """A circuit as instructions on few places for labels, each given up after its last use.

    Instructions are rows (what, target, left, right, inversions), int32. Loads: input `left` into
    the place `target`. XOR and AND: of the places `left` and `right`; of an AND, inversions bit 0
    is that of left, bit 1 that of right. OUT: output `target` is the colour of the place `left`.
    """

    circuit: Circuit
    instructions: npt.NDArray[np.int32]
    places: int


class Chunk(NamedTuple):
    """Elements that are garbled or evaluated at once.

    keys: (AND gates, 16). garbler, evaluator: labels of the shape (elements, bits, 2), contiguous.
    tables: contiguous. colours, which are written: (outputs, elements), 0 or 1.
    """

    keys: Octets
    garbler: Labels
    evaluator: Labels
    tables: Octets
    colours: Octets


class Engine(Protocol):
    """Garbles and evaluates chunks; keeps its work arrays from one to the next."""

    def __init__(self, schedule: Schedule) -> None: ...

    def garble(self, chunk: Chunk, offset: Labels) -> None:
        """Zero labels in, tables and the zero labels' output colours out."""

    def evaluate(self, chunk: Chunk) -> None:
        """Labels and tables in, output colours out."""


def draw_offset(source: Randomness) -> Labels:
    """A session's offset, shape (2,): secret, 127 random bits and the colour 1."""
    offset = source.bytes(LABEL).view(np.uint64)
    offset[0] |= np.uint64(1)
    return offset


def chunk_keys(nonce: bytes, chunk: int, gates: int) -> Octets:
    """The AES keys of a chunk's AND gates, shape (gates, 16).

    AES under a layer's nonce enumerates them, so no two of a layer are equal.
    """
    counters = np.empty((gates, 2), "<u8")
    counters[:, 0], counters[:, 1] = np.arange(gates), chunk
    cipher = Cipher(algorithms.AES128(nonce), modes.ECB()).encryptor()
    return np.frombuffer(cipher.update(counters.tobytes()), np.uint8).reshape(gates, LABEL)


def hashed(key: Octets, labels: Labels, room: Labels | None = None) -> Labels:
    """Labels' hashes under one key, (..., 2) as the labels are, which are contiguous.

    room: an array to overwrite, flat, of one label more: OpenSSL wants some room.
    """
    room = np.empty((labels.size // 2 + 1, 2), np.uint64) if room is None else room
    cipher = Cipher(algorithms.AES128(key.tobytes()), modes.ECB()).encryptor()
    cipher.update_into(labels.data.cast("B"), room.reshape(-1).view(np.uint8).data)
    found = room[: labels.size // 2].reshape(labels.shape)
    found[..., 0] ^= labels[..., 1]
    found[..., 1] ^= labels[..., 0]
    found[..., 1] ^= labels[..., 1]
    return found


@lru_cache
def schedule(circuit: Circuit) -> Schedule:
    """The order of a circuit's work; an input is loaded where it is first needed."""
    work = _Work(circuit)
    last = {literal >> 1: index for index, gate in enumerate(circuit.gates) for literal in gate[1:]}
    for index, (conjunction, *literals) in enumerate(circuit.gates):
        wires = [literal >> 1 for literal in literals]
        left, right = (work.place(wire) for wire in wires)
        for wire in wires:
            if last[wire] == index:
                work.leave(wire)
        inversions = (literals[0] & 1) | (literals[1] & 1) << 1
        made = circuit.inputs + index
        work.settle(made, AND if conjunction else XOR, left, right, inversions)
        if made not in last:
            work.leave(made)
    for literal in circuit.outputs:
        if literal >> 1 not in last:
            work.place(literal >> 1)
    return Schedule(circuit, np.array(work.rows, np.int32).reshape(-1, 5), work.places)


class _Work:
    """Instructions, and which place holds which wire."""

    def __init__(self, circuit: Circuit) -> None:
        self.rows: list[tuple[int, int, int, int, int]] = []
        self.places = 0
        self._garbler = circuit.garbler
        self._outputs: dict[int, list[int]] = {}
        for output, literal in enumerate(circuit.outputs):
            self._outputs.setdefault(literal >> 1, []).append(output)
        self._held: dict[int, int] = {}
        self._free: list[int] = []

    def place(self, wire: int) -> int:
        """Where a wire is; an input that was not needed before is loaded."""
        if wire not in self._held:
            if wire < self._garbler:
                self.settle(wire, LOAD_GARBLER, wire)
            else:
                self.settle(wire, LOAD_EVALUATOR, wire - self._garbler)
        return self._held[wire]

    def settle(self, wire: int, what: int, left: int, right: int = 0, inversions: int = 0) -> None:
        """Make a wire in a free place, and show its colour if it is an output."""
        if not self._free:
            self._free.append(self.places)
            self.places += 1
        place = self._held[wire] = self._free.pop()
        self.rows.append((what, place, left, right, inversions))
        self.rows.extend((OUT, output, place, 0, 0) for output in self._outputs.get(wire, ()))

    def leave(self, wire: int) -> None:
        self._free.append(self._held[wire])
