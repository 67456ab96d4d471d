"""Rotation-free packing: a convolution as one product of polynomials.

Maps lie in the coefficients of a polynomial, one channel behind the other, and a kernel in those of
another such that the wanted sums appear as coefficients of their product modulo X^N + 1 (Cheetah,
Huang et al. 2022, section 3). Nothing is rotated, so any ring will do and no Galois keys are sent.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import seal

from deepreshape.private.homomorphic import flooding
from deepreshape.private.homomorphic.ciphertexts import Client, Places, Server
from deepreshape.private.homomorphic.coefficient_counts import (
    Layout,
    answer_parts,
    answered,
    layout,
)
from deepreshape.private.homomorphic.coefficient_layout import (
    places,
    share_polynomials,
    taps,
    weights_between,
    weights_by_phase,
)
from deepreshape.private.homomorphic.contexts import Parameters, context
from deepreshape.private.homomorphic.layers import (
    Convolution,
    Packing,
    PreparedLayer,
    checked,
    checked_words,
    next_ciphertext,
)
from deepreshape.private.latency import Operations
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
    def squares(self) -> float:
        """A coefficient's noise sums the inputs' noise times all weights of a ciphertext of
        outputs, whichever of its coefficients are sent."""
        weights = self._summed(np.square(self._weights.astype(np.float64)))
        outputs = self._summed(np.ones((self.layer.outputs, 1, 1, 1)))
        positions = self.layer.output_side**2
        each = [flooding.mean_square(float(sum_), self.layout.degree) for sum_ in weights]
        return float(np.dot(each, outputs)) * positions

    @property
    def largest_noise(self) -> int:
        weights = self._summed(np.abs(self._weights.astype(np.float64)))
        return flooding.largest(float(weights.max()), self.layout.degree)

    def _summed(self, numbers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Numbers (outputs, ...) summed over each ciphertext of outputs."""
        sums = numbers.sum(axis=(1, 2, 3))
        found: npt.NDArray[np.float64] = np.add.reduceat(
            sums, np.arange(0, sums.size, self.layout.outgoing)
        )
        return found

    def apply(self, server: Server, mask: Words, ciphertexts: Iterator[bytes]) -> Iterator[bytes]:
        found = self.layout
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
            part = mask[channels, rows]
            where = _places(found, part)
            polynomial = np.zeros(found.degree, np.uint64)
            polynomial[where] = part.ravel()
            total = totals.pop((output, tile), None)
            yield server.answer(total, server.context.plain(polynomial), where)

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
        """109 bits of modulus at degree 4096 for up to 38 bits of plaintext, else 168 at 8192.

        No key is switched, so all bits are the ciphertexts'. An answer keeps 51 bits: 38 of a
        number, one for halves, and 12 for the noise of switching, up to 2049 in the worst case.
        That leaves room for a flood of four uniforms of 67 bits (`flooding`).
        """
        if ring.bits <= BINARY.bits:
            return Parameters(ring, 4096, (51, 58, 16), 1)
        return Parameters(ring, 8192, (56, 56, 56, 17), 2)

    def operations(self, layer: Convolution, ring: Ring) -> Operations:
        found = layout(layer, self.parameters(ring).degree)
        up, down = found.tiles * found.inputs, found.tiles * found.outputs
        return Operations(found.tiles * found.products, 0, up, down)

    def answer_bytes(self, layer: Convolution, ring: Ring) -> list[int]:
        made = context(self.parameters(ring))
        return list(map(made.answer_bytes, answered(layout(layer, made.degree))))

    def hides(self, layer: Convolution, weights: Integers, ring: Ring, privacy: float) -> bool:
        return Kernels(layer, weights, ring).privacy >= privacy

    def prepare(
        self, layer: Convolution, weights: Integers, ring: Ring, allowance: int = 0
    ) -> Kernels:
        made = Kernels(layer, weights, ring, allowance)
        made.require_room()
        return made

    def encrypt(self, client: Client, layer: Convolution, share: Words) -> Iterator[bytes]:
        found = layout(layer, client.context.degree)
        return client.encrypt(share_polynomials(found, checked_words(share, layer.input_shape)))

    def decrypt(self, client: Client, layer: Convolution, answers: Iterator[bytes]) -> Words:
        found = layout(layer, client.context.degree)
        result = np.empty(layer.output_shape, np.uint64)
        for _, _, channels, rows in answer_parts(found):
            part = result[channels, rows]
            numbers = client.decrypt(next_ciphertext(answers), _places(found, part))
            part[...] = numbers.reshape(part.shape)
        return result


def _places(found: Layout, part: Words) -> Places:
    """The coefficients that hold a part of the outputs (channels, rows, side)."""
    return places(found)[: part.shape[0], : part.shape[1]].ravel().astype(np.intp)


COEFFICIENTS = Coefficients()
