"""Runs -> records: the missing ones are trained, here or in several processes."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain

from deepreshape.learn.images.sets import load
from deepreshape.learn.runs.campaign import Campaign, work
from deepreshape.learn.runs.make import obtain
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.training.machine import Machine, Precision, this_machine
from deepreshape.learn.workers import hindrance, report, team

MOST_WORKERS = 8


Backend = Callable[[Sequence[Sequence[Run]], Store, Machine, int, Campaign], dict[Run, Record]]
"""Makes the records of runs, wave after wave: each run of a wave may be made beside the others, in
so many processes, once those of the waves before are there. It tells the campaign how far each is.
"""


def in_turn(
    waves: Sequence[Sequence[Run]], store: Store, machine: Machine, workers: int, campaign: Campaign
) -> dict[Run, Record]:
    """One after another, in this process."""
    made: dict[Run, Record] = {}
    for run in chain(*waves):
        made[run] = obtain(run, store, machine, partial(campaign.advance, run), net_too=True)
        campaign.finish(run)
    return made


def side_by_side(
    waves: Sequence[Sequence[Run]], store: Store, machine: Machine, workers: int, campaign: Campaign
) -> dict[Run, Record]:
    """In several processes of this machine, each on an equal share of the cores."""
    made: dict[Run, Record] = {}
    runs = list(chain(*waves))
    numbers = {run: number for number, run in enumerate(runs)}
    tasks = [f"run {run.key} ({run.network} on {run.data})" for run in runs]
    place = (machine.device.type, machine.precision)
    with team(workers, tasks) as members:
        for wave in waves:
            for run in wave:
                members.submit(numbers[run], _work, run, store, *place)
            for number, record in members.results(
                lambda number, images: campaign.advance(runs[number], images)
            ):
                made[runs[number]] = record
                campaign.finish(runs[number])
    return made


def _work(number: int, run: Run, store: Store, device: str, precision: Precision) -> Record:
    progress = partial(report, number)
    return obtain(run, store, this_machine(device, precision), progress, net_too=True)


BACKENDS: dict[str, Backend] = {"in turn": in_turn, "side by side": side_by_side}


@dataclass(frozen=True, slots=True)
class Executor:
    """How runs are computed on this machine.

    device: auto, cpu or cuda. workers: processes that train side by side, each on an equal share
    of the cores; None takes one a core on a CPU, at most 8 (small nets leave a second thread
    idle), and one on CUDA or where processes cannot share semaphores. show: progress on stderr.
    precision: the number format; None takes the device's (`machine.chosen`). backend: of
    `BACKENDS`; None takes `in turn` for one worker and `side by side` for more.

    With two or more workers a script must start training under `if __name__ == "__main__":`, for
    each of them imports it.
    """

    device: str = "auto"
    workers: int | None = None
    show: bool = True
    precision: Precision | None = None
    backend: str | None = None

    def __post_init__(self) -> None:
        if self.backend is not None and self.backend not in BACKENDS:
            known = ", ".join(BACKENDS)
            raise ValueError(f"unknown backend {self.backend!r}; known are {known}")
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"workers must be at least 1, not {self.workers}")


def execute(runs: Sequence[Run], store: Store, executor: Executor) -> list[Record]:
    """The record of every run, in order; those that the store lacks are made, teachers first.

    A teacher whose net is needed is trained again where its record lies in the store without it. A
    run that failed is not tried again: delete its record to do so. One whose teacher failed gets a
    record that says so and is not kept.
    """
    made: dict[Run, Record] = {}
    runs = [run.pinned() for run in runs]
    missing = lacking(runs, store)
    if missing:
        machine = this_machine(executor.device, executor.precision)
        for data in dict.fromkeys(run.data for run in missing):
            load(data)
        workers = processes(executor, machine)
        with Campaign(missing, executor.show) as campaign:
            for run in missing:
                if store.get(run) is not None:
                    campaign.say(f"run {run.key} is recorded without its weights; trained again:")
                    campaign.say(f"  {run.network} on {run.data}")
            if workers == 1 != executor.workers and (why := hindrance()):
                campaign.say(f"one run after another: processes cannot share semaphores ({why})")
            backend = executor.backend or ("in turn" if workers == 1 else "side by side")
            made = BACKENDS[backend](list(waves(missing)), store, machine, workers, campaign)
    return [_recorded(run, store, made) for run in runs]


def _recorded(run: Run, store: Store, made: Mapping[Run, Record]) -> Record:
    record = store.get(run) or made.get(run)
    if record is None:
        raise RuntimeError(f"{store.path(run)} was changed meanwhile; run again to make it anew")
    return record


def lacking(runs: Iterable[Run], store: Store) -> list[Run]:
    """The runs without a record, each once, and before them those teachers of theirs whose net is
    not in the store."""
    holds = cache(store.holds)
    missing: dict[Run, None] = {}

    def add(run: Run) -> None:
        if run.teacher is not None and not holds(run.teacher):
            add(run.teacher)
        missing[run] = None

    for run in runs:
        if store.get(run) is None:
            add(run)
    return list(missing)


def waves(runs: Iterable[Run]) -> Iterator[list[Run]]:
    """Runs that wait for no one, then those that wait for them; the longest of each first."""
    found: dict[int, list[Run]] = {}
    for run in runs:
        depth, teacher = 0, run.teacher
        while teacher is not None:
            depth, teacher = depth + 1, teacher.teacher
        found.setdefault(depth, []).append(run)
    for depth in sorted(found):
        yield sorted(found[depth], key=work, reverse=True)


def processes(executor: Executor, machine: Machine) -> int:
    """Processes side by side; the same for few runs as for many, since the threads that are left
    to each decide the last bits of a result."""
    workers = executor.workers
    if workers is None:
        cores = len(os.sched_getaffinity(0))
        workers = 1 if machine.device.type == "cuda" else min(cores, MOST_WORKERS)
    return 1 if workers > 1 and hindrance() else workers
