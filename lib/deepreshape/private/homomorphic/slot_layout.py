"""Where maps and vectors lie in the slots of ciphertexts, and the diagonals of a layer's weights.

Every layer is a sum over diagonals. A plaintext of diagonal j holds, at each slot, the weight from
the input that lies there to the output that lies j blocks further on (Juvekar et al. 2018; Mishra
et al. 2020).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from deepreshape.private.homomorphic.layers import Convolution
from deepreshape.private.rings import Integers, Words

DEGREE = 8192
ROW = DEGREE // 2

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Turn:
    """Diagonals that are summed, folded, and, if asked, swapped between the rows.

    diagonals: how many. folds: the distances, in blocks, by which the sum is rotated onto itself.
    crossed: the outputs lie in the other row than the inputs, so the sum is swapped; both: the sum
    is swapped onto itself.
    """

    diagonals: int
    folds: tuple[int, ...] = ()
    crossed: bool = False
    both: bool = False


@dataclass(frozen=True)
class MapLayout:
    """Convolutions: block b of a row is channel b. A stride is paid at the input's resolution."""

    layer: Convolution

    @property
    def stride(self) -> int:
        """Of the outputs among what is computed; a 1 x 1 reads only what it keeps."""
        return self.layer.stride if self.layer.kernel > 1 else 1

    @property
    def side(self) -> int:
        return self.layer.side if self.layer.kernel > 1 else self.layer.output_side

    @property
    def block(self) -> int:
        """Slots of a channel."""
        return 1 << (self.side**2 - 1).bit_length()

    @property
    def channels(self) -> int:
        """Channels of a row."""
        return ROW // self.block

    @property
    def taps(self) -> int:
        return self.layer.kernel**2

    @property
    def inputs(self) -> int:
        return -(-self.layer.inputs // (2 * self.channels))

    @property
    def outputs(self) -> int:
        return -(-self.layer.outputs // (2 * self.channels))

    def period(self, output: int) -> int:
        """Blocks after which outputs repeat: fewer than all if few are left and in one row."""
        left = self.layer.outputs - output * 2 * self.channels
        if left <= self.channels // 2:
            return 1 << (left - 1).bit_length()
        return self.channels

    def turns(self, output: int) -> tuple[Turn, ...]:
        period = self.period(output)
        folds = _doublings(period, self.channels)
        if self.layer.outputs <= self.channels:
            return (Turn(period, folds, both=self.layer.inputs > self.channels),)
        return Turn(period, folds), Turn(period, folds, crossed=True)

    def polynomials(self, share: Words) -> Iterator[Words]:
        """The slots of each ciphertext, tap by tap."""
        step = self.layer.stride if self.layer.kernel == 1 else 1
        maps, k = share[:, ::step, ::step], self.layer.kernel
        padded = np.pad(maps, ((0, 0), (k // 2, k // 2), (k // 2, k // 2)))
        for first in range(0, self.layer.inputs, 2 * self.channels):
            chosen = padded[first : first + 2 * self.channels]
            for tap in range(self.taps):
                i, j = divmod(tap, k)
                shifted = chosen[:, i : i + self.side, j : j + self.side]
                slots = np.zeros((2 * self.channels, self.block), np.uint64)
                slots[: len(shifted), : self.side**2] = shifted.reshape(len(shifted), -1)
                yield slots.ravel()

    def slots(
        self, weights: Integers, block: int, tap: int, output: int, turn: Turn, diagonal: int
    ) -> Integers:
        """The weights that a ciphertext is multiplied with, one a slot."""
        i, j = divmod(tap, self.layer.kernel)
        groups, period = self.layer.groups, self.period(output)
        row, lane = np.divmod(np.arange(2 * self.channels), self.channels)
        source = block * 2 * self.channels + row * self.channels + lane
        # Where one row holds all outputs of the layer, both rows of inputs lead to it.
        target_row = row * 0 if self.layer.outputs <= self.channels else row ^ int(turn.crossed)
        target = (lane + diagonal) % period
        target += output * 2 * self.channels + target_row * self.channels
        step, span = self.layer.inputs // groups, self.layer.outputs // groups
        inside = (source < self.layer.inputs) & (target < self.layer.outputs)
        inside &= (source // step) == (target // span)
        values = np.zeros(2 * self.channels, np.int64)
        values[inside] = weights[target[inside], source[inside] % step, i, j]
        return np.repeat(values, self.block)

    def places(self, output: int) -> tuple[Indices, slice]:
        """The slots of a ciphertext's outputs, and their positions in the flat output."""
        first = output * 2 * self.channels
        count = min(self.layer.outputs - first, 2 * self.channels)
        line = np.arange(0, self.side, self.stride)
        inner = np.add.outer(line * self.side, line).ravel()
        places = np.add.outer(np.arange(count) * self.block, inner).ravel()
        return places, slice(first * inner.size, first * inner.size + places.size)


@dataclass(frozen=True)
class VectorLayout:
    """Fully connected layers: the input repeats along the slots, with a period that is a power of
    two; each repetition computes as many outputs as there are diagonals."""

    layer: Convolution
    block = 1
    taps = 1

    @property
    def inputs(self) -> int:
        return -(-self.layer.inputs // DEGREE)

    @property
    def outputs(self) -> int:
        return -(-self.layer.outputs // DEGREE)

    @property
    def period(self) -> int:
        return 1 << (min(self.layer.inputs, DEGREE) - 1).bit_length()

    @property
    def diagonals(self) -> int:
        return -(-(1 << (min(self.layer.outputs, DEGREE) - 1).bit_length()) * self.period // DEGREE)

    def turns(self, output: int) -> tuple[Turn, ...]:
        folds = _doublings(self.diagonals, min(self.period, ROW))
        return (Turn(self.diagonals, folds, both=self.period > ROW),)

    def polynomials(self, share: Words) -> Iterator[Words]:
        flat = share.ravel()
        for first in range(0, self.layer.inputs, DEGREE):
            slots = np.zeros(self.period, np.uint64)
            part = flat[first : first + DEGREE]
            slots[: part.size] = part
            yield np.tile(slots, DEGREE // self.period)

    def slots(
        self, weights: Integers, block: int, tap: int, output: int, turn: Turn, diagonal: int
    ) -> Integers:
        """The weights that a ciphertext is multiplied with, one a slot.

        After all sums a slot holds those of the window of one period that ends there; the outputs
        lie in the first slots of each repetition. A slot's product is moved by its diagonal and
        then by multiples of the number of diagonals, which leads to one output alone.
        """
        window, d = min(self.period, ROW), turn.diagonals
        row, slot = np.divmod(np.arange(DEGREE), ROW)
        lane = (slot + diagonal) % d
        ahead = (lane - slot - diagonal) % window
        repetition = (slot + diagonal + ahead - lane) // window % (ROW // window)
        if self.period <= ROW:
            repetition += row * (ROW // window)
        target = output * DEGREE + repetition * d + lane
        source = block * DEGREE + np.arange(DEGREE) % self.period
        inside = (source < self.layer.inputs) & (target < self.layer.outputs)
        values = np.zeros(DEGREE, np.int64)
        values[inside] = weights[target[inside], source[inside], 0, 0]
        return values

    def places(self, output: int) -> tuple[Indices, slice]:
        """The slots of a ciphertext's outputs, and their positions in the flat output."""
        first = output * DEGREE
        count = min(self.layer.outputs - first, DEGREE)
        repetition, lane = np.divmod(np.arange(count), self.diagonals)
        return repetition * self.period + lane, slice(first, first + count)


Layout = MapLayout | VectorLayout


@lru_cache(maxsize=4096)
def layout(layer: Convolution) -> Layout:
    """How a layer is laid out: a fully connected one as a vector; ValueError for what does not fit
    a row."""
    if (layer.side, layer.kernel, layer.groups) == (1, 1, 1):
        vector = VectorLayout(layer)
        if vector.diagonals > ROW:
            raise ValueError(f"{layer}: more than {ROW} diagonals")
        return vector
    maps = MapLayout(layer)
    if maps.block > ROW:
        raise ValueError(f"{layer}: a map does not fit a row of {ROW} slots")
    return maps


def _doublings(first: int, end: int) -> tuple[int, ...]:
    """first, 2 first, 4 first, ... below end."""
    return tuple(first << i for i in range((end // first).bit_length() - 1))
