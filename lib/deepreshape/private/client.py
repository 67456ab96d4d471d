"""The client: it has an image, and learns its logits and nothing else."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod

import numpy as np
import numpy.typing as npt

from deepreshape.design.ops import IMAGE
from deepreshape.private.garbled.garbling import Evaluator, Reused
from deepreshape.private.garbled.gates import Bits
from deepreshape.private.garbled.half_gates import Labels
from deepreshape.private.garbled.received import Received
from deepreshape.private.garbled.transfer import COLUMNS, POINT, Receiver, message_bytes
from deepreshape.private.packings import PACKINGS, packing
from deepreshape.private.program import public
from deepreshape.private.program.steps import Linear, Nonlinear, Square, Step, local
from deepreshape.private.protocol import (
    AHEAD,
    ANSWERS,
    Instances,
    Kind,
    Room,
    batches,
    instances,
    joint_steps,
    offline_order,
    place,
)
from deepreshape.private.randomness import SEED, Randomness, uniform
from deepreshape.private.rings import Integers, Words
from deepreshape.private.squares import Multiplicand
from deepreshape.private.stopwatch import Stopwatch
from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.handshake import Parameter, handshake

IN_MEMORY = 1 << 28
"""Bytes of an image's garbled circuits that are kept in memory; more lie in temporary files."""


@dataclass(frozen=True, eq=False, slots=True)
class Preparation:
    """What the client keeps of the offline phase of one image: its shares of the image and of the
    logits, the garbled parts of every nonlinear step, and the products of every square."""

    image: Words
    logits: Words
    garbled: Mapping[str, list[tuple[Instances, Evaluator]]]
    squares: Mapping[str, Multiplicand]


