"""Numbers of a ring hashed from labels: pads that who has a label knows, and no one else.

A key hashes the labels of one place (a gate's output, one bit of a transfer) of CHUNK elements, and
no others: as many as those of an AND gate, so the bounds of `three_halves` hold here too.
"""

import numpy as np

from deepreshape.private.garbled.three_halves import CHUNK, Labels, chunk_keys, hashed
from deepreshape.private.rings import Ring, Words


def pads(labels: Labels, nonce: bytes, start: int, ring: Ring) -> Words:
    """A number for each label, (elements, bits), under keys of a nonce that serves nothing else.

    start: the first element's number, a multiple of CHUNK.
    """
    count, bits, _ = labels.shape
    found = np.empty((count, bits), np.uint64)
    for first in range(0, count, CHUNK):
        chunk = slice(first, min(first + CHUNK, count))
        keys = chunk_keys(nonce, (start + first) // CHUNK, bits)
        for bit, key in enumerate(keys):
            hashes = hashed(key, np.ascontiguousarray(labels[chunk, bit]))
            found[chunk, bit] = residues(hashes, ring)
    return found


def residues(numbers: Labels, ring: Ring) -> Words:
    """Numbers of 128 bits (..., 2) modulo M: uniform to within a part in 2^68."""
    if ring.binary:
        low: Words = numbers[..., 0] & np.uint64(ring.modulus - 1)
        return low
    modulus = np.uint64(ring.modulus)
    low, high = numbers[..., 0] % modulus, numbers[..., 1] % modulus
    return ring.add(low, ring.multiply(high, (1 << 64) % ring.modulus))
