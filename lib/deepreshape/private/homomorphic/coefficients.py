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
from deepreshape.private.homomorphic.coefficient_counts import layout
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
    Convolution,
    Packing,
    PreparedLayer,
    checked,
    checked_words,
    next_ciphertext,
)
from deepreshape.private.latency import Operations
from deepreshape.private.randomness import uniform
from deepreshape.private.rings import BINARY, Integers, Ring, Words


class Kernels(PreparedLayer):
    """A layer's weights as polynomials, transformed."""

    def __init__(
        self, layer: Convolution, weights: Integers, ring: Ring, allowance: int = 0
    ) -> None:
        made = context(COEFFICIENTS.parameters(ring))
        super().__init__(layer, made, allowance, 8 * made.degree * len(made.primes))
        self.layout = layout(layer, made.degree)
        self._weights = weights_by_phase(
            self.layout, ring.signed(ring.residues(checked(layer, weights)))
        )

    @property
    def noise_bits(self) -> float:
        """A coefficient's noise sums the inputs' noise times all weights of a ciphertext of
        outputs."""
        squares = np.square(self._weights.astype(np.float64)).sum(axis=(1, 2, 3))
        sums = np.add.reduceat(squares, np.arange(0, squares.size, self.layout.outgoing))
        public = 2 * self.layout.degree * DEVIATION**2
        return log2(TAIL * DEVIATION * (float(sums.max()) * 1.01 + public) ** 0.5)

    def apply(self, server: Server, mask: Words, ciphertexts: Iterator[bytes]) -> Iterator[bytes]:
        found, ring = self.layout, server.context.ring
        mask = checked_words(mask, self.layer.output_shape)
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

    def _keys(self) -> Iterator[tuple[int, int]]:
        for block, outputs in enumerate(self.layout.pairs):
            for output in outputs:
                yield block, output

    def _made(self, key: tuple[int, ...]) -> seal.Plaintext | None:
        values = weights_between(self.layout, self._weights, *key)
        if not values.any():
            return None
        indices = taps(self.layout)[: values.shape[0], : values.shape[1]]
        polynomial = np.zeros(self.layout.degree, np.int64)
        polynomial[indices % self.layout.degree] = np.where(indices < 0, -values, values)
        plain = self.context.plain(self.context.ring.residues(polynomial))
        self.context.evaluator.transform_to_ntt_inplace(plain, self.context.first)
        return plain


class Coefficients(Packing):
    """Rotation-free."""

    ring = BINARY

    def parameters(self, ring: Ring) -> Parameters:
        """109 bits of modulus at degree 4096 for up to 41 bits of plaintext, else 185 at 8192.

        At 41 bits, flooding is by 2^48: it exceeds the noise by 28 bits or more as long as the
        root of the sum of squares of all weights to a ciphertext of outputs is below 45,000.
        """
        if ring.bits <= 41:
            return Parameters(ring, 4096, (56, 37, 16), 1)
        return Parameters(ring, 8192, (56, 56, 56, 17), 2)

    def operations(self, layer: Convolution, ring: Ring) -> Operations:
        found = layout(layer, self.parameters(ring).degree)
        up, down = found.tiles * found.inputs, found.tiles * found.outputs
        return Operations(found.tiles * found.products, 0, up, down)

    def hides(self, layer: Convolution, weights: Integers, ring: Ring) -> bool:
        return Kernels(layer, weights, ring).flooding_bits >= FLOODING

    def prepare(
        self, layer: Convolution, weights: Integers, ring: Ring, allowance: int = 0
    ) -> Kernels:
        made = Kernels(layer, weights, ring, allowance)
        if made.flooding_bits < 0:
            raise ValueError(
                f"{layer}: its weights make {made.noise_bits:.0f} bits of noise, "
                f"more than the {made.context.flood_bits} that flooding hides"
            )
        return made

    def encrypt(self, client: Client, layer: Convolution, share: Words) -> Iterator[bytes]:
        found = layout(layer, client.context.degree)
        return client.encrypt(share_polynomials(found, checked_words(share, layer.input_shape)))

    def decrypt(self, client: Client, layer: Convolution, answers: Iterator[bytes]) -> Words:
        found = layout(layer, client.context.degree)
        result = np.empty(layer.output_shape, np.uint64)
        for _, _, channels, rows in answer_parts(found):
            polynomial = client.decrypt(next_ciphertext(answers))
            part = result[channels, rows]
            part[...] = polynomial[places(found)[: part.shape[0], : part.shape[1]]]
        return result


COEFFICIENTS = Coefficients()
