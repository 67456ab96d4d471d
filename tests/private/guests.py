"""Bytes with which a client greets a server."""

import socket

from deepreshape.private.wire import frames
from deepreshape.private.wire.frames import HELLO
from deepreshape.private.wire.handshake import greeting
from deepreshape.private.wire.link import Address

PARAMETERS = {"packing": "coefficients"}
"""Those of a server."""


def hello() -> bytes:
    octets = greeting("client", {"packing": None})
    return frames.header(HELLO, 0, len(octets)) + octets


def guest(at: Address, said: bytes | None = None) -> socket.socket:
    """A connection over which so much has been said, by default a whole greeting."""
    sock = socket.create_connection((at.host, at.port), timeout=10)
    sock.sendall(hello() if said is None else said)
    return sock
