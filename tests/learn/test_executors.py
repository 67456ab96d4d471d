"""Campaigns: every run has its record, here or in several processes, whatever is interrupted."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from deepreshape.design import Network, Stage, resnet18
from deepreshape.learn import executors
from deepreshape.learn.data import DataSet
from deepreshape.learn.executors import Executor, execute, work
from deepreshape.learn.runs import Record, Run, Store
from deepreshape.learn.sources import DataError
from deepreshape.learn.train import Machine, Progress, Recipe

NETWORK = Network(4, (Stage(4, 1), Stage(8, 1)), 8, 10)
DATA = DataSet("mnist5k", per_class=8, size=8)
TEACHER = Run(NETWORK, DATA, Recipe(epochs=2, batch=20, rate=0.05, shift=1), seed=9)
FIRST = replace(TEACHER, seed=1, teacher=TEACHER)
SECOND = replace(TEACHER, seed=2, teacher=TEACHER)
FAILING = replace(TEACHER, recipe=replace(TEACHER.recipe, rate=1e9))
ENDLESS = replace(TEACHER, recipe=replace(TEACHER.recipe, epochs=1_000_000))
CAMPAIGN = [SECOND, FIRST, TEACHER, SECOND]
HERE = Executor("cpu", 1, show=False)


@pytest.fixture(autouse=True)
def float32(cpu: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is probed."""
    monkeypatch.setattr(executors, "this_machine", lambda device: cpu)


