"""Transposition of a bit matrix of 128 rows, the heart of the transfers' extension."""

import numpy as np
import numpy.typing as npt
from numba import njit

LANES = 8
"""Squares of 64 x 64 bits that are turned at a time, a word of each in one vector."""


def turned(matrix: npt.NDArray[np.uint64], out: npt.NDArray[np.uint64]) -> None:
    """Columns of (128, words) become the first rows of `out`, (rows, 2).

    Column c is bit c % 64 of word c // 64; bit r of a row of `out` comes from row r.
    """
    _turn(matrix, out)


@njit(cache=True, nogil=True)
def _turn(matrix, out):  # type: ignore[no-untyped-def]
    words = matrix.shape[1]
    x = np.zeros((128, LANES), np.uint64)
    for start in range(0, words, LANES):
        lanes = min(LANES, words - start)
        for row in range(128):
            for lane in range(lanes):
                x[row, lane] = matrix[row, start + lane]
        # Squares of 32, 16, ... bits swap across the diagonal (Warren, Hacker's Delight, 7-3).
        shift, mask = 32, np.uint64(0xFFFFFFFF)
        while shift:
            by = np.uint64(shift)
            for row in range(128):
                if not row & shift:
                    for lane in range(LANES):
                        low, high = x[row, lane], x[row + shift, lane]
                        swapped = ((low >> by) ^ high) & mask
                        x[row, lane] = low ^ (swapped << by)
                        x[row + shift, lane] = high ^ swapped
            shift >>= 1
            mask ^= mask << np.uint64(shift)
        for lane in range(lanes):
            first = 64 * (start + lane)
            for row in range(min(64, len(out) - first)):
                out[first + row, 0] = x[row, lane]
                out[first + row, 1] = x[64 + row, lane]
