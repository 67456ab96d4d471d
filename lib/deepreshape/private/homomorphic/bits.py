"""Residues as a stream of bits: one behind the other, the lowest bit first, and none between."""

import numpy as np
import numpy.typing as npt
from numba import njit

from deepreshape.private.rings import Words

MOST = 60
"""Bits of a residue at most."""

Octets = npt.NDArray[np.uint8]


def size(count: int, width: int) -> int:
    """Bytes that so many residues of so many bits take."""
    return -(-count * width // 8)


def packed(residues: Words, width: int) -> Octets:
    """Residues below 2^width, shape (count,), as `size` bytes; the bits left over are zero."""
    words = np.zeros(-(-residues.size * width // 64), np.uint64)
    _pack(residues, np.uint64(width), words)
    return words.astype("<u8", copy=False).view(np.uint8)[: size(residues.size, width)]


def unpacked(octets: Octets, count: int, width: int) -> Words:
    """What `packed` packed, from as many bytes as `size` says; ValueError where a bit left over is
    not zero."""
    left = 8 * octets.size - count * width
    if left and octets[-1] >> (8 - left):
        raise ValueError("bits behind the last residue")
    # One word more than there are: the loop reads two at a time.
    padded = np.zeros(8 * (-(-octets.size // 8) + 1), np.uint8)
    padded[: octets.size] = octets
    residues = np.empty(count, np.uint64)
    _unpack(padded.view("<u8"), np.uint64(width), residues)
    return residues


@njit(cache=True, nogil=True)
def _pack(residues, width, words):  # type: ignore[no-untyped-def]
    """Residues into words, whose last may stay unfilled. numba holds sums of signed and unsigned
    numbers for floating ones, so all are unsigned."""
    one, whole, used, at, word = np.uint64(1), np.uint64(64), np.uint64(0), 0, np.uint64(0)
    for residue in residues:
        word |= residue << used
        used += width
        if used >= whole:
            words[at] = word
            at += 1
            used -= whole
            # In two steps, as a shift by a whole word is undefined.
            word = residue >> (width - used - one) >> one
    if used:
        words[at] = word


@njit(cache=True, nogil=True)
def _unpack(words, width, residues):  # type: ignore[no-untyped-def]
    """Residues from words, one more than they fill."""
    one, mask = np.uint64(1), (np.uint64(1) << width) - np.uint64(1)
    place = np.uint64(0)
    for index in range(residues.size):
        at, used = np.int64(place >> np.uint64(6)), place & np.uint64(63)
        high = words[at + 1] << one << (np.uint64(63) - used)
        residues[index] = (words[at] >> used | high) & mask
        place += width
