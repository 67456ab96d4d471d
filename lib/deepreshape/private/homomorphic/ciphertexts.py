"""The two parties to ciphertexts of the BFV scheme: who encrypts and decrypts, and who computes.

Microsoft SEAL does the arithmetic; what is encrypted and with what noise is decided here. A fresh
ciphertext is (c0, a) with a uniform and drawn from a seed, so the client sends c0 and the seed. An
answer is re-randomised under the client's public key, masked, flooded with noise and switched to
fewer primes.
"""

from collections.abc import Iterable, Iterator
from math import prod

import numpy as np
import seal

from deepreshape.private.homomorphic.contexts import (
    PLAIN_HEAD,
    SEED_BYTES,
    CiphertextError,
    Context,
)
from deepreshape.private.randomness import Randomness
from deepreshape.private.rings import Integers, Words

DEVIATION = 10.5**0.5
"""Of an encryption's noise: the centred binomial distribution of 21 coins, as in SEAL."""
TAIL = 7
"""Deviations at which noise is taken to end; a Gaussian goes beyond with probability 2^-38."""

_LIMB = 56


class Client:
    """The party that holds the secret key.

    SEAL draws the key itself from the operating system; all noise comes from `source`.
    """

    def __init__(self, context: Context, source: Randomness) -> None:
        self.context, self.source = context, source
        self.generator = seal.KeyGenerator(context.seal)
        secret = self.generator.secret_key()
        self._decryptor = seal.Decryptor(context.seal, secret)
        words = np.frombuffer(secret.to_string(), np.uint64, offset=PLAIN_HEAD)
        self._secret = context.transformed(words[: len(context.primes) * context.degree])
        ring, modulus = context.ring, prod(prime.modulus for prime in context.primes)
        self._scale = modulus % ring.modulus
        self._minus_inverse = context.constant(-pow(ring.modulus, -1, modulus))

    def public(self) -> bytes:
        """The public key: an encryption of zero."""
        return next(self.encrypt([np.zeros(self.context.degree, np.uint64)]))

    def encrypt(self, polynomials: Iterable[Words]) -> Iterator[bytes]:
        """Fresh ciphertexts of polynomials, (degree,) residues of the ring, under the secret key.

        SEAL transforms the two halves of a ciphertext at once, so polynomials go in pairs.
        """
        waiting: list[Words] = []
        for polynomial in polynomials:
            waiting.append(polynomial)
            if len(waiting) == 2:
                yield from self._encrypted(np.stack(waiting))
                waiting.clear()
        if waiting:
            yield from self._encrypted(np.stack(waiting * 2))[:1]

    def _encrypted(self, pair: Words) -> list[bytes]:
        """Two ciphertexts (c0, a), c0 = round(q m / t) + e - a s.

        round(q m / t) is -v / t modulo q for v = q m modulo t, so one transform of v - t e and one
        multiplication by -1 / t give both terms.
        """
        context = self.context
        scaled = context.ring.multiply(pair, self._scale).astype(np.int64)
        noisy = scaled - context.ring.modulus * noise(self.source, pair.shape)
        message = context.ciphertext(context.reduced(noisy), transformed=False)
        context.evaluator.transform_to_ntt_inplace(message)
        context.evaluator.multiply_plain_inplace(message, self._minus_inverse)
        seeds = [self.source.bytes(SEED_BYTES).tobytes() for _ in pair]
        drawn = np.stack([context.expanded(seed) for seed in seeds])
        hiding = context.ciphertext(drawn, transformed=True)
        context.evaluator.multiply_plain_inplace(hiding, self._secret)
        context.evaluator.sub_inplace(message, hiding)
        halves = context.residues(message)
        return [context.pack(half) + seed for half, seed in zip(halves, seeds, strict=True)]

    def decrypt(self, answer: bytes) -> Words:
        """The polynomial of an answer, (degree,); CiphertextError for bytes that are none."""
        return self.context.coefficients(self._decryptor.decrypt(self._answer(answer)))

    def budget(self, answer: bytes) -> int:
        """Bits of noise budget that an answer has left; 0 where decryption may fail."""
        bits: int = self._decryptor.invariant_noise_budget(self._answer(answer))
        return bits

    def _answer(self, data: bytes) -> seal.Ciphertext:
        residues = self.context.unpack(data, 2, self.context.parameters.kept)
        if not residues[1].any():
            raise CiphertextError("a ciphertext that hides nothing")
        return self.context.ciphertext(residues, transformed=False)


