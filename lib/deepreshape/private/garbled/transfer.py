"""Oblivious transfer of labels: the evaluator gets those of its bits, unseen by the garbler.

128 base transfers on Ed25519 (`base_transfers`) are extended by SoftSpoken with the repetition code
(Roy, CRYPTO 2022) to as many correlated transfers as wanted. The garbler's offset D is its choice
in the base transfers, DEPTH bits of it for each of BLOCKS trees (`seed_trees`): of the 2^DEPTH
leaves the evaluator has all, and the garbler all but that at its own bits d. With r_x the bits
drawn from leaf x, one for each transfer,

    u = sum of all r_x    and    v_j = sum of the r_x with bit j of x set      are the evaluator's;
    w_j = sum of the r_x with bit j of x xor d set = v_j xor (d_j u)           is the garbler's,

in which r_d does not occur. The evaluator sends u xor choices, the garbler adds it to w_j under a
mask of d_j, and has v_j xor (d_j choices). So the evaluator's label of a transfer is its 128 bits
of v, and zero label = label xor (choice * offset); the garbler sends nothing.

Secure against semi-honest parties. In each tree the garbler sees the choices behind the bits of a
leaf that it cannot compute. The evaluator sees points that are uniform whatever the offset, and
nothing else. If it took other choices in one tree than in the others, it could test a guess of
DEPTH bits of the offset; nothing here detects that. The lowest bit of an offset is 1, and 127 are
secret. Nothing branches on one, nor is looked up by one: the garbler numbers leaves from the one
that it lacks (and computes with zeros in its place), so its bits enter as masks alone.

A transfer takes 128 / DEPTH bits on the wire, and 128 / DEPTH * 2^DEPTH bits of AES at either end.
One bit a tree is the extension of Ishai, Kilian, Nissim and Petrank (CRYPTO 2003), 16 bytes; DEPTH
= 4 takes 4 bytes and, in registers, less time than that. 8 would take 2 bytes and eight times the
AES: both ends together two and a half times the time, more than 2 bytes take at 1 Gbit/s.

Order of messages, all bytes:

    receiver.start() -> sender.answer(...) -> receiver.finish(...) -> sender.finish(...)
    receiver.extend(choices) -> sender.extend(message, count)      # any number of times
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

from deepreshape.private.garbled import base_transfers, seed_trees
from deepreshape.private.garbled.base_transfers import COLUMNS, TransferError
from deepreshape.private.garbled.leaves import DEPTH, LEAVES, STRIPE, Leaves
from deepreshape.private.garbled.three_halves import Buffer, Labels, Octets
from deepreshape.private.randomness import SEED, Randomness

BLOCKS = COLUMNS // DEPTH
"""Trees, and bits on the wire of a transfer."""
TREES = COLUMNS * 2 * SEED
"""Bytes of the message with the sums of the trees."""
TILE = 1 << 14
"""Transfers whose matrix is made and turned in the processor's cache."""
HEADER = 16
"""Bytes before a message's matrix: where in the streams it begins, and how many transfers."""

LANES = 8
"""Squares of 64 x 64 bits that are turned at a time, a word of each in one vector."""

AnyArray = npt.NDArray[Any]


