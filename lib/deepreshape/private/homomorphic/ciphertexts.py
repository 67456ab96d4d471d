"""The two parties to ciphertexts of the BFV scheme: who encrypts and decrypts, and who computes.

Microsoft SEAL does the arithmetic; what is encrypted and with what noise is decided here. A fresh
ciphertext is (c0, a) with a uniform and drawn from a seed, so the client sends c0 and the seed. An
answer is re-randomised under the client's public key, masked, flooded with noise and switched to
fewer primes. `flooding` proves how little its noise then tells of the weights.
"""

from collections.abc import Iterable, Iterator
from math import prod

import numpy as np
import numpy.typing as npt
import seal

from deepreshape.private.homomorphic import flooding
from deepreshape.private.homomorphic.contexts import (
    PLAIN_HEAD,
    SEED_BYTES,
    CiphertextError,
    Context,
)
from deepreshape.private.randomness import Randomness, uniform
from deepreshape.private.rings import Integers, Words

Places = npt.NDArray[np.intp]
"""Coefficients of a polynomial."""


class Client:
    """The party that holds the secret key.

    SEAL draws the key itself from the operating system; all noise comes from `source`.
    """

    def __init__(self, context: Context, source: Randomness) -> None:
        self.context, self.source = context, source
        self._generator = seal.KeyGenerator(context.seal)
        secret = self._generator.secret_key()
        self._decryptor = seal.Decryptor(context.seal, secret)
        words = np.frombuffer(secret.to_string(), np.uint64, offset=PLAIN_HEAD)
        self._secret = context.transformed(words[: len(context.primes) * context.degree])
        ring, modulus = context.ring, prod(prime.modulus for prime in context.primes)
        self._scale = modulus % ring.modulus
        self._minus_inverse = context.constant(-pow(ring.modulus, -1, modulus))

    def public(self) -> bytes:
        """The public key: an encryption of zero."""
        return next(self.encrypt([np.zeros(self.context.degree, np.uint64)]))

    def galois(self) -> bytes:
        """Keys for rotations; ValueError where the parameters switch no keys: such keys would be
        modulo the last prime too, which the bound on security leaves out."""
        if not self.context.parameters.switching:
            raise ValueError("these parameters are for no key switching: there are no such keys")
        keys: bytes = self._generator.create_galois_keys().to_string()
        return keys

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
        """Two ciphertexts (c0, a), c0 = q m / t + e - a s, with q m / t rounded up or down at
        random such that it is exact in the mean, whatever m.

        q m / t rounded down is -v / t modulo q for v = q m modulo t, so one transform of v - t e
        and one multiplication by -1 / t give both terms.
        """
        context, ring = self.context, self.context.ring
        scaled = ring.multiply(pair, self._scale)
        up = uniform(self.source, ring, pair.shape) < scaled
        noisy = scaled.astype(np.int64) - ring.modulus * (noise(self.source, pair.shape) + up)
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

    def decrypt(self, answer: bytes, places: Places | None = None) -> Words:
        """The coefficients at these places of an answer, or all (degree,), as the server was asked
        for; CiphertextError for bytes that are none."""
        context = self.context
        places = context.everywhere if places is None else places
        kept, counts = context.parameters.kept, (context.degree, places.size)
        second, said = context.unpack(answer, kept, *counts)
        if not second.any():
            raise CiphertextError("a ciphertext that hides nothing")
        first = np.zeros_like(second)
        first[:, places] = said
        whole = context.ciphertext(np.stack([first, second]), transformed=False)
        return context.coefficients(self._decryptor.decrypt(whole))[places]


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
        if galois is not None and not context.parameters.switching:
            raise ValueError("these parameters are for no key switching")
        self._public = self.read(public)
        self.multiplications = self.additions = self.key_switches = 0

    def read(self, data: bytes) -> seal.Ciphertext:
        """A fresh ciphertext, transformed; CiphertextError for bytes that are none."""
        if len(data) != self.context.up_bytes:
            raise CiphertextError(
                f"a ciphertext of {len(data)} bytes instead of {self.context.up_bytes}"
            )
        primes, degree = len(self.context.primes), self.context.degree
        (half,) = self.context.unpack(data[:-SEED_BYTES], primes, degree)
        drawn = self.context.expanded(data[-SEED_BYTES:])
        return self.context.ciphertext(np.stack([half, drawn]), transformed=True)

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

    def answer(
        self, total: seal.Ciphertext | None, mask: seal.Plaintext, places: Places | None = None
    ) -> bytes:
        """total - mask at these places, or everywhere, such that it tells its decryptor no more.

        total: transformed; None is zero. An encryption of zero under the public key hides what the
        ciphertext was computed from, and a flood what its noise was. Of the first polynomial the
        coefficients elsewhere are not sent, so they need neither.
        """
        context, evaluator = self.context, self.context.evaluator
        shape, places = (context.degree,), context.everywhere if places is None else places
        small = context.plain(context.ring.residues(noise(self.source, shape)))
        evaluator.transform_to_ntt_inplace(small, context.first)
        zero = evaluator.multiply_plain(self._public, small)
        total = zero if total is None else evaluator.add(total, zero)
        evaluator.transform_from_ntt_inplace(total)
        first = np.zeros((len(context.primes), context.degree), np.uint64)
        first[:, places] = self._flood(places.size)
        second = context.reduced(noise(self.source, shape))
        noises = context.ciphertext(np.stack([first, second]), transformed=False)
        evaluator.add_inplace(total, noises)
        evaluator.sub_plain_inplace(total, mask)
        evaluator.mod_switch_to_inplace(total, context.last)
        first, second = context.residues(total)
        return context.pack(second, first[:, places])

    def _flood(self, count: int) -> Words:
        """So many floods modulo each prime, shape (primes, count)."""
        bits = self.context.flood_bits
        limbs = flooding.drawn(self.source, bits, count)
        floods = []
        for prime in self.context.primes:
            flood = np.full(count, -(2 << bits) % prime.modulus, np.uint64)
            for index, limb in enumerate(limbs):
                power = np.uint64(pow(2, flooding.LIMB * index, prime.modulus))
                term = limb if index == 0 else prime.multiply(np.full(count, power), limb)
                flood = prime.add(flood, term % np.uint64(prime.modulus))
            floods.append(flood)
        return np.stack(floods)


def noise(source: Randomness, shape: tuple[int, ...]) -> Integers:
    """The centred binomial distribution of 21 coins each way, variance 10.5."""
    count = int(np.prod(shape))
    words = source.bytes(8 * count).view(np.uint64)
    heads = np.bitwise_count(words & np.uint64((1 << flooding.COINS) - 1))
    tails = np.bitwise_count(words >> np.uint64(64 - flooding.COINS))
    numbers: Integers = heads.astype(np.int64) - tails.astype(np.int64)
    return numbers.reshape(shape)
