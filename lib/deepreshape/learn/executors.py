"""Runs -> records: the missing ones are trained, here or in several processes."""

import multiprocessing
import os
import signal
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty
from typing import Any, Self

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from deepreshape.design import cost
from deepreshape.learn.data import load
from deepreshape.learn.machine import this_machine
from deepreshape.learn.runs import Record, Run, Store, obtain
from deepreshape.learn.train import Machine

MOST_WORKERS = 8


@dataclass(frozen=True, slots=True)
class Executor:
    """How runs are computed on this machine.

    device: auto, cpu or cuda. workers: processes that train side by side, each on an equal share
    of the cores; None takes one a core on a CPU, at most 8 (small nets leave a second thread
    idle), and one on CUDA. show: draw a progress bar on stderr.
    """

    device: str = "auto"
    workers: int | None = None
    show: bool = True

    def __post_init__(self) -> None:
        if self.workers is not None and self.workers < 1:
            raise ValueError(f"workers must be at least 1, not {self.workers}")


def execute(runs: Sequence[Run], store: Store, executor: Executor) -> list[Record]:
    """The record of every run, in order; those that the store lacks are made, teachers first."""
    missing = [run for run in _with_teachers(runs) if store.get(run) is None]
    if missing:
        machine = this_machine(executor.device)
        for data in dict.fromkeys(run.data for run in missing):
            load(data)
        workers = _workers(executor, machine)
        with _Campaign(missing, executor.show) as campaign:
            for wave in _waves(missing):
                if workers == 1:
                    _in_this_process(wave, store, machine, campaign)
                else:
                    _in_processes(wave, store, machine, workers, campaign)
    return [_kept(run, store) for run in runs]


def _kept(run: Run, store: Store) -> Record:
    record = store.get(run)
    if record is None:
        raise RuntimeError(f"{store.path(run)} was changed meanwhile; run again to make it anew")
    return record


def _with_teachers(runs: Iterable[Run]) -> list[Run]:
    """Every run once, and before it its teacher."""
    ordered: dict[Run, None] = {}
    for run in runs:
        if run.teacher is not None:
            ordered.update(dict.fromkeys(_with_teachers([run.teacher])))
        ordered[run] = None
    return list(ordered)


def _waves(runs: Iterable[Run]) -> Iterator[list[Run]]:
    """Runs that wait for no one, then those that wait for them; the longest of each first."""
    waves: dict[int, list[Run]] = {}
    for run in runs:
        depth, teacher = 0, run.teacher
        while teacher is not None:
            depth, teacher = depth + 1, teacher.teacher
        waves.setdefault(depth, []).append(run)
    for depth in sorted(waves):
        yield sorted(waves[depth], key=work, reverse=True)


def work(run: Run) -> int:
    """Multiply-accumulates of all forward passes over training images."""
    return cost(run.network).macs * run.recipe.epochs * run.data.train_images


def _workers(executor: Executor, machine: Machine) -> int:
    """Processes side by side; the same for few runs as for many, since the threads that are left
    to each decide the last bits of a result."""
    if executor.workers is not None:
        return executor.workers
    return 1 if machine.device.type == "cuda" else min(_cores(), MOST_WORKERS)


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def _in_this_process(
    wave: list[Run], store: Store, machine: Machine, campaign: "_Campaign"
) -> None:
    for run in wave:
        obtain(run, store, machine, partial(campaign.advance, run))
        campaign.finish(run)


def _in_processes(
    wave: list[Run], store: Store, machine: Machine, workers: int, campaign: "_Campaign"
) -> None:
    context = multiprocessing.get_context("spawn")
    news: Any = context.Queue()
    threads = max(1, _cores() // workers)
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(
        min(workers, len(wave)), context, _start_worker, (news, threads, os.getpid())
    )
    try:
        place = (machine.device.type, machine.precision)
        futures = {
            pool.submit(_work, number, run, store.folder, *place): run
            for number, run in enumerate(wave)
        }
        pending = set(futures)
        while pending:
            done, pending = wait(pending, timeout=0.2)
            for number, images in _drained(news):
                campaign.advance(wave[number], images)
            for future in done:
                future.result()
                campaign.finish(futures[future])
        pool.shutdown()
    except BrokenProcessPool:
        raise RuntimeError(
            "a training process was killed (out of memory?); run again to go on"
        ) from None
    finally:
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()


def _drained(news: Any) -> Iterator[tuple[int, int]]:
    try:
        while True:
            yield news.get_nowait()
    except Empty:
        return


_news: Any = None
_parent = 0


def _start_worker(news: Any, threads: int, parent: int) -> None:
    global _news, _parent
    _news, _parent = news, parent
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    torch.set_num_threads(threads)


def _work(number: int, run: Run, folder: Path, device: str, precision: Any) -> None:
    def report(images: int) -> None:
        if os.getppid() != _parent:
            os._exit(1)
        _news.put((number, images))

    obtain(run, Store(folder), this_machine(device, precision), report)


class _Campaign:
    """One progress bar over many runs: share of the work, images per second, time left."""

    def __init__(self, runs: Sequence[Run], show: bool) -> None:
        self._left = {run: work(run) for run in runs}
        self._images = self._done = 0
        self._bar = Progress(
            TextColumn("training, {task.fields[done]} of {task.fields[runs]} runs done"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]:.0f} images/s"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            disable=not show,
        )
        self._task = self._bar.add_task(
            "", total=sum(self._left.values()), done=0, runs=len(runs), rate=0.0
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def advance(self, run: Run, images: int) -> None:
        """So many more images of a run have been trained on."""
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