class Client:
    """A session with a server, over a connected channel that stays the caller's to close.

    Making one agrees on the program and exchanges keys. waits: called where the server has no place
    at once. Raises WireError, CiphertextError, TransferError or ValueError where the server's bytes
    are not those of the protocol.
    """

    def __init__(
        self, channel: Channel, source: Randomness, waits: Callable[[], None] | None = None
    ) -> None:
        self._channel, self._source = channel, source
        self.watch = Stopwatch(channel)
        asked: dict[str, Parameter] = {"packing": None}
        name = handshake(channel, "client", asked, waits=waits)["packing"]
        with channel.account("setup", "program"):
            self.program = public.parse(bytes(channel.receive(Kind.PROGRAM, at_most=public.MOST)))
        if not isinstance(name, str) or name not in PACKINGS:
            raise ValueError("the server names a packing that is not known here")
        self._packing = packing(name)
        if self.program.ring != self._packing.ring:
            raise ValueError("the server's program is not over the ring of its packing")
        self._prepared: Preparation | None = None
        self._room = Room()
        with self.watch.at("setup", "keys", "HE"):
            self._decryptor = self._packing.client(self.program.ring, source)
            channel.send(Kind.KEYS, self._packing.keys(self._decryptor))
        with self.watch.at("setup", "transfer", "OT"):
            self._receiver = Receiver(source)
            channel.send(Kind.TRANSFER, self._receiver.start())
            self._receiver.finish(channel.receive(Kind.TRANSFER, exactly=COLUMNS * POINT))

    def prepare(self) -> Preparation:
        """The offline phase of one image, which need not be known yet.

        Raises ValueError while an earlier preparation waits for its image.
        """
        if self._prepared is not None:
            raise ValueError("an image is prepared already: classify it first")
        self._channel.send(Kind.NEXT, b"")
        shares = self._shares()
        garbled, squares = self._joint(shares)
        last = self.program.steps[-1].name
        self._prepared = Preparation(shares[IMAGE], shares[last].reshape(-1), garbled, squares)
        return self._prepared

    def classify(self, prepared: Preparation, pixels: npt.NDArray[np.uint8]) -> Integers:
        """The logits (classes,), in units of `program.logit`.

        pixels: (height, width, 3); ValueError for another shape. A preparation serves one image:
        Reused for a second, as its masks would no longer hide anything.
        """
        ring, channel = self.program.ring, self._channel
        image = ring.residues(self.program.quantised(pixels))
        if prepared is not self._prepared:
            raise Reused("a preparation serves one image, in its own session")
        self._prepared = None
        with self.watch.at("online", IMAGE, "clear"):
            channel.send(Kind.IMAGE, ring.subtract(image, prepared.image).tobytes())
        for step in joint_steps(self.program):
            if isinstance(step.op, Square):
                self._square(step, prepared.squares[step.name])
                continue
            for part, evaluator in prepared.garbled[step.name]:
                with self.watch.at("online", step.name, "GC"):
                    self._evaluate(part, evaluator)
        with self.watch.at("online", self.program.steps[-1].name, "clear"):
            theirs = channel.receive(Kind.LOGITS, exactly=8 * prepared.logits.size)
            return ring.signed(ring.add(public.residues(theirs, ring), prepared.logits))

    def _shares(self) -> dict[str, Words]:
        """The client's share of every tensor: drawn, or computed from others, or decrypted."""
        ring = self.program.ring
        known = {IMAGE: uniform(self._source, ring, self.program.image)}
        asked: deque[Step] = deque()

        def share(name: str) -> Words:
            while name not in known:
                first = asked.popleft()
                known[first.name] = self._answer(first)
            return known[name]

        for step in offline_order(self.program):
            match step.op:
                case Linear():
                    while asked and not self._may_ask(asked):
                        share(asked[0].name)
                    self._ask(step, share(step.inputs[0]))
                    asked.append(step)
                case Nonlinear(passes=True):
                    known[step.name] = self._masked(step, share(step.inputs[0]))
                case Nonlinear() | Square():
                    known[step.name] = uniform(self._source, ring, step.shape)
                case op:
                    known[step.name] = local(op, [share(of) for of in step.inputs], ring)
        while asked:
            share(asked[0].name)
        return known

    def _may_ask(self, asked: Sequence[Step]) -> bool:
        """Ask for another linear step, when those that were asked for are not answered?"""
        answers = sum(self._ciphertexts(step) for step in asked)
        return len(asked) <= AHEAD and answers * self._decryptor.context.down_bytes <= ANSWERS

    def _ciphertexts(self, step: Step) -> int:
        """Ciphertexts in the answer to a linear step."""
        return self._packing.operations(step.layer, self.program.ring).down

    def _masked(self, step: Step, share: Words) -> Words:
        """A share with fresh masks where a nonlinear step changes something."""
        ring = self.program.ring
        for part in instances(step, ring):
            share = place(share, part, uniform(self._source, ring, part.elements.shape))
        return share

    def _ask(self, step: Step, share: Words) -> None:
        with self.watch.at("offline", step.name, "HE"):
            for ciphertext in self._packing.encrypt(self._decryptor, step.layer, share):
                self._channel.send(Kind.INPUT, ciphertext)

    def _answer(self, step: Step) -> Words:
        """W c - u of a linear step, its input being c."""
        count, most = self._ciphertexts(step), self._decryptor.context.down_bytes
        with self.watch.at("offline", step.name, "HE"):
            answers = self._channel.receive_many(Kind.ANSWER, count, at_most=most)
            return self._packing.decrypt(self._decryptor, step.layer, map(bytes, answers))

    def _joint(
        self, shares: Mapping[str, Words]
    ) -> tuple[dict[str, list[tuple[Instances, Evaluator]]], dict[str, Multiplicand]]:
        """What the steps need at which the parties meet: the server's tables of nonlinear ones, the
        labels of the client's own bits, and the products of squares."""
        tables: dict[str, list[tuple[Instances, Received]]] = {}
        squares: dict[str, Multiplicand] = {}
        asked: deque[Callable[[], None]] = deque()
        for receive in self._requests(shares, tables, squares):
            asked.append(receive)
            if len(asked) > AHEAD:
                asked.popleft()()
        for receive in asked:
            receive()
        ready = {
            name: [(part, found.evaluator()) for part, found in each]
            for name, each in tables.items()
        }
        return ready, squares

    def _requests(
        self,
        shares: Mapping[str, Words],
        tables: dict[str, list[tuple[Instances, Received]]],
        squares: dict[str, Multiplicand],
    ) -> Iterator[Callable[[], None]]:
        """Ask for what then lies in tables and squares, batch by batch; yields what receives it."""
        left = IN_MEMORY
        for step in joint_steps(self.program):
            inputs, masks = shares[step.inputs[0]].reshape(-1), shares[step.name].reshape(-1)
            if isinstance(step.op, Square):
                made = squares[step.name] = Multiplicand(self.program.ring, inputs, masks)
                yield from self._ask_products(step, made)
                continue
            tables[step.name] = []
            for part in instances(step, self.program.ring):
                found = Received(part.function.circuit, part.elements.size, left)
                left -= found.memory
                tables[step.name].append((part, found))
                mine = inputs[part.elements], masks[part.elements]
                yield from self._ask_tables(step, part, found, *mine)

    def _ask_tables(
        self, step: Step, part: Instances, found: Received, inputs: Words, masks: Words
    ) -> Iterator[Callable[[], None]]:
        for batch in batches(part.elements.size):
            bits = part.function.evaluator_bits(inputs[batch], masks[batch])
            self._choose(step, bits, found.labels[batch])
            yield partial(self._tables, step, found, batch)

    def _ask_products(self, step: Step, made: Multiplicand) -> Iterator[Callable[[], None]]:
        for batch in batches(prod(step.shape)):
            bits = made.bits(batch)
            labels = np.empty((*bits.shape, 2), np.uint64)
            self._choose(step, bits, labels)
            yield partial(self._products, step, made, batch, labels)

    def _choose(self, step: Step, bits: Bits, labels: Labels) -> None:
        """Ask for the labels of a batch of elements, by its bits (elements, bits)."""
        with self.watch.at("offline", step.name, "OT"):
            message = self._room.octets(message_bytes(bits.size))
            self._receiver.extend(bits.reshape(-1), message, labels.reshape(-1, 2))
            self._channel.send(Kind.CHOICES, message)

    def _tables(self, step: Step, found: Received, batch: slice) -> None:
        """Receive the tables of a batch of elements."""
        with self.watch.at("offline", step.name, "GC"):
            if batch.start == 0:
                found.nonce = self._nonce()
            self._channel.receive_into(Kind.TABLES, found.tables[batch])

    def _products(self, step: Step, made: Multiplicand, batch: slice, labels: Labels) -> None:
        """Receive what makes the products of a batch of elements."""
        with self.watch.at("offline", step.name, "OT"):
            if batch.start == 0:
                made.nonce = self._nonce()
            count = labels.size // 2
            message = self._channel.receive(Kind.PRODUCTS, exactly=8 * count)
            offered = public.residues(message, self.program.ring).reshape(labels.shape[:-1])
            made.take(batch, labels, offered)

    def _nonce(self) -> bytes:
        return bytes(self._channel.receive(Kind.NONCE, exactly=SEED))

    def _evaluate(self, part: Instances, evaluator: Evaluator) -> None:
        """Answer the labels of the server's bits with the colours of the outputs."""
        bits = part.function.circuit.garbler
        for batch in batches(part.elements.size):
            labels = self._room.labels(batch.stop - batch.start, bits)
            self._channel.receive_into(Kind.LABELS, labels)
            self._channel.send(Kind.COLOURS, evaluator.evaluate(labels))

    def _square(self, step: Step, made: Multiplicand) -> None:
        """Answer the server's masked share of what is squared."""
        with self.watch.at("online", step.name, "clear"):
            size = 8 * prod(step.shape)
            message = self._channel.receive(Kind.DIFFERENCES, exactly=size)
            difference = public.residues(message, self.program.ring)
            self._channel.send(Kind.SQUARES, made.answer(difference).tobytes())
