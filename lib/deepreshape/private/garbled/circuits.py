"""Boolean circuits of the nonlinear steps: ReLU and truncation on additive shares.

A step takes x = client + server mod M and gives f(x) - mask mod M: the server's new share, the mask
being the client's. It is two sums modulo M with f between them, at one AND gate for each carry.

Modulo a prime p a sum costs two carry chains. The garbler's number is lifted by 2^k - p, so the
first chain's carry says whether the sum passed p; the second adds p back if it did not. And
x is negative exactly if 2x mod p is odd: the two sides put in their shares doubled, and the lowest
bit of the sum stands where a comparison with p / 2 would be.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from deepreshape.private.garbled.gates import (
    ZERO,
    Bits,
    Builder,
    Circuit,
    bit_words,
    evaluate,
    word_bits,
)
from deepreshape.private.rings import Integers, Ring, Words


class Coding(NamedTuple):
    """How a side puts a residue into the circuit: (scale * residue + offset mod M) + lift."""

    scale: int = 1
    offset: int = 0
    lift: int = 0

    def words(self, ring: Ring, residues: Words) -> Words:
        if residues.size and int(residues.max()) >= ring.modulus:
            raise ValueError(f"a share is not below the modulus {ring.modulus}")
        numbers: Integers = self.scale * residues.astype(np.int64) + self.offset
        return ring.residues(numbers) + np.uint64(self.lift)


@dataclass(frozen=True)
class Function:
    """A function on shares: its circuit, and what each side does to its own numbers first.

    server, client, mask: codings of the server's share, the client's share and the client's mask.
    """

    ring: Ring
    circuit: Circuit
    server: Coding
    client: Coding
    mask: Coding

    def garbler_bits(self, shares: Words) -> Bits:
        """The server's input, shape (elements, ring.bits)."""
        return word_bits(self.server.words(self.ring, shares.reshape(-1)), self.ring.bits)

    def evaluator_bits(self, shares: Words, masks: Words) -> Bits:
        """The client's input, shape (elements, 2 * ring.bits): its shares' bits, its masks'."""
        sides = ((self.client, shares), (self.mask, masks))
        return np.hstack(
            [word_bits(c.words(self.ring, w.reshape(-1)), self.ring.bits) for c, w in sides]
        )

    def result(self, bits: Bits) -> Words:
        """The circuit's output as residues; ValueError if some are none."""
        words = bit_words(bits)
        if words.size and int(words.max()) >= self.ring.modulus:
            raise ValueError(f"an output is not below the modulus {self.ring.modulus}")
        return words

    def evaluate(self, server: Words, client: Words, masks: Words) -> Words:
        """The server's new shares in the clear, shape (elements,)."""
        garbler, evaluator = self.garbler_bits(server), self.evaluator_bits(client, masks)
        return self.result(evaluate(self.circuit, garbler, evaluator))


@lru_cache
def relu(ring: Ring, shift: int = 0, top: int | None = None) -> Function:
    """max(x, 0) >> shift, at most 2^top if that is set, minus the mask.

    AND gates for k = ring.bits: 3 k - 3 - shift modulo 2^k, 5 k - 3 - shift modulo a prime, with a
    top or without. Raises ValueError for a shift that leaves no bit.
    """
    _check(ring, shift)
    builder, server, client, mask = _start(ring)
    if ring.binary:
        x = builder.add(server, client)
        kept = _positive(builder, x[shift:-1], x[-1], top)
        first = Coding()
    else:
        x = builder.modular(ring, server, client)
        kept = _positive(builder, x[1 + shift :], x[0], top)
        first = Coding(scale=2)
    return _finish(builder, ring, kept, mask, first, Coding(scale=-1))


@lru_cache
def truncate(ring: Ring, shift: int) -> Function:
    """floor(x / 2^shift), minus the mask.

    x is moved up by the least multiple of 2^shift that leaves no negative number, and what that
    adds to the quotient is taken off the mask. AND gates for k = ring.bits: 2 k - 2 modulo 2^k,
    4 k - 2 modulo a prime, or 4 k - 1 if the moved number can reach 2^k. Raises ValueError for a
    shift that leaves no bit.
    """
    _check(ring, shift)
    builder, server, client, mask = _start(ring)
    least = ring.modulus // 2
    raised = -(-least >> shift) << shift
    if ring.binary:
        moved = builder.add(server, client)
    else:
        moved = builder.modular(ring, server, client, raised - least)
    coding = Coding(scale=-1, offset=-(raised >> shift))
    return _finish(builder, ring, moved[shift:], mask, Coding(offset=least), coding)


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


def _check(ring: Ring, shift: int) -> None:
    if not 0 <= shift <= ring.bits - 2:
        raise ValueError(f"a shift of {shift} is not in 0 ... {ring.bits - 2}")


def _start(ring: Ring) -> tuple[Builder, list[int], list[int], list[int]]:
    builder = Builder(ring.bits, 2 * ring.bits)
    server, client, mask = (
        [2 * (side * ring.bits + bit) for bit in range(ring.bits)] for side in range(3)
    )
    return builder, server, client, mask


def _finish(
    builder: Builder, ring: Ring, kept: list[int], mask: list[int], first: Coding, last: Coding
) -> Function:
    """The second sum, of f(x) and the negated mask; and the codings' lifts."""
    padded = kept + [ZERO] * (ring.bits - len(kept))
    if ring.binary:
        circuit, lift = builder.circuit(builder.add(mask, padded)), 0
    else:
        circuit = builder.circuit(builder.modular(ring, mask, padded))
        lift = (1 << ring.bits) - ring.modulus
    return Function(
        ring, circuit, first._replace(lift=lift), first._replace(offset=0), last._replace(lift=lift)
    )
