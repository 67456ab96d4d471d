"""This protocol and others on one network, in one run on one machine: the record of `ci/peers`."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from deepreshape.files import write_text
from deepreshape.places import DATA

PEERS = DATA / "latency" / "peers.json"
"""The record that this repository keeps."""
OURS = "deepreshape"
"""The name under which a record has this library's protocol."""


class BadPeers(ValueError):
    """A file that holds no such record; the message names it."""


@dataclass(frozen=True, slots=True)
class Passes:
    """What a system took for an image, by medians over rounds. A round is one session.

    ready_s: before any image, once: to make plaintexts of weights, or to compile. first_s,
    first_bytes: the first image of a session, with what a session sets up; bytes both ways. each_s,
    up_bytes, down_bytes: an image after it; up is what the client sent. online_s: of each_s, from
    when the image is known; None where the protocol has no phase before that. difference: the
    largest of its logits from those in floating point, over the largest logit.
    """

    system: str
    protocol: str
    ready_s: float
    first_s: float
    first_bytes: int
    each_s: float
    online_s: float | None
    up_bytes: int
    down_bytes: int
    difference: float

    @property
    def each_bytes(self) -> int:
        return self.up_bytes + self.down_bytes


@dataclass(frozen=True, slots=True)
class Peers:
    """A record. date: of the run. images: in each session. versions: of what was run."""

    machine: str
    date: str
    network: str
    relus: int
    rounds: int
    images: int
    versions: Mapping[str, str]
    passes: tuple[Passes, ...]


def read(path: Path = PEERS) -> Peers:
    """The record of a file. Raises BadPeers, or FileNotFoundError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        rows = tuple(_taken(Passes, row) for row in found["passes"])
        record: Peers = _taken(Peers, found | {"passes": rows})
        return record
    except (ValueError, LookupError, TypeError) as error:
        raise BadPeers(f"{path} holds no record of peers ({type(error).__name__})") from None


def write(path: Path, record: Peers) -> None:
    """Write a record whole, or leave what was there. Raises OSError."""
    write_text(path, json.dumps(asdict(record), indent=1) + "\n")


def _taken(kind: Any, row: Mapping[str, Any]) -> Any:
    return kind(**{field.name: row[field.name] for field in fields(kind)})
