"""Oblivious transfer of 128 pairs of keys on Ed25519 (Chou and Orlandi, LATINCRYPT 2015).

The evaluator offers both keys of each pair, the garbler chooses one by a bit of its offset. Secure
against semi-honest parties: the evaluator sees points that are uniform whatever the bits, and the
key that was not chosen is a Diffie-Hellman secret behind a hash.

Nothing branches on a bit, nor is looked up by one: both points are computed, and one is selected
under a mask.
"""

import hashlib
from typing import NamedTuple

import numpy as np
from nacl import bindings as sodium

from deepreshape.private.garbled.three_halves import Labels, Octets
from deepreshape.private.randomness import SEED, Randomness

COLUMNS = 128
"""Base transfers: the bits of an offset."""
POINT = 32
"""Bytes of a point."""


class TransferError(ValueError):
    """The other side's message is malformed or out of turn."""


class Offer(NamedTuple):
    """The evaluator's end: a secret exponent, and the point that it sends."""

    secret: bytes
    public: bytes

    def pair(self, column: int, point: bytes) -> tuple[bytes, bytes]:
        """Both keys of a column, from the garbler's point."""
        check_point(point)
        if point == self.public:
            raise TransferError("a point that is the receiver's own")
        other = sodium.crypto_core_ed25519_sub(point, self.public)
        first, second = (
            sodium.crypto_scalarmult_ed25519_noclamp(self.secret, at) for at in (point, other)
        )
        return _key(column, self.public, point, first), _key(column, self.public, point, second)

    def pairs(self, answer: bytes) -> list[tuple[bytes, bytes]]:
        """The keys of all columns, from the garbler's answer."""
        if len(answer) != COLUMNS * POINT:
            raise TransferError(f"{len(answer):,} bytes for {COLUMNS} points")
        points = [answer[start : start + POINT] for start in range(0, len(answer), POINT)]
        return [self.pair(column, point) for column, point in enumerate(points)]


def offer(source: Randomness) -> Offer:
    """A fresh secret."""
    secret = _scalar(source)
    return Offer(secret, sodium.crypto_scalarmult_ed25519_base_noclamp(secret))


def choose(start: bytes, masks: Octets, source: Randomness) -> tuple[bytes, Octets]:
    """The garbler's answer, and the keys that it chooses, shape (128, 16).

    masks: (128,), 0 or 255, which chooses the first key or the second.
    """
    check_point(start)
    answer, keys = b"", []
    for column, mask in enumerate(masks):
        secret = _scalar(source)
        zero = sodium.crypto_scalarmult_ed25519_base_noclamp(secret)
        one = sodium.crypto_core_ed25519_add(zero, start)
        point = _chosen(zero, one, mask)
        shared = sodium.crypto_scalarmult_ed25519_noclamp(secret, start)
        keys.append(_key(column, start, point, shared))
        answer += point
    return answer, np.frombuffer(b"".join(keys), np.uint8).reshape(-1, SEED)


def column_masks(offset: Labels) -> Octets:
    """0 or 255 for each of the 128 bits of an offset, the lowest first."""
    bits = np.unpackbits(offset.astype("<u8").view(np.uint8), bitorder="little")
    return np.uint8(0) - bits


def check_point(point: bytes) -> None:
    """Raises TransferError for what is not in the group."""
    if len(point) != POINT:
        raise TransferError(f"{len(point)} bytes for a point")
    if not sodium.crypto_core_ed25519_is_valid_point(point):
        raise TransferError("a point that is not in the group of prime order")


def _chosen(zero: bytes, one: bytes, mask: np.uint8) -> bytes:
    """`zero` under a mask of 0, `one` under a mask of 255, by the same operations."""
    first, second = (np.frombuffer(octets, np.uint8) for octets in (zero, one))
    return (first ^ (mask & (first ^ second))).tobytes()


def _scalar(source: Randomness) -> bytes:
    """A uniform scalar, from 64 bytes."""
    return sodium.crypto_core_ed25519_scalar_reduce(source.bytes(64).tobytes())


def _key(column: int, start: bytes, point: bytes, shared: bytes) -> bytes:
    """A key from the point that both sides share, bound to what was said."""
    said = b"deepreshape base transfer" + bytes([column]) + start + point
    return hashlib.sha256(said + shared).digest()[:SEED]
