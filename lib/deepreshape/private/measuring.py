"""Times of homomorphic layers, garbled elements and whole inferences on this machine.

Both ends of a layer and of an element run in this process, one after the other on one thread: so
nothing waits and no byte travels. What is timed is checked: an answer against the layer in the
clear, an element against its function, logits against the reference.
"""

from collections.abc import Callable, Mapping
from statistics import median
from time import perf_counter

import numpy as np

from deepreshape.design import AnyNetwork
from deepreshape.private import packings
from deepreshape.private.garbled import circuits
from deepreshape.private.garbled.kept import Kept
from deepreshape.private.garbled.three_halves import CHUNK, draw_offset
from deepreshape.private.garbled.transfer import Receiver, Sender, message_bytes
from deepreshape.private.homomorphic.layers import Convolution, PreparedLayer, clear
from deepreshape.private.joint import Part
from deepreshape.private.latency import Operations
from deepreshape.private.measured import Element, ElementCost, LayerCost, Shape, WholeCost
from deepreshape.private.program import reference
from deepreshape.private.program.drawn import drawn_masks, random_model
from deepreshape.private.protocol import Room
from deepreshape.private.randomness import SystemRandomness, uniform
from deepreshape.private.rings import Integers
from deepreshape.private.sessions import both, over
from deepreshape.private.stopwatch import Spent

WEIGHT = 255
"""The largest weight that is drawn; of the same size as those of a program."""
SHIFT, BITS, TOP = 12, 18, 13
"""Of an element that is timed: bits that it is shifted by, bits that are left of it with its sign,
and those of the most that a ReLU gives."""
LONG = 1.0
"""Seconds from which on one round is enough: its noise is averaged over many operations."""
SEEN = 16
"""Images of noise on which a whole network's ranges are measured."""
ROOM = 8 << 30
"""Bytes of plaintexts that may be made ahead."""


class Bench:
    """A client and a server of one packing, to time layers with.

    limit: operations of a layer that are run, as seconds of the latency model (`Operations`); of a
    heavier layer a part may be (`Packing.lighter`).
    """

    def __init__(self, packing: str, limit: float) -> None:
        self._source = SystemRandomness()
        self._name, self._limit = packing, limit
        self._packing = packings.packing(packing)
        self._ring = self._packing.ring
        self._client = self._packing.client(self._ring, self._source)
        keys = self._packing.keys(self._client)
        self._server = self._packing.server(keys, self._ring, self._source)

    def layer(self, shape: Shape, rounds: int = 3) -> LayerCost:
        """The cost of a layer with weights none of which is zero."""
        whole = layer_of(shape)
        part = self._packing.lighter(whole, self._limit)
        all_of, ran = self._operations(whole), self._operations(part)
        weights = np.random.default_rng(0).integers(1, WEIGHT + 1, part.weight_shape)
        prepared = self._packing.prepare(part, weights, self._ring, ROOM)
        ready = _seconds(prepared.make)
        times = [self._round(part, weights, prepared)]
        while len(times) < rounds and times[0][1] < LONG:
            times.append(self._round(part, weights, prepared))
        encrypt, server, decrypt = (median(column) for column in zip(*times, strict=True))
        context = self._client.context
        grown = all_of.seconds / ran.seconds
        return LayerCost(
            ready_s=ready * all_of.multiplications / ran.multiplications,
            server_s=server * grown,
            client_s=encrypt * all_of.up / ran.up + decrypt * all_of.down / ran.down,
            up_bytes=all_of.up * context.up_bytes,
            down_bytes=sum(self._packing.answer_bytes(whole, self._ring)),
            share=1 / grown,
        )

    def _operations(self, layer: Convolution) -> Operations:
        return self._packing.operations(layer, self._ring)

    def _round(
        self, layer: Convolution, weights: Integers, prepared: PreparedLayer
    ) -> tuple[float, float, float]:
        """Seconds to encrypt, to answer, and to decrypt. Raises ArithmeticError for a wrong one."""
        share = uniform(self._source, self._ring, layer.input_shape)
        mask = uniform(self._source, self._ring, layer.output_shape)
        start = perf_counter()
        sent = list(self._packing.encrypt(self._client, layer, share))
        encrypted = perf_counter()
        answers = list(prepared.apply(self._server, mask, iter(sent)))
        answered = perf_counter()
        found = self._packing.decrypt(self._client, layer, iter(answers))
        decrypted = perf_counter()
        expected = clear(layer, weights, share, self._ring)
        if not np.array_equal(self._ring.add(found, mask), expected):
            raise ArithmeticError(f"{layer} came out wrong under {self._name}")
        return encrypted - start, answered - encrypted, decrypted - answered


def layer_of(shape: Shape) -> Convolution:
    """The layer of a shape."""
    return Convolution(
        shape.inputs, shape.outputs, shape.side or 1, shape.kernel, shape.stride, shape.groups
    )


