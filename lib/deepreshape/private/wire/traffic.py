"""An account of what went over a wire, by phase and step."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple


@dataclass(frozen=True)
class Tally:
    """What went over the wire.

    sent, received: bytes, headers included (on the client, up and down). rounds: frames that went
    the other way than the frame before them, so n questions and answers are 2n rounds. seconds:
    spent in sending and receiving, the wait for a peer that computes included.
    """

    sent: int = 0
    received: int = 0
    frames_sent: int = 0
    frames_received: int = 0
    rounds: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.sent + other.sent,
            self.received + other.received,
            self.frames_sent + other.frames_sent,
            self.frames_received + other.frames_received,
            self.rounds + other.rounds,
            self.seconds + other.seconds,
        )


class Account(NamedTuple):
    """What a frame belongs to, such as ("offline", "stage2/block1/conv1")."""

    phase: str
    step: str


@dataclass(frozen=True)
class Traffic:
    """The tally of each account, in the order of their first use; and the bytes of each kind of
    frame, headers included, both ways."""

    tallies: Mapping[Account, Tally]
    kinds: Mapping[int, int] = field(default_factory=dict)

    def __add__(self, other: "Traffic") -> "Traffic":
        """Of both together."""
        accounts = dict.fromkeys((*self.tallies, *other.tallies))
        both = self.tallies, other.tallies
        return Traffic(
            {
                each: sum((some[each] for some in both if each in some), Tally())
                for each in accounts
            },
            Counter(self.kinds) + Counter(other.kinds),
        )

    def total(self, phase: str | None = None) -> Tally:
        """The sum, of a phase or of everything."""
        chosen = (t for account, t in self.tallies.items() if phase in (None, account.phase))
        return sum(chosen, Tally())
