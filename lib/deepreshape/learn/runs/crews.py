"""Those who make runs: this process, several of this machine, or whatever else keeps to `Crew`."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Protocol

from deepreshape.learn.runs.make import obtain
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.tensor_files import Busy
from deepreshape.learn.training.machine import Machine, Precision, this_machine
from deepreshape.learn.workers import Team, hindrance, report, team

MOST_WORKERS = 8

Progress = Callable[[Run, int], None]
"""Called with a run and the images that were trained on since."""


class Crew(Protocol):
    """Those who make runs. A run that is begun ends with its record; with `Busy` where another
    process makes it, with `Died` where whoever made it is gone, with another error where no run can
    be made."""

    def is_free(self) -> bool:
        """Can another run be begun now?"""

    def begin(self, run: Run) -> None:
        """Make a run, whose teacher is in the store, and put its record there."""

    def ended(self, progress: Progress) -> Iterable[tuple[Run, Future[Record]]]:
        """The runs that ended since; where there are none, wait for a moment."""


class Backend(Protocol):
    """A way to execute runs: a crew for a block, at whose end nobody is at work any more.

    store: where records come from and go. device, precision, workers: as `Executor` has them.
    """

    def __call__(
        self, store: Store, device: str, precision: Precision | None, workers: int | None
    ) -> AbstractContextManager[Crew]: ...


class InTurn:
    """One run after another, in this process."""

    def __init__(self, store: Store, machine: Machine) -> None:
        self._store, self._machine = store, machine
        self._next: Run | None = None

    def is_free(self) -> bool:
        return self._next is None

    def begin(self, run: Run) -> None:
        self._next = run

    def ended(self, progress: Progress) -> Iterator[tuple[Run, Future[Record]]]:
        run, self._next = self._next, None
        if run is None:
            return
        outcome: Future[Record] = Future()
        advance = partial(progress, run)
        try:
            outcome.set_result(
                obtain(run, self._store, self._machine, advance, net_too=True, wait=False)
            )
        except Busy as error:
            outcome.set_exception(error)
        yield run, outcome


@contextmanager
def in_turn(
    store: Store, device: str, precision: Precision | None, workers: int | None
) -> Iterator[Crew]:
    yield InTurn(store, this_machine(device, precision))


class SideBySide:
    """Several processes of this machine, each on an equal share of the cores."""

    def __init__(self, members: Team, tasks: list[str], store: Store, machine: Machine) -> None:
        self._members, self._tasks = members, tasks
        self._store, self._machine = store, machine
        self._runs: list[Run] = []

    def is_free(self) -> bool:
        return self._members.is_free

    def begin(self, run: Run) -> None:
        self._runs.append(run)
        self._tasks.append(f"run {run.key} ({run.network} on {run.data})")
        place = (str(self._machine.device), self._machine.precision)
        self._members.submit(len(self._runs) - 1, _work, run, self._store, *place)

    def ended(self, progress: Progress) -> Iterator[tuple[Run, Future[Record]]]:
        ended = self._members.ended(lambda number, images: progress(self._runs[number], images))
        for number, outcome in ended:
            yield self._runs[number], outcome


@contextmanager
def side_by_side(
    store: Store, device: str, precision: Precision | None, workers: int | None
) -> Iterator[Crew]:
    machine, tasks = this_machine(device, precision), list[str]()
    with team(processes(machine, workers), tasks) as members:
        yield SideBySide(members, tasks, store, machine)


def _work(number: int, run: Run, store: Store, device: str, precision: Precision) -> Record:
    progress = partial(report, number)
    machine = this_machine(device, precision)
    return obtain(run, store, machine, progress, net_too=True, wait=False)


def processes(machine: Machine, workers: int | None) -> int:
    """Processes side by side; the same for few runs as for many, since the threads that are left
    to each decide the last bits of a result."""
    if workers is None:
        cores = len(os.sched_getaffinity(0))
        workers = 1 if machine.device.type == "cuda" else min(cores, MOST_WORKERS)
    return 1 if workers > 1 and hindrance() else workers
