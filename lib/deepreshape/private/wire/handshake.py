"""What the two parties tell each other before they compute: versions, sides and parameters."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping
from typing import Literal

from deepreshape import __version__
from deepreshape.private.wire.channel import Channel
from deepreshape.private.wire.frames import HELLO, VERSION, printable
from deepreshape.private.wire.pipe import BadFrame, Mismatch

Parameter = str | int | bool | None
Side = Literal["client", "server"]
FIELDS = {"protocol": int, "library": str, "side": str, "digest": str, "parameters": dict}
MOST = 1 << 16
"""Bytes of a hello."""
PROMPT = 10.0
"""Seconds in which a client has to greet."""
SOON = 3.0
"""Seconds in which a server with a free place answers a greeting, as a rule."""


def handshake(
    channel: Channel,
    side: Side,
    parameters: Mapping[str, Parameter],
    waits: Callable[[], None] | None = None,
) -> dict[str, Parameter]:
    """Agree on versions and parameters; returns the parameters as agreed.

    Both send a hello and read the other's, the server within `PROMPT` seconds; waits: called where
    the other's takes longer than `SOON`. A parameter that is None on one side is left to the other:
    its value is taken, and is then as hostile as any other input. Structured values go in as text,
    or as a digest of it. A different value is a Mismatch that names the parameter; another set of
    names, another type or JSON that is not strict is a BadFrame. Parameters are sent in the clear
    and named in messages: nothing secret belongs in them.
    """
    octets = greeting(side, parameters)
    # A client may have to wait for its turn, so its own patience is the channel's.
    prompt = PROMPT if side == "server" else math.inf
    with channel.account("handshake", "hello"), channel.within(prompt):
        channel.send(HELLO, octets)
        if waits and channel.silent(SOON):
            waits()
        theirs = channel.receive(HELLO, at_most=MOST)
    return judged(theirs, side, parameters)


def greeting(side: Side, parameters: Mapping[str, Parameter]) -> bytes:
    """The hello of a side."""
    hello = {
        "protocol": VERSION,
        "library": __version__,
        "side": side,
        "digest": digest(parameters),
        "parameters": dict(parameters),
    }
    octets = json.dumps(hello).encode()
    if len(octets) > MOST:
        raise ValueError(f"the parameters take {len(octets)} bytes, of {MOST} at most")
    return octets


def judged(
    octets: bytes | bytearray, side: Side, parameters: Mapping[str, Parameter]
) -> dict[str, Parameter]:
    """The parameters as agreed with the other side, whose hello this is; raises as `handshake`."""
    theirs = _parsed(octets)
    if theirs["side"] == side:
        raise Mismatch(f"side: both parties are the {side}")
    _same("library", __version__, theirs["library"])
    return _agreed(parameters, theirs["parameters"], theirs["digest"])


def digest(parameters: Mapping[str, Parameter]) -> str:
    """SHA-256 of the parameters as JSON with sorted names, in hexadecimal."""
    return hashlib.sha256(json.dumps(dict(parameters), sort_keys=True).encode()).hexdigest()


def _parsed(octets: bytes | bytearray) -> dict[str, object]:
    """The peer's hello, with every field there and of its type."""
    try:
        hello = json.loads(
            octets.decode(), object_pairs_hook=_unique, parse_constant=_no, parse_float=_no
        )
    except (ValueError, RecursionError):
        raise BadFrame("the peer's hello is not strict JSON") from None
    if not isinstance(hello, dict):
        raise BadFrame("the peer's hello is not a JSON object")
    # First of all: a later version may have other fields.
    if type(hello.get("protocol")) is int:
        _same("protocol", VERSION, hello["protocol"])
    _names("field", set(FIELDS), set(hello))
    for name, kind in FIELDS.items():
        if type(hello[name]) is not kind:
            raise BadFrame(f"the field {name!r} of the peer's hello has the wrong type")
    return hello


def _agreed(
    ours: Mapping[str, Parameter], theirs: object, their_digest: object
) -> dict[str, Parameter]:
    """The parameters that both have, or the first that differs."""
    assert isinstance(theirs, dict)
    _names("parameter", set(ours), set(theirs))
    agreed = dict(ours)
    for name in ours:
        mine, other = ours[name], theirs[name]
        if not isinstance(other, str | int | None):
            raise BadFrame(f"the parameter {name!r} of the peer has the wrong type")
        if mine is None:
            agreed[name] = other
        elif other is not None:
            if type(mine) is not type(other):
                raise BadFrame(f"the parameter {name!r} of the peer has the wrong type")
            _same(name, mine, other)
    if digest(theirs) != their_digest:
        raise BadFrame("the digest in the peer's hello is not that of its parameters")
    return agreed


def _same(name: str, mine: object, other: object) -> None:
    if mine != other:
        here, there = (printable(str(value), 80) for value in (mine, other))
        raise Mismatch(f"{name}: this side has {here}, the peer {there}")


def _names(what: str, wanted: set[str], found: set[str]) -> None:
    if missing := sorted(wanted - found):
        raise BadFrame(f"the peer's hello lacks the {what} {missing[0]!r}")
    if unknown := sorted(found - wanted):
        raise BadFrame(f"the peer's hello has an unknown {what}: {printable(unknown[0], 80)}")


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no(text: str) -> object:
    raise ValueError(f"{text} is not allowed")
