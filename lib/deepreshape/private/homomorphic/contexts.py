"""SEAL set up for some parameters, and the form that polynomials and ciphertexts take outside it.

SEAL takes and gives bytes alone: what it saves without compression is a header, the level at which
an object stands, and plain words. So polynomials and residues pass to and from numpy arrays. On the
wire, residues take as few bytes as hold them.
"""

import struct
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import log2, prod

import numpy as np
import seal

from deepreshape.private.randomness import SystemRandomness, uniform
from deepreshape.private.rings import Integers, Ring, Words

MOST_RING_BITS = 56
SEED_BYTES = 32
TAG_BYTES = 8
MARGIN = 3
"""Bits of noise budget that flooding leaves."""

_PREFIX = seal.Plaintext().to_bytes()[:8]
"""How everything that SEAL saves begins: its mark, its version, no compression."""
PLAIN_HEAD = 88
"""Bytes that SEAL saves before a plaintext's coefficients."""


class CiphertextError(ValueError):
    """Bytes from the other party that are no ciphertext, or no key, of these parameters."""


@dataclass(frozen=True)
class Parameters:
    """A ring of plaintexts and the encryption around it.

    degree: of the polynomials. bits: of the primes whose product is the ciphertext modulus; the
    last serves key switching alone. kept: how many of the primes an answer keeps.
    """

    ring: Ring
    degree: int
    bits: tuple[int, ...]
    kept: int


