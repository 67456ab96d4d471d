"""A server that takes sessions, each in a process of its own: what a client does ends its session
and no other.

The accepting process computes nothing. It keeps the door (`wire.door`), gives places to who has
greeted (`turns`), and says what came of the others.
"""

import multiprocessing
import os
import signal
import socket
import sys
import threading
from collections import Counter
from contextlib import suppress
from math import inf
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from time import monotonic

from deepreshape.private.clients import Overdrawn
from deepreshape.private.entrance import Entrance, Say, Visit, dated
from deepreshape.private.garbled.loading import load
from deepreshape.private.randomness import SystemRandomness
from deepreshape.private.server import Service, Session
from deepreshape.private.turns import Places, Turn
from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.door import Door, Guest
from deepreshape.private.wire.link import Link
from deepreshape.private.wire.pipe import TurnOver

IDLE = 60.0
"""Seconds that a session may be idle while nobody waits for its place."""
SESSIONS = 2
"""Sessions at a time; others wait."""
FAILURES = (RuntimeError, ValueError, MemoryError)
"""What a client's bytes may lead to: WireError is the first, as is what SEAL raises."""
LOOK = 0.1
"""Seconds between two looks at the places while somebody waits for one."""
EVERY = 10.0
"""Seconds between two lines on clients that were turned away."""
LINES = 10
"""Sessions that may fail in that time with a line each; further ones are counted."""
LAST_WORDS = 2.0
"""Seconds that a session has to end once the server does."""
SPARE = 8
"""Descriptors that have to be free for a process: four pipe ends, and what it opens itself."""


def serve(
    listener: socket.socket,
    service: Service,
    link: Link | None,
    say: Say,
    entrance: Entrance | None = None,
    until: int | None = None,
) -> None:
    """Take sessions until interrupted. entrance: lets clients in by their keys, and charges them;
    without one anybody may ask anything, over a connection that is not encrypted. until: a
    descriptor; once it can be read, or its other end is closed, the server ends."""
    load()
    sealed = None
    if entrance:
        sealed, say = entrance.over, dated(say)
    door = Door(listener, {"packing": service.packing}, sealed)
    server = _Server(door, service, link, say, entrance)
    if until is not None:
        door.watch(until)
    try:
        while until is None or not wait([until], 0):
            server.step()
    finally:
        server.end()


class _Server:
    """The accepting process."""

    def __init__(
        self,
        door: Door,
        service: Service,
        link: Link | None,
        say: Say,
        entrance: Entrance | None = None,
    ) -> None:
        self._door, self._service, self._link = door, service, link
        self._say, self._entrance = say, entrance
        self._news = _News(say)
        self._places = Places(SESSIONS)
        self._running: dict[int, ForkProcess] = {}

    def step(self) -> None:
        """Wait for whatever happens first, and see to it."""
        full = len(self._running) == SESSIONS
        self._door.wait(LOOK if full and self._door.guests else self._news.due(monotonic()))
        for place, process in list(self._running.items()):
            if not process.is_alive():
                self._ended(place)
        while len(self._running) < SESSIONS and (guest := self._door.next()):
            self._let_in(guest)
        self._places.claim(self._door.guests, self._running)
        self._news.add(self._door.turned_away)
        self._news.tell(monotonic())

    def end(self) -> None:
        self._door.close()
        for process in self._running.values():
            process.terminate()
            process.join(LAST_WORDS)
            process.kill()
            process.join()
        self._news.tell(inf)

    def _ended(self, place: int) -> None:
        process = self._running.pop(place)
        self._door.unwatch(process.sentinel)
        if process.exitcode:
            self._news.failed()
        process.close()

    def _let_in(self, guest: Guest) -> None:
        """Give a guest a place and a process."""
        place = next(place for place in range(SESSIONS) if place not in self._running)
        turn = self._places.turn(place)
        context = multiprocessing.get_context("fork")
        process = context.Process(target=self._session, args=(guest, turn))
        try:
            _start(process)
        except OSError:
            reason = "came while the system had no room for a process"
            self._door.send_away(guest, reason, "no room for a session: try again later")
            return
        guest.sock.close()
        self._running[place] = process
        self._door.watch(process.sentinel)

    def _session(self, guest: Guest, turn: Turn) -> None:
        """What a session's process does; its exit status is 1 where the session failed."""
        self._door.close()  # or else clients would still connect once the server is gone
        ends_with_its_parent()
        heard = bytes(guest.heard)
        with Channel(
            guest.sock,
            link=self._link,
            limit=IDLE,
            heard=heard,
            waited=turn.waited,
            seal=guest.seal,
        ) as channel:
            visit, ended, status = self._visit(guest), "the server ended", 1
            try:
                ended, status = self._classify(channel, turn, visit)
            finally:
                if visit:
                    self._say(visit.line(channel.traffic.total(), ended))
        sys.exit(status)

    def _visit(self, guest: Guest) -> Visit | None:
        """The account of a client that is known by its key; kept to the end of the server."""
        if not (self._entrance and guest.seal and guest.seal.peer):
            return None
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        return Visit(self._entrance.clients, guest.seal.peer, guest.number)

    def _classify(self, channel: Channel, turn: Turn, visit: Visit | None) -> tuple[str, int]:
        """What ended a session, if not its client, and the exit status."""
        try:
            if visit:
                visit.check()
            session = Session(channel, self._service, SystemRandomness())
            charge = visit.charge if visit else lambda: None
            session.serve(IDLE, turn.between_images, charge)
        except TurnOver as error:
            channel.refuse(str(error), for_now=True)
            return str(error), 0
        except Overdrawn as error:
            channel.refuse(str(error))
            return f"refused: {error}", 0
        except FAILURES as error:
            channel.refuse(type(error).__name__)
            line = str(error) or type(error).__name__
            if not visit:
                self._news.of_a_session(f"a session ended: {line}")
            return line, 1
        return "", 0


def _start(process: ForkProcess) -> None:
    """Start a process; OSError where the system has no room for it, and nothing is left of it.

    The pipes of a process that could not be forked are never closed by `multiprocessing`. They have
    the lowest numbers that were free.
    """
    free: list[int] = []
    try:
        for _ in range(SPARE // 2):
            free += os.pipe()
    finally:
        for descriptor in free:
            os.close(descriptor)
    try:
        process.start()
    except OSError:
        for descriptor in free:
            with suppress(OSError):
                os.close(descriptor)
        raise


class _News:
    """What a server says of clients that it did not serve: a line at most in `EVERY` seconds, and
    one for each of the first sessions that fail in that time."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._counts: Counter[str] = Counter()
        self._failed = 0
        self._said = -EVERY

    def add(self, counts: Counter[str]) -> None:
        """Take what was counted elsewhere."""
        self._counts += counts
        counts.clear()

    def failed(self) -> None:
        """A session failed; it said so itself, if it might."""
        if self._failed >= LINES:
            self._counts["failed in a session"] += 1
        self._failed += 1

    def of_a_session(self, line: str) -> None:
        """Say why a session failed, unless many did."""
        if self._failed < LINES:
            self._say(line)

    def due(self, now: float) -> float:
        """Seconds until there is something to say or to forget."""
        return max(0.0, self._said + EVERY - now) if self._counts or self._failed else EVERY

    def tell(self, now: float) -> None:
        if now < self._said + EVERY or not (self._counts or self._failed):
            return
        if self._counts:
            reasons = ", ".join(f"{count} {reason}" for reason, count in self._counts.items())
            self._say(f"clients that were not served: {reasons}")
        self._counts.clear()
        self._failed = 0
        self._said = now


def ends_with_its_parent() -> None:
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
