"""Who is let in to a server by a key, and what is said of each in its log."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from socket import socket
from time import monotonic

from deepreshape.private.clients import Clients
from deepreshape.private.wire.keys import Certificate
from deepreshape.private.wire.link import Address, loopback
from deepreshape.private.wire.sealed import Lock, Sealed, lock
from deepreshape.private.wire.traffic import Tally

Say = Callable[[str], None]

FRESH = 1.0
"""Seconds after which a server looks whether its list of clients has changed."""


class Entrance:
    """A server's key and its list of clients. Raises ValueError where one of them is none."""

    def __init__(self, key: Path, clients: Clients) -> None:
        self.clients = clients
        self._key = key
        self._version, self._lock, self._looked = clients.version(), self._made(), monotonic()

    def over(self, sock: socket) -> Sealed:
        """An encrypted connection with one of those that are on the list now."""
        if monotonic() >= self._looked + FRESH:
            self._looked = monotonic()
            # While the list cannot be read, no query is charged, so none is answered.
            with suppress(ValueError, RuntimeError):
                self._look()
        return self._lock.over(sock)

    def _look(self) -> None:
        if (version := self.clients.version()) != self._version:
            self._lock, self._version = self._made(), version

    def _made(self) -> Lock:
        return lock(self._key, [each.certificate for each in self.clients.listed()], server=True)


@dataclass
class Visit:
    """What a client asks in a session. origin: its address."""

    clients: Clients
    guest: Certificate
    origin: str
    began: float = field(default_factory=monotonic)
    queries: int = 0

    def check(self) -> None:
        """Raise Overdrawn where no query is left."""
        self.clients.check(self.guest.fingerprint)

    def charge(self) -> None:
        """Count a query; raises Overdrawn where it may not be asked."""
        self.clients.charge(self.guest.fingerprint)
        self.queries += 1

    def line(self, total: Tally, ended: str) -> str:
        """Who, from where, how much, how long, and what ended it; nothing of what was asked."""
        return (
            f"{self.guest.name} from {self.origin}: {self.queries} queries,"
            f" {total.received:,} bytes in, {total.sent:,} out,"
            f" {monotonic() - self.began:.1f} s{ended and f', {ended}'}"
        )


def dated(say: Say) -> Say:
    """With the time, in UTC, before each line."""
    return lambda line: say(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {line}")


@contextmanager
def lines(log: Path | None) -> Iterator[Say]:
    """What writes a line to the end of a log, whoever else does, or to standard error."""
    if log is None:
        yield lambda line: print(line, file=sys.stderr, flush=True)
        return
    handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o640)
    try:

        def say(line: str) -> None:
            with suppress(OSError):  # a full disk ends no server, and queries are counted elsewhere
                os.write(handle, f"{line}\n".encode())

        yield say
    finally:
        os.close(handle)


def secure(
    address: Address, keys: Mapping[str, Path | None], insecure: bool, named: str = "--insecure"
) -> None:
    """Raise ValueError for an address beyond this machine without keys, if that is not asked for.

    keys: options and what they name, of which all are given or none. named: what asks for it.
    """
    given = [name for name, path in keys.items() if path]
    wanted = " and ".join(keys)
    if given and insecure:
        raise ValueError(f"{given[0]} and {named} exclude each other")
    if given and len(given) < len(keys):
        raise ValueError(f"{wanted} need each other")
    if not given and not insecure and not loopback(address):
        raise ValueError(
            f"{address} is not only this machine: it takes {wanted} (see `deepreshape keys`),"
            f" or {named}"
        )
