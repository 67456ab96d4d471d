"""One linear layer and one ReLU on shares of a few pixels, with the real encryption and circuits.

The two parties stand side by side in one process here, so that a reader sees both. What they would
send each other is in `deepreshape.private.client` and `server`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deepreshape.private.garbled.circuits import relu
from deepreshape.private.garbled.engine_numpy import NumpyEngine
from deepreshape.private.garbled.garbling import Evaluator, Garbler, table_bytes
from deepreshape.private.garbled.three_halves import LABEL, draw_offset
from deepreshape.private.homomorphic.coefficients import COEFFICIENTS
from deepreshape.private.homomorphic.layers import Convolution, clear
from deepreshape.private.randomness import SystemRandomness, uniform
from deepreshape.private.rings import Integers, Ring, Words


@dataclass(frozen=True, eq=False, slots=True)
class Shared:
    """Numbers split between the parties, and the bytes that were sent for it."""

    ring: Ring
    client: Words
    server: Words
    sent: int = 0

    def joined(self) -> list[int]:
        """The numbers around zero: what nobody sees during an inference."""
        found: list[int] = self.ring.signed(self.ring.add(self.client, self.server)).tolist()
        return found


def split(pixels: Sequence[int], modulus: int) -> Shared:
    """Pixels in shares: the client draws its own, and sends the server the rest."""
    ring = Ring(modulus)
    client = uniform(SystemRandomness(), ring, (len(pixels),))
    server = ring.subtract(ring.residues(np.array(pixels, np.int64)), client)
    return Shared(ring, client, server)


def linear(weights: Integers, pixels: Shared) -> Shared:
    """Shares of W x from shares of x, by SEAL (`homomorphic.coefficients`)."""
    ring, source = pixels.ring, SystemRandomness()
    outputs, inputs = weights.shape
    layer = Convolution(inputs, outputs, 1)
    kernel = weights.reshape(layer.weight_shape)
    shares = [share.reshape(layer.input_shape) for share in (pixels.client, pixels.server)]
    client = COEFFICIENTS.client(ring, source)
    server = COEFFICIENTS.server(COEFFICIENTS.keys(client), ring, source)
    mask = uniform(source, ring, layer.output_shape)
    up = list(COEFFICIENTS.encrypt(client, layer, shares[0]))
    down = list(COEFFICIENTS.prepare(layer, kernel, ring).apply(server, mask, iter(up)))
    return Shared(
        ring,
        COEFFICIENTS.decrypt(client, layer, iter(down)).reshape(outputs),
        ring.add(clear(layer, kernel, shares[1], ring), mask).reshape(outputs),
        sum(map(len, up + down)),
    )


def rectified(numbers: Shared) -> Shared:
    """Shares of max(x, 0) from shares of x, by a garbled circuit for each number.

    The client's labels come from an oblivious transfer; here they are handed over.
    """
    ring, source, count = numbers.ring, SystemRandomness(), len(numbers.client)
    function, offset = relu(ring), draw_offset(source)
    circuit = function.circuit
    garbler = Garbler(function, count, offset, source, NumpyEngine)
    zero = source.bytes(LABEL * count * circuit.evaluator).view(np.uint64)
    zero = zero.reshape(count, circuit.evaluator, 2)
    tables = garbler.garble(zero)
    mask = uniform(source, ring, (count,))
    bits = function.evaluator_bits(numbers.client)
    transferred = np.where(bits[..., None], zero ^ offset, zero)
    evaluator = Evaluator(function, count, garbler.nonce, NumpyEngine)
    labels = garbler.encode(function.garbler_bits(numbers.server))
    shares = evaluator.evaluate(labels, transferred, tables)
    answer = ring.packed(ring.subtract(shares, mask))
    found = garbler.close(ring.unpacked(answer))
    return Shared(ring, mask, found, tables.nbytes + labels.nbytes + answer.nbytes)


def relu_gates(ring: Ring, cut: int = 0, matter: int | None = None) -> tuple[int, int]:
    """AND gates of one ReLU, and the bytes of its garbled tables. cut: low bits that each party
    drops of its share. matter: bits that are left of the number with its sign, else all of them."""
    bits = None if matter is None else cut + matter
    function = relu(ring, cut, bits=bits, exact=False)
    return function.circuit.and_gates, table_bytes(function)
