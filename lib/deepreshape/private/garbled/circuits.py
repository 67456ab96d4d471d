"""Boolean circuits of the nonlinear steps: ReLU and truncation on additive shares.

A step takes x = client + server mod M and gives f(x), as bits that `projections` turns into shares
again: one sum modulo M, then f.

Modulo 2^k a circuit has only the bits that matter. x is known to fit `bits` of them with its sign,
so both sides reduce their shares modulo 2^bits. The `shift` lowest bits go as well, unless the
result must be exact: each side cuts its own share, and as floor(c / 2^f) + floor(s / 2^f) + 1 is
floor(x / 2^f) or one more, the result is off by one unit at most. It is one more exactly where
the cut bits of the client's share are at most those of x: a rounding at random, since the client's
share is uniform.

Modulo a prime p a sum costs two carry chains, and nothing is cut. The garbler's number is lifted by
2^k - p, so the first chain's carry says whether the sum passed p; the second adds p back if it did
not. And x is negative exactly if 2x mod p is odd: the two sides put in their shares doubled, and
the lowest bit of the sum stands where a comparison with p / 2 would be.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from deepreshape.private.garbled.gates import (
    ONE,
    ZERO,
    Bits,
    Builder,
    Circuit,
    evaluate,
    word_bits,
)
from deepreshape.private.garbled.projections import Projection
from deepreshape.private.rings import Integers, Ring, Words


@dataclass(frozen=True)
class Coding:
    """How a side puts a residue into the circuit: the lowest `bits` bits of
    (scale * residue + offset mod M) >> cut, plus lift."""

    bits: int
    scale: int = 1
    offset: int = 0
    cut: int = 0
    lift: int = 0

    def encoded(self, ring: Ring, residues: Words) -> Bits:
        """The bits of residues, shape (elements, bits). ValueError for what is no residue."""
        if residues.size and int(residues.max()) >= ring.modulus:
            raise ValueError(f"a share is not below the modulus {ring.modulus}")
        numbers: Integers = self.scale * residues.reshape(-1).astype(np.int64) + self.offset
        words = (ring.residues(numbers) >> np.uint64(self.cut)) + np.uint64(self.lift)
        return word_bits(words, self.bits)


@dataclass(frozen=True)
class Function:
    """A function on shares: its circuit, and what each side does to its own numbers first.

    server, client: codings of the shares. projection: what the outputs count. less: what their sum
    exceeds the function's value by.
    """

    ring: Ring
    circuit: Circuit
    server: Coding
    client: Coding
    projection: Projection
    less: int = 0

    def garbler_bits(self, shares: Words) -> Bits:
        """The server's input, shape (elements, circuit.garbler)."""
        return self.server.encoded(self.ring, shares).reshape(-1, self.circuit.garbler)

    def evaluator_bits(self, shares: Words) -> Bits:
        """The client's input, shape (elements, circuit.evaluator)."""
        return self.client.encoded(self.ring, shares).reshape(-1, self.circuit.evaluator)

    def settled(self, sums: Words) -> Words:
        """Sums of what the outputs count, as values of the function."""
        return self.ring.subtract(sums, np.full_like(sums, self.less))

    def evaluate(self, server: Words, client: Words) -> Words:
        """The function in the clear, residues of shape (elements,)."""
        outputs = evaluate(self.circuit, self.garbler_bits(server), self.evaluator_bits(client))
        total = np.zeros(len(outputs), np.uint64)
        for bit, value in zip(outputs.T, self.projection.values, strict=True):
            total = self.ring.add(total, bit * np.uint64(value))
        return self.settled(total)


@lru_cache
def relu(
    ring: Ring, shift: int = 0, top: int | None = None, bits: int | None = None, exact: bool = True
) -> Function:
    """max(x, 0) / 2^shift, at most 2^top if that is set, for x of so many bits (all of the ring's).

    Rounded to the nearest if `exact`, else as the client's share has it; modulo a prime always
    exact. AND gates: 2 v - 2 - c for v bits that go in and c that are cut in the circuit, modulo a
    prime 3 k - 2 - shift. Raises ValueError for a shift that leaves no bit.
    """
    bits = _checked(ring, shift, bits)
    if not ring.binary:
        builder, server, client = _start(ring.bits)
        x = builder.modular(ring, server, client)
        kept = _positive(builder, x[1 + shift :], x[0], top)
        coding = Coding(ring.bits, scale=2, offset=2 * ((1 << shift) >> 1), lift=_lift(ring))
        return _finish(builder, ring, kept, coding, Coding(ring.bits, scale=2))
    theirs, mine, inside = _cut(bits, shift, exact)
    builder, server, client = _start(mine.bits)
    x = builder.add(server, client)
    return _finish(builder, ring, _positive(builder, x[inside:-1], x[-1], top), theirs, mine)


