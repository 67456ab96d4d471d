"""The rings in which secrets are shared: integers modulo a power of two, or modulo a prime.

A secret x is split as x = client + server mod M; each share alone is uniform. Elements are held as
`uint64` arrays of the smallest nonnegative residue; signed numbers sit around zero, those from
-(M // 2) to (M - 1) // 2.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint64]
"""Residues, any shape."""
Integers = npt.NDArray[np.int64]
"""Signed numbers, any shape."""

MOST_BITS = 60


@dataclass(frozen=True)
class Ring:
    """Z_M for a modulus of at most 60 bits; a power of two, or odd (which must then be prime where
    ciphertexts have slots)."""

    modulus: int

    def __post_init__(self) -> None:
        if not 2 < self.modulus <= 1 << MOST_BITS:
            raise ValueError(f"the modulus {self.modulus} is not in 3 ... 2^{MOST_BITS}")
        if not self.binary and self.modulus % 2 == 0:
            raise ValueError(f"the modulus {self.modulus} is even and no power of two")

    @property
    def binary(self) -> bool:
        """Whether the modulus is a power of two."""
        return self.modulus & (self.modulus - 1) == 0

    @property
    def bits(self) -> int:
        """Bits that hold a residue."""
        return (self.modulus - 1).bit_length()

    @property
    def octets(self) -> int:
        """Bytes that hold a residue."""
        return -(-self.bits // 8)

    def packed(self, residues: Words) -> npt.NDArray[np.uint8]:
        """Residues in as few whole bytes each as hold them, flat."""
        octets = residues.astype("<u8", copy=False).reshape(-1, 1).view(np.uint8)
        return np.ascontiguousarray(octets[:, : self.octets]).reshape(-1)

    def unpacked(self, octets: bytes | bytearray | memoryview | npt.NDArray[np.uint8]) -> Words:
        """The residues, flat, of what `packed` gave; ValueError for what is none."""
        found = np.frombuffer(octets, np.uint8)
        if found.size % self.octets:
            raise ValueError(f"{found.size} bytes, no multiple of {self.octets}")
        words = np.zeros((found.size // self.octets, 8), np.uint8)
        words[:, : self.octets] = found.reshape(-1, self.octets)
        residues: Words = words.view("<u8").astype(np.uint64, copy=False).reshape(-1)
        if residues.size and int(residues.max()) >= self.modulus:
            raise ValueError("the peer sent numbers outside the ring")
        return residues

    def residues(self, numbers: Integers) -> Words:
        """Signed numbers, any that fit 64 bits, as residues."""
        if self.binary:
            return numbers.astype(np.uint64) & np.uint64(self.modulus - 1)
        modulus = np.int64(self.modulus)
        if numbers.size and -modulus <= numbers.min() and numbers.max() < modulus:
            # Several times as fast as a division.
            return np.where(numbers < 0, numbers + modulus, numbers).astype(np.uint64)
        return np.mod(numbers, modulus).astype(np.uint64)

    def signed(self, residues: Words) -> Integers:
        """Residues as numbers around zero."""
        numbers = residues.astype(np.int64)
        return np.where(numbers > (self.modulus - 1) // 2, numbers - self.modulus, numbers)

    def add(self, left: Words, right: Words | np.uint64) -> Words:
        """left + right, element by element."""
        return self._reduced(left + right)

    def subtract(self, left: Words, right: Words | np.uint64) -> Words:
        """left - right, element by element."""
        return self._reduced(left + (np.uint64(self.modulus) - right))

    def negate(self, residues: Words) -> Words:
        """-residues."""
        return self._reduced(np.uint64(self.modulus) - residues)

    def multiply(self, left: Words, right: Words | int) -> Words:
        """left * right, element by element, where a product may exceed 64 bits."""
        factor = np.asarray(right, np.uint64)
        if self.binary:
            return self._reduced(left * factor)
        # In limbs of the right one, the highest first: neither a product of one nor a shifted sum
        # exceeds 63 bits.
        width = 63 - self.bits
        bits = int(factor.max(initial=0)).bit_length()
        total = np.zeros(np.broadcast_shapes(left.shape, factor.shape), np.uint64)
        for low in reversed(range(0, bits, width)):
            limb = factor >> np.uint64(low) & np.uint64((1 << width) - 1)
            total = self._reduced((total << np.uint64(width)) + left * limb)
        return total

    def _reduced(self, sums: Words) -> Words:
        """Numbers as residues."""
        if self.binary:
            return sums & np.uint64(self.modulus - 1)
        return sums % np.uint64(self.modulus)


BINARY = Ring(1 << 38)
"""The ring of the rotation-free protocol."""
PRIME = Ring(2061584302081)
"""The ring of Delphi's protocol, a prime of 41 bits that is 1 mod 16384 (Mishra et al. 2020)."""
