"""Rotation-free packing: a convolution as one product of polynomials.

Maps lie in the coefficients of a polynomial, one channel behind the other, and a kernel in those of
another such that the wanted sums appear as coefficients of their product modulo X^N + 1 (Cheetah,
Huang et al. 2022, section 3). Nothing is rotated, so any ring will do and no Galois keys are sent.
"""

from collections.abc import Iterator
from math import log2

import numpy as np
import seal

from deepreshape.private.homomorphic.ciphertexts import DEVIATION, TAIL, Client, Server
from deepreshape.private.homomorphic.coefficient_counts import Layout, layout
from deepreshape.private.homomorphic.coefficient_layout import (
    answer_parts,
    places,
    share_polynomials,
    taps,
    weights_between,
    weights_by_phase,
)
from deepreshape.private.homomorphic.contexts import Parameters, context
from deepreshape.private.homomorphic.layers import (
    FLOODING,
    Kept,
    LinearLayer,
    as_convolution,
    checked,
    checked_words,
    next_ciphertext,
)
from deepreshape.private.latency import Operations
from deepreshape.private.randomness import Randomness, uniform
from deepreshape.private.rings import BINARY, Integers, Ring, Words


class Kernels:
    """A layer's weights as polynomials, made when they are asked for.

    allowance: bytes of transformed polynomials to keep for the next time.
    """

    def __init__(
        self, layer: LinearLayer, weights: Integers, ring: Ring, allowance: int = 0
    ) -> None:
        self.layer = layer
        self.context = context(COEFFICIENTS.parameters(ring))
        self.layout = layout(as_convolution(layer), self.context.degree)
        self._weights = weights_by_phase(
            self.layout, ring.signed(ring.residues(checked(layer, weights)))
        )
        if self.noise_bits > self.context.flood_bits:
            raise ValueError(
                f"{layer}: its weights make {self.noise_bits:.0f} bits of noise, "
                f"more than the {self.context.flood_bits} that flooding hides"
            )
        self._kept = Kept(allowance, 8 * self.context.degree * len(self.context.primes))

    @property
    def noise_bits(self) -> float:
        """Bits of the noise in an answer before it is flooded, its tail cut at 2^-38.

        A coefficient's noise sums the inputs' noise times all weights of a ciphertext of outputs.
        """
        return _noise_bits(self.layout, self._weights)

    @property
    def flooding_bits(self) -> float:
        """By how many bits the flooding exceeds the noise that it hides.

        A coefficient's distribution changes by at most 2^-flooding_bits, in statistical distance,
        with the weights that made the noise.
        """
        return self.context.flood_bits - self.noise_bits

    def make(self) -> None:
        """Make the polynomials that there is room to keep."""
        for block, outputs in enumerate(self.layout.pairs):
            for output in outputs:
                if self._kept.full:
                    return
                self.get(block, output)

    def get(self, block: int, output: int) -> seal.Plaintext | None:
        """What a ciphertext of inputs is multiplied with for one of outputs; None for zeros."""
        return self._kept.get((block, output), lambda: self._made(block, output))

    def apply(self, server: Server, mask: Words, ciphertexts: Iterator[bytes]) -> Iterator[bytes]:
        """W c - mask encrypted, from c encrypted."""
        found, ring = self.layout, server.context.ring
        mask = checked_words(mask, self.layer.output_shape).reshape(found.layer.output_shape)
        totals: dict[tuple[int, int], seal.Ciphertext] = {}
        for block, outputs in enumerate(found.pairs):
            tiles = [server.read(next_ciphertext(ciphertexts)) for _ in range(found.tiles)]
            for output in outputs:
                kernel = self.get(block, output)
                if kernel is None:
                    continue
                for tile, ciphertext in enumerate(tiles):
                    key = output, tile
                    totals[key] = server.add_product(totals.get(key), ciphertext, kernel)
        for output, tile, channels, rows in answer_parts(found):
            polynomial = uniform(server.source, ring, (found.degree,))
            part = mask[channels, rows]
            polynomial[places(found)[: part.shape[0], : part.shape[1]]] = part
            total = totals.pop((output, tile), None)
            yield server.answer(total, server.context.plain(polynomial))

    def _made(self, block: int, output: int) -> seal.Plaintext | None:
        values = weights_between(self.layout, self._weights, block, output)
        if not values.any():
            return None
        indices = taps(self.layout)[: values.shape[0], : values.shape[1]]
        polynomial = np.zeros(self.layout.degree, np.int64)
        polynomial[indices % self.layout.degree] = np.where(indices < 0, -values, values)
        plain = self.context.plain(self.context.ring.residues(polynomial))
        self.context.evaluator.transform_to_ntt_inplace(plain, self.context.first)
        return plain


