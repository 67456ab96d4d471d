"""What of a campaign may be made next: teachers first, the longest chain of work first.

A run waits for its own teacher alone, never for runs that have nothing to do with it.
"""

import time
from collections.abc import Callable, Iterable
from functools import cache
from heapq import heappop, heappush
from itertools import count

from deepreshape.learn.runs.campaign import work
from deepreshape.learn.runs.price import Pace, seconds
from deepreshape.learn.runs.run import Run

PAUSES = (0.2, 10.0)
"""Seconds until a run is tried again that another process makes: at first, and at most."""


class Agenda:
    """Runs to make, each once what it learns or starts from is there.

    length: how long a run takes, in any unit. First comes the run with the longest chain of those
    that wait for one another behind it; of equal ones, the one that was named first.
    """

    def __init__(self, runs: Iterable[Run], length: Callable[[Run], float] = work) -> None:
        self._runs = list(dict.fromkeys(runs))
        self._numbers = {run: number for number, run in enumerate(self._runs)}
        teachers = [self._numbers.get(run.teacher) if run.teacher else None for run in self._runs]
        self._students: list[list[int]] = [[] for _ in self._runs]
        for number, teacher in enumerate(teachers):
            if teacher is not None:
                self._students[teacher].append(number)
        self._chains = self._longest(length)
        self._open = set(range(len(self._runs)))
        self._ready: list[tuple[float, int]] = []
        self._put_off: list[tuple[float, int]] = []
        self._pauses: dict[int, float] = {}
        for number, teacher in enumerate(teachers):
            if teacher is None:
                self._call(number)

    def _longest(self, length: Callable[[Run], float]) -> list[float]:
        """Of every run, its own length and the longest chain behind it."""

        @cache
        def chain(number: int) -> float:
            behind = max(map(chain, self._students[number]), default=0.0)
            return length(self._runs[number]) + behind

        return [chain(number) for number in range(len(self._runs))]

    def _call(self, number: int) -> None:
        heappush(self._ready, (-self._chains[number], number))

    @property
    def is_over(self) -> bool:
        """Is every run finished or given up?"""
        return not self._open

    def take(self) -> Run | None:
        """The most urgent run that can be made now, no longer on the agenda; None: there is none
        at the moment."""
        if self._ready:
            return self._runs[heappop(self._ready)[1]]
        if self._put_off and self._put_off[0][0] <= time.monotonic():
            return self._runs[heappop(self._put_off)[1]]
        return None

    def finish(self, run: Run) -> None:
        """A run that was taken has its record: its students can be made."""
        number = self._numbers[run]
        self._open.discard(number)
        for student in self._students[number]:
            self._call(student)

    def put_off(self, run: Run) -> None:
        """A run that was taken is made elsewhere: come back to it after a while, and after all that
        wait for no one."""
        first, most = PAUSES
        number = self._numbers[run]
        pause = self._pauses[number] = min(2 * self._pauses.get(number, first / 2), most)
        heappush(self._put_off, (time.monotonic() + pause, number))

    def again(self, run: Run) -> None:
        """A run that was taken has to be made anew."""
        self._call(self._numbers[run])

    def give_up(self, run: Run) -> list[Run]:
        """Strike a run that was taken, and all that wait for it; returns them."""
        struck = [self._numbers[run]]
        for each in struck:
            struck += self._students[each]
        self._open -= set(struck)
        return [self._runs[each] for each in struck]


def elapsed(runs: Iterable[Run], pace: Pace, workers: int) -> float:
    """Seconds of a campaign in the order of an agenda, so many runs at a time, at most."""
    took = cache(lambda run: seconds(run, pace))
    agenda, number = Agenda(runs, took), count()
    under_way: list[tuple[float, int, Run]] = []
    now = 0.0
    while True:
        while len(under_way) < workers and (run := agenda.take()) is not None:
            heappush(under_way, (now + took(run), next(number), run))
        if not under_way:
            return now
        now, _, run = heappop(under_way)
        agenda.finish(run)
