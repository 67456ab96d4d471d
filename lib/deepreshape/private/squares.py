"""Squares of shared numbers, each by one product that is prepared offline.

x = c + s modulo M, and x^2 = c^2 + 2 c s + s^2. Each party squares its own share; what takes both
is c s. The client knows c offline, the server its s only online. So offline the server draws a
multiplier r, and both get shares of c r: t at the client, v at the server, t + v = c r modulo M.
Online

    the server sends                        d = s - r
    the client answers                      a = c^2 + 2 (c d + t) - m
    the server's share of the square is     a + s^2 + 2 v = x^2 - m.

The client's own share m was drawn offline, as behind every nonlinear step: so the linear layers
behind a square can be prepared before the image is known.

Offline, c r is a sum of products of bits (Gilboa, CRYPTO 1999). For bit i of c the client holds one
of two labels from a correlated transfer, that of its bit, and the server knows both. With p_0 and
p_1, pads of the ring hashed from them, the server sends p_0 + 2^i r - p_1. The client takes the pad
of its label and, where the bit is 1, adds what was sent: p_0, or p_0 + 2^i r. Summed over i that is
t = c r + sum p_0, and v = -sum p_0.

Nobody learns more than from shares. What the server sends offline is masked by the pad of the label
that the client lacks; d is uniform as r is, and a as m is; each of these is used for one element of
one image. The parties are semi-honest, as everywhere here.

All is exact modulo M, a power of two or a prime: the shares are those of x^2 unless x^2 itself
leaves the ring. A party cannot shift its share alone without an error where the shares wrap, so
what is squared is truncated before, to the bits of an activation, and the square again where the
layer behind needs it, both as elsewhere (`truncations`, or in a garbled circuit).
"""

import numpy as np

from deepreshape.private.garbled.gates import Bits, word_bits
from deepreshape.private.garbled.pads import pads
from deepreshape.private.garbled.three_halves import Buffer, Labels, Octets
from deepreshape.private.protocol import Kind
from deepreshape.private.randomness import SEED, Randomness, uniform
from deepreshape.private.rings import Ring, Words


class Multiplier:
    """The server's end for `count` elements of a step. nonce: 16 public bytes for the client."""

    kinds = Kind.PRODUCTS, Kind.DIFFERENCES

    def __init__(self, ring: Ring, count: int, source: Randomness) -> None:
        self.bits = ring.bits
        self.nonce = source.bytes(SEED).tobytes()
        self._ring, self._factor = ring, uniform(source, ring, (count,))
        self._product = np.empty(count, np.uint64)

    def prepare(self, batch: slice, labels: Labels, offset: Labels) -> Octets:
        """What the client needs for a batch, which begins at a multiple of CHUNK.

        labels: the zero labels of the client's bits, (elements, bits, 2). offset: the session's.
        """
        ring = self._ring
        zero, one = (
            pads(each, self.nonce, batch.start, ring) for each in (labels, labels ^ offset)
        )
        self._product[batch] = ring.negate(_sum(zero, ring))
        power = ring.residues(np.int64(1) << np.arange(ring.bits))
        shifted = ring.multiply(self._factor[batch, None], power[None])
        return ring.packed(ring.subtract(ring.add(zero, shifted), one))

    def open(self, batch: slice, share: Words) -> Octets:
        """d, from the server's shares of what is squared."""
        return self._ring.packed(self._ring.subtract(share, self._factor[batch]))

    def close(self, batch: slice, share: Words, answer: Words) -> Words:
        """The server's shares of the squares, the client's being its masks."""
        ring, product = self._ring, self._product[batch]
        own = ring.add(ring.multiply(share, share), ring.add(product, product))
        return ring.add(own, answer)


class Multiplicand:
    """The client's end. share: of what is squared. nonce: the server's, set before the first
    `take`."""

    kinds = Multiplier.kinds

    def __init__(self, ring: Ring, share: Words) -> None:
        self.bits = ring.bits
        self._ring, self._share, self.nonce = ring, share, b""
        self._product = np.empty(share.size, np.uint64)

    def prepared_bytes(self, count: int) -> int:
        """Of the server's message for so many elements offline."""
        return count * self.bits * self._ring.octets

    def opened_bytes(self, count: int) -> int:
        """Of its message online."""
        return count * self._ring.octets

    def choices(self, batch: slice) -> Bits:
        """The bits to ask labels for, those of the client's shares: (elements, bits)."""
        return word_bits(self._share[batch], self.bits)

    def take(self, batch: slice, labels: Labels, message: Octets) -> None:
        """Make the client's shares of a batch's products. labels: of its bits."""
        own = pads(labels, self.nonce, batch.start, self._ring)
        offered = self._ring.unpacked(message).reshape(own.shape)
        self._product[batch] = _sum(self._ring.add(own, self.choices(batch) * offered), self._ring)

    def answer(self, batch: slice, message: Buffer) -> Words:
        """a and the mask, from the server's d: the client's shares of the squares."""
        ring, share = self._ring, self._share[batch]
        product = ring.multiply(share, ring.unpacked(message))
        product = ring.add(product, self._product[batch])
        return ring.add(ring.multiply(share, share), ring.add(product, product))


def _sum(numbers: Words, ring: Ring) -> Words:
    """Sums over the last axis."""
    total = np.zeros(numbers.shape[:-1], np.uint64)
    for bit in range(numbers.shape[-1]):
        total = ring.add(total, numbers[..., bit])
    return total
