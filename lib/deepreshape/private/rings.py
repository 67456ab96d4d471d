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

    def residues(self, numbers: Integers) -> Words:
        """Signed numbers, any that fit 64 bits, as residues."""
        if self.binary:
            return numbers.astype(np.uint64) & np.uint64(self.modulus - 1)
        return np.mod(numbers, np.int64(self.modulus)).astype(np.uint64)

    def signed(self, residues: Words) -> Integers:
        """Residues as numbers around zero."""
        numbers = residues.astype(np.int64)
        return np.where(numbers > (self.modulus - 1) // 2, numbers - self.modulus, numbers)

    def add(self, left: Words, right: Words) -> Words:
        """left + right, element by element."""
        return self._reduced(left + right)

    def subtract(self, left: Words, right: Words) -> Words:
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
        bits = right.bit_length() if isinstance(right, int) else self.bits
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


BINARY = Ring(1 << 41)
"""The ring of the rotation-free protocol."""
PRIME = Ring(2061584302081)
"""The ring of Delphi's protocol, a prime of 41 bits that is 1 mod 16384 (Mishra et al. 2020)."""
