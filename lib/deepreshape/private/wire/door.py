"""The door of a server: greetings are awaited side by side, by one thread that never waits for one.

A client that has connected costs a descriptor and the bytes of its greeting, until that is whole
and good: then it is a guest, and waits for a place. Who does not greet in time, or with something
else, is turned away. Of both kinds so many are kept and no more; where there are too many, those of
the address that has the most make room: the oldest that have not greeted, the last of the guests.
Guests are let in by turns of their addresses.
"""

import errno
import ipaddress
import selectors
import socket
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic

from deepreshape.private.wire import frames
from deepreshape.private.wire.frames import ERROR, HEADER, HELLO
from deepreshape.private.wire.handshake import MOST, PROMPT, Parameter, greeting, judged
from deepreshape.private.wire.pipe import (
    BadFrame,
    Mismatch,
    PeerGone,
    Refused,
    Unknown,
    Unsealed,
    WireError,
)
from deepreshape.private.wire.sealed import Sealed

GREETING = 128
"""Clients that may be about to greet, with `HEADER.size + MOST` bytes at most each."""
GUESTS = 64
"""Clients that may wait for a place."""
EACH = 8
"""Of them, connections of one that is known by its key."""
AT_ONCE = 64
"""Connections that are accepted before greetings are looked at again."""
REST = 0.5
"""Seconds in which none is accepted once the system has no room for another."""
EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
V6_NETWORK = 64
"""Bits of an IPv6 number that tell clients apart: the rest is any client's own to choose."""


@dataclass(eq=False, slots=True)
class Guest:
    """A client at the door. heard: what it has sent, in the end a whole greeting and no more.

    origin: what it is told apart by, its address until it is known by its key. seal: what encrypts
    all that it says, where clients need a key.
    """

    sock: socket.socket
    origin: str
    until: float
    seal: Sealed | None = None
    heard: bytearray = field(default_factory=bytearray)
    number: str = ""

    def missing(self) -> int:
        """Bytes up to the end of its header, or of its greeting; raises BadFrame."""
        if len(self.heard) < HEADER.size:
            return HEADER.size - len(self.heard)
        found = frames.read(self.heard[: HEADER.size], 0, frames.named(HELLO))
        return HEADER.size + frames.expected(found, HELLO, 0, MOST) - len(self.heard)


