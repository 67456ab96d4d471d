"""Runs -> records: the missing ones are trained, here or in several processes."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Self

from deepreshape.design import cost
from deepreshape.learn.images.sets import load
from deepreshape.learn.runs.making import obtain
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.search.searches import SNL, SENet
from deepreshape.learn.training.machine import Machine, Precision, this_machine
from deepreshape.learn.workers import hindrance, report, team
from deepreshape.progress import Shown

MOST_WORKERS = 8


@dataclass(frozen=True, slots=True)
class Executor:
    """How runs are computed on this machine.

    device: auto, cpu or cuda. workers: processes that train side by side, each on an equal share
    of the cores; None takes one a core on a CPU, at most 8 (small nets leave a second thread
    idle), and one on CUDA or where processes cannot share semaphores. show: progress on stderr.
    precision: the number format; None takes the device's (`machine.chosen`).

    With two or more workers a script must start training under `if __name__ == "__main__":`, for
    each of them imports it.
    """

    device: str = "auto"
    workers: int | None = None
    show: bool = True
    precision: Precision | None = None

    def __post_init__(self) -> None:
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
        with _Campaign(missing, executor.show) as campaign:
            for run in missing:
                if store.get(run) is not None:
                    campaign.say(f"run {run.key} is recorded without its weights; trained again:")
                    campaign.say(f"  {run.network} on {run.data}")
            if workers == 1 != executor.workers and (why := hindrance()):
                campaign.say(f"one run after another: processes cannot share semaphores ({why})")
            if workers == 1:
                made = _in_this_process(missing, store, machine, campaign)
            else:
                made = _in_processes(missing, store, machine, workers, campaign)
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


def work(run: Run) -> int:
    """Multiply-accumulates of the forward passes over training images, at most: a search may end
    early."""
    epochs = run.recipe.epochs
    match run.search:
        case SNL():
            epochs += run.search.epochs
        case SENet():
            epochs += run.search.sensitivity_epochs + run.search.epochs
    return cost(run.network).macs * epochs * run.data.train_images


def processes(executor: Executor, machine: Machine) -> int:
    """Processes side by side; the same for few runs as for many, since the threads that are left
    to each decide the last bits of a result."""
    workers = executor.workers
    if workers is None:
        workers = 1 if machine.device.type == "cuda" else min(_cores(), MOST_WORKERS)
    return 1 if workers > 1 and hindrance() else workers


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _in_this_process(
    runs: Sequence[Run], store: Store, machine: Machine, campaign: "_Campaign"
) -> dict[Run, Record]:
    made: dict[Run, Record] = {}
    for wave in waves(runs):
        for run in wave:
            made[run] = obtain(run, store, machine, partial(campaign.advance, run), net_too=True)
            campaign.finish(run)
    return made


def _in_processes(
    runs: Sequence[Run], store: Store, machine: Machine, workers: int, campaign: "_Campaign"
) -> dict[Run, Record]:
    made: dict[Run, Record] = {}
    numbers = {run: number for number, run in enumerate(runs)}
    tasks = [f"run {run.key} ({run.network} on {run.data})" for run in runs]
    place = (machine.device.type, machine.precision)
    with team(workers, tasks) as members:
        for wave in waves(runs):
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


class _Campaign:
    """One progress bar over many runs: share of the work, images per second, time left."""

    def __init__(self, runs: Sequence[Run], show: bool) -> None:
        self._left = {run: work(run) for run in runs}
        self._images = self._done = 0
        self._bar = Shown(
            "training, {task.fields[done]} of {task.fields[runs]} runs done",
            "{task.fields[rate]:.0f} images/s",
            quiet=not show,
        )
        self._task = self._bar.add_task(
            "", total=sum(self._left.values()), done=0, runs=len(runs), rate=0.0
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def say(self, line: str) -> None:
        if not self._bar.disable:
            self._bar.console.print(line, highlight=False, soft_wrap=True)

    def advance(self, run: Run, images: int) -> None:
        """So many more images of a run have been trained on; more than a batch holds, before this
        sitting."""
        if images <= max(run.recipe.batch, run.search.batch if run.search else 0):
            self._images += images
        self._move(run, images * cost(run.network).macs)

    def finish(self, run: Run) -> None:
        self._done += 1
        self._move(run, self._left[run])

    def _move(self, run: Run, amount: int) -> None:
        amount = min(amount, self._left[run])
        self._left[run] -= amount
        elapsed = self._bar.tasks[self._task].elapsed or 1.0
        rate = self._images / elapsed
        self._bar.update(self._task, advance=amount, done=self._done, rate=rate)
