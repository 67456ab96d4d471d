"""The chapter on secrecy: the messages of a session, who sends them, and what hides them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from deepreshape.private.program.steps import Linear, Nonlinear, Program, Square
from deepreshape.private.wire.traffic import Traffic

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
        Message("offer", "setup", "client", "base transfers", "a secret exponent"),
        Message("reply", "setup", "server", "base transfers", "a secret exponent"),
        Message("next", "requests", "client", "that an image is wanted", PUBLIC),
        Message("shares", "offline", "client", "its shares, encrypted", "the client's key"),
        Message(
            "answers", "offline", "server", "weights times shares, encrypted", "random numbers"
        ),
        Message("choices", "offline", "client", "which labels it wants", "random bits"),
        Message("tables", "offline", "server", "locked gates", "labels that the client lacks"),
        Message("products", "offline", "server", "for squares", "labels that the client lacks"),
        Message("image", "online", "client", "picture less share", "the client's share"),
        Message("labels", "online", "server", "a label for each bit", "its twin is never sent"),
        Message("colours", "online", "client", "results less shares", "the client's new shares"),
        Message("differences", "online", "server", "for squares", "random numbers"),
        Message("squares", "online", "client", "for squares", "the client's new shares"),
        Message("logits", "online", "server", "its share of the scores", "the client's share"),
    )
}
"""In the order of their first use."""
_FIXED = {
    ("handshake", "hello"): ("hello", "greeting"),
    ("setup", "program"): ("", "program"),
    ("setup", "keys"): ("keys", ""),
    ("setup", "transfer"): ("offer", "reply"),
    ("", ""): ("next", ""),
    ("online", "image"): ("image", ""),
}
"""By phase and step, what the client sends and receives, where no step of a program says it."""
_STEPS: dict[tuple[str, type | None], tuple[str, str]] = {
    ("offline", Linear): ("shares", "answers"),
    ("offline", Nonlinear): ("choices", "tables"),
    ("offline", Square): ("choices", "products"),
    ("online", Nonlinear): ("colours", "labels"),
    ("online", Square): ("squares", "differences"),
}


def sizes(program: Program, traffic: Traffic) -> dict[str, int]:
    """Bytes of each message that a session had, by its name in `MESSAGES`, as the client counts.

    Raises LookupError for bytes that belong to no message known here.
    """
    found: dict[str, int] = {}
    for name, size in _sized(program, traffic):
        found[name] = found.get(name, 0) + size
    return {name: found[name] for name in MESSAGES if name in found}


def _sized(program: Program, traffic: Traffic) -> Iterator[tuple[str, int]]:
    kinds = {step.name: type(step.op) for step in program.steps}
    last = program.steps[-1].name
    for (phase, step), tally in traffic.tallies.items():
        if (phase, step) == ("online", last):
            pair = "", "logits"
        elif (phase, step) in _FIXED:
            pair = _FIXED[phase, step]
        else:
            pair = _STEPS.get((phase, kinds.get(step)), ("", ""))
        for name, size in zip(pair, (tally.sent, tally.received), strict=True):
            if size and not name:
                raise LookupError(f"{size:,} bytes of {phase} {step} belong to no known message")
            if size:
                yield name, size


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