def flooding_bits(layer: LinearLayer, weights: Integers, ring: Ring) -> float:
    """By how many bits the flooding exceeds the noise of these weights; below zero, it does not."""
    made = context(COEFFICIENTS.parameters(ring))
    found = layout(as_convolution(layer), made.degree)
    phases = weights_by_phase(found, ring.signed(ring.residues(checked(layer, weights))))
    return made.flood_bits - _noise_bits(found, phases)


def _noise_bits(found: Layout, phases: Integers) -> float:
    squares = np.square(phases.astype(np.float64)).sum(axis=(1, 2, 3))
    sums = np.add.reduceat(squares, np.arange(0, squares.size, found.outgoing))
    public = 2 * found.degree * DEVIATION**2
    return log2(TAIL * DEVIATION * (float(sums.max()) * 1.01 + public) ** 0.5)


class Coefficients:
    """The packing as `layers.Packing` has it."""

    ring = BINARY

    def parameters(self, ring: Ring) -> Parameters:
        """109 bits of modulus at degree 4096 for up to 41 bits of plaintext, else 185 at 8192.

        At 41 bits, flooding is by 2^48: it exceeds the noise by 28 bits or more as long as the
        root of the sum of squares of all weights to a ciphertext of outputs is below 45,000.
        """
        if ring.bits <= 41:
            return Parameters(ring, 4096, (56, 37, 16), 1)
        return Parameters(ring, 8192, (56, 56, 56, 17), 2)

    def operations(self, layer: LinearLayer, ring: Ring) -> Operations:
        found = layout(as_convolution(layer), self.parameters(ring).degree)
        up, down = found.tiles * found.inputs, found.tiles * found.outputs
        return Operations(found.tiles * found.products, 0, up, down)

    def lighter(self, layer: LinearLayer, limit: float) -> LinearLayer:
        return layer

    def hides(self, layer: LinearLayer, weights: Integers, ring: Ring) -> bool:
        return flooding_bits(layer, weights, ring) >= FLOODING

    def client(self, ring: Ring, source: Randomness) -> Client:
        return Client(context(self.parameters(ring)), source)

    def keys(self, client: Client) -> bytes:
        """The public key."""
        return client.public()

    def server(self, keys: bytes, ring: Ring, source: Randomness) -> Server:
        return Server(context(self.parameters(ring)), keys, source)

    def prepare(
        self, layer: LinearLayer, weights: Integers, ring: Ring, allowance: int = 0
    ) -> Kernels:
        return Kernels(layer, weights, ring, allowance)

    def encrypt(self, client: Client, layer: LinearLayer, share: Words) -> Iterator[bytes]:
        found = layout(as_convolution(layer), client.context.degree)
        maps = checked_words(share, layer.input_shape).reshape(found.layer.input_shape)
        return client.encrypt(share_polynomials(found, maps))

    def decrypt(self, client: Client, layer: LinearLayer, answers: Iterator[bytes]) -> Words:
        found = layout(as_convolution(layer), client.context.degree)
        result = np.empty(found.layer.output_shape, np.uint64)
        for _, _, channels, rows in answer_parts(found):
            polynomial = client.decrypt(next_ciphertext(answers))
            part = result[channels, rows]
            part[...] = polynomial[places(found)[: part.shape[0], : part.shape[1]]]
        return result.reshape(layer.output_shape)


COEFFICIENTS = Coefficients()
