"""Where the seconds of a session go: by phase, step, and kind of work."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple

from deepreshape.private.wire.channel import Channel

Work = Literal["HE", "GC", "OT", "clear"]
"""Homomorphic encryption, garbled circuits, oblivious transfer, and arithmetic on shares."""


class Spent(NamedTuple):
    """What seconds belong to, such as ("offline", "stage2/block1/conv1", "HE")."""

    phase: str
    step: str
    work: Work


class Stopwatch:
    """Seconds of one party; what it sends and receives is the channel's to count."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self.seconds: dict[Spent, float] = defaultdict(float)

    @contextmanager
    def at(self, phase: str, step: str, work: Work) -> Iterator[None]:
        """Count what is done within, without the time on the wire; the channel's bytes go under the
        same phase and step."""
        start, wire = time.monotonic(), self._channel.seconds
        with self._channel.account(phase, step):
            try:
                yield
            finally:
                spent = time.monotonic() - start - (self._channel.seconds - wire)
                self.seconds[Spent(phase, step, work)] += spent
