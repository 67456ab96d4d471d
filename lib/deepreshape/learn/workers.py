"""Processes that compute side by side: how they start, report and end, and what is said of one that
dies."""

import multiprocessing
import os
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
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


class Died(RuntimeError):
    """A process that ended over a task. what: how, and over which. is_hopeless: so would others."""

    def __init__(self, what: str, hint: str, is_hopeless: bool = False) -> None:
        super().__init__(f"{what}: {hint}")
        self.what, self.is_hopeless = what, is_hopeless


@contextmanager
def team(workers: int, tasks: Sequence[str]) -> Iterator["Team"]:
    """Processes that share the cores, and end with the block.

    tasks: what each task is, by number, to be told of a process that dies.
    """
    others = set(multiprocessing.active_children())
    context = multiprocessing.get_context("spawn")
    news = context.Queue()
    threads = max(1, len(os.sched_getaffinity(0)) // workers)
    made = Team([Member(context, news, threads) for _ in range(workers)], news, tasks)
    try:
        with environment(tuned()):
            yield made
        made.leave()
    finally:
        for child in set(multiprocessing.active_children()) - others:
            child.terminate()


class Member:
    """One process, and after its death another: nobody else's death is felt by it."""

    def __init__(self, context: Any, news: Any, threads: int) -> None:
        self._terms = (1, context, _start, (news, threads, os.getpid()))
        self.pool = ProcessPoolExecutor(*self._terms)
        self.process: BaseProcess | None = None
        self.waiting = 0

    def submit(self, *call: Any) -> Future[Any]:
        before = set(multiprocessing.active_children())
        future = self.pool.submit(*call)
        started = set(multiprocessing.active_children()) - before
        self.process = next(iter(started), self.process)
        self.waiting += 1
        return future

    def renew(self) -> None:
        self.pool = ProcessPoolExecutor(*self._terms)


class Team:
    """Processes that tasks are given to, each under a number."""

    def __init__(self, members: Sequence[Member], news: Any, tasks: Sequence[str]) -> None:
        self._members, self._news, self._tasks = members, news, tasks
        self._given: dict[Future[Any], tuple[int, Member]] = {}
        self._begun: set[int | None] = set()

    @property
    def is_free(self) -> bool:
        """Has one of them nothing to do?"""
        return any(member.waiting == 0 for member in self._members)

    def submit(self, number: int, work: Callable[..., Any], *arguments: Any) -> None:
        """Let one of them call `work(number, *arguments)`, which may `report`."""
        member = min(self._members, key=lambda each: each.waiting)
        self._given[member.submit(_work, work, number, *arguments)] = (number, member)

    def ended(
        self, progress: Callable[[int, int], None], patience: float = 0.2
    ) -> Iterator[tuple[int, Future[Any]]]:
        """Number and outcome of the tasks that ended, for the first of which it waits so many
        seconds; that of a process that died is `Died`. progress: called with number and amount of
        every report."""
        done, _ = wait(self._given, patience, FIRST_COMPLETED)
        self._listen(progress)
        for future in [future for future in self._given if future in done]:
            number, member = self._given.pop(future)
            member.waiting -= 1
            if isinstance(future.exception(), BrokenProcessPool):
                future = Future()
                future.set_exception(self._death(number, member))
                member.renew()
            yield number, future

    def results(self, progress: Callable[[int, int], None]) -> Iterator[tuple[int, Any]]:
        """Number and result of each task that was given, as it is done. Raises Died."""
        while self._given:
            for number, future in self.ended(progress):
                yield number, future.result()

    def leave(self) -> None:
        for member in self._members:
            member.pool.shutdown()

    def _listen(self, progress: Callable[[int, int], None]) -> None:
        with suppress(Empty):
            while True:
                process, number, amount = self._news.get_nowait()
                self._begun.add(process)
                progress(number, amount)

    def _death(self, number: int, member: Member) -> Died:
        process, deadline = member.process, time.monotonic() + PATIENCE
        # The pool waits for it as well, and whichever is first has its status.
        while process and process.exitcode is None and time.monotonic() < deadline:
            time.sleep(0.02)
        status = (process and process.exitcode) or 0
        return death(
            status, self._tasks[number], process is not None and process.pid in self._begun
        )


def death(status: int, task: str, has_begun: bool = True) -> Died:
    """What is said of a process that ended with a status over a task, or before it had begun."""
    how = f"a process of the training {ended(status)}"
    if status > 0 and not has_begun:
        guard = 'a script must start training under `if __name__ == "__main__":`'
        return Died(how, guard, is_hopeless=True)
    hint = "run again to go on"
    if status == -signal.SIGKILL:
        hint = f"the system kills so where memory runs out; {hint}"
    elif -status in CRASHES:
        hint = f"`deepreshape doctor` checks the kernels of this machine; {hint}"
    return Died(f"{how} over {task}", hint)


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
