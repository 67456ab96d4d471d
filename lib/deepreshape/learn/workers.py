"""Processes that compute side by side: how they start, report and end, and what is said of one that
dies."""

import multiprocessing
import os
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from queue import Empty
from typing import Any

import torch

TUNABLES = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
"""Large pages for large arrays: 6 % less time of a training step, by a hundredth of the faults."""
CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)
PATIENCE = 5.0
"""Seconds in which a dead process tells how it ended."""


@contextmanager
def environment(changed: Mapping[str, str]) -> Iterator[None]:
    """A block in which processes that are started have these variables too."""
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def tuned() -> dict[str, str]:
    """`TUNABLES`, where they mean something and the user has said nothing else."""
    if platform.libc_ver()[0] != "glibc" or any(name in os.environ for name in TUNABLES):
        return {}
    return TUNABLES


def hindrance() -> str:
    """Why processes here cannot share semaphores, such as a /dev/shm that is read-only; "" where
    they can."""
    try:
        multiprocessing.get_context("fork").Lock()
    except (OSError, ImportError) as error:
        return str(error)
    return ""


def ended(status: int) -> str:
    """How a process ended, by its exit status as `multiprocessing` has it."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"died by {signal.Signals(-status).name}"
    except ValueError:
        return f"died by signal {-status}"


@contextmanager
def team(workers: int, tasks: Sequence[str]) -> Iterator["Team"]:
    """Processes that share the cores, and end with the block.

    tasks: what each task is, by number, to be told of a process that dies: RuntimeError.
    """
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    news = context.Queue()
    threads = max(1, len(os.sched_getaffinity(0)) // workers)
    pool = ProcessPoolExecutor(workers, context, _start, (news, threads, os.getpid()))
    made = Team(pool, news, others)
    try:
        with environment(tuned()):
            yield made
        pool.shutdown()
    except BrokenProcessPool:
        raise RuntimeError(made.epitaph(tasks)) from None
    finally:
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()


class Team:
    """Processes that tasks are given to, each under a number."""

    def __init__(self, pool: ProcessPoolExecutor, news: Any, others: set[BaseProcess]) -> None:
        self._pool, self._news, self._others = pool, news, others
        self._futures: dict[Future[Any], int] = {}
        self._members: set[BaseProcess] = set()
        self._doing: dict[int | None, int] = {}

    def submit(self, number: int, work: Callable[..., Any], *arguments: Any) -> None:
        """Let one of them call `work(number, *arguments)`, which may `report`."""
        self._futures[self._pool.submit(_work, work, number, *arguments)] = number
        self._note()

    def results(self, progress: Callable[[int, int], None]) -> Iterator[tuple[int, Any]]:
        """Number and result of each task that was given, as it is done. progress: called with
        number and amount of every report."""
        pending = set(self._futures)
        while pending:
            done, pending = wait(pending, timeout=0.2)
            self._note()
            for number, amount in self._reported():
                progress(number, amount)
            for future in done:
                yield self._futures.pop(future), future.result()

    def _note(self) -> None:
        """Know every process by the time that it dies."""
        self._members |= set(multiprocessing.active_children()) - self._others

    def _reported(self) -> Iterator[tuple[int, int]]:
        try:
            while True:
                process, number, amount = self._news.get_nowait()
                self._doing[process] = number
                yield number, amount
        except Empty:
            return

    def epitaph(self, tasks: Sequence[str]) -> str:
        """Which process died, of what, over what."""
        deadline = time.monotonic() + PATIENCE
        while any(each.is_alive() for each in self._members) and time.monotonic() < deadline:
            time.sleep(0.02)
        list(self._reported())
        # The pool ends all that are left by SIGTERM.
        dead = {each.pid: each.exitcode for each in self._members if each.exitcode}
        first = next((pid for pid in dead if dead[pid] != -signal.SIGTERM), next(iter(dead), None))
        status = dead.get(first) or 0
        what = f" over {tasks[self._doing[first]]}" if first in self._doing else ""
        if status > 0 and not what:
            hint = 'a script must start training under `if __name__ == "__main__":`'
        elif status == -signal.SIGKILL:
            hint = "the system kills so where memory runs out; run again to go on"
        elif -status in CRASHES:
            hint = "`deepreshape doctor` checks the kernels of this machine; run again to go on"
        else:
            hint = "run again to go on"
        return f"a process of the training {ended(status)}{what}: {hint}"


_news: Any = None


def report(number: int, amount: int) -> None:
    """Tell the process that this one works for what has been done of a task."""
    _news.put((os.getpid(), number, amount))


def _work(work: Callable[..., Any], number: int, *arguments: Any) -> Any:
    report(number, 0)
    return work(number, *arguments)


def _start(news: Any, threads: int, parent: int) -> None:
    global _news
    _news = news
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    threading.Thread(target=_leave_with, args=[parent], daemon=True).start()
    torch.set_num_threads(threads)


def _leave_with(parent: int) -> None:
    """End this process soon after its parent, however that ended, and whatever it is doing."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
