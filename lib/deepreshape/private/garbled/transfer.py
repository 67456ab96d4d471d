"""Oblivious transfer of labels: the evaluator gets those of its bits, unseen by the garbler.

128 base transfers on Ed25519 (Chou and Orlandi, LATINCRYPT 2015) give seeds; the extension of
Ishai, Kilian, Nissim and Petrank (CRYPTO 2003) turns them into as many correlated transfers as
wanted. The garbler's offset is its choice in the base transfers, so the rows of the matrix are the
labels themselves: zero label = label xor (bit * offset), and the garbler sends nothing more. Both
are secure against semi-honest parties. Of the 128 choices 127 are secret: the lowest bit of an
offset is 1. Nothing branches on one, nor is looked up by one.

Order of messages, all bytes:

    receiver.start() -> sender.answer(...) -> receiver.finish(...)
    receiver.extend(choices) -> sender.extend(message, count)      # any number of times
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from nacl import bindings as sodium
from numba import njit

from deepreshape.private.garbled.half_gates import Buffer, Labels, Octets
from deepreshape.private.randomness import SEED, Randomness, Stream

COLUMNS = 128
"""Base transfers: the bits of an offset."""
POINT = 32
"""Bytes of a point."""
TILE = 1 << 15
"""Transfers whose matrix is made and turned in the processor's cache."""
HEADER = 16
"""Bytes before a message's matrix: where in the streams it begins, and how many transfers."""

LANES = 8
"""Squares of 64 x 64 bits that are turned at a time, a word of each in one vector."""

AnyArray = npt.NDArray[Any]


class TransferError(ValueError):
    """The other side's message is malformed or out of turn."""


