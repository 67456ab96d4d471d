"""SEAL set up for some parameters, and the form that polynomials and ciphertexts take outside it.

SEAL takes and gives bytes alone: what it saves without compression is a header, the level at which
an object stands, and plain words. So polynomials and residues pass to and from numpy arrays. On the
wire, residues take as few bits as hold them, and an answer leaves out what the client does not use.
"""

import struct
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import prod

import numpy as np
import numpy.typing as npt
import seal

from deepreshape.private.homomorphic import bits
from deepreshape.private.randomness import SystemRandomness, uniform
from deepreshape.private.rings import Integers, Ring, Words

MOST_RING_BITS = 56
SEED_BYTES = 32
TAG_BYTES = 8
SECURE = {4096: 109, 8192: 218}
"""Bits of ciphertext modulus that leave 128 of security, by degree: secrets are ternary and attacks
classical (Homomorphic Encryption Standard, Albrecht et al. 2018, table 1; SEAL's tc128)."""

_PREFIX = seal.Plaintext().to_bytes()[:8]
"""How everything that SEAL saves begins: its mark, its version, no compression."""
PLAIN_HEAD = 88
"""Bytes that SEAL saves before a plaintext's coefficients."""


class CiphertextError(ValueError):
    """Bytes from the other party that are no ciphertext, or no key, of these parameters."""


@dataclass(frozen=True)
class Parameters:
    """A ring of plaintexts and the encryption around it.

    degree: of the polynomials. bits: of the primes whose product is the ciphertext modulus. SEAL
    keeps the last for key switching. kept: how many of the primes an answer keeps. switching:
    whether keys are switched; if not, nothing that is sent is modulo the last prime.
    """

    ring: Ring
    degree: int
    bits: tuple[int, ...]
    kept: int
    switching: bool = False


class Context:
    """SEAL, set up for some parameters and refusing those below 128 bits of security.

    With key switching, SEAL checks the product of all primes. Without, its last prime is in no
    ciphertext and no key but the secret one: the others are held to the same bound here.
    """

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
        levels = seal.sec_level_type
        checked = levels.tc128 if parameters.switching else levels.none
        self.seal = seal.SEALContext(chosen, True, checked)
        if not self.seal.parameters_set():
            raise ValueError(f"SEAL refuses {parameters}: {self.seal.parameter_error_message()}")
        level = self.seal.first_context_data()
        self.primes = tuple(Ring(prime.value()) for prime in level.parms().coeff_modulus())
        self.modulus_bits = prod(prime.modulus for prime in self.primes).bit_length()
        if self.modulus_bits > SECURE.get(self.degree, 0):
            raise ValueError(f"{parameters}: {self.modulus_bits} bits of modulus are insecure")
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

    @cached_property
    def everywhere(self) -> npt.NDArray[np.intp]:
        """All places of a polynomial, (degree,)."""
        return np.arange(self.degree)

    @property
    def tag(self) -> bytes:
        """By which a party sees that the other uses these parameters."""
        return struct.pack("<Q", self._levels[len(self.primes)][0])

    @property
    def room(self) -> int:
        """Up to which an answer's noise, before it is switched to fewer primes, decrypts rightly.

        Modulo the primes' product Q, an answer is Q m / t + noise. Switching scales that to the
        kept primes' product K, and rounds both polynomials by a half at most; the second is
        multiplied by a ternary secret, so this adds (1 + degree) / 2 in the worst case. Decryption
        rounds to the nearest multiple of K / t, so all noise has to stay below K / (2 t): less what
        SEAL's own rounding takes, two parts in 2^60 of K / t.
        """
        kept = prod(prime.modulus for prime in self.primes[: self.parameters.kept])
        dropped = prod(prime.modulus for prime in self.primes[self.parameters.kept :])
        half, step = kept // (2 * self.ring.modulus), kept // self.ring.modulus
        return dropped * max(0, half - (self.degree + 1) // 2 - 1 - (step >> 59))

    @property
    def flood_bits(self) -> int:
        """A flood is a sum of four uniforms of so many bits, from -2^(flood_bits + 1) on: as many
        as leave a sixteenth of the room to the noise that it hides."""
        return max(0, (self.room - (self.room >> 4)).bit_length() - 2)

    @property
    def noise_room(self) -> int:
        """How large noise may be under the flood."""
        return self.room - (2 << self.flood_bits)

    @property
    def up_bytes(self) -> int:
        """Bytes of a fresh ciphertext on the wire, and of a public key."""
        return TAG_BYTES + SEED_BYTES + self._packed_bytes(len(self.primes), self.degree)

    def answer_bytes(self, count: int) -> int:
        """Bytes on the wire of an answer with so many coefficients that say something."""
        kept = self.parameters.kept
        sizes = (self._packed_bytes(kept, each) for each in (self.degree, count))
        return TAG_BYTES + sum(sizes)

    def _packed_bytes(self, primes: int, count: int) -> int:
        return sum(bits.size(count, prime.bits) for prime in self.primes[:primes])

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

    def pack(self, *polynomials: Words) -> bytes:
        """Residues, each (primes, any number), in as few bits as hold them, behind the tag."""
        rows = [
            bits.packed(row, prime.bits).tobytes()
            for polynomial in polynomials
            for row, prime in zip(polynomial, self.primes, strict=False)
        ]
        return self.tag + b"".join(rows)

    def unpack(self, data: bytes, primes: int, *counts: int) -> list[Words]:
        """What `pack` packed, one (primes, count) each; CiphertextError if it is not that."""
        expected = TAG_BYTES + sum(self._packed_bytes(primes, count) for count in counts)
        if len(data) != expected:
            raise CiphertextError(f"a ciphertext of {len(data)} bytes instead of {expected}")
        if data[:TAG_BYTES] != self.tag:
            raise CiphertextError("a ciphertext of other parameters")
        octets, found, start = np.frombuffer(data, np.uint8), [], TAG_BYTES
        for count in counts:
            residues = np.empty((primes, count), np.uint64)
            for row, prime in zip(residues, self.primes, strict=False):
                size = bits.size(count, prime.bits)
                try:
                    row[:] = bits.unpacked(octets[start : start + size], count, prime.bits)
                except ValueError as error:
                    raise CiphertextError(f"a ciphertext with {error}") from None
                if count and row.max() >= prime.modulus:
                    raise CiphertextError("a ciphertext whose residues exceed their prime")
                start += size
            found.append(residues)
        return found


@lru_cache
def context(parameters: Parameters) -> Context:
    """SEAL for some parameters, set up once; ValueError for those it holds insecure."""
    return Context(parameters)


def _header(size: int) -> bytes:
    """How SEAL begins what it saves in so many bytes, this header among them."""
    head: bytes = _PREFIX + struct.pack("<Q", size)
    return head
