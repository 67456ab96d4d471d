"""Sessions in one call: a client at a server elsewhere, or both parties here."""

import multiprocessing
import socket
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from time import monotonic

import numpy as np
import numpy.typing as npt

from deepreshape.private import packings, resident
from deepreshape.private.client import Client, Preparation
from deepreshape.private.garbled.loading import load
from deepreshape.private.program import public
from deepreshape.private.program.answers import answering
from deepreshape.private.program.model import Model
from deepreshape.private.program.steps import Program
from deepreshape.private.randomness import SystemRandomness
from deepreshape.private.rings import Integers, Words
from deepreshape.private.server import Service, Session, service
from deepreshape.private.serving import FAILURES, IDLE, ends_with_its_parent
from deepreshape.private.stopwatch import Spent
from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.link import Address, Link, accept, connect, listen, listening
from deepreshape.private.wire.pipe import TurnOver, WireError
from deepreshape.private.wire.sealed import Lock
from deepreshape.private.wire.traffic import Traffic

KEPT = 1 << 30
"""Bytes of weight plaintexts that a server keeps between images."""
LONG = 600.0
"""Seconds that a peer may take to compute."""
TRIES = 3
"""Turns that may end one after the other before an image is classified in any of them."""

Pixels = npt.NDArray[np.uint8]


def over(model: Model, packing: str, exact: bool = False, answer: str = "logits") -> Program:
    """A model's program over the ring of a packing.

    exact: all shifts round to the nearest. answer: one of `ANSWERS`. Raises ValueError where the
    ring has no such answer.
    """
    ring = packings.packing(packing).ring
    return answering(replace(model.program, ring=ring, exact=exact), answer)


def ready(
    model: Model,
    packing: str,
    exact: bool = False,
    answer: str = "logits",
    allowance: int = KEPT,
) -> Service:
    """A model ready to serve, as `over` has it. Raises ValueError where a layer cannot be."""
    return service(over(model, packing, exact, answer), model.weights, packing, allowance)


@dataclass(frozen=True, eq=False, slots=True)
class Classified:
    """Logits of an image, in units of the program's `logit`, and the seconds of both phases.

    lows: what rounded its shifts, for `reference.clear`.
    """

    logits: Integers
    offline: float
    online: float
    lows: Mapping[str, Words]


@dataclass(frozen=True, eq=False, slots=True)
class Outcome:
    """What sessions came to, as the client saw it. program: as the server sent it. loaded: seconds
    in which compiled loops were loaded, before the first image. failure: what ended the last
    session before the last image; those that were finished are there."""

    images: Sequence[Classified]
    program: Program
    traffic: Traffic
    client: Mapping[Spent, float]
    loaded: float = 0.0
    failure: Exception | None = None


Chosen = Callable[[Program], Sequence[Pixels]]
"""The images (height, width, 3) to classify, once the program says what it takes."""


def classify(
    address: Address,
    chosen: Chosen,
    link: Link | None = None,
    waits: Callable[[], None] | None = None,
    ahead: int = 1,
    lock: Lock | None = None,
) -> Outcome:
    """Classify images at a server: in one session, or in several where others wait for its place.

    waits: called where the server has no place at once. ahead: images that are prepared before the
    first is classified, and kept prepared while there are more; what is prepared serves one image
    in its own session, and is thrown away with it. lock: the client's key and the server's
    certificate; without it the connection is not encrypted, and the server may be any. Raises
    WireError or ValueError where not one image is finished.
    """
    loaded, asked, fruitless = load(), _Asked(chosen, ahead), 0
    while True:
        before = len(asked.found)
        try:
            asked.session(connect(address), link, waits, lock)
            return asked.outcome(loaded)
        except TurnOver as error:
            fruitless = fruitless + 1 if len(asked.found) == before else 0
            if fruitless == TRIES:
                return asked.outcome(loaded, error)
        except (WireError, ValueError) as error:
            return asked.outcome(loaded, error)


