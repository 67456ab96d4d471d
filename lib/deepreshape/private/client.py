"""The client: it has an image, and learns its logits and nothing else."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from deepreshape.design.ops import IMAGE
from deepreshape.private.garbled.base_transfers import COLUMNS, POINT
from deepreshape.private.garbled.garbling import Reused
from deepreshape.private.garbled.kept import Kept
from deepreshape.private.garbled.three_halves import Labels
from deepreshape.private.garbled.transfer import Receiver, message_bytes
from deepreshape.private.joint import ClientEnd, Part, parts
from deepreshape.private.packings import PACKINGS, packing
from deepreshape.private.program import public
from deepreshape.private.program.steps import Linear, Nonlinear, Square, Step, Top, local
from deepreshape.private.protocol import (
    DUE,
    Kind,
    Room,
    batches,
    joint_steps,
    offline_order,
)
from deepreshape.private.randomness import SEED, Randomness, uniform
from deepreshape.private.rings import Integers, Words
from deepreshape.private.stopwatch import Stopwatch
from deepreshape.private.terms import PREPARED
from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.handshake import Parameter, handshake

IN_MEMORY = 1 << 28
"""Bytes of an image's garbled circuits that are kept in memory; more lie in temporary files."""


@dataclass(frozen=True, eq=False, slots=True)
class Preparation:
    """What the client keeps of the offline phase of one image: its shares of the image and of the
    logits, its masks behind every joint step, and its ends of the parts of those.

    lows: by step, the bits of the client's shares that a shift cuts, from which `reference` gives
    the same rounding; none where shifts round to the nearest.
    """

    image: Words
    logits: Words
    masks: Mapping[str, Words]
    ends: Mapping[str, list[tuple[Part, ClientEnd]]]
    lows: Mapping[str, Words]
    kept: Kept