class Door:
    """Clients of a listener until they have a place. parameters: those that a greeting has to meet.

    sealed: what encrypts a client's connection, and knows it by its key; without it there are no
    keys. turned_away: how many, by reason; the caller takes them out.
    """

    def __init__(
        self,
        listener: socket.socket,
        parameters: Mapping[str, Parameter],
        sealed: Callable[[socket.socket], Sealed] | None = None,
    ) -> None:
        self._listener, self._parameters, self._sealed = listener, parameters, sealed
        self._greeting: dict[Guest, None] = {}  # the oldest first
        self._guests: dict[str, deque[Guest]] = {}  # by origin, the next first
        self._rests_until = 0.0
        self.turned_away: Counter[str] = Counter()
        # Not epoll, whose set a forked process would share.
        self._selector = selectors.PollSelector()
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)

    @property
    def guests(self) -> int:
        """How many wait for a place."""
        return sum(map(len, self._guests.values()))

    def watch(self, descriptor: int) -> None:
        """Let `wait` end where this can be read, until it is no longer watched."""
        self._selector.register(descriptor, selectors.EVENT_READ)

    def unwatch(self, descriptor: int) -> None:
        self._selector.unregister(descriptor)

    def wait(self, seconds: float) -> None:
        """Wait until something happens, for so many seconds at most, and see to who comes."""
        ready = self._selector.select(min(seconds, self._next(monotonic())))
        now = monotonic()
        self._rested(now)
        # Who has greeted has nothing to fear from those who come.
        for key, _ in ready:
            if isinstance(key.data, Guest):
                self._heard(key.data)
        if any(key.fileobj is self._listener for key, _ in ready):
            self._accept(now)
        for guest in [guest for guest in self._greeting if guest.until <= now]:
            self._turn_away(guest, "sent no greeting in time", "PeerSlow")

    def next(self) -> Guest | None:
        """The guest whose turn it is, whose socket is then the caller's; None if nobody waits."""
        for origin in list(self._guests):
            waiting = self._guests.pop(origin)
            guest = waiting.popleft()
            if waiting:
                self._guests[origin] = waiting  # behind all others
            self._selector.unregister(guest.sock)
            return guest
        return None

    def send_away(self, guest: Guest, reason: str, line: str) -> None:
        """Turn a client away that is forgotten here, such as a guest whose turn it was."""
        self.turned_away[reason] += 1
        self._tell(guest, line)
        guest.sock.close()

    def close(self) -> None:
        """Close all that is open here, the listener as well."""
        self._selector.close()
        self._listener.close()
        for some in (self._greeting, *self._guests.values()):
            for guest in some:
                guest.sock.close()

    def _next(self, now: float) -> float:
        """Seconds until something is due."""
        due = [guest.until for guest in self._greeting][:1]
        if self._rests_until:
            due.append(self._rests_until)
        return max(0.0, min(due, default=now + 3600) - now)

    def _rested(self, now: float) -> None:
        if self._rests_until and self._rests_until <= now:
            self._rests_until = 0.0
            self._selector.register(self._listener, selectors.EVENT_READ)

    def _accept(self, now: float) -> None:
        for _ in range(AT_ONCE):
            try:
                sock, peer = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno not in EXHAUSTED:
                    continue  # the client was lost as it came
                if not self._greeting:
                    # The listener would be ready all the time.
                    self._rests_until = now + REST
                    self._selector.unregister(self._listener)
                    return
                self._crowded("came while the system had no room for more")
                continue
            sock.setblocking(False)
            with suppress(OSError):  # some systems say here that the peer is gone
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            seal = self._sealed(sock) if self._sealed else None
            guest = Guest(sock, origin(peer[0]), now + PROMPT, seal, number=peer[0])
            self._greeting[guest] = None
            self._selector.register(sock, selectors.EVENT_READ, guest)
            self._heard(guest)
            if len(self._greeting) > GREETING:
                self._crowded("made room for others before it greeted")

    def _crowded(self, reason: str) -> None:
        """Turn the oldest away that has not greeted, of the address with the most of them."""
        [(most, _)] = Counter(guest.origin for guest in self._greeting).most_common(1)
        oldest = next(guest for guest in self._greeting if guest.origin == most)
        self._turn_away(oldest, reason, "too many clients: try again later")

    def _heard(self, guest: Guest) -> None:
        """Take what a client at the door has sent."""
        try:
            if guest.seal:
                self._agree(guest, guest.seal)
            while guest in self._greeting:
                self._take(guest, guest.missing())
                if not guest.missing():
                    judged(guest.heard[HEADER.size :], "server", self._parameters)
                    self._welcome(guest)
            if guest.sock.fileno() >= 0:  # not turned away
                self._take(guest, 1)
                raise BadFrame("a guest has nothing to say before it is answered")
        except BlockingIOError:
            pass
        except Mismatch:
            self._turn_away(guest, "has another version or other parameters", "Mismatch")
        except PeerGone:
            self._forget(guest)
            guest.sock.close()
        except Unknown:
            self._turn_away(guest, "had no key that is known here", "")
        except Unsealed:
            self._turn_away(guest, "came without a key", "this server takes clients with keys only")
        except Refused:
            self._turn_away(guest, "did not take the key of this server", "")
        except WireError:
            self._turn_away(guest, "sent something else than a greeting", "BadFrame")

    def _agree(self, guest: Guest, seal: Sealed) -> None:
        """Go on with the handshake; raises BlockingIOError until a client is known."""
        try:
            seal.shake()
        except BlockingIOError:
            raise
        except OSError:
            raise PeerGone("the client went away") from None
        assert seal.peer
        guest.origin = seal.peer.name

    def _take(self, guest: Guest, most: int) -> None:
        """Read what has come; raises BlockingIOError, or PeerGone at the end."""
        try:
            octets = (guest.seal or guest.sock).recv(most)
        except BlockingIOError:
            raise
        except OSError:
            octets = b""
        if not octets:
            raise PeerGone("the client went away")
        guest.heard += octets

    def _welcome(self, guest: Guest) -> None:
        """Let a client wait for a place, or the last of the address that has the most of them."""
        if guest.seal and len(self._guests.get(guest.origin, ())) >= EACH:
            self._turn_away(guest, "had too many connections", "too many of yours wait already")
            return
        del self._greeting[guest]
        self._guests.setdefault(guest.origin, deque()).append(guest)
        if self.guests > GUESTS:
            last = max(self._guests.values(), key=len)[-1]
            self._turn_away(last, "found too many waiting", "too many wait: try again later")

    def _turn_away(self, guest: Guest, reason: str, line: str) -> None:
        self._forget(guest)
        self.send_away(guest, reason, line)

    def _tell(self, guest: Guest, line: str) -> None:
        """Tell a client in a line why it has to go, if it takes one at once."""
        said, number = b"", 0
        if line == "Mismatch":
            # With our own greeting a client sees itself what differs.
            hello = greeting("server", self._parameters)
            said, number = frames.header(HELLO, 0, len(hello)) + hello, 1
        payload = frames.reason(line)
        said += frames.header(ERROR, number, len(payload)) + payload
        with suppress(OSError, WireError):
            if guest.seal and guest.seal.peer:
                guest.seal.sendmsg([memoryview(said)])
            elif not guest.seal or not guest.seal.begun:
                guest.sock.send(said)

    def _forget(self, guest: Guest) -> None:
        self._selector.unregister(guest.sock)
        if guest in self._greeting:
            del self._greeting[guest]
            return
        waiting = self._guests[guest.origin]
        waiting.remove(guest)
        if not waiting:
            del self._guests[guest.origin]


def origin(number: str) -> str:
    """What clients are told apart by: an IPv4 number, or the network of an IPv6 one."""
    found = ipaddress.ip_address(number.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((found, V6_NETWORK), strict=False))
        found = found.ipv4_mapped
    return str(found)