@lru_cache
def truncate(ring: Ring, shift: int, bits: int | None = None) -> Function:
    """x / 2^shift rounded to the nearest, halves up, for x of so many bits (all of the ring's).

    x is moved up by the least multiple of 2^shift that leaves no negative number, at most half of
    2^k. AND gates: bits - 1 modulo 2^k, 2 k - 1 modulo a prime. Raises ValueError for a shift that
    leaves no bit.
    """
    bits = _checked(ring, shift, bits)
    half = (1 << shift) >> 1
    if ring.binary:
        builder, server, client = _start(bits)
        least = 1 << (bits - 1)
        moved, raised = builder.add(server, client), least
        theirs = Coding(bits, offset=least + half)
    else:
        builder, server, client = _start(ring.bits)
        least = ring.modulus // 2
        raised = -(-least >> shift) << shift
        moved = builder.modular(ring, server, client, raised - least)
        theirs = Coding(ring.bits, offset=least + half, lift=_lift(ring))
    mine = Coding(theirs.bits)
    return _finish(builder, ring, moved[shift:], theirs, mine, less=raised >> shift)


@lru_cache
def argmax(ring: Ring, count: int, bits: int) -> Function:
    """The number of the largest of `count` numbers of so many bits with their sign, the first of
    equal ones; modulo 2^k. An element takes all of them.

    AND gates: count (bits - 1) for the sums, and bits for each comparison and each choice of a
    number, besides those that choose its index.
    """
    _checked(ring, 0, bits)
    if not ring.binary or count < 2:
        raise ValueError("a largest number is found of two or more, modulo a power of two")
    total = count * bits
    builder = Builder(total, total)
    numbers = []
    for first in range(0, total, bits):
        server, client = ([2 * (at + first + bit) for bit in range(bits)] for at in (0, total))
        found = builder.add(server, client)
        numbers.append([*found[:-1], found[-1] ^ 1])  # moved up, so that none is negative
    width = (count - 1).bit_length()
    places = [[ONE if at >> bit & 1 else ZERO for bit in range(width)] for at in range(count)]
    best = list(zip(numbers, places, strict=True))
    while len(best) > 1:
        pairs = zip(best[::2], best[1::2], strict=False)
        best = [_larger(builder, *pair) for pair in pairs] + best[len(best) // 2 * 2 :]
    coding = Coding(bits)
    return _finish(builder, ring, best[0][1], coding, coding)


def _larger(
    builder: Builder, one: tuple[list[int], list[int]], other: tuple[list[int], list[int]]
) -> tuple[list[int], list[int]]:
    """The larger of two numbers with its place; the first of equal ones."""
    _, exceeds = builder.chain(other[0], [bit ^ 1 for bit in one[0]])
    number, place = (builder.chosen(exceeds, *both) for both in zip(other, one, strict=True))
    return number, place


def rounded(lows: Words, numbers: Integers, shift: int) -> Integers:
    """x / 2^shift as shares that are cut give it: lows are the cut bits of the client's share."""
    cut = numbers & ((1 << shift) - 1)
    found: Integers = (numbers >> shift) + ((lows.astype(np.int64) <= cut) & (shift > 0))
    return found


def _cut(bits: int, shift: int, exact: bool) -> tuple[Coding, Coding, int]:
    """Codings of the server and of the client, and the bits that are cut within the circuit."""
    if exact:
        return Coding(bits, offset=(1 << shift) >> 1), Coding(bits), shift
    v, up = bits - shift, (1 << shift) if shift else 0
    return Coding(v, offset=up, cut=shift), Coding(v, cut=shift), 0


def _positive(builder: Builder, bits: list[int], negative: int, top: int | None) -> list[int]:
    """A number's bits, zero if it is negative, and 2^top if it is more: one AND for each bit, since
    a number beyond the top needs no selection of its high bits, only to know that one is set."""
    positive = negative ^ 1
    if top is None or top >= len(bits):
        return [builder.conjunction(bit, positive) for bit in bits]
    within = positive
    for bit in bits[top:]:
        within = builder.conjunction(within, bit ^ 1)
    beyond = builder.xor(positive, within)
    return [*(builder.conjunction(bit, within) for bit in bits[:top]), beyond]


def _checked(ring: Ring, shift: int, bits: int | None) -> int:
    bits = ring.bits if bits is None else bits
    if bits > ring.bits:
        raise ValueError(f"{bits} bits of a ring of {ring.bits}")
    if not 0 <= shift <= bits - 2:
        raise ValueError(f"a shift of {shift} of {bits} bits is not in 0 ... {bits - 2}")
    return bits


def _lift(ring: Ring) -> int:
    return (1 << ring.bits) - ring.modulus


def _start(bits: int) -> tuple[Builder, list[int], list[int]]:
    server, client = ([2 * (side * bits + bit) for bit in range(bits)] for side in range(2))
    return Builder(bits, bits), server, client


def _finish(
    builder: Builder, ring: Ring, kept: list[int], theirs: Coding, mine: Coding, less: int = 0
) -> Function:
    """The function whose outputs are bits of a number, the lowest first."""
    circuit = builder.circuit(kept)
    values = tuple((1 << bit) % ring.modulus for bit in range(len(kept)))
    inverted = tuple(bool(literal & 1) for literal in circuit.outputs)
    return Function(ring, circuit, theirs, mine, Projection(ring, values, inverted), less)
