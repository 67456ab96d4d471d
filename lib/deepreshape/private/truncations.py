"""Truncation of shared numbers where there is no ReLU: one correlated transfer, nothing garbled.

x = c + s modulo 2^k, and |x| < 2^(k - 2). The server adds 2^(k - 2) to its share, so what is then
shared, x', is below 2^(k - 1): its top bit is known to be zero. So the sum of the shares passes 2^k
exactly if one of their top bits is set: with both, it does; with one, it must, or x' would have its
top bit; with none, it cannot. With a and b the inverses of the top bits of c and s,

    x' = c + s - 2^k (1 - a b),
    floor(c / 2^f) + floor(s / 2^f) - 2^(k - f) (1 - a b) + 1   =   floor(x' / 2^f), or one more,

one more exactly where the cut bits of c are at most those of x (`circuits.rounded`): the error is
at most one unit, and no number and no image brings about another.

What takes both parties is a b: one bit of each, the client's known offline, the server's not. So
offline the server draws a bit r, and both get shares of a r modulo 2^f, t at the client and v at
the server (Gilboa, CRYPTO 1999: the client holds one of two labels from a correlated transfer, that
of a, and the server sends p_0 + r - p_1 for their pads p; the client's t is p_0, or p_1 and what
was sent; the server's v is -p_0). Online the server sends d = b xor r. Where d is 0 the shares are
those of a b; else a b = a - a r. The client answers with its share of the result less its mask.

Nobody learns more than from shares: what is sent offline is masked by the pad of the label that the
client lacks, d is uniform as r is, the answer as the mask is; each serves one element of one image.
"""

import numpy as np

from deepreshape.private.garbled.gates import Bits
from deepreshape.private.garbled.pads import pads
from deepreshape.private.garbled.three_halves import Buffer, Labels, Octets
from deepreshape.private.protocol import Kind
from deepreshape.private.randomness import SEED, Randomness
from deepreshape.private.rings import Ring, Words


class Divider:
    """The server's end for `count` elements of a step. nonce: 16 public bytes for the client."""

    bits = 1
    """Transfers of an element."""
    kinds = Kind.PRODUCTS, Kind.DIFFERENCES

    def __init__(self, ring: Ring, shift: int, count: int, source: Randomness) -> None:
        self.nonce = source.bytes(SEED).tobytes()
        self._ring, self._shift, self._cut = ring, shift, _remainders(shift)
        self._chosen = source.bytes(count) & np.uint8(1)
        self._product = np.empty(count, np.uint64)

    def prepare(self, batch: slice, labels: Labels, offset: Labels) -> Octets:
        """What the client needs for a batch, which begins at a multiple of CHUNK.

        labels: the zero labels of the client's bits, (elements, 1, 2). offset: the session's.
        """
        cut = self._cut
        zero, one = (
            pads(each, self.nonce, batch.start, cut)[:, 0] for each in (labels, labels ^ offset)
        )
        self._product[batch] = cut.negate(zero)
        return cut.packed(cut.subtract(cut.add(zero, self._chosen[batch].astype(np.uint64)), one))

    def open(self, batch: slice, share: Words) -> Octets:
        """d, eight elements to a byte, from the server's shares of what is truncated."""
        return np.packbits(self._differences(batch, share), bitorder="little")

    def close(self, batch: slice, share: Words, answer: Words) -> Words:
        """The server's shares of the truncated numbers, the client's being its masks."""
        ring, shift = self._ring, self._shift
        product = self._product[batch]
        product = np.where(self._differences(batch, share), self._cut.negate(product), product)
        wrap = np.uint64(1 << (ring.bits - shift))
        less = wrap + np.uint64((1 << (ring.bits - 2 - shift)) - 1)
        own = (self._raised(share) >> np.uint64(shift)) + product * wrap
        return ring.add(ring.subtract(own, less), answer)

    def _raised(self, share: Words) -> Words:
        return self._ring.add(share, np.uint64(1 << (self._ring.bits - 2)))

    def _differences(self, batch: slice, share: Words) -> Octets:
        top = self._raised(share) >> np.uint64(self._ring.bits - 1)
        found: Octets = top.astype(np.uint8) ^ np.uint8(1) ^ self._chosen[batch]
        return found


class Dividend:
    """The client's end. share: of what is truncated. nonce: the server's, set before the first
    `take`."""

    bits, kinds = Divider.bits, Divider.kinds

    def __init__(self, ring: Ring, shift: int, share: Words) -> None:
        self._ring, self._shift, self._share, self.nonce = ring, shift, share, b""
        self._cut = _remainders(shift)
        self._product = np.empty(share.size, np.uint64)

    def prepared_bytes(self, count: int) -> int:
        """Of the server's message for so many elements offline."""
        return count * self._cut.octets

    def opened_bytes(self, count: int) -> int:
        """Of its message online."""
        return -(-count // 8)

    def choices(self, batch: slice) -> Bits:
        """The bits to ask labels for, (elements, 1)."""
        found: Bits = self._inverse_tops(batch).astype(np.bool_)[:, None]
        return found

    def take(self, batch: slice, labels: Labels, message: Octets) -> None:
        """Make the client's shares of a batch's products. labels: of its bits."""
        own = pads(labels, self.nonce, batch.start, self._cut)[:, 0]
        offered = self._inverse_tops(batch) * self._cut.unpacked(message)
        self._product[batch] = self._cut.add(own, offered)

    def answer(self, batch: slice, message: Buffer) -> Words:
        """The client's shares of the truncated numbers."""
        share, product = self._share[batch], self._product[batch]
        octets = np.frombuffer(message, np.uint8)
        flips = np.unpackbits(octets, count=share.size, bitorder="little").astype(np.bool_)
        flipped = self._cut.subtract(self._inverse_tops(batch), product)
        wraps = np.where(flips, flipped, product) << np.uint64(self._ring.bits - self._shift)
        return self._ring.add(share >> np.uint64(self._shift), wraps)

    def _inverse_tops(self, batch: slice) -> Words:
        found: Words = (self._share[batch] >> np.uint64(self._ring.bits - 1)) ^ np.uint64(1)
        return found


def _remainders(shift: int) -> Ring:
    """Numbers modulo 2^shift, of two bits at least."""
    return Ring(1 << max(shift, 2))
