"""Whose turn it is: a server's places, and when a session has to give its own to who waits.

While nobody waits, a client keeps its place. Else it gives it up between two images, once it has
asked for none in `GRACE` seconds or has had it for `TURN`; and within an image, if it keeps the
server waiting: `SLOW` seconds longer than what it sends and takes needs at `RATE`. An image that is
prepared has begun. So a client that asks without a pause gets an image of its own at least, and one
that says nothing, or a byte now and then, keeps nobody out.
"""

import mmap
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from time import monotonic

import numpy as np
import numpy.typing as npt

from deepreshape.private.wire.pipe import TurnOver

GRACE = 2.0
TURN = 10.0
SLOW = 10.0
RATE = 250_000.0
"""Bytes per second."""

BEGAN, RESTS, OWED, WANTED = range(4)
"""Of a place: when its session began, since when it waits for another image (0 within one), seconds
by which its client is too slow, and whether it has to give its place up. All but the last are
written by the session, on a clock that all processes share."""


class Places:
    """The places of a server, in memory that it shares with its sessions' processes."""

    def __init__(self, count: int) -> None:
        rows = np.frombuffer(mmap.mmap(-1, 8 * 4 * count), np.float64)
        self._rows: npt.NDArray[np.float64] = rows.reshape(count, 4)

    def turn(self, place: int) -> "Turn":
        """A new turn in a place that is free."""
        self._rows[place] = monotonic(), 0.0, 0.0, 0.0
        return Turn(self._rows[place])

    def claim(self, count: int, taken: Collection[int]) -> None:
        """Have so many of the places that are taken given up, as soon as they may be."""
        now = monotonic()
        may = [place for place in taken if self._rows[place, WANTED] or self._due(place, now)]
        # Those that rest can go at once; who was asked already may be about to.
        may.sort(key=lambda place: (self._rows[place, RESTS] == 0, not self._rows[place, WANTED]))
        for number, place in enumerate(may):
            self._rows[place, WANTED] = number < count

    def _due(self, place: int, now: float) -> bool:
        began, rests, owed, _ = self._rows[place]
        over = now - began >= TURN or owed >= SLOW or (rests > 0 and now - rests >= GRACE)
        return bool(over)


class Turn:
    """A session's own place."""

    def __init__(self, row: npt.NDArray[np.float64]) -> None:
        self._row, self._prepared, self._classified = row, 0, False

    @contextmanager
    def between_images(self, prepared: int) -> Iterator[None]:
        """Wait for what a client asks next, of whose images so many are prepared; raises
        TurnOver."""
        self._classified |= prepared < self._prepared
        self._prepared = prepared
        if self._classified and self._row[WANTED]:
            raise TurnOver("its turn is over: others wait")
        self._row[OWED], self._row[RESTS] = 0.0, 0.0 if prepared else monotonic()
        yield
        self._row[OWED] = self._row[RESTS] = 0.0

    def waited(self, seconds: float, octets: int) -> None:
        """Count a wait for the client, as `Pipe` tells of it; raises TurnOver."""
        rests = self._row[RESTS]
        if rests:
            over = monotonic() - rests >= GRACE
        else:
            self._row[OWED] = max(0.0, self._row[OWED] + seconds - octets / RATE)
            over = self._row[OWED] >= SLOW
        if over and self._row[WANTED]:
            raise TurnOver("it asked for nothing or was too slow: others wait")
