"""Several processes on one store: seconds of a campaign, beside one that waits for every run.

    python ci/bench/campaign.py [ROUNDS] [RUNS] [PROCESSES] [SECONDS]

Each process has the same list of runs, as several machines with one shared folder have. A run here
waits its seconds and computes nothing, so that the times are those of the queue alone, whatever
else the machine does. The two ways take turns.
"""

import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, sleep
from typing import Any

import torch

from deepreshape.design import Network, Stage
from deepreshape.learn.images.sets import DataSet
from deepreshape.learn.runs import make
from deepreshape.learn.runs.agenda import Agenda
from deepreshape.learn.runs.campaign import Campaign
from deepreshape.learn.runs.crews import InTurn
from deepreshape.learn.runs.executors import conduct
from deepreshape.learn.runs.make import obtain
from deepreshape.learn.runs.record import Record
from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.recipe import Recipe

ROUNDS, RUNS, PROCESSES, SECONDS = 3, 12, 3, 2.0
NETWORK = Network(4, (Stage(4, 1), Stage(8, 1)), 8, 10)
CPU = Machine(torch.device("cpu"), "float32")


def wanted(runs: int) -> list[Run]:
    data = DataSet("mnist5k", per_class=8, size=8)
    return [Run(NETWORK, data, Recipe(epochs=1), seed).pinned() for seed in range(1, runs + 1)]


def waiting(runs: list[Run], store: Store) -> None:
    """One run after another, each waited for that somebody else makes."""
    for run in runs:
        obtain(run, store, CPU)


def skipping(runs: list[Run], store: Store) -> None:
    """The campaign's way: whatever another process makes is come back to."""
    with Campaign(runs, show=False) as campaign:
        conduct(Agenda(runs), InTurn(store, CPU), campaign)


def _process(
    way: Callable[[list[Run], Store], None],
    runs: int,
    folder: Path,
    seconds: float,
    barrier: Any,
    begun: Any,
) -> None:
    def made(run: Run, store: Store, *_: object) -> Record:
        begun.put(run.seed)
        sleep(seconds)
        record = _record(run, seconds)
        store.put(run, record)
        return record

    make._make = made  # type: ignore[assignment]
    listed = wanted(runs)
    barrier.wait()
    way(listed, Store(folder))
    barrier.wait()


def _record(run: Run, seconds: float) -> Record:
    """Of a run that nothing came of: it needs no weights beside it."""
    return Record(
        key=run.key,
        status="failed",
        run=run.describe(),
        validation=None,
        test=None,
        relus=0,
        stage_relus=(),
        macs=0,
        params=0,
        curve=(),
        precision="float32",
        seconds=seconds,
        data_digest="",
        weights_digest=None,
        environment={},
    )


def timed(
    way: Callable[[list[Run], Store], None], runs: int, processes: int, seconds: float
) -> float:
    """Seconds until the last process has every record. Raises RuntimeError where a run was not made
    exactly once."""
    context = get_context("fork")
    barrier, begun = context.Barrier(processes + 1), context.Queue()
    with TemporaryDirectory() as folder:
        arguments = (way, runs, Path(folder), seconds, barrier, begun)
        members = [context.Process(target=_process, args=arguments) for _ in range(processes)]
        for member in members:
            member.start()
        barrier.wait()
        start = perf_counter()
        barrier.wait()
        taken = perf_counter() - start
        made = sorted(begun.get() for _ in range(runs))
        for member in members:
            member.join()
        if made != list(range(1, runs + 1)) or not begun.empty():
            raise RuntimeError(f"runs were not made once each: {made}")
    return taken


def main(
    rounds: int = ROUNDS, runs: int = RUNS, processes: int = PROCESSES, seconds: float = SECONDS
) -> int:
    wanted(1)
    measured = [
        [timed(way, runs, processes, seconds) for way in (waiting, skipping)] for _ in range(rounds)
    ]
    slow, fast = (median(column) for column in zip(*measured, strict=True))
    least = -(-runs // processes) * seconds
    print(f"{runs} runs of {seconds:g} s by {processes} processes on one store:")
    print(f"  each run waited for {slow:.1f} s, whoever is busy passed over {fast:.1f} s")
    print(f"  {slow / fast:.2f} times as fast; an equal share takes {least:.1f} s")
    return 0


if __name__ == "__main__":
    values = sys.argv[1:]
    sys.exit(main(*map(int, values[:3]), *map(float, values[3:4])))