class Context:
    """SEAL, set up for some parameters and refusing those below 128 bits of security."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters, self.ring = parameters, parameters.ring
        self.degree = parameters.degree
        if self.ring.bits > MOST_RING_BITS:
            raise ValueError(
                f"ciphertexts hold at most {MOST_RING_BITS} bits, the ring has {self.ring.bits}"
            )
        chosen = seal.EncryptionParameters(seal.scheme_type.bfv)
        chosen.set_poly_modulus_degree(self.degree)
        chosen.set_coeff_modulus(seal.CoeffModulus.Create(self.degree, parameters.bits))
        chosen.set_plain_modulus(self.ring.modulus)
        self.seal = seal.SEALContext(chosen, True, seal.sec_level_type.tc128)
        if not self.seal.parameters_set():
            raise ValueError(f"SEAL refuses {parameters}: {self.seal.parameter_error_message()}")
        level = self.seal.first_context_data()
        self.primes = tuple(Ring(prime.value()) for prime in level.parms().coeff_modulus())
        self._levels = {len(self.primes): tuple(level.parms_id())}
        for count in range(len(self.primes) - 1, parameters.kept - 1, -1):
            level = level.next_context_data()
            self._levels[count] = tuple(level.parms_id())
        self.evaluator = seal.Evaluator(self.seal)

    @cached_property
    def encoder(self) -> seal.BatchEncoder:
        """Between slots and polynomials; for a prime that is 1 modulo twice the degree."""
        if (self.ring.modulus - 1) % (2 * self.degree):
            raise ValueError(f"modulo {self.ring.modulus} a polynomial has no slots")
        return seal.BatchEncoder(self.seal)

    @property
    def tag(self) -> bytes:
        """By which a party sees that the other uses these parameters."""
        return struct.pack("<Q", self._levels[len(self.primes)][0])

    @property
    def flood_bits(self) -> int:
        """Flooding noise is uniform in -2^flood_bits ... 2^flood_bits - 1."""
        modulus = prod(prime.modulus for prime in self.primes)
        return round(log2(modulus // (2 * self.ring.modulus))) - MARGIN

    @property
    def up_bytes(self) -> int:
        """Bytes of a fresh ciphertext on the wire, and of a public key."""
        return TAG_BYTES + SEED_BYTES + self.degree * sum(map(_bytes, self.primes))

    @property
    def down_bytes(self) -> int:
        """Bytes of an answer on the wire."""
        kept = self.primes[: self.parameters.kept]
        return TAG_BYTES + 2 * self.degree * sum(map(_bytes, kept))

    @property
    def first(self) -> tuple[int, ...]:
        """SEAL's name for ciphertexts over all primes."""
        return self._levels[len(self.primes)]

    @property
    def last(self) -> tuple[int, ...]:
        """SEAL's name for ciphertexts over the primes that an answer keeps."""
        return self._levels[self.parameters.kept]

    def plain(self, coefficients: Words) -> seal.Plaintext:
        """A polynomial from its coefficients, shape (degree,), residues of the ring."""
        return self._plain((0, 0, 0, 0), coefficients)

    def transformed(self, residues: Words) -> seal.Plaintext:
        """A polynomial from its number-theoretic transform, shape (primes, degree)."""
        return self._plain(self.first, residues)

    def _plain(self, level: tuple[int, ...], words: Words) -> seal.Plaintext:
        data = words.astype("<u8", copy=False).tobytes()
        count = words.size
        head = _header(PLAIN_HEAD + len(data)) + struct.pack("<4QQd", *level, count, 1.0)
        plain = seal.Plaintext()
        plain.load_bytes(
            self.seal, head + _header(24 + len(data)) + struct.pack("<Q", count) + data
        )
        return plain

    def coefficients(self, plain: seal.Plaintext) -> Words:
        """The coefficients of a polynomial, shape (degree,)."""
        found = np.frombuffer(plain.to_bytes(), np.uint64, offset=PLAIN_HEAD)
        return np.pad(found, (0, self.degree - found.size))

    def ciphertext(self, residues: Words, transformed: bool) -> seal.Ciphertext:
        """A ciphertext from its two polynomials, shape (2, primes, degree)."""
        primes = residues.shape[1]
        data = residues.astype("<u8", copy=False).tobytes()
        head = struct.pack(
            "<4Q?QQQdQ", *self._levels[primes], transformed, 2, self.degree, primes, 1.0, 1
        )
        inner = _header(24 + len(data)) + struct.pack("<Q", residues.size)
        ciphertext = seal.Ciphertext()
        total = 16 + len(head) + len(inner) + len(data)
        ciphertext.load_bytes(self.seal, _header(total) + head + inner + data)
        return ciphertext

    def residues(self, ciphertext: seal.Ciphertext) -> Words:
        """The two polynomials of a ciphertext, shape (2, primes, degree)."""
        primes = ciphertext.coeff_modulus_size()
        size = 2 * primes * self.degree
        words = np.frombuffer(ciphertext.to_string()[-8 * size :], np.uint64)
        return words.reshape(2, primes, self.degree)

    def reduced(self, numbers: Integers) -> Words:
        """Numbers (..., degree) modulo each prime, shape (..., primes, degree)."""
        return np.stack([prime.residues(numbers) for prime in self.primes], axis=-2)

    def constant(self, value: int) -> seal.Plaintext:
        """A number modulo the ciphertext modulus, to multiply by in transformed form."""
        each = [np.uint64(value % prime.modulus) for prime in self.primes]
        return self.transformed(np.repeat(np.array(each, np.uint64), self.degree))

    def expanded(self, seed: bytes) -> Words:
        """The uniform polynomial of a seed, transformed, shape (primes, degree)."""
        source = SystemRandomness(seed)
        return np.stack([uniform(source, prime, (self.degree,)) for prime in self.primes])

    def pack(self, polynomials: Words) -> bytes:
        """Residues (..., primes, degree) in as few bytes as hold them, behind the tag."""
        parts = [
            polynomials[..., index, :].astype("<u8")[..., None].view(np.uint8)[..., : _bytes(prime)]
            for index, prime in enumerate(self.primes[: polynomials.shape[-2]])
        ]
        return self.tag + b"".join(part.tobytes() for part in parts)

    def unpack(self, data: bytes, count: int, primes: int) -> Words:
        """What `pack` packed, shape (count, primes, degree); CiphertextError if it is not that."""
        expected = TAG_BYTES + count * self.degree * sum(map(_bytes, self.primes[:primes]))
        if len(data) != expected:
            raise CiphertextError(f"a ciphertext of {len(data)} bytes instead of {expected}")
        if data[:TAG_BYTES] != self.tag:
            raise CiphertextError("a ciphertext of other parameters")
        words = np.zeros((count, primes, self.degree, 8), np.uint8)
        offset = TAG_BYTES
        for index, prime in enumerate(self.primes[:primes]):
            width = _bytes(prime)
            size = count * self.degree * width
            part = np.frombuffer(data, np.uint8, size, offset)
            words[:, index, :, :width] = part.reshape(count, self.degree, width)
            offset += size
        residues = words.view(np.uint64)[..., 0]
        for index, prime in enumerate(self.primes[:primes]):
            if residues[:, index].max() >= prime.modulus:
                raise CiphertextError("a ciphertext whose residues exceed their prime")
        return residues


@lru_cache
def context(parameters: Parameters) -> Context:
    """SEAL for some parameters, set up once; ValueError for those it holds insecure."""
    return Context(parameters)


def _bytes(prime: Ring) -> int:
    return -(-prime.bits // 8)


def _header(size: int) -> bytes:
    """How SEAL begins what it saves in so many bytes, this header among them."""
    head: bytes = _PREFIX + struct.pack("<Q", size)
    return head
