"""The server: it has a trained net, and learns nothing of the images that it classifies."""

from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np

from deepreshape.private import packings
from deepreshape.private.garbled.base_transfers import POINT
from deepreshape.private.garbled.three_halves import Labels, draw_offset
from deepreshape.private.garbled.transfer import TREES, Sender, message_bytes
from deepreshape.private.homomorphic.flooding import PRIVACY
from deepreshape.private.homomorphic.layers import PreparedLayer, clear, privacy
from deepreshape.private.joint import Part, ServerEnd, parts
from deepreshape.private.program import public
from deepreshape.private.program.steps import Program, Step, Weights, walk
from deepreshape.private.protocol import (
    Kind,
    Room,
    batches,
    joint_steps,
    linear_steps,
)
from deepreshape.private.randomness import Randomness, uniform
from deepreshape.private.rings import Words
from deepreshape.private.stopwatch import Stopwatch
from deepreshape.private.terms import PREPARED
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
    if (bits := privacy(prepared.values())) < PRIVACY:
        worst = min(prepared, key=lambda name: prepared[name].privacy)
        raise ValueError(
            f"an image's answers have {bits:.1f} bits of circuit privacy, of {PRIVACY} at least;"
            f" {worst} tells the most: take fewer bits for weights"
        )
    for layer in prepared.values():
        layer.make()
    return Service(program, weights, packing, prepared)


@dataclass(frozen=True, eq=False, slots=True)
class _Offline:
    """What the server keeps of the offline phase of one image."""

    masks: dict[str, Words]
    ends: dict[str, list[tuple[Part, ServerEnd]]]


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
            self._sender.finish(channel.receive(Kind.TRANSFER, exactly=TREES))

    def serve(
        self,
        idle: float,
        between: Callable[[int], AbstractContextManager[object]] = nullcontext,
        charge: Callable[[], None] = lambda: None,
    ) -> None:
        """Classify images until the client goes, or asks for none in `idle` seconds.

        The client may have some prepared ahead; they are used in order, each once. between: what
        the wait for what it asks next is done within, made of how many are prepared. charge: called
        for each before anything is computed for it; what it raises ends the session.
        """
        prepared: deque[_Offline] = deque()
        image = self._service.program.image_bytes
        while True:
            allowed: dict[int, int] = {Kind.NEXT: 0} if len(prepared) < PREPARED else {}
            if prepared:
                allowed[Kind.IMAGE] = image
            try:
                with between(len(prepared)):
                    kind, payload = self._channel.receive_either(allowed, limit=idle)
            except PeerGone:
                return
            if kind == Kind.NEXT:
                charge()
                prepared.append(self._offline())
            else:
                self._online(prepared.popleft(), payload)

    def _offline(self) -> _Offline:
        program = self._service.program
        masks = {step.name: self._linear(step) for step in linear_steps(program)}
        return _Offline(masks, {step.name: self._ends(step) for step in joint_steps(program)})

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

    def _ends(self, step: Step) -> list[tuple[Part, ServerEnd]]:
        """Prepare the parts of a step, with the client's labels from the transfers."""
        found = []
        for part in parts(step, self._service.program):
            end = part.server(self._source, self._offset, self._room)
            self._channel.send(Kind.NONCE, end.nonce)
            for batch in batches(part.elements.size):
                labels = self._transferred(step, batch, end.bits)
                with self.watch.at("offline", step.name, part.work("OT")):
                    message = end.prepare(batch, labels, self._offset)
                    self._channel.send(end.kinds[0], message)
            found.append((part, end))
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

    def _online(self, offline: _Offline, image: bytearray) -> None:
        program, ring = self._service.program, self._service.program.ring

        def linear(step: Step, share: Words) -> Words:
            with self.watch.at("online", step.name, "clear"):
                mine = self._service.weights[step.name]
                product = clear(step.layer, mine.weights, share, ring)
                found = ring.add(product, offline.masks.pop(step.name))
                return ring.add(found, ring.residues(mine.bias).reshape(-1, 1, 1))

        def joint(step: Step, share: Words) -> Words:
            return self._met(step, offline.ends.pop(step.name), share)

        start = ring.unpacked(image).reshape(program.image)
        logits = walk(program, start, linear, joint, ring)
        with self.watch.at("online", program.steps[-1].name, "clear"):
            self._channel.send(Kind.LOGITS, ring.packed(logits))

    def _met(self, step: Step, ends: list[tuple[Part, ServerEnd]], share: Words) -> Words:
        """Open every part of a step, and close each with the client's answer: the new share."""
        ring, old = self._service.program.ring, share.reshape(-1)
        new = old.copy() if share.shape == step.shape else np.empty(step.shape, np.uint64)
        for part, end in ends:
            with self.watch.at("online", step.name, part.work()):
                for batch in batches(part.elements.size):
                    self._channel.send(end.kinds[1], end.open(batch, old[part.taken(batch)]))
        for part, end in ends:
            with self.watch.at("online", step.name, part.work()):
                for batch in batches(part.elements.size):
                    elements = part.elements[batch]
                    answer = self._channel.receive(Kind.SHARES, exactly=elements.size * ring.octets)
                    closed = end.close(batch, old[part.taken(batch)], ring.unpacked(answer))
                    new.reshape(-1)[elements] = closed
        return new.reshape(step.shape)
