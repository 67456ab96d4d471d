"""Both parties of a private inference: a server that takes sessions, and a client in one call."""

import multiprocessing
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from time import monotonic

import numpy as np
import numpy.typing as npt

from deepreshape.private.client import Client
from deepreshape.private.program.model import Model
from deepreshape.private.program.steps import Program
from deepreshape.private.protocol import RINGS
from deepreshape.private.randomness import SystemRandomness
from deepreshape.private.rings import Integers
from deepreshape.private.server import Service, Session, service
from deepreshape.private.stopwatch import Spent
from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.link import Address, Link, accept, connect, listen, listening
from deepreshape.private.wire.pipe import WireError
from deepreshape.private.wire.traffic import Traffic

KEPT = 1 << 30
"""Bytes of weight plaintexts that a server keeps between images."""
IDLE = 60.0
"""Seconds that a session may be idle, once its client has greeted within `PROMPT`."""
LONG = 600.0
"""Seconds that a peer may take to compute."""
SESSIONS = 2
"""Sessions at a time; others wait."""
FAILURES = (RuntimeError, ValueError, MemoryError)
"""What a client's bytes may lead to: WireError is the first, as is what SEAL raises."""

Pixels = npt.NDArray[np.uint8]


def over(model: Model, packing: str) -> Program:
    """A model's program over the ring of a packing."""
    return replace(model.program, ring=RINGS[packing])


def ready(model: Model, packing: str, allowance: int = KEPT) -> Service:
    """A model ready to serve under a packing. Raises ValueError where a layer cannot be."""
    return service(over(model, packing), model.weights, packing, allowance)


def serve(
    listener: socket.socket, service: Service, link: Link | None, say: Callable[[str], None]
) -> None:
    """Take sessions until interrupted, each in a process of its own: what a client does ends its
    session and no other."""
    context = multiprocessing.get_context("fork")
    running: list[ForkProcess] = []
    try:
        while True:
            running = [process for process in running if process.is_alive()]
            if len(running) >= SESSIONS:
                running[0].join(0.2)
                continue
            try:
                sock = accept(listener, 1.0)
            except WireError:
                continue
            process = context.Process(target=_session, args=(listener, sock, service, link, say))
            process.start()
            running.append(process)
            sock.close()
    finally:
        for process in running:
            process.terminate()
            process.join()


def _session(
    listener: socket.socket,
    sock: socket.socket,
    service: Service,
    link: Link | None,
    say: Callable[[str], None],
) -> None:
    listener.close()  # or else clients would still connect once the server is gone
    _ends_with_its_parent()
    with Channel(sock, link=link, limit=IDLE) as channel:
        try:
            Session(channel, service, SystemRandomness()).serve(IDLE)
        except FAILURES as error:
            channel.refuse(type(error).__name__)
            say(f"a session ended: {str(error) or type(error).__name__}")


def _ends_with_its_parent() -> None:
    """Leave Ctrl-C to the parent, and end without a word where that says so or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_outlived, name="the parent", daemon=True).start()


def _outlived() -> None:
    """End this process once its parent has, killed or not."""
    parent = multiprocessing.parent_process()
    assert parent
    wait([parent.sentinel])
    os._exit(1)


@dataclass(frozen=True, eq=False, slots=True)
class Classified:
    """Logits of an image, in units of the program's `logit`, and the seconds of both phases."""

    logits: Integers
    offline: float
    online: float


@dataclass(frozen=True, eq=False, slots=True)
class Outcome:
    """What a session came to, as the client saw it. program: as the server sent it. failure: what
    ended the session before the last image; those that were finished are there."""

    images: Sequence[Classified]
    program: Program
    traffic: Traffic
    client: Mapping[Spent, float]
    failure: Exception | None = None


Chosen = Callable[[Program], Sequence[Pixels]]
"""The images (height, width, 3) to classify, once the program says what it takes."""


def classify(address: Address, chosen: Chosen, link: Link | None = None) -> Outcome:
    """Classify images in one session. Raises WireError or ValueError where not one is finished."""
    return _classified(connect(address), chosen, link)


def _classified(sock: socket.socket, chosen: Chosen, link: Link | None) -> Outcome:
    with Channel(sock, link=link, limit=LONG) as channel:
        try:
            client = Client(channel, SystemRandomness())
            images = chosen(client.program)
            for image in images:
                client.program.quantised(image)
            found: list[Classified] = []
            failure = _ended(client, images, found)
            if failure and not found:
                raise failure
            if isinstance(failure, ValueError):
                channel.refuse(type(failure).__name__)
        except ValueError as error:
            channel.refuse(type(error).__name__)
            raise
        spent = dict(client.watch.seconds)
        return Outcome(found, client.program, channel.traffic, spent, failure)


def _ended(
    client: Client, images: Sequence[Pixels], found: list[Classified]
) -> WireError | ValueError | None:
    """Classify images, one after the other; returns what stopped it before the last."""
    try:
        for image in images:
            found.append(_one(client, image))
    except (WireError, ValueError) as error:
        return error
    return None


def _one(client: Client, image: Pixels) -> Classified:
    start = monotonic()
    prepared = client.prepare()
    middle = monotonic()
    logits = client.classify(prepared, image)
    return Classified(logits, middle - start, monotonic() - middle)


@dataclass(frozen=True, eq=False, slots=True)
class Both:
    """A session on this machine, from both sides. ready: seconds in which the server prepared its
    weights."""

    outcome: Outcome
    server: Mapping[Spent, float]
    ready: float


def both(model: Model, packing: str, chosen: Chosen, link: Link | None = None) -> Both:
    """Client and server as two processes over a connection on the loopback address.

    Raises WireError or ValueError.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    client, server = _connected()
    with client:
        process = context.Process(
            target=_reporting, args=(client, server, model, packing, link, theirs)
        )
        process.start()
        theirs.close()
        server.close()
        try:
            seconds = ours.recv()
            if isinstance(seconds, ValueError):
                raise seconds
            outcome = _classified(client, chosen, link)
            if outcome.failure:
                raise outcome.failure
            spent = ours.recv()
        except EOFError:
            raise WireError("the server's process ended before it gave its account") from None
        finally:
            process.terminate()
            process.join()
    return Both(outcome, spent, seconds)


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
    model: Model,
    packing: str,
    link: Link | None,
    report: Connection,
) -> None:
    """Get ready, serve one session, and tell where the server's seconds went."""
    client.close()
    _ends_with_its_parent()
    start = monotonic()
    try:
        made = ready(model, packing)
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
            report.send(dict(session.watch.seconds))
