"""Where the two parties meet: addresses, sockets, and a slower network than the real one."""

import ipaddress
import os
import re
import socket
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass

from deepreshape.private.wire.pipe import PeerGone, PeerSlow, WireError

ADDRESS = re.compile(r"(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([^\s:/\[\]]+)):([0-9]{1,5})")


@dataclass(frozen=True)
class Address:
    """A host, by name or number, and a TCP port; port 0 is any free one, for who listens."""

    host: str
    port: int

    def __post_init__(self) -> None:
        if not self.host:
            raise ValueError("an address needs a host")
        if not 0 <= self.port < 1 << 16:
            raise ValueError(f"the port {self.port} is not in 0 ... 65535")

    @classmethod
    def parse(cls, text: str) -> "Address":
        """`localhost:9000`, `192.0.2.1:9000` or `[::1]:9000`; anything else is a ValueError."""
        found = ADDRESS.fullmatch(text)
        if not found:
            raise ValueError(
                f"{text!r} is no address: write host:port, and an IPv6 number as [::1]:9000"
            )
        return cls(found[1] or found[2], int(found[3]))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def loopback(address: Address) -> bool:
    """Is all that the host's name stands for this machine alone? WireError where it is unknown."""
    numbers = (ipaddress.ip_address(found.partition("%")[0]) for _, found in _numbers(address))
    return all((getattr(found, "ipv4_mapped", None) or found).is_loopback for found in numbers)


QUEUE = 1024
"""Connections that the system keeps until they are accepted."""


def listen(address: Address) -> socket.socket:
    """A socket that waits for clients at an address; the caller closes it.

    At `::`, every number of this machine, it takes clients over IPv4 too, where the system can.
    """
    family, number = _resolved(address)
    both = number == "::" and socket.has_dualstack_ipv6()
    try:
        return socket.create_server(
            (address.host, address.port), family=family, backlog=QUEUE, dualstack_ipv6=both
        )
    except OSError as error:
        raise WireError(f"cannot listen at {address}: {_reason(error)}") from None


def listening(listener: socket.socket) -> Address:
    """Where a socket listens, with the port that it got."""
    host, port = listener.getsockname()[:2]
    return Address(host, port)


def accept(listener: socket.socket, limit: float | None = None) -> socket.socket:
    """The next client of a listener; PeerSlow if none comes in `limit` seconds."""
    listener.settimeout(limit)
    try:
        sock, _ = listener.accept()
        return _prompt(sock)
    except TimeoutError:
        raise PeerSlow(f"no client came within {limit:g} s") from None
    except OSError as error:
        raise PeerGone(f"the client was lost as it came: {_reason(error)}") from None


def connect(address: Address, limit: float = 10.0) -> socket.socket:
    """A connection to a listener; `limit` seconds for each number that the host's name has."""
    _resolved(address)
    try:
        return _prompt(socket.create_connection((address.host, address.port), timeout=limit))
    except TimeoutError:
        raise PeerSlow(f"{address} did not answer within {limit:g} s") from None
    except OSError as error:
        raise PeerGone(f"cannot connect to {address}: {_reason(error)}") from None


def _resolved(address: Address) -> tuple[socket.AddressFamily, str]:
    """The first that the host's name stands for: IPv4 or IPv6, and the number."""
    return _numbers(address)[0]


def _numbers(address: Address) -> list[tuple[socket.AddressFamily, str]]:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        return [(each[0], str(each[4][0])) for each in found]
    except (OSError, UnicodeError):
        raise WireError(f"the host {address.host!r} is unknown") from None


def _prompt(sock: socket.socket) -> socket.socket:
    """A TCP socket that sends small frames at once."""
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except OSError:  # some systems say here that the peer is gone
        sock.close()
        raise
    return sock


def _reason(error: OSError) -> str:
    return os.strerror(error.errno).lower() if error.errno else type(error).__name__


