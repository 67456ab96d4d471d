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
from collections.abc import Callable
from contextlib import suppress
from math import inf
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from time import monotonic

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
SPARE = 8
"""Descriptors that have to be free for a process: four pipe ends, and what it opens itself."""

Say = Callable[[str], None]


def serve(listener: socket.socket, service: Service, link: Link | None, say: Say) -> None:
    """Take sessions until interrupted."""
    load()
    server = _Server(Door(listener, {"packing": service.packing}), service, link, say)
    try:
        while True:
            server.step()
    finally:
        server.end()


class _Server:
    """The accepting process."""

    def __init__(self, door: Door, service: Service, link: Link | None, say: Say) -> None:
        self._door, self._service, self._link = door, service, link
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
            guest.sock, link=self._link, limit=IDLE, heard=heard, waited=turn.waited
        ) as channel:
            try:
                session = Session(channel, self._service, SystemRandomness())
                session.serve(IDLE, turn.between_images)
            except TurnOver as error:
                channel.refuse(str(error), for_now=True)
            except FAILURES as error:
                channel.refuse(type(error).__name__)
                self._news.of_a_session(f"a session ended: {str(error) or type(error).__name__}")
                sys.exit(1)


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
