"""A process that makes runs in children of its own, kills them, and tells what came of it.

`python -m tests.learn.forks`, with pickled `Task`s in hexadecimal digits behind it, prints JSON. It
imports torch once; a child is forked in a moment, and can be killed at any other.
"""

import json
import os
import pickle
import random
import resource
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any, Literal

import torch

from deepreshape.learn.runs.make import obtain
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.tensor_files import load_tensors
from deepreshape.learn.training.machine import Machine

ROOT = Path(__file__).parents[2]
CPU = Machine(torch.device("cpu"), "float32")


@dataclass(frozen=True)
class Task:
    """kills: at least so many, in stores of their own, at moments drawn from the seed."""

    kind: Literal["random", "writes", "together", "limit"]
    run: Run
    folder: Path
    kills: int = 0
    seed: int = 0


def asked(*tasks: Task) -> list[Any]:
    """What a process of its own finds for each task."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.learn.forks", pickle.dumps(tasks).hex()],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        timeout=3600,
        check=True,
    )
    found: list[Any] = json.loads(done.stdout)
    return found


def lasting(record: Record | None) -> dict[str, Any]:
    """A record without what differs from one making of its run to the next: its times, and the
    state of the repository."""
    assert record
    fields = asdict(record)
    del fields["seconds"]
    for name in ("commit", "dirty", "code", "lock"):
        del fields["environment"][name]
    fields["curve"] = [epoch["loss"] for epoch in fields["curve"]]
    fields["sought"] = [{**entry, "seconds": 0} for entry in fields["sought"]]
    return fields


def result(run: Run, store: Store) -> dict[str, Any]:
    """What a store holds when a run is made: its record and its teacher's, and all files."""
    records = [lasting(store.get(each)) for each in (run, run.teacher) if each]
    return {"records": json.loads(json.dumps(records)), "files": files(store.folder)}


def files(folder: Path) -> list[str]:
    """All but locks, which stay."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock")
    return sorted(str(path.relative_to(folder)) for path in found)


def forked(work: Callable[[], None]) -> int:
    """The number of a child that does this and ends."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return child


def ended(child: int, deadline: float = inf) -> bool:
    """Wait for a child, and kill it at a time of `perf_counter`: did it come to its end?"""
    killed = False
    while True:
        which, status = os.waitpid(child, 0 if killed or deadline == inf else os.WNOHANG)
        if which:
            if os.WIFEXITED(status) and os.WEXITSTATUS(status):
                raise RuntimeError("a child failed")
            return os.WIFEXITED(status)
        if time.perf_counter() >= deadline:
            os.kill(child, signal.SIGKILL)
            killed = True
        time.sleep(1e-3)


def undisturbed(task: Task) -> dict[str, Any]:
    """What a run gives that nobody kills.

    It is made in this process: what torch sets up at first use is there for the children.
    """
    store = Store(task.folder / "whole")
    obtain(task.run, store, CPU)
    return result(task.run, store)


def killed_at_random(task: Task) -> dict[str, Any]:
    """Stores in which a run was begun and killed until it was made."""
    whole, draws = undisturbed(task), random.Random(task.seed)
    results: list[dict[str, Any]] = []
    kills, longest = 0, 0.0
    while kills < task.kills:
        store = Store(task.folder / str(len(results)))

        def work(store: Store = store) -> None:
            obtain(task.run, store, CPU)

        start = time.perf_counter()
        while not ended(forked(work), time.perf_counter() + draws.uniform(0, longest / 2 or inf)):
            kills += 1
        # The first is left alone: it says how long a child takes.
        longest = longest or time.perf_counter() - start
        results.append(result(task.run, store))
    return {"whole": whole, "results": results, "kills": kills}


def killed_at_writes(task: Task) -> dict[str, Any]:
    """A store in which a run was made by children that died in turn before a file took its place,
    and behind it. Each goes one file farther than the one before it, where that left nothing new:
    weights and masks are written again until a record or a checkpoint follows."""
    whole = undisturbed(task)
    store = Store(task.folder / "writes")
    deaths: dict[str, list[str]] = {"before": [], "behind": []}
    written, known = 0, contents(store.folder)
    while True:
        for moment, died in deaths.items():
            read, write = os.pipe()

            def work(moment: str = moment, write: int = write, number: int = written) -> None:
                die_at(number, moment == "behind", write)
                obtain(task.run, store, CPU)

            if ended(forked(work)):
                return {"whole": whole, "results": [result(task.run, store)], "deaths": deaths}
            died.append(os.read(read, 99).decode())
        now = contents(store.folder)
        written, known = (written + 1 if now == known else 0), now


def die_at(number: int, behind: bool, write: int) -> None:
    """Kill this process where its file of this number, counted from 0, takes its place; before
    that, tell its name."""
    replace = Path.replace
    targets: list[Path] = []

    def deadly(path: Path, target: Path) -> Path:
        targets.append(target)
        if len(targets) > number:
            if behind:
                replace(path, target)
            os.write(write, f"{target.parent.name}/{target.name}".encode())
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(path, target)

    Path.replace = deadly  # type: ignore[method-assign, assignment]


def contents(folder: Path) -> dict[str, str]:
    """The digests of all files of tensors, and the names of all records."""
    tensors = {str(path): load_tensors(path)[2] for path in folder.rglob("*.safetensors")}
    return tensors | {str(path): "" for path in folder.rglob("*.json")}


def together(task: Task) -> list[int]:
    """How many images each of three processes trained on, that asked for a run at once."""
    ready, go = os.pipe()
    reports: list[tuple[int, int]] = []
    for _ in range(3):
        read, write = os.pipe()

        def work(write: int = write) -> None:
            counted: list[int] = []

            def progress(images: int) -> None:
                counted.append(images)
                time.sleep(0.01)

            os.close(go)
            os.read(ready, 1)  # until the other end is closed
            obtain(task.run, Store(task.folder / "runs"), CPU, progress)
            os.write(write, str(sum(counted)).encode())

        reports.append((forked(work), read))
    os.close(go)
    for child, _ in reports:
        ended(child)
    return [int(os.read(read, 99)) for _, read in reports]


def limited(task: Task) -> dict[str, Any]:
    """What a run says that may write no file of a kilobyte; and what then comes of it."""
    whole = undisturbed(task)
    store = Store(task.folder / "limited")
    read, write = os.pipe()

    def work() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        try:
            obtain(task.run, store, CPU)
        except OSError as error:
            os.write(write, str(error).encode())

    ended(forked(work))
    left = files(store.folder)
    obtain(task.run, store, CPU)
    said = os.read(read, 9999).decode()
    return {"said": said, "left": left, "whole": whole, "results": [result(task.run, store)]}


def main() -> None:
    tasks: tuple[Task, ...] = pickle.loads(bytes.fromhex(sys.argv[1]))
    torch.set_num_threads(1)
    kinds: dict[str, Callable[[Task], Any]] = {
        "random": killed_at_random,
        "writes": killed_at_writes,
        "together": together,
        "limit": limited,
    }
    print(json.dumps([kinds[task.kind](task) for task in tasks]))


if __name__ == "__main__":
    main()