@dataclass(frozen=True)
class Link:
    """A network to emulate: seconds there and back, and bits per second each way."""

    round_trip: float
    bandwidth: float

    def __post_init__(self) -> None:
        if not self.round_trip >= 0 or not self.bandwidth > 0:
            raise ValueError("a link needs a round trip of at least 0 s and some bandwidth")

    def seconds(self, octets: int, rounds: int = 1) -> float:
        """The least time for `octets` bytes in flights that follow each other, `rounds` of them."""
        return 8 * octets / self.bandwidth + rounds * self.round_trip / 2


LAN = Link(round_trip=0.5e-3, bandwidth=1e9)
"""A gigabit switch: the local network that evaluations of secure computation usually assume."""
WAN = Link(round_trip=100e-3, bandwidth=100e6)
"""Their wide-area network: two places some thousand kilometres apart."""
CHEETAH_LAN = Link(round_trip=0.3e-3, bandwidth=3e9)
"""The local network of Cheetah (Huang et al. 2022), as its published code sets it up."""
CHEETAH_WAN = Link(round_trip=40e-3, bandwidth=400e6)
"""Its wide-area network."""
LINKS = {"lan": LAN, "wan": WAN, "cheetah-lan": CHEETAH_LAN, "cheetah-wan": CHEETAH_WAN}

CHUNK = 1 << 16
AHEAD = 5e-3  # seconds of sending that may be under way: a late wake-up then costs no bandwidth
COARSE = 1e-3  # the unit in which a socket waits
PATIENCE = 3600.0  # a peer that takes nothing is found by the sender's own limit, not by this


class Relay:
    """A thread that passes on, late, what is written to `inlet`.

    Bytes leave at the link's bandwidth one after the other, and each arrives half a round trip
    after it left: those that follow closely pay the latency once. Only this direction is delayed,
    so both parties have to name the link. While the link is busy the inlet fills up, as a socket
    on the real network would.
    """

    def __init__(self, sock: socket.socket, link: Link) -> None:
        self._link = link
        self._chunk = max(1, min(CHUNK, int(AHEAD * link.bandwidth / 8)))
        self.inlet, self._outlet = socket.socketpair()
        # A time limit of its own; without one the reader's socket would block as well.
        self._sock = sock.dup()
        self._sock.settimeout(PATIENCE)
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._run, name="emulated link", daemon=True)
        self._thread.start()

    def close(self, linger: float = 5.0) -> None:
        """Deliver what is under way, for `linger` seconds at most, and end the thread."""
        self.inlet.close()
        self._thread.join(linger)
        if self._thread.is_alive():
            self._abandoned.set()
            with suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
            self._thread.join()

    def _run(self) -> None:
        with self._outlet, self._sock, suppress(OSError):
            self._carry()

    def _carry(self) -> None:
        flying: deque[tuple[float, bytes]] = deque()  # when each piece arrives
        free, more = 0.0, True  # when the link has sent all it was given; whether more may come
        while (more or flying) and not self._abandoned.is_set():
            now = time.monotonic()
            due = flying[0][0] if flying else None
            if due is not None and due <= now:
                self._sock.sendall(flying.popleft()[1])
            elif more and free - now < AHEAD and (octets := self._next(due, now)) is not None:
                left = max(free, time.monotonic())
                free = left + 8 * len(octets) / self._link.bandwidth
                if octets:
                    flying.append((free + self._link.round_trip / 2, octets))
                more = octets != b""
            elif due is not None:
                until = min(due, free - AHEAD) if more and free - now >= AHEAD else due
                self._abandoned.wait(max(0.0, until - time.monotonic()))

    def _next(self, due: float | None, now: float) -> bytes | None:
        """What comes before it is time for something else: None if nothing, empty at the end."""
        # What is left of the wait after this is slept, which is finer.
        self._outlet.settimeout(None if due is None else max(0.0, due - now - COARSE))
        try:
            return self._outlet.recv(self._chunk)
        except (TimeoutError, BlockingIOError):
            return None
