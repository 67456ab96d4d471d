"""Frames between client and server, and an account of what they cost.

A frame is a header and a payload (see `frames`). Without a `Seal` nothing is authenticated or
encrypted. Bytes from the other party are checked before memory is set aside for them, and every
failure is a `WireError`.

Either party may send at any time (see `Pipe`): no order of sends and receives in which each
message has its receiver locks up, as long as neither is more than 64 MiB ahead.
"""

import math
import socket
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from deepreshape.private.wire import frames
from deepreshape.private.wire.frames import ERROR, HEADER, TURN, named, printable
from deepreshape.private.wire.link import Link, Relay
from deepreshape.private.wire.pipe import (
    BadFrame,
    PeerGone,
    PeerSlow,
    Pipe,
    Refused,
    Seal,
    TurnOver,
    Waited,
    WireError,
)
from deepreshape.private.wire.traffic import Account, Tally, Traffic

if TYPE_CHECKING:
    import numpy.typing as npt

    Octets: TypeAlias = bytes | bytearray | memoryview | npt.NDArray[Any]

SKIPPED = 1 << 16


class Channel:
    """Frames to and from one peer, over a connected socket that is then the channel's to close.

    link: the network to emulate; each side delays what it sends. limit: seconds that a send or a
    receive may take in all, where the call names no other; `within` bounds many together. heard:
    what the peer has sent already. waited: is told of every wait (see `Pipe`). seal: what encrypts
    the connection; the first that is sent or received agrees on it. One thread uses a channel.
    After an error the channel has stopped: every further call fails, except `refuse` and `close`.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        link: Link | None = None,
        limit: float = 60.0,
        heard: bytes = b"",
        waited: Waited | None = None,
        seal: Seal | None = None,
    ) -> None:
        self.limit = limit
        self._sock = sock
        self._relay = Relay(sock, link) if link else None
        writing = self._relay.inlet if self._relay else sock
        self._pipe = Pipe(sock, writing, heard, waited, seal)
        self._next_sent = self._next_received = 0
        self._half_sent = False
        self._stopped: str | None = None
        self._until = math.inf
        self._account = Account("", "")
        self._tallies: dict[Account, Tally] = {}
        self._kinds: Counter[int] = Counter()
        self._sent_last: bool | None = None

    def __enter__(self) -> "Channel":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Deliver what an emulated link still holds, and close; again is harmless."""
        self._stopped = self._stopped or "it was closed"
        if self._relay:
            self._relay.close()
        self._sock.close()

    def send(self, kind: int, payload: "Octets", *, limit: float | None = None) -> None:
        """Send one frame; the payload is any contiguous buffer, and may be changed afterwards."""
        _check(kind)
        octets = _octets(payload)
        with self._working():
            try:
                self._put(kind, octets, self._deadline(limit))
            except PeerGone:
                self._last_words()
                raise

    def receive(
        self,
        kind: int,
        *,
        at_most: int | None = None,
        exactly: int | None = None,
        limit: float | None = None,
    ) -> bytearray:
        """The payload of the next frame, of this kind and of a length that is allowed.

        Give either `at_most` or `exactly`, in bytes.
        """
        if (at_most is None) == (exactly is None):
            raise ValueError("a receive needs either at_most or exactly")
        least, most = (0, at_most) if exactly is None else (exactly, exactly)
        assert most is not None
        with self._working():
            deadline = self._deadline(limit)
            payload = bytearray(self._header(kind, least, most, deadline))
            self._body(kind, memoryview(payload), deadline)
        return payload

    def receive_many(self, kind: int, count: int, *, at_most: int) -> Iterator[bytearray]:
        """The payloads of the next `count` frames, one at a time; the limits hold for each."""
        for _ in range(count):
            yield self.receive(kind, at_most=at_most)

    def receive_either(
        self, allowed: Mapping[int, int], *, limit: float | None = None
    ) -> tuple[int, bytearray]:
        """Kind and payload of the next frame. allowed: kinds, and the bytes that each has."""
        with self._working():
            deadline = self._deadline(limit)
            what = " or ".join(map(named, allowed))
            found = self._any_header(what, deadline)
            if found[0] not in allowed:
                raise BadFrame(f"a frame of kind {found[0]} came where {what} was due")
            size = allowed[found[0]]
            payload = bytearray(frames.expected(found, found[0], size, size))
            self._body(found[0], memoryview(payload), deadline)
        return found[0], payload

    def receive_into(self, kind: int, buffer: "Octets") -> None:
        """Fill a contiguous buffer from the next frame, which is of this kind and length."""
        view = _octets(buffer)
        if view.readonly:
            raise ValueError("the buffer to receive into is read-only")
        with self._working():
            deadline = self._deadline(None)
            self._header(kind, view.nbytes, view.nbytes, deadline)
            self._body(kind, view, deadline)

    def silent(self, seconds: float) -> bool:
        """Does the peer send nothing for so long?"""
        return not self._pipe.comes(seconds)

    def refuse(self, reason: str, *, for_now: bool = False) -> None:
        """Tell the peer in one line why this side stops, if it still listens; never fails.

        Without a seal the reason is sent in the clear: nothing secret belongs in it. for_now: the
        peer may connect again, and gets `TurnOver` rather than `Refused`.
        """
        # After half a frame, these bytes would be taken for the rest of its payload.
        if not self._half_sent:
            kind, line = TURN if for_now else ERROR, memoryview(frames.reason(reason))
            with suppress(WireError):
                self._put(kind, line, time.monotonic() + 1.0)
        self._stopped = self._stopped or "it was ended by this side"

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Let all that is sent and received within end in so many seconds, beside each limit."""
        before, self._until = self._until, min(self._until, time.monotonic() + seconds)
        try:
            yield
        finally:
            self._until = before

    @contextmanager
    def account(self, phase: str, step: str) -> Iterator[None]:
        """Count what is sent and received within under this phase and step."""
        before, self._account = self._account, Account(phase, step)
        try:
            yield
        finally:
            self._account = before

    @property
    def traffic(self) -> Traffic:
        """What this side has sent and received up to now."""
        kinds = MappingProxyType(dict(self._kinds))
        return Traffic(MappingProxyType(dict(self._tallies)), kinds)

    @property
    def seconds(self) -> float:
        """What sending and receiving took up to now, waiting included."""
        return sum(tally.seconds for tally in self._tallies.values())

    @contextmanager
    def _working(self) -> Iterator[None]:
        """Send or receive, unless the channel has stopped; stop it if that is broken off."""
        if self._stopped:
            raise WireError(f"this channel has stopped: {self._stopped}")
        self._stopped = "a frame was broken off"
        start = time.monotonic()
        try:
            yield
        except WireError as error:
            self._stopped = str(error)
            raise
        else:
            self._stopped = None
        finally:
            self._count(Tally(seconds=time.monotonic() - start))

    def _deadline(self, limit: float | None) -> float:
        return min(self._until, time.monotonic() + (self.limit if limit is None else limit))

    def _put(self, kind: int, payload: memoryview, deadline: float) -> None:
        header = frames.header(kind, self._next_sent, payload.nbytes)
        self._half_sent = True
        self._pipe.write([memoryview(header), payload], deadline, named(kind))
        self._half_sent = False
        self._next_sent += 1
        octets, turned = len(header) + payload.nbytes, self._sent_last is not True
        self._count(Tally(sent=octets, frames_sent=1, rounds=turned))
        self._kinds[kind] += octets
        self._sent_last = True

    def _header(self, kind: int, least: int, most: int, deadline: float) -> int:
        """The length of the next frame, which is of this kind and of `least` to `most` bytes."""
        return frames.expected(self._any_header(named(kind), deadline), kind, least, most)

    def _any_header(self, what: str, deadline: float) -> tuple[int, int]:
        """Kind and length of the next frame; Refused, with its line, if that is an error."""
        header = bytearray(HEADER.size)
        self._pipe.read_into(memoryview(header), deadline, what)
        kind, length = frames.read(header, self._next_received, what)
        if kind in (TURN, ERROR):
            line = bytearray(length)
            self._pipe.read_into(memoryview(line), deadline, "an error")
            told = TurnOver if kind == TURN else Refused
            said = printable(line.decode("ascii", "replace"), length)
            raise told(f"the peer stopped: {said}")
        return kind, length

    def _body(self, kind: int, payload: memoryview, deadline: float) -> None:
        self._pipe.read_into(payload, deadline, named(kind))
        self._next_received += 1
        octets, turned = HEADER.size + payload.nbytes, self._sent_last is not False
        self._count(Tally(received=octets, frames_received=1, rounds=turned))
        self._kinds[kind] += octets
        self._sent_last = False

    def _last_words(self) -> None:
        """Raise Refused if the peer, now gone, left a reason behind what else it had sent."""
        deadline = time.monotonic() + 1.0
        scratch = memoryview(bytearray(SKIPPED))
        with suppress(PeerGone, PeerSlow, BadFrame):
            while time.monotonic() < deadline:
                _, left = self._any_header("an error", deadline)
                while left and time.monotonic() < deadline:
                    piece = scratch[:left]
                    self._pipe.read_into(piece, deadline, "an error")
                    left -= piece.nbytes
                self._next_received += 1

    def _count(self, tally: Tally) -> None:
        self._tallies[self._account] = self._tallies.get(self._account, Tally()) + tally


def _check(kind: int) -> None:
    if not 0 <= kind < TURN:
        raise ValueError(f"the kind {kind} is not in 0 ... {TURN - 1}")


def _octets(payload: "Octets") -> memoryview:
    view = memoryview(cast(bytes, payload))  # before Python 3.12, numpy's types name no buffer
    if not view.c_contiguous:
        raise ValueError("a payload has to be contiguous")
    # A view without elements cannot be cast.
    return view.cast("B") if view.nbytes else memoryview(bytearray())