class Session:
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
        self._prepared: deque[Preparation] = deque()
        self._room, self._answers = Room(), Room()
        with self.watch.at("setup", "keys", "HE"):
            self._decryptor = self._packing.client(self.program.ring, source)
            channel.send(Kind.KEYS, self._packing.keys(self._decryptor))
        with self.watch.at("setup", "transfer", "OT"):
            self._receiver = Receiver(source)
            channel.send(Kind.TRANSFER, self._receiver.start())
            answer = channel.receive(Kind.TRANSFER, exactly=COLUMNS * POINT)
            channel.send(Kind.TRANSFER, self._receiver.finish(answer))

    @property
    def prepared(self) -> int:
        """Images that are prepared and not classified."""
        return len(self._prepared)

    def prepare(self) -> Preparation:
        """The offline phase of one image, which need not be known yet. Several may be prepared
        ahead; ValueError for more than PREPARED."""
        if len(self._prepared) == PREPARED:
            raise ValueError(f"{PREPARED} images are prepared already: classify one first")
        self._channel.send(Kind.NEXT, b"")
        shares = self._shares()
        kept = Kept(IN_MEMORY // (1 + len(self._prepared)))
        ends = self._ends(shares, kept)
        masks = {name: shares[name].reshape(-1) for name in ends}
        last = self.program.steps[-1].name
        found = Preparation(
            shares[IMAGE], shares[last].reshape(-1), masks, ends, self._lows(shares), kept
        )
        self._prepared.append(found)
        return found

    def classify(self, prepared: Preparation, pixels: npt.NDArray[np.uint8]) -> Integers:
        """The logits (classes,), in units of `program.logit`.

        pixels: (height, width, 3); ValueError for another shape. Preparations are used in their
        order, and serve one image: Reused for a second, as masks would no longer hide anything.
        """
        ring, channel = self.program.ring, self._channel
        image = ring.residues(self.program.quantised(pixels))
        if not self._prepared or prepared is not self._prepared[0]:
            raise Reused("a preparation serves one image, in its own session and in order")
        self._prepared.popleft()
        with self.watch.at("online", IMAGE, "clear"):
            channel.send(Kind.IMAGE, ring.packed(ring.subtract(image, prepared.image)))
        for step in joint_steps(self.program):
            for part, end in prepared.ends[step.name]:
                with self.watch.at("online", step.name, part.work()):
                    self._answered(part, end, prepared.masks[step.name])
        prepared.kept.close()
        with self.watch.at("online", self.program.steps[-1].name, "clear"):
            theirs = channel.receive(Kind.LOGITS, exactly=ring.octets * prepared.logits.size)
            return ring.signed(ring.add(ring.unpacked(theirs), prepared.logits))

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
                case Nonlinear() | Square() | Top():
                    known[step.name] = uniform(self._source, ring, step.shape)
                case op:
                    known[step.name] = local(op, [share(of) for of in step.inputs], ring)
        while asked:
            share(asked[0].name)
        return known

    def _may_ask(self, asked: deque[Step]) -> bool:
        """Ask for another linear step, when those that were asked for are not answered?"""
        due = sum(sum(self._answer_bytes(step)) for step in asked)
        return len(asked) < 2 or due <= DUE

    def _answer_bytes(self, step: Step) -> list[int]:
        """Bytes of each ciphertext in the answer to a linear step."""
        return self._packing.answer_bytes(step.layer, self.program.ring)

    def _masked(self, step: Step, share: Words) -> Words:
        """A share with fresh masks where a nonlinear step changes something."""
        ring, share = self.program.ring, share.copy()
        for part in parts(step, self.program):
            share.reshape(-1)[part.elements] = uniform(self._source, ring, part.elements.shape)
        return share

    def _lows(self, shares: Mapping[str, Words]) -> dict[str, Words]:
        """What shifts cut off the shares that they take."""
        return {
            step.name: shares[step.inputs[0]] & np.uint64((1 << step.op.shift) - 1)
            for step in joint_steps(self.program)
            if isinstance(step.op, Nonlinear) and step.op.shift and not self.program.rounds(step.op)
        }

    def _ask(self, step: Step, share: Words) -> None:
        with self.watch.at("offline", step.name, "HE"):
            for ciphertext in self._packing.encrypt(self._decryptor, step.layer, share):
                self._channel.send(Kind.INPUT, ciphertext)

    def _answer(self, step: Step) -> Words:
        """W c - u of a linear step, its input being c."""
        sizes = self._answer_bytes(step)
        with self.watch.at("offline", step.name, "HE"):
            answers = self._channel.receive_many(Kind.ANSWER, len(sizes), at_most=max(sizes))
            return self._packing.decrypt(self._decryptor, step.layer, map(bytes, answers))

    def _ends(
        self, shares: Mapping[str, Words], kept: Kept
    ) -> dict[str, list[tuple[Part, ClientEnd]]]:
        """The client's ends of all parts at which the parties meet, ready."""
        found: dict[str, list[tuple[Part, ClientEnd]]] = {}
        asked: deque[tuple[int, Callable[[], None]]] = deque()
        due = 0
        for size, receive in self._requests(shares, kept, found):
            asked.append((size, receive))
            due += size
            while len(asked) > 2 and due > DUE:
                size, receive = asked.popleft()
                receive()
                due -= size
        for _, receive in asked:
            receive()
        return found

    def _requests(
        self,
        shares: Mapping[str, Words],
        kept: Kept,
        found: dict[str, list[tuple[Part, ClientEnd]]],
    ) -> Iterator[tuple[int, Callable[[], None]]]:
        """Ask for what the ends need, batch by batch; yields the bytes that are then due, and what
        receives them."""
        for step in joint_steps(self.program):
            found[step.name] = []
            for part in parts(step, self.program):
                end = part.client(shares[step.inputs[0]].reshape(-1), kept)
                found[step.name].append((part, end))
                for batch in batches(part.elements.size):
                    size = end.prepared_bytes(batch.stop - batch.start)
                    with self.watch.at("offline", step.name, "OT"):
                        bits = end.choices(batch)
                        labels = np.empty((*bits.shape, 2), np.uint64)
                        message = self._room.octets(message_bytes(bits.size))
                        self._receiver.extend(bits.reshape(-1), message, labels.reshape(-1, 2))
                        self._channel.send(Kind.CHOICES, message)
                    yield size, partial(self._take, step, part, end, batch, labels, size)

    def _take(
        self, step: Step, part: Part, end: ClientEnd, batch: slice, labels: Labels, size: int
    ) -> None:
        """Receive what a batch of an end needs."""
        with self.watch.at("offline", step.name, part.work("OT")):
            if batch.start == 0:
                end.nonce = bytes(self._channel.receive(Kind.NONCE, exactly=SEED))
            message = self._answers.octets(size)
            self._channel.receive_into(end.kinds[0], message)
            end.take(batch, labels, message)

    def _answered(self, part: Part, end: ClientEnd, masks: Words) -> None:
        """Answer the server's openings of a part."""
        ring = self.program.ring
        for batch in batches(part.elements.size):
            opened = self._answers.octets(end.opened_bytes(batch.stop - batch.start))
            self._channel.receive_into(end.kinds[1], opened)
            shares = end.answer(batch, opened)
            less = ring.subtract(shares, masks[part.elements[batch]])
            self._channel.send(Kind.SHARES, ring.packed(less))
