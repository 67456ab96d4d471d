"""The server: it has a trained net, and learns nothing of the images that it classifies."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from math import prod

import numpy as np

from deepreshape.design.ops import IMAGE
from deepreshape.private import packings
from deepreshape.private.garbled.garbling import Garbler, table_bytes
from deepreshape.private.garbled.half_gates import Labels, draw_offset
from deepreshape.private.garbled.transfer import POINT, Sender, message_bytes
from deepreshape.private.homomorphic.layers import FLOODING, PreparedLayer, clear
from deepreshape.private.program import public
from deepreshape.private.program.steps import Nonlinear, Program, Step, Weights, rounding, walk
from deepreshape.private.protocol import (
    Instances,
    Kind,
    Room,
    batches,
    instances,
    joint_steps,
    linear_steps,
    place,
)
from deepreshape.private.randomness import Randomness, uniform
from deepreshape.private.rings import Words
from deepreshape.private.squares import Multiplier
from deepreshape.private.stopwatch import Stopwatch
from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.handshake import handshake
from deepreshape.private.wire.pipe import PeerGone

KEYS = 1 << 27
"""Bytes that a client's keys may have."""


@dataclass(frozen=True, eq=False, slots=True)
class Service:
    """A program with its weights, ready for any number of sessions."""

    program: Program
    weights: Weights
    packing: str
    prepared: Mapping[str, PreparedLayer]


def service(program: Program, weights: Weights, packing: str, allowance: int) -> Service:
    """Make a program ready. allowance: bytes of weight plaintexts that are made now and kept; what
    goes beyond is made again for every image.

    Raises ValueError where a layer's weights are too large for its noise to be hidden.
    """
    pack, ring = packings.packing(packing), program.ring
    layers = {step.name: step.layer for step in linear_steps(program)}
    products = {
        name: pack.operations(layer, ring).multiplications for name, layer in layers.items()
    }
    each = allowance // max(1, sum(products.values()))
    prepared = {
        name: pack.prepare(layer, weights[name].weights, ring, each * products[name])
        for name, layer in layers.items()
    }
    for name, layer in prepared.items():
        if layer.flooding_bits < FLOODING:
            raise ValueError(
                f"{name}: its answers are flooded with {layer.flooding_bits:.1f} bits,"
                f" of {FLOODING} at least: take fewer bits for weights"
            )
    for layer in prepared.values():
        layer.make()
    return Service(program, weights, packing, prepared)


@dataclass(frozen=True, eq=False, slots=True)
class _Offline:
    """What the server keeps of the offline phase of one image."""

    masks: dict[str, Words]
    garbled: dict[str, list[tuple[Instances, Garbler]]]
    squares: dict[str, Multiplier]


