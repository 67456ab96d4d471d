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
layer behind needs it, both exactly and in a garbled circuit as elsewhere.
"""

import numpy as np

from deepreshape.private.garbled.gates import Bits
from deepreshape.private.garbled.half_gates import CHUNK, Labels, chunk_keys, hashed
from deepreshape.private.randomness import SEED, Randomness, uniform
from deepreshape.private.rings import Ring, Words


class Multiplier:
    """The server's end for `count` elements of a step: `offer` to each batch, then `open` and
    `close` once. nonce: 16 public bytes that the client needs."""

    def __init__(self, ring: Ring, count: int, source: Randomness) -> None:
        self.ring = ring
        self.nonce = source.bytes(SEED).tobytes()
        self._factor = uniform(source, ring, (count,))
        self._product = np.empty(count, np.uint64)

    def offer(self, batch: slice, labels: Labels, offset: Labels) -> Words:
        """What the client needs for a batch that begins at a multiple of CHUNK, (elements, bits).

        labels: the zero labels of the client's bits, (elements, bits, 2). offset: the session's.
        """
        ring, bits = self.ring, self.ring.bits
        both = labels, labels ^ offset
        zero, one = (_pads(each, self.nonce, batch.start, ring) for each in both)
        self._product[batch] = ring.negate(_sum(zero, ring))
        power = ring.residues(np.int64(1) << np.arange(bits))
        shifted = ring.multiply(self._factor[batch, None], power[None])
        return ring.subtract(ring.add(zero, shifted), one)

    def open(self, share: Words) -> Words:
        """d, from the server's share of what is squared."""
        return self.ring.subtract(share, self._factor)

    def close(self, share: Words, answer: Words) -> Words:
        """The server's share of the square."""
        doubled = self.ring.add(self._product, self._product)
        own = self.ring.add(self.ring.multiply(share, share), doubled)
        return self.ring.add(own, answer)


class Multiplicand:
    """The client's end: `bits` are what it asks labels for, `take` what it does with the server's
    message for each batch, and `answer` what it says online. share, mask: c and m. nonce: the
    server's, set before the first."""

    def __init__(self, ring: Ring, share: Words, mask: Words) -> None:
        self.ring, self._share, self._mask, self.nonce = ring, share, mask, b""
        self._product = np.empty(share.size, np.uint64)

    def bits(self, batch: slice) -> Bits:
        """The bits of a batch's shares, the lowest first, (elements, bits)."""
        places = np.arange(self.ring.bits, dtype=np.uint64)
        found: Bits = (self._share[batch, None] >> places & np.uint64(1)).astype(np.bool_)
        return found

    def take(self, batch: slice, labels: Labels, message: Words) -> None:
        """Make the client's shares of a batch's products. labels: of its bits."""
        pads = _pads(labels, self.nonce, batch.start, self.ring)
        self._product[batch] = _sum(self.ring.add(pads, self.bits(batch) * message), self.ring)

    def answer(self, difference: Words) -> Words:
        """a, from the server's d."""
        ring = self.ring
        product = ring.add(ring.multiply(self._share, difference), self._product)
        square = ring.add(ring.multiply(self._share, self._share), ring.add(product, product))
        return ring.subtract(square, self._mask)


def _pads(labels: Labels, nonce: bytes, start: int, ring: Ring) -> Words:
    """A number of the ring for each label, (elements, bits). A key hashes the labels of one bit of
    CHUNK elements, and no other: as many as those of a gate in garbling."""
    count, bits, _ = labels.shape
    pads = np.empty((count, bits), np.uint64)
    for first in range(0, count, CHUNK):
        chunk = slice(first, min(first + CHUNK, count))
        keys = chunk_keys(nonce, (start + first) // CHUNK, bits)
        for bit, key in enumerate(keys):
            hashes = hashed(key, np.ascontiguousarray(labels[chunk, bit]))
            pads[chunk, bit] = _residues(hashes, ring)
    return pads


def _residues(numbers: Labels, ring: Ring) -> Words:
    """Numbers of 128 bits modulo M, of 60 bits at most: uniform to within a part in 2^68."""
    modulus = np.uint64(ring.modulus)
    low, high = numbers[..., 0] % modulus, numbers[..., 1] % modulus
    return ring.add(low, ring.multiply(high, (1 << 64) % ring.modulus))


def _sum(numbers: Words, ring: Ring) -> Words:
    """Sums over the last axis."""
    total = np.zeros(numbers.shape[:-1], np.uint64)
    for bit in range(numbers.shape[-1]):
        total = ring.add(total, numbers[..., bit])
    return total
