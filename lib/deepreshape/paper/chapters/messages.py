"""The chapter on secrecy: the messages of a session, who sends them, and what hides them."""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from deepreshape.private.protocol import Kind
from deepreshape.private.wire.traffic import Account, Traffic

Side = Literal["client", "server"]


@dataclass(frozen=True, slots=True)
class Message:
    """A kind of message: in which phase, from whom, what it is, and what hides its content."""

    name: str
    phase: str
    sender: Side
    what: str
    hidden: str


PUBLIC = "nothing: it is public"
MESSAGES = {
    message.name: message
    for message in (
        Message("hello", "handshake", "client", "version and parameters", PUBLIC),
        Message("greeting", "handshake", "server", "version and parameters", PUBLIC),
        Message("keys", "setup", "client", "its public key", PUBLIC),
        Message("program", "setup", "server", "layers, shapes, which ReLUs are kept", PUBLIC),
        Message("offer", "setup", "client", "base transfers", "a secret exponent, keys"),
        Message("reply", "setup", "server", "base transfers", "a secret exponent"),
        Message("next", "requests", "client", "that an image is wanted", PUBLIC),
        Message("shares", "offline", "client", "its shares, encrypted", "the client's key"),
        Message(
            "answers", "offline", "server", "weights times shares, encrypted", "random numbers"
        ),
        Message("choices", "offline", "client", "which labels it wants", "random bits"),
        Message("nonces", "offline", "server", "a number for each layer's hashes", PUBLIC),
        Message("tables", "offline", "server", "locked gates", "labels that the client lacks"),
        Message(
            "products",
            "offline",
            "server",
            "for truncations and squares",
            "labels that the client lacks",
        ),
        Message("image", "online", "client", "picture less share", "the client's share"),
        Message("labels", "online", "server", "a label for each bit", "its twin is never sent"),
        Message("differences", "online", "server", "for truncations and squares", "random bits"),
        Message("results", "online", "client", "results less shares", "the client's new shares"),
        Message("logits", "online", "server", "its share of the scores", "the client's share"),
    )
}
"""In the order of their first use."""
JOINT = ("choices", "nonces", "tables", "products", "labels", "differences", "results")
"""Those of garbled circuits, truncations and squares, their transfers included."""
_KINDS = {
    Kind.KEYS: "keys",
    Kind.PROGRAM: "program",
    Kind.NEXT: "next",
    Kind.INPUT: "shares",
    Kind.ANSWER: "answers",
    Kind.CHOICES: "choices",
    Kind.NONCE: "nonces",
    Kind.TABLES: "tables",
    Kind.PRODUCTS: "products",
    Kind.IMAGE: "image",
    Kind.LABELS: "labels",
    Kind.DIFFERENCES: "differences",
    Kind.SHARES: "results",
    Kind.LOGITS: "logits",
}
"""By kind of frame, of the kinds that travel one way."""
_BOTH_WAYS = {
    ("handshake", "hello"): ("hello", "greeting"),
    ("setup", "transfer"): ("offer", "reply"),
}
"""By phase and step, what the client sends and receives of the other kinds."""


def sizes(traffic: Traffic) -> dict[str, int]:
    """Bytes of each message that a session had, by its name in `MESSAGES`, as the client counts.

    Raises LookupError for bytes that belong to no message known here.
    """
    found = {_KINDS[Kind(at)]: size for at, size in traffic.kinds.items() if at in _KINDS}
    for (phase, step), names in _BOTH_WAYS.items():
        tally = traffic.tallies[Account(phase, step)]
        found.update(zip(names, (tally.sent, tally.received), strict=True))
    total = traffic.total()
    if left := total.sent + total.received - sum(found.values()):
        raise LookupError(f"{left:,} bytes belong to no known message")
    return {name: found[name] for name in MESSAGES if name in found}


def table(found: dict[str, int]) -> pd.DataFrame:
    """A row for each message: phase, sender, what it is, what hides it, and its size."""
    return pd.DataFrame(
        [
            {
                "phase": MESSAGES[name].phase,
                "from": MESSAGES[name].sender,
                "message": name,
                "what it is": MESSAGES[name].what,
                "hidden by": MESSAGES[name].hidden,
                "size": shown(size),
            }
            for name, size in found.items()
        ]
    )


def shown(size: int) -> str:
    """Bytes as a reader takes them in: `20 B`, `24.6 kB`, `15.3 MB`."""
    if size < 1000:
        return f"{size} B"
    return f"{size / 1e3:,.1f} kB" if size < 1e6 else f"{size / 1e6:,.1f} MB"
