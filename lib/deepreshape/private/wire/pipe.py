"""Bytes over a connected socket, each call under one time limit, and what can go wrong with them.

No message here or in `wire` holds a byte of a payload.
"""

import math
import select
import socket
import time
from collections.abc import Callable
from typing import Protocol


class WireError(RuntimeError):
    """Talking to the other party failed; the message is one line and holds nothing secret."""


class PeerGone(WireError):
    """The other party closed the connection, or cannot be reached."""


class PeerSlow(WireError):
    """The other party did not send, or take, all of something within the time limit."""


class BadFrame(WireError):
    """The other party sent what the protocol does not allow here."""


class Mismatch(WireError):
    """The two parties have different versions or parameters."""


class Unknown(WireError):
    """The other party's key is not one that is known here."""


class Unsealed(WireError):
    """The other party does not encrypt what it sends, as this side does."""


class Refused(WireError):
    """The other party stopped, and said why."""


class TurnOver(WireError):
    """The server gives a session's place to another client; who wants more connects again."""


Waited = Callable[[float, int], None]
"""Is told of a wait as it goes on: seconds, and the bytes that came or went since it was last told.
May raise to end it."""
SLICE = 0.25
"""Seconds of a wait between two times that it is told of."""
KEPT = 64 << 20
"""Bytes that are kept while a write waits for a peer that itself is writing."""
PIECE = 1 << 18  # bytes that are kept at a time


class Seal(Protocol):
    """What encrypts a connection (see `sealed.Sealed`), and is then read and written in the place
    of its sockets."""

    def through(self, reading: socket.socket, writing: socket.socket) -> None: ...
    def shake(self) -> None: ...
    def recv(self, most: int) -> bytes: ...
    def recv_into(self, view: memoryview) -> int: ...
    def sendmsg(self, parts: list[memoryview]) -> int: ...


class Pipe:
    """Both directions of a connection; used by one thread.

    Two parties may write at once: while a write waits for room, what arrives is kept for later
    reads, up to about `KEPT` bytes. The two sockets are one and the same, or `writing` leads to a
    relay; closing them is the caller's. heard: what was read from the first already. seal: what
    encrypts all that goes over them.
    """

    def __init__(
        self,
        reading: socket.socket,
        writing: socket.socket,
        heard: bytes = b"",
        waited: Waited | None = None,
        seal: Seal | None = None,
    ) -> None:
        reading.setblocking(False)
        writing.setblocking(False)
        self._reading = reading
        self._writing = writing
        self._source: Seal | socket.socket = seal or reading
        self._sink: Seal | socket.socket = seal or writing
        self._seal = seal
        if seal:
            seal.through(reading, writing)
        self._kept = bytearray(heard)
        self._ended = False
        self._waited = waited
        self._moved = 0

    def write(self, parts: list[memoryview], deadline: float, what: str) -> None:
        """Send all bytes of `parts` before the time `deadline` of the monotonic clock.

        `what` names them in a PeerGone or PeerSlow.
        """
        self._shake(deadline, what)
        rest = [part for part in parts if part.nbytes]
        while rest:
            try:
                sent = self._sink.sendmsg(rest)
            except BlockingIOError:
                if not self._wait(deadline, writing=True):
                    raise PeerSlow(f"the peer did not take {what} in time") from None
                continue
            except OSError:
                raise PeerGone(f"the peer closed the connection before it took {what}") from None
            self._moved += sent
            while rest and sent >= rest[0].nbytes:
                sent -= rest.pop(0).nbytes
            if sent:
                rest[0] = rest[0][sent:]

    def read_into(self, view: memoryview, deadline: float, what: str) -> None:
        """Fill `view`, bytes, before the time `deadline`; errors as in `write`."""
        self._shake(deadline, what)
        done = min(len(self._kept), view.nbytes)
        view[:done] = self._kept[:done]
        del self._kept[:done]
        while done < view.nbytes:
            try:
                got = self._source.recv_into(view[done:])
            except BlockingIOError:
                if not self._wait(deadline, writing=False):
                    raise PeerSlow(
                        f"the peer did not send {what} in time: {done} of {view.nbytes} bytes came"
                    ) from None
                continue
            except OSError:
                got = 0
            if not got:
                raise PeerGone(
                    f"the peer closed the connection where {what} was due: "
                    f"{done} of {view.nbytes} bytes came"
                )
            self._moved += got
            done += got

    def comes(self, seconds: float) -> bool:
        """Is there something to read, or the end, within so many seconds?"""
        deadline = time.monotonic() + seconds
        self._shake(deadline, "a frame")
        poll = select.poll()
        poll.register(self._reading.fileno(), select.POLLIN)
        self._keep()  # what is decrypted already is no longer in the socket
        while not self._kept and not self._ended and (left := deadline - time.monotonic()) > 0:
            poll.poll(math.ceil(1000 * left))
            self._keep()
        return bool(self._kept) or self._ended

    def _shake(self, deadline: float, what: str) -> None:
        """Agree on an encryption before all else, if there is to be one."""
        while self._seal:
            try:
                self._seal.shake()
                return
            except BlockingIOError:
                if not self._wait(deadline, writing=False):
                    raise PeerSlow("the peer did not agree on an encryption in time") from None
            except OSError:
                raise PeerGone(f"the peer closed the connection where {what} was due") from None

    def _wait(self, deadline: float, writing: bool) -> bool:
        """Wait until the next try is worth while; False if the time is over.

        The clock is read before the sockets, so a peer that moves a byte at a time gains nothing.
        """
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        wanted = dict.fromkeys((self._reading.fileno(), self._writing.fileno()), 0)
        if writing:
            wanted[self._writing.fileno()] |= select.POLLOUT
        if not writing or (not self._ended and len(self._kept) < KEPT):
            wanted[self._reading.fileno()] |= select.POLLIN
        poll = select.poll()
        for descriptor, events in wanted.items():
            if events:
                poll.register(descriptor, events)
        start = time.monotonic()
        if self._waited:
            left = min(left, SLICE)
        poll.poll(None if math.isinf(left) else math.ceil(1000 * left))
        if self._waited:
            self._waited(time.monotonic() - start, self._moved)
            self._moved = 0
        if writing and len(self._kept) < KEPT:
            self._keep()
        return True

    def _keep(self) -> None:
        """Take what has arrived, if anything."""
        try:
            octets = self._source.recv(PIECE)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        self._ended = not octets
        self._kept += octets