class Session:
    """A session with one client, over a connected channel that stays the caller's to close.

    Raises WireError, CiphertextError, TransferError or ValueError where the client's bytes are not
    those of the protocol.
    """

    def __init__(self, channel: Channel, service: Service, source: Randomness) -> None:
        self._channel, self._service, self._source = channel, service, source
        self.watch = Stopwatch(channel)
        self._room, self._labels = Room(), Room()
        self._packing = packings.packing(service.packing)
        handshake(channel, "server", {"packing": service.packing})
        with channel.account("setup", "program"):
            channel.send(Kind.PROGRAM, public.dump(service.program))
        with self.watch.at("setup", "keys", "HE"):
            keys = channel.receive(Kind.KEYS, at_most=KEYS)
            self._evaluator = self._packing.server(bytes(keys), service.program.ring, source)
        with self.watch.at("setup", "transfer", "OT"):
            self._offset = draw_offset(source)
            self._sender = Sender(self._offset, source)
            start = channel.receive(Kind.TRANSFER, exactly=POINT)
            channel.send(Kind.TRANSFER, self._sender.answer(start))

    def serve(
        self, idle: float, between: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        """Classify images until the client goes, or asks for none in `idle` seconds.

        between: what the wait for each is done within.
        """
        while True:
            try:
                with between():
                    self._channel.receive(Kind.NEXT, exactly=0, limit=idle)
            except PeerGone:
                return
            self._online(self._offline())

    def _offline(self) -> _Offline:
        masks = {step.name: self._linear(step) for step in linear_steps(self._service.program)}
        found = _Offline(masks, {}, {})
        for step in joint_steps(self._service.program):
            if isinstance(step.op, Nonlinear):
                found.garbled[step.name] = self._garbled(step)
            else:
                found.squares[step.name] = self._multiplier(step)
        return found

    def _linear(self, step: Step) -> Words:
        """Answer the encrypted share of a linear step's input; returns the server's mask."""
        ring = self._service.program.ring
        count = self._packing.operations(step.layer, ring).up
        with self.watch.at("offline", step.name, "HE"):
            mask = uniform(self._source, ring, step.shape)
            most = self._evaluator.context.up_bytes
            inputs = map(bytes, self._channel.receive_many(Kind.INPUT, count, at_most=most))
            made = self._service.prepared[step.name]
            for answer in made.apply(self._evaluator, mask, inputs):
                self._channel.send(Kind.ANSWER, answer)
        return mask

    def _garbled(self, step: Step) -> list[tuple[Instances, Garbler]]:
        """Garble a nonlinear step, with the client's labels from the transfers."""
        found = []
        for part in instances(step, self._service.program.ring):
            circuit = part.function.circuit
            garbler = Garbler(circuit, part.elements.size, self._offset, self._source)
            with self.watch.at("offline", step.name, "GC"):
                self._channel.send(Kind.NONCE, garbler.nonce)
            for batch in batches(part.elements.size):
                labels = self._transferred(step, batch, circuit.evaluator)
                with self.watch.at("offline", step.name, "GC"):
                    tables = self._room.octets(len(labels) * table_bytes(circuit))
                    self._channel.send(Kind.TABLES, garbler.garble(labels, tables))
            found.append((part, garbler))
        return found

    def _multiplier(self, step: Step) -> Multiplier:
        """Prepare the products of a square, with the client's labels from the transfers."""
        ring, count = self._service.program.ring, prod(step.shape)
        found = Multiplier(ring, count, self._source)
        with self.watch.at("offline", step.name, "clear"):
            self._channel.send(Kind.NONCE, found.nonce)
        for batch in batches(count):
            labels = self._transferred(step, batch, ring.bits)
            with self.watch.at("offline", step.name, "OT"):
                self._channel.send(Kind.PRODUCTS, found.offer(batch, labels, self._offset))
        return found

    def _transferred(self, step: Step, batch: slice, bits: int) -> Labels:
        """The zero labels of so many of the client's bits for each element of a batch."""
        elements = batch.stop - batch.start
        with self.watch.at("offline", step.name, "OT"):
            message = self._room.octets(message_bytes(elements * bits))
            self._channel.receive_into(Kind.CHOICES, message)
            labels = self._labels.labels(elements, bits)
            self._sender.extend(message, elements * bits, labels.reshape(-1, 2))
        return labels

    def _online(self, offline: _Offline) -> None:
        program, ring = self._service.program, self._service.program.ring

        def linear(step: Step, share: Words) -> Words:
            with self.watch.at("online", step.name, "clear"):
                mine = self._service.weights[step.name]
                product = clear(step.layer, mine.weights, share, ring)
                found = ring.add(product, offline.masks[step.name])
                return ring.add(found, ring.residues(mine.bias).reshape(-1, 1, 1))

        def nonlinear(step: Step, op: Nonlinear, share: Words) -> Words:
            half = np.full(1, rounding(op.shift), np.uint64)
            with self.watch.at("online", step.name, "GC"):
                for part, garbler in offline.garbled.pop(step.name):
                    mine = ring.add(share.reshape(-1)[part.elements], half)
                    share = place(share, part, self._exchanged(part, garbler, mine))
            return share

        def square(step: Step, share: Words) -> Words:
            with self.watch.at("online", step.name, "clear"):
                made, mine = offline.squares.pop(step.name), share.reshape(-1)
                self._channel.send(Kind.DIFFERENCES, made.open(mine).tobytes())
                answer = self._channel.receive(Kind.SQUARES, exactly=8 * mine.size)
                return made.close(mine, public.residues(answer, ring)).reshape(share.shape)

        with self.watch.at("online", IMAGE, "clear"):
            size = 8 * int(np.prod(program.image))
            image = public.residues(self._channel.receive(Kind.IMAGE, exactly=size), ring)
        logits = walk(program, image.reshape(program.image), linear, nonlinear, square, ring)
        with self.watch.at("online", program.steps[-1].name, "clear"):
            self._channel.send(Kind.LOGITS, logits.tobytes())

    def _exchanged(self, part: Instances, garbler: Garbler, share: Words) -> Words:
        """Send the labels of the share's bits, and decode what comes back: the new share."""
        bits = part.function.garbler_bits(share)
        outputs = -(-len(part.function.circuit.outputs) // 8)
        for batch in batches(part.elements.size):
            labels = self._labels.labels(*bits[batch].shape)
            self._channel.send(Kind.LABELS, garbler.encode(bits[batch], labels))
        found = []
        for batch in batches(part.elements.size):
            size = (batch.stop - batch.start) * outputs
            colours = self._channel.receive(Kind.COLOURS, exactly=size)
            found.append(part.function.result(garbler.decode(colours)))
        return np.concatenate(found)