class Receiver:
    """The evaluator's end: `start`, `finish`, then `extend` as often as wanted."""

    def __init__(self, source: Randomness) -> None:
        self._secret = _scalar(source)
        self._public = sodium.crypto_scalarmult_ed25519_base_noclamp(self._secret)
        self._streams: list[tuple[Stream, Stream]] = []
        self._position = 0
        self._work = np.empty(TILE * SEED, np.uint8)

    def start(self) -> bytes:
        """The first message: a point."""
        return self._public

    def finish(self, answer: Buffer) -> None:
        """Both seeds of each base transfer, from the sender's answer."""
        answer = bytes(answer)
        if self._streams:
            raise TransferError("a second answer to the base transfers")
        if len(answer) != COLUMNS * POINT:
            raise TransferError(f"{len(answer):,} bytes for {COLUMNS} points")
        points = [answer[start : start + POINT] for start in range(0, len(answer), POINT)]
        self._streams = [self._pair(column, point) for column, point in enumerate(points)]

    def _pair(self, column: int, point: bytes) -> tuple[Stream, Stream]:
        _check_point(point)
        if point == self._public:
            raise TransferError("a point that is the receiver's own")
        other = sodium.crypto_core_ed25519_sub(point, self._public)
        first, second = (
            sodium.crypto_scalarmult_ed25519_noclamp(self._secret, at) for at in (point, other)
        )
        return (
            Stream(_seed(column, self._public, point, first)),
            Stream(_seed(column, self._public, point, second)),
        )

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
        if not self._streams:
            raise TransferError("no base transfers yet")
        if choices.ndim != 1 or choices.dtype != np.bool_:
            raise ValueError(f"choices of shape {choices.shape} and {choices.dtype}")
        count = choices.size
        message = _room(message, (message_bytes(count),), np.uint8)
        labels = _room(labels, (count, 2), np.uint64)
        message[:HEADER] = np.frombuffer(_header(self._position, count), np.uint8)
        packed = np.zeros(_padded(count) // 8, np.uint8)
        packed[: -(-count // 8)] = np.packbits(choices, bitorder="little")
        for tile, matrix in _tiles(count, message):
            mine = _like(matrix, self._work)
            for (zero, _), row in zip(self._streams, mine, strict=True):
                zero.read(row)
            np.bitwise_xor(mine, packed[tile.start // 8 :][: matrix.shape[1]], out=matrix)
            for (_, one), row in zip(self._streams, matrix, strict=True):
                one.add(row, row)
            turned(mine.view(np.uint64), labels[tile])
        self._position += _padded(count)
        return message, labels


class Sender:
    """The garbler's end: `answer`, then `extend` for each message of the receiver.

    offset: shape (2,), the difference of the two labels of each bit.
    """

    def __init__(self, offset: Labels, source: Randomness) -> None:
        self._offset, self._source = offset.copy(), source
        self._streams: list[Stream] = []
        self._masks = (np.uint8(0) - _column_bits(offset))[:, None]
        self._position = 0
        self._work = np.empty(TILE * SEED, np.uint8)

    def answer(self, start: Buffer) -> bytes:
        """A point for each bit of the offset, and the seeds it chooses."""
        start = bytes(start)
        if self._streams:
            raise TransferError("a second start of the base transfers")
        _check_point(start)
        answer = b""
        for column, mask in enumerate(self._masks):
            secret = _scalar(self._source)
            zero = sodium.crypto_scalarmult_ed25519_base_noclamp(secret)
            one = sodium.crypto_core_ed25519_add(zero, start)
            point = _chosen(zero, one, mask)
            shared = sodium.crypto_scalarmult_ed25519_noclamp(secret, start)
            self._streams.append(Stream(_seed(column, start, point, shared)))
            answer += point
        return answer

    def extend(self, message: Buffer, count: int, labels: Labels | None = None) -> Labels:
        """The zero labels of the receiver's next `count` choices, shape (count, 2).

        labels: where to write them, if given.
        """
        if not self._streams:
            raise TransferError("no base transfers yet")
        octets = np.frombuffer(message, np.uint8)
        if octets.size != message_bytes(count):
            raise TransferError(f"{octets.size:,} bytes for {count:,} transfers")
        if octets[:HEADER].tobytes() != _header(self._position, count):
            raise TransferError(f"not the {count:,} transfers after the first {self._position:,}")
        labels = _room(labels, (count, 2), np.uint64)
        for tile, matrix in _tiles(count, octets):
            mine = _like(matrix, self._work)
            np.bitwise_and(matrix, self._masks, out=mine)
            for stream, row in zip(self._streams, mine, strict=True):
                stream.add(row, row)
            turned(mine.view(np.uint64), labels[tile])
        self._position += _padded(count)
        return labels


def message_bytes(count: int) -> int:
    """Bytes of the receiver's message for so many transfers."""
    return HEADER + _padded(count) * SEED


def _padded(count: int) -> int:
    """Transfers that the streams are moved on by: whole blocks of AES."""
    return -(-count // COLUMNS) * COLUMNS


def _header(position: int, count: int) -> bytes:
    return position.to_bytes(8, "little") + count.to_bytes(8, "little")


def _tiles(count: int, message: Octets) -> Iterator[tuple[slice, Octets]]:
    """Which transfers, and their part of a message: shape (128, bytes), a bit for each."""
    for start in range(0, count, TILE):
        stop = min(start + TILE, count)
        part = message[HEADER + start * SEED : HEADER + _padded(stop) * SEED]
        yield slice(start, stop), part.reshape(COLUMNS, -1)


def _room(given: AnyArray | None, shape: tuple[int, ...], kind: type) -> AnyArray:
    """The array that was given to be written, or a new one."""
    if given is None:
        return np.empty(shape, kind)
    if given.shape != shape or given.dtype != kind:
        raise ValueError(f"room of shape {given.shape} and {given.dtype}, not {shape}")
    return given


def _like(matrix: Octets, work: Octets) -> Octets:
    """A part of a work array in the shape of a matrix."""
    return work[: matrix.size].reshape(matrix.shape)


def _column_bits(offset: Labels) -> Octets:
    """The 128 bits of an offset, the lowest first."""
    return np.unpackbits(offset.astype("<u8").view(np.uint8), bitorder="little")


def _chosen(zero: bytes, one: bytes, mask: Octets) -> bytes:
    """`zero` under a mask of 0, `one` under a mask of 255, by the same operations."""
    first, second = (np.frombuffer(octets, np.uint8) for octets in (zero, one))
    return (first ^ (mask & (first ^ second))).tobytes()


def _scalar(source: Randomness) -> bytes:
    """A uniform scalar, from 64 bytes."""
    return sodium.crypto_core_ed25519_scalar_reduce(source.bytes(64).tobytes())


def _check_point(point: bytes) -> None:
    if len(point) != POINT:
        raise TransferError(f"{len(point)} bytes for a point")
    if not sodium.crypto_core_ed25519_is_valid_point(point):
        raise TransferError("a point that is not in the group of prime order")


def _seed(column: int, start: bytes, point: bytes, shared: bytes) -> bytes:
    """A seed from the point that both sides share, bound to what was said."""
    said = b"deepreshape base transfer" + bytes([column]) + start + point
    return hashlib.sha256(said + shared).digest()[:SEED]


def turned(matrix: Labels, out: Labels) -> None:
    """Columns of a bit matrix, (128, words), become the first rows of `out`, (rows, 2).

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
