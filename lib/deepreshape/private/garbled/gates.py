"""Boolean circuits of XOR and AND gates: built, checked, evaluated in the clear."""

from dataclasses import dataclass
from random import Random
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from deepreshape.private.rings import Ring, Words

Bits = npt.NDArray[np.bool_]
"""Bits of elements, shape (elements, bits), the lowest first."""

ZERO, ONE = -2, -1
"""The constants as literals, while a circuit is built."""


class Gate(NamedTuple):
    """XOR or AND of two literals. A literal is 2 * wire, plus one if the wire is inverted."""

    conjunction: bool
    left: int
    right: int


@dataclass(frozen=True)
class Circuit:
    """XOR and AND gates on the bits of two sides.

    The garbler's bits are wires 0, 1, ..., then come the evaluator's, then each gate's output in
    order. garbler, evaluator: how many bits. outputs: literals.

    Constants would betray the garbler's offset: they are folded away while a circuit is built, and
    a circuit where a wire is constant, or an AND takes one wire twice, is a ValueError.
    """

    garbler: int
    evaluator: int
    gates: tuple[Gate, ...]
    outputs: tuple[int, ...]

    def __post_init__(self) -> None:
        if min(self.garbler, self.evaluator) < 0 or not self.inputs:
            raise ValueError(f"{self.garbler} + {self.evaluator} input bits")
        if not self.outputs:
            raise ValueError("a circuit without outputs")
        # What each wire is as a sum of inputs and ANDs modulo 2, each of which is a number drawn
        # once for all: sums of different ones are equal with probability 2^-128.
        drawn = Random(0)
        sums = [drawn.getrandbits(128) for _ in range(self.inputs)]
        for index, gate in enumerate(self.gates):
            where = f"gate {index}"
            left, right = (_looked_up(sums, literal, where) for literal in (gate.left, gate.right))
            if gate.conjunction and left == right:
                raise ValueError(f"{where} takes the AND of one value with itself")
            if not gate.conjunction and (gate.left | gate.right) & 1:
                raise ValueError(f"{where} is an XOR of an inverted wire")
            if not gate.conjunction and left == right:
                raise ValueError(f"{where} is constant")
            sums.append(drawn.getrandbits(128) if gate.conjunction else left ^ right)
        for literal in self.outputs:
            _looked_up(sums, literal, "an output")

    @property
    def inputs(self) -> int:
        return self.garbler + self.evaluator

    @property
    def and_gates(self) -> int:
        return sum(gate.conjunction for gate in self.gates)


def _looked_up(sums: list[int], literal: int, where: str) -> int:
    if not 0 <= literal < 2 * len(sums):
        raise ValueError(f"{where} takes literal {literal}, which no wire before it has")
    return sums[literal >> 1]


def evaluate(circuit: Circuit, garbler: Bits, evaluator: Bits) -> Bits:
    """The circuit in the clear: bits in, bits out, eight elements to a byte in between.

    Raises ValueError for the wrong number of bits, or of elements on one side.
    """
    if garbler.shape[1:] != (circuit.garbler,) or evaluator.shape[1:] != (circuit.evaluator,):
        raise ValueError(f"{garbler.shape} and {evaluator.shape} bits for {circuit.inputs} inputs")
    if len(garbler) != len(evaluator):
        raise ValueError(f"{len(garbler)} elements of the garbler, {len(evaluator)} of the other")
    wires = [row for side in (garbler, evaluator) for row in np.packbits(side.T, axis=1)]

    def value(literal: int) -> npt.NDArray[np.uint8]:
        wire: npt.NDArray[np.uint8] = wires[literal >> 1]
        return ~wire if literal & 1 else wire

    for conjunction, left, right in circuit.gates:
        one, other = value(left), value(right)
        wires.append(one & other if conjunction else one ^ other)
    rows = np.array([value(literal) for literal in circuit.outputs])
    return np.unpackbits(rows, axis=1, count=len(garbler)).T.astype(np.bool_)


def word_bits(words: Words, count: int) -> Bits:
    """The lowest bits of words, shape (words, count)."""
    octets = np.ascontiguousarray(words, dtype="<u8").view(np.uint8).reshape(-1, 8)
    return np.unpackbits(octets, axis=1, count=count, bitorder="little").astype(np.bool_)