class _Asked:
    """What a client asks for, and what has come of it so far. found: of the first images."""

    def __init__(self, chosen: Chosen, ahead: int = 1) -> None:
        self.found: list[Classified] = []
        self._ahead = ahead
        self._chosen = chosen
        self._images: Sequence[Pixels] = ()
        self._program: Program | None = None
        self._traffic = Traffic({})
        self._seconds: Counter[Spent] = Counter()

    def session(
        self,
        sock: socket.socket,
        link: Link | None,
        waits: Callable[[], None] | None = None,
        lock: Lock | None = None,
    ) -> None:
        """Ask for what is left."""
        seal = lock.over(sock) if lock else None
        with Channel(sock, link=link, limit=LONG, seal=seal) as channel:
            try:
                self._ask(channel, waits)
            except ValueError as error:
                channel.refuse(type(error).__name__)
                raise
            finally:
                self._traffic += channel.traffic

    def outcome(self, loaded: float, failure: WireError | ValueError | None = None) -> Outcome:
        """What was finished; raises the failure where nothing was."""
        if failure and not self.found:
            raise failure
        assert self._program
        seconds = dict(self._seconds)
        return Outcome(self.found, self._program, self._traffic, seconds, loaded, failure)

    def _ask(self, channel: Channel, waits: Callable[[], None] | None) -> None:
        client = Client(channel, SystemRandomness(), waits)
        if self._program is None:
            self._program, self._images = client.program, self._chosen(client.program)
            for image in self._images:
                client.program.quantised(image)
        elif public.dump(client.program) != public.dump(self._program):
            raise ValueError("the server's program changed between two images")
        left = self._images[len(self.found) :]
        ready: deque[tuple[Preparation, float]] = deque()
        try:
            for number, image in enumerate(left):
                while len(ready) < min(self._ahead, len(left) - number):
                    start = monotonic()
                    ready.append((client.prepare(), monotonic() - start))
                prepared, offline = ready.popleft()
                start = monotonic()
                logits = client.classify(prepared, image)
                online = monotonic() - start
                self.found.append(Classified(logits, offline, online, prepared.lows))
        finally:
            self._seconds.update(client.watch.seconds)


@dataclass(frozen=True, eq=False, slots=True)
class Both:
    """A session on this machine, from both sides. ready: seconds in which the server prepared its
    weights. peaks: bytes that client and server had resident at most."""

    outcome: Outcome
    server: Mapping[Spent, float]
    ready: float
    peaks: tuple[int, int]


def both(
    model: Model,
    packing: str,
    chosen: Chosen,
    link: Link | None = None,
    exact: bool = False,
    answer: str = "logits",
) -> Both:
    """Client and server as two processes over a connection on the loopback address.

    Raises WireError or ValueError.
    """
    loaded, asked = load(), _Asked(chosen)
    resident.forget()
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    client, server = _connected()
    with client:
        process = context.Process(
            target=_reporting, args=(client, server, (model, packing, exact, answer), link, theirs)
        )
        process.start()
        theirs.close()
        server.close()
        try:
            seconds = ours.recv()
            if isinstance(seconds, ValueError):
                raise seconds
            asked.session(client, link)
            spent, most = ours.recv()
        except EOFError:
            raise WireError("the server's process ended before it gave its account") from None
        finally:
            process.terminate()
            process.join()
    return Both(asked.outcome(loaded), spent, seconds, (resident.peak(), most))


def _connected() -> tuple[socket.socket, socket.socket]:
    """Both ends of a connection on the loopback address, where others may connect as well."""
    with listen(Address("127.0.0.1", 0)) as listener:
        client = connect(listening(listener))
        while True:
            server = accept(listener, IDLE)
            if server.getpeername() == client.getsockname():
                return client, server
            server.close()


def _reporting(
    client: socket.socket,
    server: socket.socket,
    served: tuple[Model, str, bool, str],
    link: Link | None,
    report: Connection,
) -> None:
    """Get ready, serve one session, and tell where the server's seconds went."""
    client.close()
    resident.forget()
    ends_with_its_parent()
    start = monotonic()
    try:
        made = ready(*served)
    except ValueError as error:
        report.send(error)
        return
    report.send(monotonic() - start)
    with Channel(server, link=link, limit=LONG) as channel:
        try:
            session = Session(channel, made, SystemRandomness())
            session.serve(IDLE)
        except FAILURES as error:
            channel.refuse(type(error).__name__)
        else:
            report.send((dict(session.watch.seconds), resident.peak()))