class Server:
    """The party that computes on ciphertexts; counts the operations it does.

    public: the client's public key. galois: its keys for rotations, where there are any. All
    randomness comes from `source`.
    """

    def __init__(
        self,
        context: Context,
        public: bytes,
        source: Randomness,
        galois: seal.GaloisKeys | None = None,
    ) -> None:
        self.context, self.source, self.galois = context, source, galois
        self._public = self.read(public)
        self.multiplications = self.additions = self.key_switches = 0

    def read(self, data: bytes) -> seal.Ciphertext:
        """A fresh ciphertext, transformed; CiphertextError for bytes that are none."""
        if len(data) != self.context.up_bytes:
            raise CiphertextError(
                f"a ciphertext of {len(data)} bytes instead of {self.context.up_bytes}"
            )
        half = self.context.unpack(data[:-SEED_BYTES], 1, len(self.context.primes))
        drawn = self.context.expanded(data[-SEED_BYTES:])
        return self.context.ciphertext(np.concatenate([half, drawn[None]]), transformed=True)

    def add_product(
        self, total: seal.Ciphertext | None, left: seal.Ciphertext, right: seal.Plaintext
    ) -> seal.Ciphertext:
        """total + left x right, in the place of total if there is one."""
        self.multiplications += 1
        return self.add(total, self.context.evaluator.multiply_plain(left, right))

    def add(self, total: seal.Ciphertext | None, term: seal.Ciphertext) -> seal.Ciphertext:
        """total + term, in the place of total if there is one."""
        if total is None:
            return term
        self.additions += 1
        try:
            self.context.evaluator.add_inplace(total, term)
        except RuntimeError as error:
            # A client that repeats a seed can bring sums about in which nothing random is left.
            raise CiphertextError(f"ciphertexts that cannot be added: {error}") from None
        return total

    def answer(self, total: seal.Ciphertext | None, mask: seal.Plaintext) -> bytes:
        """total - mask, such that it tells its decryptor no more than that.

        total: transformed; None is zero. An encryption of zero under the public key hides what the
        ciphertext was computed from, and uniform noise of `flood_bits` what its noise was.
        """
        context, evaluator = self.context, self.context.evaluator
        shape = (context.degree,)
        small = context.plain(context.ring.residues(noise(self.source, shape)))
        evaluator.transform_to_ntt_inplace(small, context.first)
        zero = evaluator.multiply_plain(self._public, small)
        total = zero if total is None else evaluator.add(total, zero)
        evaluator.transform_from_ntt_inplace(total)
        second = context.reduced(noise(self.source, shape))
        noises = np.stack([self._flood(), second])
        evaluator.add_inplace(total, context.ciphertext(noises, transformed=False))
        evaluator.sub_plain_inplace(total, mask)
        evaluator.mod_switch_to_inplace(total, context.last)
        return context.pack(context.residues(total))

    def _flood(self) -> Words:
        """Uniform noise of flood_bits and a sign, modulo each prime, shape (primes, degree)."""
        bits, degree = self.context.flood_bits + 1, self.context.degree
        limbs = []
        for low in range(0, bits, _LIMB):
            width = min(_LIMB, bits - low)
            limbs.append(self.source.bytes(8 * degree).view(np.uint64) >> np.uint64(64 - width))
        floods = []
        for prime in self.context.primes:
            flood = prime.residues(np.full(degree, -(1 << (bits - 1)) % prime.modulus, np.int64))
            for index, limb in enumerate(limbs):
                term = limb % np.uint64(prime.modulus)
                power = pow(2, _LIMB * index, prime.modulus)
                flood = prime.add(flood, prime.multiply(term, power))
            floods.append(flood)
        return np.stack(floods)


def noise(source: Randomness, shape: tuple[int, ...]) -> Integers:
    """The centred binomial distribution of 21 coins each way, deviation 3.24."""
    count = int(np.prod(shape))
    words = source.bytes(8 * count).view(np.uint64)
    heads = np.bitwise_count(words & np.uint64((1 << 21) - 1))
    tails = np.bitwise_count(words >> np.uint64(43))
    numbers: Integers = heads.astype(np.int64) - tails.astype(np.int64)
    return numbers.reshape(shape)