def element(which: Element, count: int = 5 * CHUNK, rounds: int = 5) -> ElementCost:
    """The cost of an element, from so many at a time, each through one chunk of memory."""
    part = _part(which)
    relu = which.function == "relu"
    times = [_chunks(part, relu, count) for _ in range(rounds + 1)][1:]
    garble, evaluate, transfer = (median(column) / count for column in zip(*times, strict=True))
    offline, online = sent(part)
    return ElementCost(
        garble_s=garble,
        evaluate_s=evaluate,
        transfer_s=transfer,
        offline_bytes=offline,
        online_bytes=online,
    )


def sent(part: Part) -> tuple[int, int]:
    """Bytes of an element offline and online, both ways, of a part that fills a chunk."""
    end = part.client(np.zeros(CHUNK, np.uint64), Kept(0))
    offline = end.prepared_bytes(CHUNK) + message_bytes(CHUNK * end.bits)
    online = end.opened_bytes(CHUNK) + CHUNK * part.ring.octets
    return offline // CHUNK, online // CHUNK


def _part(which: Element) -> Part:
    """A chunk of elements of a typical step: of as many bits and with such a top as it has where a
    program is shared over the packing's ring."""
    ring = packings.packing(which.packing).ring
    elements = np.arange(CHUNK)
    if which.function == "relu":
        exact = not ring.binary
        return Part(ring, elements, circuits.relu(ring, SHIFT, TOP, SHIFT + BITS, exact))
    if ring.binary:
        return Part(ring, elements, shift=SHIFT)
    return Part(ring, elements, circuits.truncate(ring, SHIFT))


def _chunks(part: Part, relu: bool, count: int) -> tuple[float, float, float]:
    """Seconds to prepare, to answer and to transfer. Raises ArithmeticError for a wrong result."""
    source, ring, room = SystemRandomness(), part.ring, Room()
    offset = draw_offset(source)
    receiver, sender = Receiver(source), Sender(offset, source)
    sender.finish(receiver.finish(sender.answer(receiver.start())))
    least, most = -(1 << SHIFT + BITS - 2), 1 << SHIFT + BITS - 2
    chunk, choices = slice(0, CHUNK), np.random.default_rng(0)
    prepare = answer = transfer = 0.0
    for _ in range(0, count, CHUNK):
        numbers = choices.integers(least, most, CHUNK)
        client, mask = uniform(source, ring, (2, CHUNK))
        server = ring.subtract(ring.residues(numbers), client)
        one, other = part.server(source, offset, room), part.client(client, Kept(1 << 30))
        other.nonce = one.nonce
        start = perf_counter()
        bits = other.choices(chunk).reshape(-1)
        message, theirs = receiver.extend(bits)
        zeros = sender.extend(message, bits.size)
        shape = CHUNK, -1, 2
        transferred = perf_counter()
        prepared = one.prepare(chunk, zeros.reshape(shape), offset)
        other.take(chunk, theirs.reshape(shape), prepared)
        ready = perf_counter()
        shares = ring.subtract(other.answer(chunk, one.open(chunk, server)), mask)
        found = ring.add(one.close(chunk, server, shares), mask)
        answered = perf_counter()
        exact = numbers / 2.0**SHIFT
        if relu:
            exact = np.clip(exact, 0, 1 << TOP)
        if np.abs(ring.signed(found) - exact).max() > 1:
            raise ArithmeticError(f"an element modulo {ring.modulus} came out wrong")
        transfer += transferred - start
        prepare += ready - transferred
        answer += answered - ready
    return prepare, answer, transfer


def whole(network: AnyNetwork, packing: str, relus: int = 0, images: int = 1) -> WholeCost:
    """A network with weights at random, classifying images between two processes on this machine.

    relus: how many of its own are left, at random places; 0 for all. Raises ArithmeticError where
    logits are not those of the reference, ValueError for more ReLUs than there are.
    """
    choices = np.random.default_rng(0)
    model = random_model(network, choices, SEEN, drawn_masks(network, relus, choices))
    side, channels = network.resolution, model.program.image[0]
    pixels = choices.integers(0, 256, (images, side, side, channels), np.uint8)
    found = both(model, packing, lambda program: list(pixels))
    program = over(model, packing)
    for image, each in zip(pixels, found.outcome.images, strict=True):
        if not np.array_equal(
            reference.logits(program, model.weights, image, each.lows), each.logits
        ):
            raise ArithmeticError(f"{network} came out wrong under {packing}")

    def spent(by: Mapping[Spent, float], *works: str) -> float:
        return sum(s for at, s in by.items() if at.work in works and at.phase != "setup") / images

    total = found.outcome.traffic.total()
    return WholeCost(
        he_s=spent(found.server, "HE"),
        he_client_s=spent(found.outcome.client, "HE"),
        gc_s=sum(spent(by, "GC", "OT") for by in (found.server, found.outcome.client)),
        ready_s=found.ready,
        offline_s=median(each.offline for each in found.outcome.images),
        online_s=median(each.online for each in found.outcome.images),
        bytes=round((total.sent + total.received) / images),
        images=images,
        client_peak=found.peaks[0],
        server_peak=found.peaks[1],
    )


def _seconds(do: Callable[[], object]) -> float:
    start = perf_counter()
    do()
    return perf_counter() - start
