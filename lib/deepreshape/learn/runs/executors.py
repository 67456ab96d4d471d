"""Runs -> records: the missing ones are made, teachers first, by whichever crew."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from pkgutil import resolve_name

from deepreshape.learn.images.sets import load
from deepreshape.learn.runs.agenda import Agenda
from deepreshape.learn.runs.campaign import Campaign
from deepreshape.learn.runs.cluster import on_ray
from deepreshape.learn.runs.crews import Backend, Crew, in_turn, processes, side_by_side
from deepreshape.learn.runs.price import peak
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.tensor_files import Busy
from deepreshape.learn.training.machine import Precision, on_free_cores, this_machine
from deepreshape.learn.workers import Died, hindrance

TRIES = 3
"""Times that a run is begun over which processes die, before it is given up."""
PAUSE = 0.05
"""Seconds of doing nothing where all that is left is made by others."""

IN_TURN, SIDE_BY_SIDE = HERE = ("in-turn", "side-by-side")
"""What this machine does itself."""
BACKENDS: dict[str, Backend] = {IN_TURN: in_turn, SIDE_BY_SIDE: side_by_side, "ray": on_ray}


@dataclass(frozen=True, slots=True)
class Executor:
    """How runs are computed.

    device: auto, cpu or cuda. workers: processes that train side by side, each on an equal share
    of the cores; None takes one a core on a CPU, at most 8 (small nets leave a second thread
    idle), and one on CUDA or where processes cannot share semaphores. show: progress on stderr.
    precision: the number format; None takes the device's (`machine.chosen`). backend: of
    `BACKENDS`, or the place of a `crews.Backend` elsewhere, as `package.module:name`; None takes
    `in-turn` for one worker and `side-by-side` for more.

    With two or more workers a script must start training under `if __name__ == "__main__":`, for
    each of them imports it.
    """

    device: str = "auto"
    workers: int | None = None
    show: bool = True
    precision: Precision | None = None
    backend: str | None = None

    def __post_init__(self) -> None:
        if self.backend is not None:
            _found(self.backend)
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"workers must be at least 1, not {self.workers}")


def _found(name: str) -> Backend:
    """Raises ValueError for a name of nothing that executes runs."""
    if name in BACKENDS:
        return BACKENDS[name]
    known = ", ".join(BACKENDS)
    if ":" not in name:
        raise ValueError(
            f"unknown executor {name!r}; known are {known}, or package.module:name for another"
        )
    try:
        found: Backend = resolve_name(name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(f"executor {name!r} cannot be imported ({error})") from None
    if not callable(found):
        raise ValueError(f"executor {name!r} is nothing that can be called")
    return found


def execute(runs: Sequence[Run], store: Store, executor: Executor) -> list[Record]:
    """The record of every run, in order; those that the store lacks are made, teachers first.

    Whoever else works on the store is not waited for while there is another run to make. A teacher
    whose net is needed is trained again where its record lies in the store without it. A run that
    failed is not tried again: delete its record to do so. One whose teacher failed gets a record
    that says so and is not kept. A process that dies costs its run, which goes on from its last
    epoch; after `TRIES` times the others are made, and then RuntimeError says which is not.
    """
    made: Mapping[Run, Record] = {}
    runs = [run.pinned() for run in runs]
    missing = lacking(runs, store)
    if missing:
        name = executor.backend or _usual(executor)
        for data in dict.fromkeys(run.data for run in missing):
            load(data)
        most = peak(this_machine(executor.device, executor.precision)) if name in HERE else None
        with Campaign(missing, executor.show, most) as campaign:
            for run in missing:
                if store.get(run) is not None:
                    campaign.say(f"run {run.key} is recorded without its weights; trained again:")
                    campaign.say(f"  {run.network} on {run.data}")
            if name == IN_TURN and executor.workers != 1 and (why := hindrance()):
                campaign.say(f"one run after another: processes cannot share semaphores ({why})")
            settings = (executor.device, executor.precision, executor.workers)
            share = on_free_cores(campaign.say) if name == IN_TURN else nullcontext()
            with share, _found(name)(store, *settings) as crew:
                made = conduct(Agenda(missing), crew, campaign)
    return [_recorded(run, store, made) for run in runs]


def _usual(executor: Executor) -> str:
    machine = this_machine(executor.device, executor.precision)
    return IN_TURN if processes(machine, executor.workers) == 1 else SIDE_BY_SIDE


def conduct(agenda: Agenda, crew: Crew, campaign: Campaign) -> dict[Run, Record]:
    """Let a crew make what is on an agenda. Raises RuntimeError at the end where a run is left."""
    made: dict[Run, Record] = {}
    begun, deaths, lost = 0, Counter[Run](), dict[Run, Died]()
    waiting = 0
    while not agenda.is_over:
        while crew.is_free() and (run := agenda.take()) is not None:
            crew.begin(run)
            begun += 1
        if not begun:
            time.sleep(PAUSE)
        for run, outcome in crew.ended(campaign.advance):
            begun -= 1
            try:
                made[run] = outcome.result()
                agenda.finish(run)
                campaign.finish(run)
            except Busy:
                agenda.put_off(run)
            except Died as death:
                deaths[run] += 1
                if death.is_hopeless:
                    raise
                if deaths[run] < TRIES:
                    campaign.say(f"{death.what}; begun again, {deaths[run] + 1} of {TRIES}")
                    agenda.again(run)
                else:
                    lost[run] = death
                    waiting += len(agenda.give_up(run)) - 1
    if lost:
        first = next(iter(lost.values()))
        others = f"; {len(lost) - 1} more runs ended so" if len(lost) > 1 else ""
        others += f"; {waiting} that wait for it were not made" if waiting else ""
        raise RuntimeError(f"{first} (it was begun {TRIES} times{others})")
    return made


def _recorded(run: Run, store: Store, made: Mapping[Run, Record]) -> Record:
    record = store.get(run) or made.get(run)
    if record is None:
        raise RuntimeError(f"{store.path(run)} was changed meanwhile; run again to make it anew")
    return record


def part(runs: Iterable[Run], number: int, parts: int) -> list[Run]:
    """Of so many parts of some runs the one of this number, counted from 1: the same whoever asks,
    since a run belongs to it by its key."""
    return [run for run in runs if int(run.pinned().key, 16) % parts == number - 1]


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