def bit_words(bits: Bits) -> Words:
    """Words of at most 64 bits, shape (words,)."""
    octets = np.zeros((len(bits), 8), np.uint8)
    packed = np.packbits(bits, axis=1, bitorder="little")
    octets[:, : packed.shape[1]] = packed
    return octets.view("<u8").astype(np.uint64).reshape(-1)


class Builder:
    """Gates as they are made: constants folded, no gate made twice."""

    def __init__(self, garbler: int, evaluator: int) -> None:
        self.sides = garbler, evaluator
        self.gates: list[Gate] = []
        self._made: dict[Gate, int] = {}

    def _gate(self, conjunction: bool, left: int, right: int) -> int:
        gate = Gate(conjunction, min(left, right), max(left, right))
        if gate not in self._made:
            self._made[gate] = 2 * (sum(self.sides) + len(self.gates))
            self.gates.append(gate)
        return self._made[gate]

    def xor(self, left: int, right: int) -> int:
        if left < 0 or right < 0:
            return max(left, right) ^ (min(left, right) & 1)
        inverted = (left ^ right) & 1
        if left >> 1 == right >> 1:
            return ZERO ^ inverted
        return self._gate(False, left & ~1, right & ~1) ^ inverted

    def conjunction(self, left: int, right: int) -> int:
        if left < 0 or right < 0:
            return ZERO if ZERO in (left, right) else max(left, right)
        if left >> 1 == right >> 1:
            return left if left == right else ZERO
        return self._gate(True, left, right)

    def majority(self, left: int, right: int, third: int) -> int:
        """At least two of three, for one AND: a carry."""
        third, left, right = sorted((left, right, third))  # a constant folds best as the pivot
        return self.xor(third, self.conjunction(self.xor(left, third), self.xor(right, third)))

    def chain(self, left: list[int], right: list[int]) -> tuple[list[int], int]:
        """Sum and carry of two numbers of as many bits."""
        sums, carry = [], ZERO
        for a, b in zip(left, right, strict=True):
            sums.append(self.xor(self.xor(a, carry), b))
            carry = self.majority(a, b, carry)
        return sums, carry

    def add(self, left: list[int], right: list[int]) -> list[int]:
        """The sum modulo 2^k; the last carry is not made, since `circuit` drops what is unused."""
        return self.chain(left, right)[0]

    def chosen(self, condition: int, if_true: list[int], if_false: list[int]) -> list[int]:
        """One of two numbers of as many bits, for one AND each."""
        return [
            self.xor(no, self.conjunction(condition, self.xor(no, yes)))
            for yes, no in zip(if_true, if_false, strict=True)
        ]

    def modular(self, ring: Ring, lifted: list[int], right: list[int], plus: int = 0) -> list[int]:
        """left + right mod p, plus a constant with which it stays below 2^k; `lifted` is left
        + 2^k - p."""
        total, passed = self.chain(lifted, right)
        back = plus + ring.modulus - (1 << ring.bits)
        return self.add(total, [_chosen(passed, plus >> i, back >> i) for i in range(ring.bits)])

    def circuit(self, outputs: list[int]) -> Circuit:
        """What the outputs need, renumbered."""
        start = sum(self.sides)
        used = {literal >> 1 for literal in outputs}
        for index, gate in reversed(list(enumerate(self.gates, start))):
            if index in used:
                used |= {gate.left >> 1, gate.right >> 1}
        kept = [index for index, _ in enumerate(self.gates, start) if index in used]
        names = dict(enumerate(range(start))) | {old: new for new, old in enumerate(kept, start)}

        def renamed(literal: int) -> int:
            return 2 * names[literal >> 1] + (literal & 1)

        gates = (self.gates[index - start] for index in kept)
        return Circuit(
            *self.sides,
            tuple(Gate(kind, renamed(left), renamed(right)) for kind, left, right in gates),
            tuple(map(renamed, outputs)),
        )


def _chosen(condition: int, if_true: int, if_false: int) -> int:
    """One of two constant bits, by a wire: the wire itself, its inverse or a constant."""
    if (if_true ^ if_false) & 1:
        return condition ^ (if_false & 1)
    return ZERO ^ (if_true & 1)
