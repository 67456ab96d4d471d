"""A model made ready to serve, and both parties of a session on this machine."""

import multiprocessing
import socket
from collections.abc import Mapping
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from time import monotonic

from deepreshape.private import packings, resident
from deepreshape.private.asking import LONG, Asked, Chosen, Outcome
from deepreshape.private.garbled.loading import load
from deepreshape.private.program.answers import answering
from deepreshape.private.program.model import Model
from deepreshape.private.program.steps import Program
from deepreshape.private.randomness import SystemRandomness
from deepreshape.private.server import Service, Session, service
from deepreshape.private.serving import FAILURES, IDLE, ends_with_its_parent
from deepreshape.private.stopwatch import Spent
from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.link import Address, Link, accept, connect, listen, listening
from deepreshape.private.wire.pipe import WireError

KEPT = 1 << 30
"""Bytes of weight plaintexts that a server keeps between images."""


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
    loaded, asked = load(), Asked(chosen)
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
