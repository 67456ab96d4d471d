"""Delphi's packing: maps in the slots of ciphertexts, sums by rotation.

A ciphertext has two rows of N / 2 slots, which rotate separately and can be swapped. The client
encrypts all shifts of its input by the taps of a kernel, so the server rotates sums alone; it
multiplies by plaintexts in coefficient form, and has Galois keys for powers of two, so a rotation
by j blocks costs as many key switches as the non-adjacent form of j has digits (Mishra et al. 2020,
after Juvekar et al. 2018). What is multiplied and rotated is what `latency` counts: this is the
protocol whose latency the paper reports, not the best that slots allow.
"""

import struct
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

import numpy as np
import seal

from deepreshape.private.homomorphic import flooding
from deepreshape.private.homomorphic.ciphertexts import Client, Server
from deepreshape.private.homomorphic.contexts import CiphertextError, Context, Parameters, context
from deepreshape.private.homomorphic.layers import (
    Convolution,
    Packing,
    PreparedLayer,
    checked,
    checked_words,
    next_ciphertext,
)
from deepreshape.private.homomorphic.slot_layout import (
    DEGREE,
    ROW,
    MapLayout,
    Turn,
    VectorLayout,
    layout,
)
from deepreshape.private.latency import Operations, convolution, fully_connected
from deepreshape.private.randomness import Randomness, uniform
from deepreshape.private.rings import PRIME, Integers, Ring, Words

_GALOIS_HEAD = 56
"""Bytes that SEAL saves before the index of its keys, whose length is the last 8."""


class Diagonals(PreparedLayer):
    """A layer's weights as plaintexts of slots.

    A key is a block of inputs, a tap, a ciphertext of outputs, which of its turns, and a diagonal.
    """

    def __init__(
        self, layer: Convolution, weights: Integers, ring: Ring, allowance: int = 0
    ) -> None:
        super().__init__(layer, context(SLOTS.parameters(ring)), allowance, 8 * DEGREE)
        self.layout = layout(layer)
        self._weights = ring.signed(ring.residues(checked(layer, weights)))

    @property
    def squares(self) -> float:
        """Slots become coefficients of up to half the ring's modulus, whatever the weights, and all
        are sent. The key switches' noise, which no weight multiplies, is estimated not to double
        it."""
        weights = self._terms * DEGREE * (self.context.ring.modulus / 2) ** 2
        return self.layout.outputs * DEGREE * 2 * flooding.mean_square(weights, DEGREE)

    @property
    def largest_noise(self) -> int:
        weights = self._terms * DEGREE * self.context.ring.modulus / 2
        return 2 * flooding.largest(weights, DEGREE)

    @property
    def _terms(self) -> int:
        """Products that a ciphertext of outputs sums."""
        turns = self.layout.turns(0)
        terms = sum(turn.diagonals * (1 << len(turn.folds) + turn.both) for turn in turns)
        return terms * self.layout.inputs * self.layout.taps

    def apply(self, server: Server, mask: Words, ciphertexts: Iterator[bytes]) -> Iterator[bytes]:
        found, evaluator = self.layout, server.context.evaluator
        flat = checked_words(mask, self.layer.output_shape).ravel()
        totals: dict[int, seal.Ciphertext] = {}
        for block in range(found.inputs):
            taps = [server.read(next_ciphertext(ciphertexts)) for _ in range(found.taps)]
            for tap in taps:
                evaluator.transform_from_ntt_inplace(tap)
            for output in range(found.outputs):
                for total in self._sums(server, taps, block, output):
                    totals[output] = server.add(totals.get(output), total)
        for output in range(found.outputs):
            places, positions = found.places(output)
            slots = uniform(server.source, server.context.ring, (DEGREE,))
            slots[places] = flat[positions]
            total = totals.pop(output, None)
            if total is not None:
                if isinstance(found, VectorLayout):
                    total = _turned(server, total, found.turns(output)[0], found.block)
                evaluator.transform_to_ntt_inplace(total)
            yield server.answer(total, server.context.encoder.encode(slots))

    def _sums(
        self, server: Server, taps: list[seal.Ciphertext], block: int, output: int
    ) -> Iterator[seal.Ciphertext]:
        """What one block of inputs adds to a ciphertext of outputs, one sum for each turn.

        Maps are folded here, block by block, as Delphi does; vectors once, when all is added.
        """
        found = self.layout
        for number, turn in enumerate(found.turns(output)):
            total = None
            for diagonal in range(turn.diagonals):
                partial = None
                for tap, ciphertext in enumerate(taps):
                    plain = self.get(block, tap, output, number, diagonal)
                    if plain is not None:
                        partial = server.add_product(partial, ciphertext, plain)
                if partial is not None:
                    total = server.add(total, _rotated(server, partial, diagonal, found.block))
            if total is not None:
                early = isinstance(found, MapLayout)
                yield _turned(server, total, turn, found.block) if early else total

    def _keys(self) -> Iterator[tuple[int, ...]]:
        found = self.layout
        for block, output in product(range(found.inputs), range(found.outputs)):
            for number, turn in enumerate(found.turns(output)):
                for diagonal, tap in product(range(turn.diagonals), range(found.taps)):
                    yield block, tap, output, number, diagonal

    def _made(self, key: tuple[int, ...]) -> seal.Plaintext | None:
        block, tap, output, number, diagonal = key
        turn = self.layout.turns(output)[number]
        values = self.layout.slots(self._weights, block, tap, output, turn, diagonal)
        if not values.any():
            return None
        return self.context.encoder.encode(self.context.ring.residues(values))


