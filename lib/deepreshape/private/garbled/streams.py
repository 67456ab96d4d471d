"""Long streams of pseudorandom bytes from short seeds: AES-128 in counter mode."""

import numpy as np
import numpy.typing as npt
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SEED = 16
"""Bytes of a seed."""


class Stream:
    """The stream of one seed, which two holders read alike; no position is read twice."""

    def __init__(self, seed: bytes) -> None:
        self._cipher = Cipher(algorithms.AES128(seed), modes.CTR(bytes(16))).encryptor()

    def read(self, out: npt.NDArray[np.uint8]) -> None:
        """The next bytes, as many as `out` has, into it; it must be contiguous."""
        out[...] = 0
        self.add(out, out)

    def add(self, octets: npt.NDArray[np.uint8], out: npt.NDArray[np.uint8]) -> None:
        """The XOR of `octets` and the next bytes into `out`; both contiguous, of one size, and
        they may be one array.
        """
        self._cipher.update_into(octets.data, out.data)
