"""The client: it has an image, and learns its logits and nothing else."""

import os
import tempfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from deepreshape.design.ops import IMAGE
from deepreshape.private.garbled.garbling import Evaluator, Reused, table_bytes
from deepreshape.private.garbled.half_gates import LABEL
from deepreshape.private.garbled.streams import SEED
from deepreshape.private.garbled.transfer import COLUMNS, POINT, Receiver, message_bytes
from deepreshape.private.packings import PACKINGS, packing
from deepreshape.private.program import public
from deepreshape.private.program.steps import Linear, Nonlinear, Step, local
from deepreshape.private.protocol import (
    AHEAD,
    ANSWERS,
    Kind,
    Part,
    Room,
    nonlinear_steps,
    offline_order,
    parts,
    passes,
    place,
)
from deepreshape.private.randomness import Randomness, uniform
from deepreshape.private.rings import Integers, Words
from deepreshape.private.stopwatch import Stopwatch
from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.handshake import Parameter, handshake

IN_MEMORY = 1 << 28
"""Bytes of an image's garbled circuits that are kept in memory; more lie in temporary files."""


@dataclass(frozen=True, eq=False, slots=True)
class Prepared:
    """What the client keeps of the offline phase of one image: its shares of the image and of the
    logits, and the garbled parts of every nonlinear step."""

    image: Words
    logits: Words
    garbled: Mapping[str, list[tuple[Part, Evaluator]]]


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
        self._prepared: Prepared | None = None
        self._room = Room()
        with self.watch.at("setup", "keys", "HE"):
            self._decryptor = self._packing.client(self.program.ring, source)
            channel.send(Kind.KEYS, self._packing.keys(self._decryptor))
        with self.watch.at("setup", "transfer", "OT"):
            self._receiver = Receiver(source)
            channel.send(Kind.TRANSFER, self._receiver.start())
            self._receiver.finish(channel.receive(Kind.TRANSFER, exactly=COLUMNS * POINT))

    def prepare(self) -> Prepared:
        """The offline phase of one image, which need not be known yet.

        Raises ValueError while an earlier preparation waits for its image.
        """
        if self._prepared is not None:
            raise ValueError("an image is prepared already: classify it first")
        self._channel.send(Kind.NEXT, b"")
        shares = self._shares()
        garbled = self._garbled(shares)
        last = self.program.steps[-1].name
        self._prepared = Prepared(shares[IMAGE], shares[last].reshape(-1), garbled)
        return self._prepared

    def classify(self, prepared: Prepared, pixels: npt.NDArray[np.uint8]) -> Integers:
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
        for step in nonlinear_steps(self.program):
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
                case Nonlinear() as op if passes(step, op):
                    known[step.name] = self._masked(step, op, share(step.inputs[0]))
                case Nonlinear():
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
        assert isinstance(step.op, Linear)
        return self._packing.operations(step.op.layer, self.program.ring).down

    def _masked(self, step: Step, op: Nonlinear, share: Words) -> Words:
        """A share with fresh masks where a nonlinear step changes something."""
        ring = self.program.ring
        for part in parts(step, op, ring):
            share = place(share, part, uniform(self._source, ring, part.elements.shape))
        return share

    def _ask(self, step: Step, share: Words) -> None:
        assert isinstance(step.op, Linear)
        with self.watch.at("offline", step.name, "HE"):
            for ciphertext in self._packing.encrypt(self._decryptor, step.op.layer, share):
                self._channel.send(Kind.INPUT, ciphertext)

    def _answer(self, step: Step) -> Words:
        """W c - u of a linear step, its input being c."""
        assert isinstance(step.op, Linear)
        count, most = self._ciphertexts(step), self._decryptor.context.down_bytes
        with self.watch.at("offline", step.name, "HE"):
            answers = self._channel.receive_many(Kind.ANSWER, count, at_most=most)
            return self._packing.decrypt(self._decryptor, step.op.layer, map(bytes, answers))

    def _garbled(self, shares: Mapping[str, Words]) -> dict[str, list[tuple[Part, Evaluator]]]:
        """The server's tables of every nonlinear step, and the labels of the client's own bits."""
        made: dict[str, list[_Layer]] = {}
        asked: deque[tuple[_Layer, slice]] = deque()
        left = IN_MEMORY
        for step in nonlinear_steps(self.program):
            assert isinstance(step.op, Nonlinear)
            made[step.name] = []
            inputs, masks = shares[step.inputs[0]].reshape(-1), shares[step.name].reshape(-1)
            for part in parts(step, step.op, self.program.ring):
                layer = _Layer(step.name, part, left)
                left -= layer.memory
                made[step.name].append(layer)
                chosen = inputs[part.elements], masks[part.elements]
                for batch in part.batches():
                    self._choose(layer, batch, *(words[batch] for words in chosen))
                    asked.append((layer, batch))
                    while len(asked) > AHEAD:
                        self._tables(*asked.popleft())
        while asked:
            self._tables(*asked.popleft())
        return {name: [layer.ready() for layer in found] for name, found in made.items()}

    def _choose(self, layer: "_Layer", batch: slice, inputs: Words, masks: Words) -> None:
        """Ask for the labels of a batch of elements, by its bits."""
        with self.watch.at("offline", layer.step, "OT"):
            bits = layer.part.function.evaluator_bits(inputs, masks).reshape(-1)
            message = self._room.octets(message_bytes(bits.size))
            self._receiver.extend(bits, message, layer.labels[batch].reshape(-1, 2))
            self._channel.send(Kind.CHOICES, message)

    def _tables(self, layer: "_Layer", batch: slice) -> None:
        """Receive the tables of a batch of elements."""
        with self.watch.at("offline", layer.step, "GC"):
            if batch.start == 0:
                layer.nonce = bytes(self._channel.receive(Kind.NONCE, exactly=SEED))
            self._channel.receive_into(Kind.TABLES, layer.tables[batch])

    def _evaluate(self, part: Part, evaluator: Evaluator) -> None:
        """Answer the labels of the server's bits with the colours of the outputs."""
        bits = part.function.circuit.garbler
        for batch in part.batches():
            labels = self._room.labels(batch.stop - batch.start, bits)
            self._channel.receive_into(Kind.LABELS, labels)
            self._channel.send(Kind.COLOURS, evaluator.evaluate(labels))


class _Layer:
    """A part of a nonlinear step, as its tables and labels come in; memory: bytes that they may
    take there, and then those that they do."""

    def __init__(self, step: str, part: Part, memory: int) -> None:
        self.step, self.part, self.nonce = step, part, b""
        circuit, count = part.function.circuit, part.elements.size
        each, bits = table_bytes(circuit), circuit.evaluator
        size = count * (each + LABEL * bits)
        fits = size <= memory
        self.memory, store = (size, np.empty) if fits else (0, _filed)
        self.tables = store((count, each), np.uint8)
        self.labels = store((count, bits, 2), np.uint64)

    def ready(self) -> tuple[Part, Evaluator]:
        circuit, count = self.part.function.circuit, self.part.elements.size
        tables = self.tables.reshape(-1)
        return self.part, Evaluator(circuit, count, self.nonce, tables, self.labels)


def _filed(shape: tuple[int, ...], kind: type) -> npt.NDArray[Any]:
    """Room in a temporary file that nobody else can open. Raises OSError where there is none."""
    with tempfile.TemporaryFile() as file:
        # A page that the disk has no room for would end the process where it is written.
        os.posix_fallocate(file.fileno(), 0, prod(shape) * np.dtype(kind).itemsize)
        return np.memmap(file, kind, "w+", shape=shape)