class Slots(Packing):
    """Delphi's."""

    ring = PRIME

    def parameters(self, ring: Ring) -> Parameters:
        """The 218 bits of modulus that SEAL proposes for degree 8192; the ring must be prime and 1
        modulo 16384."""
        return Parameters(ring, DEGREE, (43, 43, 44, 44, 44), 2, switching=True)

    def keys(self, client: Client) -> bytes:
        """The public key and the Galois keys of all powers of two."""
        return super().keys(client) + client.galois()

    def server(self, keys: bytes, ring: Ring, source: Randomness) -> Server:
        chosen = context(self.parameters(ring))
        galois = _galois(chosen, keys[chosen.up_bytes :])
        return Server(chosen, keys[: chosen.up_bytes], source, galois)

    def operations(self, layer: Convolution, ring: Ring) -> Operations:
        found = layout(layer)
        if isinstance(found, VectorLayout):
            return fully_connected(layer.inputs, layer.outputs)
        return convolution(found.side, layer.inputs, layer.outputs, layer.kernel)

    def lighter(self, layer: Convolution, limit: float) -> Convolution:
        """Every pair of a ciphertext of inputs and one of outputs takes the same. So whole
        ciphertexts are taken, of both about as many, and the rest follows in proportion."""
        found, part = layout(layer), layer
        if not isinstance(found, MapLayout):
            return layer
        inputs, outputs, each = found.inputs, found.outputs, 2 * found.channels
        while self.operations(part, self.ring).seconds > limit and inputs * outputs > 1:
            if inputs >= outputs:
                inputs -= 1
            else:
                outputs -= 1
            part = replace(
                layer,
                inputs=min(layer.inputs, inputs * each),
                outputs=min(layer.outputs, outputs * each),
            )
        return part

    def prepare(
        self, layer: Convolution, weights: Integers, ring: Ring, allowance: int = 0
    ) -> Diagonals:
        made = Diagonals(layer, weights, ring, allowance)
        made.require_room()
        return made

    def encrypt(self, client: Client, layer: Convolution, share: Words) -> Iterator[bytes]:
        encoder = client.context.encoder
        polynomials = layout(layer).polynomials(checked_words(share, layer.input_shape))
        return client.encrypt(
            client.context.coefficients(encoder.encode(slots)) for slots in polynomials
        )

    def decrypt(self, client: Client, layer: Convolution, answers: Iterator[bytes]) -> Words:
        found, result = layout(layer), np.empty(layer.output_shape, np.uint64)
        flat = result.reshape(-1)
        for output in range(found.outputs):
            places, positions = found.places(output)
            plain = client.context.plain(client.decrypt(next_ciphertext(answers)))
            flat[positions] = client.context.encoder.decode_uint64(plain)[places]
        return result


SLOTS = Slots()


def galois_bytes(context: Context) -> int:
    """Bytes of the Galois keys on the wire, as SEAL saves them: 24 keys and the index over them."""
    return _GALOIS_HEAD + 8 * context.degree + 24 * _key_bytes(context)


def _key_bytes(context: Context) -> int:
    """A key is a ciphertext over all primes, for each prime but the last."""
    primes = len(context.primes)
    return primes * (113 + 16 * (primes + 1) * context.degree)


def _galois(context: Context, data: bytes) -> seal.GaloisKeys:
    """Galois keys for all powers of two; CiphertextError for bytes that are none."""
    if len(data) != galois_bytes(context):
        raise CiphertextError(
            f"Galois keys of {len(data)} bytes instead of {galois_bytes(context)}"
        )
    if not _well_indexed(context, data):
        raise CiphertextError("Galois keys whose index makes no sense")
    try:
        keys = context.seal.from_galois_str(data)
        steps = [1 << i for i in range(ROW.bit_length() - 1)]
        needed = {pow(3, sign * step, 2 * DEGREE) for step in steps for sign in (1, -1)}
        complete = all(keys.has_key(element) for element in needed | {2 * DEGREE - 1})
    except (RuntimeError, ValueError, IndexError, TypeError, MemoryError) as error:
        raise CiphertextError(f"bytes that are no Galois keys: {error}") from None
    if not complete:
        raise CiphertextError("Galois keys that lack a power of two")
    return keys


def _well_indexed(context: Context, data: bytes) -> bool:
    """Whether the index counts what is there: SEAL makes room for whatever it says."""
    offset = _GALOIS_HEAD
    if data[offset - 8 : offset] != struct.pack("<Q", context.degree):
        return False
    for _ in range(context.degree):
        count = data[offset : offset + 8]
        offset += 8
        if count == struct.pack("<Q", len(context.primes)):
            offset += _key_bytes(context)
        elif count != bytes(8):
            return False
    return offset == len(data)


def _rotated(
    server: Server, ciphertext: seal.Ciphertext, blocks: int, block: int
) -> seal.Ciphertext:
    """Slots moved by so many blocks of so many slots, in each row.

    A digit of the non-adjacent form that is a full turn counts, though SEAL leaves it out.
    """
    if blocks == 0:
        return ciphertext
    server.key_switches += (blocks ^ 3 * blocks).bit_count()
    return server.context.evaluator.rotate_rows(ciphertext, -blocks * block, server.galois)


def _swapped(server: Server, ciphertext: seal.Ciphertext) -> seal.Ciphertext:
    """The two rows exchanged."""
    server.key_switches += 1
    return server.context.evaluator.rotate_columns(ciphertext, server.galois)


def _turned(server: Server, total: seal.Ciphertext, turn: Turn, block: int) -> seal.Ciphertext:
    """A sum of diagonals, folded and swapped."""
    for distance in turn.folds:
        total = server.add(total, _rotated(server, total, distance, block))
    if turn.both:
        total = server.add(total, _swapped(server, total))
    return _swapped(server, total) if turn.crossed else total
