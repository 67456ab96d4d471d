"""Where secrets come from: AES-256 in counter mode under a key from the operating system.

Whatever is secret in private/ is drawn from a `Randomness` that the caller hands in, but for the
keys that SEAL draws itself. A test can put a known one in its place and see that nothing else was
used.
"""

import os
import weakref
from typing import Protocol

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from deepreshape.private.rings import Ring, Words

SEED = 16
"""Bytes of a stream's seed."""


class Randomness(Protocol):
    """A source of uniform bytes."""

    def bytes(self, count: int) -> npt.NDArray[np.uint8]:
        """The next `count` bytes; never the same twice."""


class SystemRandomness:
    """AES-256-CTR, keyed once by the operating system (or by `key`, 32 bytes, in tests).

    In a process that is forked every source gets a new key: the parent goes on with the old one.
    """

    def __init__(self, key: bytes | None = None) -> None:
        self._keyed(os.urandom(32) if key is None else key)
        _SOURCES.add(self)

    def _keyed(self, key: bytes) -> None:
        self._stream = Cipher(algorithms.AES256(key), modes.CTR(bytes(16))).encryptor()

    def bytes(self, count: int) -> npt.NDArray[np.uint8]:
        return np.frombuffer(bytearray(self._stream.update(bytes(count))), np.uint8)


_SOURCES: "weakref.WeakSet[SystemRandomness]" = weakref.WeakSet()


def _forked() -> None:
    for source in _SOURCES:
        source._keyed(os.urandom(32))


os.register_at_fork(after_in_child=_forked)


def uniform(source: Randomness, ring: Ring, shape: tuple[int, ...]) -> Words:
    """Uniform residues of a ring.

    Modulo a prime, words that fall outside the largest multiple are drawn again, so none is
    likelier than another.
    """
    count = int(np.prod(shape, dtype=np.int64))
    words = source.bytes(8 * count).view(np.uint64) >> np.uint64(64 - ring.bits)
    if not ring.binary:
        while (outside := np.flatnonzero(words >= ring.modulus)).size:
            again = source.bytes(8 * outside.size).view(np.uint64)
            words[outside] = again >> np.uint64(64 - ring.bits)
    return words.reshape(shape)


class Stream:
    """A long stream of pseudorandom bytes from a seed, which two holders read alike: AES-128 in
    counter mode. No position is read twice."""

    def __init__(self, seed: bytes) -> None:
        self._cipher = Cipher(algorithms.AES128(seed), modes.CTR(bytes(16))).encryptor()

    def read(self, out: npt.NDArray[np.uint8]) -> None:
        """The next bytes, as many as `out` has, into it; it must be contiguous."""
        out[...] = 0
        self.add(out, out)

    def add(self, octets: npt.NDArray[np.uint8], out: npt.NDArray[np.uint8]) -> None:
        """The XOR of `octets` and the next bytes into `out`; both contiguous, of one size, and they
        may be one array."""
        self._cipher.update_into(octets.data, out.data)