@pytest.fixture
def obtained(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """The runs that are obtained in this process, in order."""
    runs: list[Run] = []
    obtain = executors.obtain

    def noted(run: Run, store: Store, machine: Machine, progress: Progress) -> Record:
        runs.append(run)
        return obtain(run, store, machine, progress)

    monkeypatch.setattr(executors, "obtain", noted)
    return runs


def keys(records: list[Record]) -> list[str]:
    return [record.key for record in records]


# In this process


def test_records_come_in_the_order_of_the_runs(store: Store) -> None:
    assert keys(execute(CAMPAIGN, store, HERE)) == [run.key for run in CAMPAIGN]


def test_a_teacher_is_made_before_its_students(store: Store, obtained: list[Run]) -> None:
    execute([FIRST, SECOND], store, HERE)
    assert obtained[0] == TEACHER


def test_teachers_of_teachers_come_first(store: Store, obtained: list[Run]) -> None:
    student = replace(TEACHER, seed=3, teacher=FIRST)
    execute([student], store, HERE)
    assert obtained == [TEACHER, FIRST, student]


def test_a_run_listed_twice_is_made_once(store: Store, obtained: list[Run]) -> None:
    execute([TEACHER, FIRST, TEACHER, FIRST], store, HERE)
    assert obtained == [TEACHER, FIRST]


def test_of_runs_that_wait_for_no_one_the_longest_comes_first(
    store: Store, obtained: list[Run]
) -> None:
    long, short = (
        replace(TEACHER, recipe=replace(TEACHER.recipe, epochs=epochs)) for epochs in (3, 1)
    )
    execute([short, TEACHER, long], store, HERE)
    assert obtained == [long, TEACHER, short]


def test_recorded_runs_are_not_asked_for_again(store: Store, obtained: list[Run]) -> None:
    execute([FIRST], store, HERE)
    obtained.clear()
    execute(CAMPAIGN, store, HERE)
    assert obtained == [SECOND]


def test_where_all_is_recorded_neither_data_nor_machine_is_needed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = execute(CAMPAIGN, store, HERE)
    monkeypatch.setattr(executors, "load", None)
    monkeypatch.setattr(executors, "this_machine", None)
    assert execute(CAMPAIGN, store, HERE) == first


def test_no_runs_give_no_records(store: Store) -> None:
    assert execute([], store, HERE) == []


def test_a_run_that_fails_does_not_stop_the_others(store: Store) -> None:
    records = execute([FAILING, TEACHER], store, HERE)
    assert [record.status for record in records] == ["failed", "done"]


def test_missing_data_is_told_before_anything_is_trained(
    store: Store, obtained: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(data: DataSet) -> None:
        raise DataError("no such file")

    monkeypatch.setattr(executors, "load", fail)
    with pytest.raises(DataError, match="no such file"):
        execute(CAMPAIGN, store, HERE)
    assert obtained == []


def test_work_grows_with_epochs_and_images() -> None:
    double = replace(TEACHER, recipe=replace(TEACHER.recipe, epochs=4))
    more = replace(TEACHER, data=replace(DATA, per_class=24))
    assert (work(double), work(more)) == (2 * work(TEACHER), 3 * work(TEACHER))


@pytest.mark.parametrize("workers", [0, -1])
def test_fewer_workers_than_one_are_refused(workers: int) -> None:
    with pytest.raises(ValueError, match=f"workers must be at least 1, not {workers}"):
        Executor("cpu", workers)


def test_the_bar_is_drawn_on_stderr(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    execute([TEACHER], store, replace(HERE, show=True))
    out, err = capsys.readouterr()
    assert out == ""
    assert "1 of 1 runs done" in err


def test_without_a_bar_nothing_is_printed(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    execute([TEACHER], store, HERE)
    assert capsys.readouterr() == ("", "")


# In several processes


BYSTANDER = "a process that is none of the campaign's"


def workers() -> list[Any]:
    """The processes of this one that a campaign started."""
    return [child for child in multiprocessing.active_children() if child.name != BYSTANDER]


@dataclass(frozen=True)
class Parallel:
    """What one campaign in two processes left."""

    records: list[Record]
    store: Store
    bystander_lives: bool


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two workers have one thread each."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1})


@pytest.fixture(scope="module")
def parallel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parallel]:
    """The campaign in two processes of one thread, beside a process that is none of its own."""
    store = Store(tmp_path_factory.mktemp("parallel"))
    machine = Machine(torch.device("cpu"), "float32")
    spawn = multiprocessing.get_context("spawn")
    bystander = spawn.Process(target=time.sleep, args=[600], name=BYSTANDER)
    bystander.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executors, "this_machine", lambda device: machine)
        patch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
        records = execute(CAMPAIGN, store, Executor("cpu", 2, show=False))
    bystander.join(1)
    yield Parallel(records, store, bystander.is_alive())
    bystander.kill()
    bystander.join()


def test_two_processes_give_the_order_of_the_runs(parallel: Parallel) -> None:
    assert keys(parallel.records) == [run.key for run in CAMPAIGN]


def test_two_processes_give_the_weights_that_one_gives(parallel: Parallel, store: Store) -> None:
    assert [record.weights_digest for record in parallel.records] == [
        record.weights_digest for record in execute(CAMPAIGN, store, HERE)
    ]


def test_two_processes_share_the_cores(parallel: Parallel) -> None:
    assert {record.environment["threads"] for record in parallel.records} == {1}


def test_two_processes_make_each_run_once(parallel: Parallel) -> None:
    made = {path.stem for path in parallel.store.folder.glob("*.json")}
    assert made == {run.key for run in CAMPAIGN}
    assert parallel.records[0] == parallel.records[3]


def test_processes_of_others_are_left_alone(parallel: Parallel) -> None:
    assert parallel.bystander_lives


def test_missing_data_in_a_worker_is_told(
    store: Store, own_cache: Path, two_cores: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The set was there when the campaign began, and is not where a worker looks for it."""
    monkeypatch.delenv("DEEPRESHAPE_MIRROR", raising=False)
    monkeypatch.setattr(executors, "load", lambda data: None)
    run = Run(resnet18(4, resolution=64, classes=200), DataSet("tiny-imagenet"), Recipe())
    with pytest.raises(DataError, match="set DEEPRESHAPE_MIRROR to its folder"):
        execute([run], store, Executor("cpu", 2, show=False))


def kill_a_worker_when(ready: Callable[[], object]) -> None:
    """Kill one process of the campaign; after a minute even if nothing is ready."""
    deadline = time.monotonic() + 60
    while not ready() and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(workers()[0].pid, signal.SIGKILL)


@dataclass(frozen=True)
class Killed:
    """A campaign of one short and one endless run, a worker of which was killed."""

    error: BaseException
    store: Store


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Killed:
    store = Store(tmp_path_factory.mktemp("killed"))
    machine = Machine(torch.device("cpu"), "float32")
    checkpoint = store.unfinished(ENDLESS, ".safetensors")
    killer = threading.Thread(
        target=kill_a_worker_when, args=[lambda: store.get(TEACHER) and checkpoint.exists()]
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(executors, "this_machine", lambda device: machine)
        killer.start()
        with pytest.raises(RuntimeError) as caught:
            execute([ENDLESS, TEACHER], store, Executor("cpu", 2, show=False))
        killer.join()
    return Killed(caught.value, store)


def test_a_killed_worker_ends_the_campaign_with_one_line(killed: Killed) -> None:
    expected = "a training process was killed (out of memory?); run again to go on"
    assert str(killed.error) == expected
    assert killed.error.__cause__ is None


def test_what_was_recorded_before_a_worker_was_killed_stays(killed: Killed) -> None:
    record = killed.store.get(TEACHER)
    assert record
    assert record.status == "done"
    assert killed.store.net(TEACHER)


def test_what_was_unfinished_when_a_worker_was_killed_can_go_on(killed: Killed) -> None:
    assert killed.store.unfinished(ENDLESS, ".safetensors").exists()


def test_no_worker_outlives_its_campaign(killed: Killed) -> None:
    assert killed.error
    deadline = time.monotonic() + 10
    while workers() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert workers() == []