class Receiver:
    """The evaluator's end: `start`, `finish`, then `extend` as often as wanted."""

    def __init__(self, source: Randomness) -> None:
        self._source, self._offer = source, base_transfers.offer(source)
        self._leaves: Leaves | None = None
        self._position = 0
        self._work = _Work()

    def start(self) -> bytes:
        """The first message: a point."""
        return self._offer.public

    def finish(self, answer: Buffer) -> bytes:
        """Grow the trees; returns the sums of their levels, each under the key of a base transfer.

        Column DEPTH t + j is of the level of tree t that decides bit j of a leaf's number: its
        first key hides the right sum, the second the left one.
        """
        answer = bytes(answer)
        if self._leaves is not None:
            raise TransferError("a second answer to the base transfers")
        pairs = np.frombuffer(b"".join(map(b"".join, self._offer.pairs(answer))), np.uint8)
        hidden = pairs.reshape(BLOCKS, DEPTH, 2, SEED).copy()
        seeds = np.empty((BLOCKS, LEAVES, SEED), np.uint8)
        for tree in range(BLOCKS):
            root = self._source.bytes(SEED).tobytes()
            seeds[tree], sums = seed_trees.grow(root, tree, DEPTH)
            hidden[tree] ^= sums[::-1, ::-1]
        self._leaves = Leaves(seeds)
        return hidden.tobytes()

    def extend(
        self,
        choices: npt.NDArray[np.bool_],
        message: Octets | None = None,
        labels: Labels | None = None,
    ) -> tuple[Octets, Labels]:
        """A message for the sender, and the labels of the choices, shape (choices, 2).

        choices: shape (n,). message, labels: where to write, for who calls often: fresh memory
        costs more than what is done here. `message_bytes(n)` says how long a message is.
        """
        if self._leaves is None:
            raise TransferError("no base transfers yet")
        if choices.ndim != 1 or choices.dtype != np.bool_:
            raise ValueError(f"choices of shape {choices.shape} and {choices.dtype}")
        count = choices.size
        message = _room(message, (message_bytes(count),), np.uint8)
        labels = _room(labels, (count, 2), np.uint64)
        message[:HEADER] = np.frombuffer(_header(self._position, count), np.uint8)
        packed = np.zeros(_padded(count) // 8, np.uint8)
        packed[: -(-count // 8)] = np.packbits(choices, bitorder="little")
        for tile, corrections in _tiles(count, message):
            totals, columns = self._work.parts(corrections.shape[1])
            self._leaves.add_up(_block(self._position + tile.start), totals, columns)
            mine = packed[tile.start // 8 :][: corrections.shape[1]]
            np.bitwise_xor(totals[:, : mine.size], mine, out=corrections)
            turned(columns.view(np.uint64), labels[tile])
        self._position += _padded(count)
        return message, labels


class Sender:
    """The garbler's end: `answer`, `finish`, then `extend` for each message of the receiver.

    offset: shape (2,), the difference of the two labels of each bit.
    """

    def __init__(self, offset: Labels, source: Randomness) -> None:
        self._source, self._masks = source, base_transfers.column_masks(offset)
        self._words = np.repeat(self._masks, 8).view(np.uint64)
        self._keys: Octets | None = None
        self._leaves: Leaves | None = None
        self._position = 0
        self._work = _Work()

    def answer(self, start: Buffer) -> bytes:
        """A point for each bit of the offset; keeps the keys it chooses."""
        if self._keys is not None:
            raise TransferError("a second start of the base transfers")
        answer, self._keys = base_transfers.choose(bytes(start), self._masks, self._source)
        return answer

    def finish(self, hidden: Buffer) -> None:
        """Grow the trees around the offset, from the sums that the receiver hid."""
        if self._keys is None:
            raise TransferError("no base transfers yet")
        if self._leaves is not None:
            raise TransferError("a second message with the sums of the trees")
        octets = np.frombuffer(hidden, np.uint8)
        if octets.size != TREES:
            raise TransferError(f"{octets.size:,} bytes for the sums of {BLOCKS} trees")
        first, second = octets.reshape(COLUMNS, 2, SEED).swapaxes(0, 1)
        sums = self._keys ^ first ^ (self._masks[:, None] & (first ^ second))
        holes = self._masks.reshape(BLOCKS, DEPTH)[:, ::-1]
        sums = sums.reshape(BLOCKS, DEPTH, SEED)[:, ::-1]
        seeds = [
            seed_trees.grow_around(hole, own, tree)
            for tree, (hole, own) in enumerate(zip(holes, sums, strict=True))
        ]
        self._leaves = Leaves(np.stack(seeds))

    def extend(self, message: Buffer, count: int, labels: Labels | None = None) -> Labels:
        """The zero labels of the receiver's next `count` choices, shape (count, 2).

        labels: where to write them, if given.
        """
        if self._leaves is None:
            raise TransferError("no base transfers yet")
        octets = np.frombuffer(message, np.uint8)
        if octets.size != message_bytes(count):
            raise TransferError(f"{octets.size:,} bytes for {count:,} transfers")
        if octets[:HEADER].tobytes() != _header(self._position, count):
            raise TransferError(f"not the {count:,} transfers after the first {self._position:,}")
        labels = _room(labels, (count, 2), np.uint64)
        for tile, corrections in _tiles(count, octets):
            totals, columns = self._work.parts(corrections.shape[1])
            self._leaves.add_up(_block(self._position + tile.start), totals, columns)
            totals[:, : corrections.shape[1]] = corrections
            correct(columns.view(np.uint64), totals.view(np.uint64), self._words)
            turned(columns.view(np.uint64), labels[tile])
        self._position += _padded(count)
        return labels


class _Work:
    """Arrays that are kept from one tile to the next."""

    def __init__(self) -> None:
        self._totals = np.empty(BLOCKS * TILE // 8, np.uint8)
        self._columns = np.empty(COLUMNS * TILE // 8, np.uint8)

    def parts(self, size: int) -> tuple[Octets, Octets]:
        """Room for totals, (BLOCKS, bytes), and for columns, (128, bytes): `size` or a little more
        of each."""
        size = -(-size // STRIPE) * STRIPE
        totals, columns = self._totals[: BLOCKS * size], self._columns[: COLUMNS * size]
        return totals.reshape(BLOCKS, size), columns.reshape(COLUMNS, size)


def message_bytes(count: int) -> int:
    """Bytes of the receiver's message for so many transfers."""
    return HEADER + _padded(count) * BLOCKS // 8


def _padded(count: int) -> int:
    """Transfers that the streams are moved on by: whole blocks of AES."""
    return -(-count // 128) * 128


def _block(position: int) -> int:
    """The block of the leaves' counters in which a transfer is."""
    return position // 128


def _header(position: int, count: int) -> bytes:
    return position.to_bytes(8, "little") + count.to_bytes(8, "little")


def _tiles(count: int, message: Octets) -> Iterator[tuple[slice, Octets]]:
    """Which transfers, and their part of a message: shape (BLOCKS, bytes), a bit for each."""
    for start in range(0, count, TILE):
        stop = min(start + TILE, count)
        part = message[message_bytes(start) : message_bytes(stop)]
        yield slice(start, stop), part.reshape(BLOCKS, -1)


def _room(given: AnyArray | None, shape: tuple[int, ...], kind: type) -> AnyArray:
    """The array that was given to be written, or a new one."""
    if given is None:
        return np.empty(shape, kind)
    if given.shape != shape or given.dtype != kind:
        raise ValueError(f"room of shape {given.shape} and {given.dtype}, not {shape}")
    return given


def turned(matrix: Labels, out: Labels) -> None:
    """Columns of a bit matrix, (128, words), become the first rows of `out`, (rows, 2).

    Column c is bit c % 64 of word c // 64; bit r of a row of `out` comes from row r.
    """
    _turn(matrix, out)


@njit(cache=True, nogil=True)
def correct(columns, corrections, masks):  # type: ignore[no-untyped-def]
    """Add its tree's correction to each column, (columns, words), under its mask of 64 bits."""
    each = len(columns) // len(corrections)
    for column in range(len(columns)):
        mask, correction = masks[column], corrections[column // each]
        for word in range(len(correction)):
            columns[column, word] ^= mask & correction[word]


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
