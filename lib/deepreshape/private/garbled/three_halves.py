"""What both garbling engines share: labels, layout of the tables, keys, the order of the work.

Three halves (Rosulek and Roy, CRYPTO 2021, ePrint 2021/749): XOR is free, an AND costs one label
and a half and three bits. A label is 128 bits, held as two `uint64`, the low half L first, then R;
its lowest bit is its colour. The two labels of a wire differ by the offset d, whose colour is 1.

An AND in the field of four elements. The two halves of a label are a vector over {0, 1, w, w + 1},
bit by bit: w (L, R) = (L + R, L). Let i and j be the colours of the labels A and B that the
evaluator has, k = i + j, and a, b the colours of those that mean true, the garbler's secret. Hashes
H give 64 bits, and h a control bit each. The evaluator computes

    L = H(A) + H(A + B) + i G0 + k G2 + (1 - i) B_L + (s W)_L     W = A + w^2 B
    R = H(B) + H(A + B) + j G1 + k G2 + (1 - j) A_R + (s W)_R     s = r w + r' in the field
    r = h(A) + h(A + B) + i z0 + k z2          r' = h(B) + h(A + B) + j z1 + k z2

where z0, z1, z2 are a, b, a + b, hidden by the two control bits of A, B and A + B. So s is s0 for
i = j = 0 and moves by (a + b w^2) (i + w^2 j), as W moves by (i + w^2 j) d. In their product i j
cancels, since (i + w^2 j)^2 = i + w j. What is left of i j is (i j d_L, i j d_R), from the terms
(1 - i) B_L and (1 - j) A_R: the AND's truth table. The rest is linear in i and j, so G0, G1 and G2
can be set for it, and G2 is the same in both halves exactly if (a, b) is where the truth is.

Nothing is betrayed. Of each of A, B and A + B the evaluator lacks one label. Its hash hides one of
G0, G1, G2 and one of z0, z1, z2, so all it receives is uniform; what it computes of that is s, four
values as likely whatever a and b are, and the output's label. (s0 is drawn by the hashes: the paper
draws it and sends 5 bits.) A hash of a label x is 65 bits of AES_k(x) + (L / 2, R / 2), the halves
shifted by a bit: H from the low half and h from the high one, for B the other way. The shift is
here, and no orthomorphism, because what is added to a hash is any sum of halves of the offset; with
d shifted it keeps 63 unknown bits, so a half of AES's output never comes out, with which, guessing
the other, 2^64 decryptions would find d.

Other hashes of a label x under a key k are AES_k(x) xor s(x), with s(high, low) = (high xor low,
high). All are meant in the multi-instance setting of Guo, Katz, Wang, Weng and Yu (CRYPTO 2020,
ePrint 2019/1168): what an attacker gains from many instances grows with the labels that one key
serves, so a key serves one gate of one chunk, 3 * CHUNK pairs of labels, and no other. (The paper
puts s(x) into the cipher too; to an ideal cipher that is a renaming.) A, B and A + B share a key:
no two of them, nor one and another's other label, are equal unless A, B or A + B is constant, which
no circuit has, or by a chance of 2^-127.

Elements stand one beside the other: every gate is done for many at once. The tables of a chunk are
those of its groups in order, the last group as short as it comes out; a group's tables are for each
AND (G0, G1), of the shape (elements, 2), then G2 and then an octet of three control bits.
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
TABLE = 25
"""Bytes of an AND gate's table: three halves, and control bits."""
PARTS = (16, 8, 1)
"""Of them (G0, G1), G2 and the control bits."""
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
    is that of left, bit 1 that of right. OUT: output `target` is the label of the place `left`.
    """

    circuit: Circuit
    instructions: npt.NDArray[np.int32]
    places: int


class Chunk(NamedTuple):
    """Elements that are garbled or evaluated at once.

    keys: (AND gates, 16). garbler, evaluator: labels of the shape (elements, bits, 2), contiguous.
    tables: contiguous. outputs, which are written: labels (outputs, elements, 2).
    """

    keys: Octets
    garbler: Labels
    evaluator: Labels
    tables: Octets
    outputs: Labels


class Engine(Protocol):
    """Garbles and evaluates chunks; keeps its work arrays from one to the next."""

    def __init__(self, schedule: Schedule) -> None: ...

    def garble(self, chunk: Chunk, offset: Labels) -> None:
        """Zero labels in, tables and the outputs' zero labels out."""

    def evaluate(self, chunk: Chunk) -> None:
        """Labels and tables in, the outputs' labels out."""


def draw_offset(source: Randomness) -> Labels:
    """A session's offset, shape (2,): secret, 127 random bits and the colour 1."""
    offset = source.bytes(LABEL).view(np.uint64)
    offset[0] |= np.uint64(1)
    return offset


def chunk_keys(nonce: bytes, chunk: int, gates: int) -> Octets:
    """The AES keys of a chunk's gates, (gates, 16): of its ANDs, then those of its outputs.

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
        """Make a wire in a free place, and give its label if it is an output."""
        if not self._free:
            self._free.append(self.places)
            self.places += 1
        place = self._held[wire] = self._free.pop()
        self.rows.append((what, place, left, right, inversions))
        self.rows.extend((OUT, output, place, 0, 0) for output in self._outputs.get(wire, ()))

    def leave(self, wire: int) -> None:
        self._free.append(self._held[wire])
