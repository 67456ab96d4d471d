"""From a garbled circuit's output bits to additive shares of the number that they make.

Output bit o_j counts v_j in a ring: what is wanted are shares of the sum of v_j o_j, one at the
evaluator and one at the garbler, and neither learns the sum. The evaluator has one of a wire's two
labels and does not know which; both are hashed to numbers of the ring. Its share of v_j o_j is the
hash of its label, to which it adds a correction if the label's colour is 1. The garbler's share is
v_j t - h, for t what the label of colour 0 means and h its hash; and the correction makes the
other label's hash come out right too:

    colour 0:  h  + (v_j t - h)           = v_j t
    colour 1:  h' + c + (v_j t - h)       = v_j (1 - t)      for c = v_j (1 - 2 t) + h - h'.

This is a table of one row for each bit, row-reduced: the projection gate of Ball, Malkin and
Rosulek (CCS 2016) onto a ring that its successor adds in. A correction is uniform to who lacks the
other label. Modulo 2^k a bit that counts 2^j needs numbers of k - j bits alone.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from deepreshape.private.garbled.pads import residues
from deepreshape.private.garbled.three_halves import Labels, Octets, hashed
from deepreshape.private.rings import Ring, Words


@dataclass(frozen=True)
class Projection:
    """What the outputs of a circuit count in a ring. inverted: which outputs are the inverse of
    their wires."""

    ring: Ring
    values: tuple[int, ...]
    inverted: tuple[bool, ...]

    @cached_property
    def terms(self) -> tuple[tuple[Ring, int, int], ...]:
        """Of each output: the ring of its numbers, what it counts there, and by how many bits that
        is shifted."""
        found = []
        most = self.ring.bits - 2 if self.ring.binary else 0  # a ring has two bits at least
        for value in self.values:
            low = min((value & -value).bit_length() - 1, most) if value else 0
            found.append((Ring(self.ring.modulus >> low), value >> low, low))
        return tuple(found)

    @cached_property
    def bytes(self) -> int:
        """Of an element's corrections."""
        return sum(ring.octets for ring, _, _ in self.terms)

    def garble(self, zeros: Labels, offset: Labels, keys: Octets, out: Octets) -> Words:
        """The garbler's shares (elements,), and the corrections into `out`.

        zeros: the wires' zero labels, (outputs, elements, 2). keys: (outputs, 16).
        """
        total, at, count = np.zeros(zeros.shape[1], np.uint64), 0, zeros.shape[1]
        both = np.empty((2, count, 2), np.uint64)
        for zero, key, (ring, value, low), inverted in zip(
            zeros, keys, self.terms, self.inverted, strict=True
        ):
            colours = zero[:, :1] & np.uint64(1)
            both[0] = zero ^ np.negative(colours) & offset
            both[1] = both[0] ^ offset
            first, second = residues(hashed(key, both), ring)
            means = colours[:, 0] ^ np.uint64(inverted)
            mine = ring.subtract(means * np.uint64(value), first)
            other = ring.subtract((means ^ np.uint64(1)) * np.uint64(value), mine)
            size = count * ring.octets
            out[at : at + size] = ring.packed(ring.subtract(other, second))
            total = self.ring.add(total, mine << np.uint64(low))
            at += size
        return total

    def evaluate(self, labels: Labels, keys: Octets, corrections: Octets) -> Words:
        """The evaluator's shares (elements,), from the wires' labels (outputs, elements, 2)."""
        total, at, count = np.zeros(labels.shape[1], np.uint64), 0, labels.shape[1]
        for label, key, (ring, _, low) in zip(labels, keys, self.terms, strict=True):
            size = count * ring.octets
            correction = ring.unpacked(corrections[at : at + size])
            coloured = label[:, 0] & np.uint64(1)
            hashes = residues(hashed(key, np.ascontiguousarray(label)), ring)
            found = ring.add(hashes, coloured * correction)
            total = self.ring.add(total, found << np.uint64(low))
            at += size
        return total
