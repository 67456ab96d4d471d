"""Campaigns: every run has its record, here or in several processes, whatever is interrupted."""

import errno
import multiprocessing
import os
import re
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from rich.progress import Progress as Bar

from deepreshape.design import cost, resnet18
from deepreshape.learn.images.base import DataError
from deepreshape.learn.images.sets import DataSet
from deepreshape.learn.runs import crews, executors, make
from deepreshape.learn.runs.agenda import Agenda
from deepreshape.learn.runs.campaign import Campaign, work
from deepreshape.learn.runs.crews import Crew, Progress
from deepreshape.learn.runs.executors import Executor, execute
from deepreshape.learn.runs.make import obtain
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.search.searches import SNL, SENet
from deepreshape.learn.tensor_files import alone
from deepreshape.learn.training.machine import Machine, this_machine
from deepreshape.learn.training.recipe import Recipe
from deepreshape.learn.workers import Died
from tests.learn.forks import files, lasting
from tests.learn.tiny import DATA, NETWORK

TEACHER = Run(NETWORK, DATA, Recipe(epochs=2, batch=20, rate=0.05, shift=1), seed=9)
FIRST = replace(TEACHER, seed=1, teacher=TEACHER)
SECOND = replace(TEACHER, seed=2, teacher=TEACHER)
SEARCHED = replace(FIRST, search=SNL(300, epochs=2, batch=20))
FAILING = replace(TEACHER, recipe=replace(TEACHER.recipe, rate=1e9))
CAMPAIGN = [SECOND, FIRST, TEACHER, SECOND]
HERE = Executor("cpu", 1, show=False)


@pytest.fixture(autouse=True)
def float32(cpu: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the processor multiplies fast."""
    for module in (crews, executors):
        monkeypatch.setattr(module, "this_machine", lambda *_: cpu)


@pytest.fixture
def obtained(monkeypatch: pytest.MonkeyPatch) -> list[Run]:
    """The runs that are obtained in this process, in order."""
    runs: list[Run] = []

    def noted(run: Run, *rest: Any, **options: Any) -> Record:
        runs.append(run)
        return obtain(run, *rest, **options)

    monkeypatch.setattr(crews, "obtain", noted)
    return runs


def keys(records: list[Record]) -> list[str]:
    return [record.key for record in records]


def keys_of(runs: list[Run]) -> list[str]:
    return [run.key for run in runs]


# In this process


def test_records_come_in_the_order_of_the_runs(store: Store) -> None:
    assert keys(execute(CAMPAIGN, store, HERE)) == keys_of(CAMPAIGN)


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


def test_of_runs_that_can_be_made_the_longest_comes_first(
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
    for module in (crews, executors):
        monkeypatch.setattr(module, "this_machine", None)
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


def test_work_is_that_of_all_images_of_all_epochs() -> None:
    assert work(TEACHER) == cost(NETWORK).macs * 80 * 2


@pytest.mark.parametrize(
    ("search", "epochs"),
    [(None, 2), (SNL(300, epochs=5), 7), (SENet(300, sensitivity_epochs=3, epochs=4), 9)],
    ids=["none", "SNL", "SENet"],
)
def test_work_counts_the_epochs_of_a_search(search: SNL | SENet | None, epochs: int) -> None:
    assert work(replace(FIRST, search=search)) == cost(NETWORK).macs * 80 * epochs


def test_a_long_search_comes_before_a_short_one(store: Store, obtained: list[Run]) -> None:
    long, short = (replace(SEARCHED, search=SNL(300, epochs=n, batch=20)) for n in (2, 1))
    execute([short, long], store, HERE)
    assert obtained == [TEACHER, long, short]


@pytest.mark.parametrize("run", [TEACHER, SEARCHED], ids=["plain", "searched"])
def test_the_bar_counts_no_more_than_the_work_of_a_run(
    store: Store, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    """And never less than nothing: it stands at the end when all is done."""
    moves: list[float] = []
    update = Bar.update

    def noted(bar: Any, task: Any, *, advance: float, **rest: Any) -> None:
        moves.append(advance)
        update(bar, task, advance=advance, **rest)

    monkeypatch.setattr(Bar, "update", noted)
    execute([run], store, HERE)
    assert min(moves) >= 0
    assert sum(moves) == sum(map(work, {TEACHER, run}))


def test_images_trained_on_in_an_earlier_sitting_do_not_count_as_fast() -> None:
    with Campaign([SEARCHED], show=False) as campaign:
        campaign.advance(SEARCHED, 80)
        assert campaign._bar.tasks[0].fields["rate"] == 0
        assert campaign._bar.tasks[0].completed == 80 * cost(NETWORK).macs
        campaign.advance(SEARCHED, 20)
        assert campaign._bar.tasks[0].fields["rate"] > 0


def test_a_student_of_a_failed_teacher_fails_with_its_name(store: Store) -> None:
    student = replace(FIRST, teacher=FAILING)
    teacher, record = execute([FAILING, student], store, HERE)
    assert (teacher.status, record.status) == ("failed", "failed")
    assert record.error == f"{NETWORK} on {DATA}, run {FAILING.key}, failed: {teacher.error}"


def test_a_student_of_a_failed_teacher_fails_in_a_process_of_its_own_too(
    store: Store, two_cores: None
) -> None:
    student = replace(FIRST, teacher=FAILING)
    (record,) = execute([student], store, Executor("cpu", 2, show=False))
    assert record.error
    assert record.error.startswith(f"{NETWORK} on {DATA}, run {FAILING.key}, failed: ")
    assert store.get(student) is None


def test_runs_that_failed_are_tried_again_when_their_records_are_deleted(
    store: Store, obtained: list[Run]
) -> None:
    student = replace(FIRST, teacher=FAILING)
    execute([student], store, HERE)
    obtained.clear()
    execute([student], store, HERE)
    assert obtained == [student]
    store.path(FAILING).unlink()
    execute([student], store, HERE)
    assert obtained == [student, FAILING, student]


def test_a_full_disk_ends_the_campaign_and_the_next_one_goes_on(
    store: Store, obtained: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> str:
        raise OSError("weights could not be written (No space left on device)")

    execute([TEACHER], store, HERE)
    with monkeypatch.context() as patch:
        patch.setattr(make, "save_tensors", full)
        with pytest.raises(OSError, match="No space left"):
            execute([FIRST], store, HERE)
    assert store.holds(TEACHER)
    assert store.unfinished(FIRST, ".safetensors").exists()
    assert [record.status for record in execute(CAMPAIGN, store, HERE)] == 4 * ["done"]
    assert obtained == [TEACHER, FIRST, SECOND, FIRST]


# Folders to read only


@pytest.fixture
def published(store: Store, tmp_path: Path) -> Store:
    """The campaign's records, without weights, as a repository has them; and an own folder."""
    execute(CAMPAIGN, store, HERE)
    for path in store.folder.glob("*.safetensors"):
        path.unlink()
    shutil.rmtree(store.folder / "lessons")
    return Store(tmp_path / "own", store.folder)


def test_published_records_are_not_made_again(published: Store, obtained: list[Run]) -> None:
    obtained.clear()
    assert keys(execute(CAMPAIGN, published, HERE)) == keys_of(CAMPAIGN)
    assert obtained == []


def test_a_teacher_that_is_not_needed_is_not_asked_for(
    published: Store, store: Store, obtained: list[Run]
) -> None:
    """Its students are recorded, and it is not."""
    store.path(TEACHER).unlink()
    obtained.clear()
    execute([FIRST, SECOND], published, HERE)
    assert obtained == []


def test_a_teacher_without_weights_is_trained_again_for_a_new_student(
    published: Store, obtained: list[Run]
) -> None:
    """Once, and before all students; the second campaign has all it needs."""
    third, fourth = (replace(FIRST, seed=seed) for seed in (3, 4))
    obtained.clear()
    execute([third, fourth, FIRST], published, HERE)
    assert obtained == [TEACHER, third, fourth]
    execute([third, fourth, FIRST], published, HERE)
    assert len(obtained) == 3
    assert published.holds(TEACHER)


def test_that_a_teacher_is_trained_again_is_said(
    published: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    execute([replace(FIRST, seed=3)], published, replace(HERE, show=True))
    said = f"run {TEACHER.key} is recorded without its weights; trained again:"
    assert said in capsys.readouterr().err


def test_two_processes_find_published_records_too(
    published: Store, two_cores: None, tmp_path: Path
) -> None:
    """The teacher's weights are published here, and taken from there."""
    again = Store(tmp_path / "again")
    execute([TEACHER], again, HERE)
    own = Store(tmp_path / "other", *published.folders, again.folder)
    third = replace(FIRST, seed=3)
    execute([third], own, Executor("cpu", 2, show=False))
    assert [name for name in files(own.folder) if "/" not in name] == [
        f"{third.key}.json",
        f"{third.key}.safetensors",
    ]


@pytest.mark.parametrize("workers", [0, -1])
def test_fewer_workers_than_one_are_refused(workers: int) -> None:
    with pytest.raises(ValueError, match=f"workers must be at least 1, not {workers}"):
        Executor("cpu", workers)


# Backends


class Elsewhere:
    """A crew that keeps to the protocol, and to itself: three at once, the last one first."""

    def __init__(self, store: Store, machine: Machine) -> None:
        self.store, self.machine = store, machine
        self.begun: list[list[Run]] = [[]]

    def is_free(self) -> bool:
        return len(self.begun[-1]) < 3

    def begin(self, run: Run) -> None:
        self.begun[-1].append(run)

    def ended(self, progress: Progress) -> Iterator[tuple[Run, Future[Record]]]:
        runs = self.begun[-1]
        self.begun.append([])
        for run in reversed(runs):
            outcome: Future[Record] = Future()
            outcome.set_result(obtain(run, self.store, self.machine))
            yield run, outcome


asked: list[tuple[str, Any, int | None]] = []
crew: Elsewhere


@contextmanager
def elsewhere(store: Store, device: str, precision: Any, workers: int | None) -> Iterator[Crew]:
    global crew
    asked[:] = [(device, precision, workers)]
    crew = Elsewhere(store, Machine(torch.device("cpu"), "float32"))
    yield crew


ELSEWHERE = f"{__name__}:elsewhere"


@pytest.fixture
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """This module by its name, which pytest gives it but does not enter."""
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or _this())


def _this() -> ModuleType:
    module = ModuleType(__name__)
    module.__dict__.update(globals())
    return module


def test_a_backend_of_ones_own_makes_the_runs(store: Store, importable: None) -> None:
    """A student only once its teacher is there, and every run once."""
    records = execute([FIRST, TEACHER, FIRST, SECOND], store, replace(HERE, backend=ELSEWHERE))
    assert keys(records) == keys_of([FIRST, TEACHER, FIRST, SECOND])
    assert asked == [("cpu", None, 1)]
    assert [runs for runs in crew.begun if runs] == [[TEACHER], [FIRST, SECOND]]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dask", "unknown executor 'dask'; known are in-turn, side-by-side"),
        ("nowhere:crew", "executor 'nowhere:crew' cannot be imported"),
        ("os:nothing", "executor 'os:nothing' cannot be imported"),
        ("os:sep", "executor 'os:sep' is nothing that can be called"),
        (":", "executor ':' cannot be imported"),
    ],
)
def test_a_backend_that_is_not_there_is_refused(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}"):
        Executor(backend=name)


def test_the_bar_is_drawn_on_stderr(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    execute([TEACHER], store, replace(HERE, show=True))
    out, err = capsys.readouterr()
    assert out == ""
    assert "1 of 1 runs done" in err


def test_without_a_bar_nothing_is_printed(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    execute([TEACHER], store, HERE)
    assert capsys.readouterr() == ("", "")


# Where processes cannot share semaphores


@pytest.fixture
def read_only(monkeypatch: pytest.MonkeyPatch, two_cores: None) -> None:
    """Two cores, and a container whose /dev/shm is read-only."""

    def refuse(*_: object, **options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("multiprocessing.synchronize.SemLock.__init__", refuse)


@pytest.mark.parametrize("workers", [None, 2])
def test_without_semaphores_one_run_is_made_after_another(
    store: Store,
    read_only: None,
    obtained: list[Run],
    capsys: pytest.CaptureFixture[str],
    workers: int | None,
) -> None:
    execute([TEACHER], store, Executor("cpu", workers))
    assert obtained == [TEACHER]
    said = "one run after another: processes cannot share semaphores ([Errno 30] Read-only"
    assert said in capsys.readouterr().err


def test_one_worker_needs_no_semaphores(
    store: Store, read_only: None, capsys: pytest.CaptureFixture[str]
) -> None:
    execute([TEACHER], store, replace(HERE, show=True))
    assert "semaphores" not in capsys.readouterr().err


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
        for module in (crews, executors):
            patch.setattr(module, "this_machine", lambda *_: machine)
        patch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
        records = execute(CAMPAIGN, store, Executor("cpu", 2, show=False))
    bystander.join(1)
    yield Parallel(records, store, bystander.is_alive())
    bystander.kill()
    bystander.join()


def test_two_processes_give_the_order_of_the_runs(parallel: Parallel) -> None:
    assert keys(parallel.records) == keys_of(CAMPAIGN)


def test_two_processes_give_the_weights_that_one_gives(parallel: Parallel, store: Store) -> None:
    here = [lasting(record) for record in execute(CAMPAIGN, store, HERE)]
    assert [lasting(record) for record in parallel.records] == here


def test_two_processes_share_the_cores(parallel: Parallel) -> None:
    assert {record.environment["threads"] for record in parallel.records} == {1}


def test_two_processes_make_each_run_once(parallel: Parallel) -> None:
    made = {path.stem for path in parallel.store.folder.glob("*.json")}
    assert made == {run.key for run in CAMPAIGN}
    assert parallel.records[0] == parallel.records[3]


def test_processes_of_others_are_left_alone(parallel: Parallel) -> None:
    assert parallel.bystander_lives


def test_a_number_format_that_is_asked_for_stands_in_the_record(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not in the key: the record answers whoever asks for the run."""
    for module in (crews, executors):
        monkeypatch.setattr(module, "this_machine", this_machine)
    (record,) = execute([TEACHER], store, replace(HERE, precision="bfloat16"))
    assert record.precision == "bfloat16"
    assert execute([TEACHER], store, replace(HERE, precision="float32")) == [record]


def test_a_number_format_that_is_asked_for_reaches_the_workers(
    store: Store, two_cores: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (crews, executors):
        monkeypatch.setattr(module, "this_machine", this_machine)
    wanted = Executor("cpu", 2, show=False, precision="bfloat16")
    assert execute([TEACHER], store, wanted)[0].precision == "bfloat16"


def test_missing_data_in_a_worker_is_told(
    store: Store, own_cache: Path, two_cores: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The set was there when the campaign began, and is not where a worker looks for it."""
    monkeypatch.delenv("DEEPRESHAPE_MIRROR", raising=False)
    monkeypatch.setattr(executors, "load", lambda data: None)
    run = Run(resnet18(4, resolution=64, classes=200), DataSet("tiny-imagenet"), Recipe())
    with pytest.raises(DataError, match="set DEEPRESHAPE_MIRROR to its folder"):
        execute([run], store, Executor("cpu", 2, show=False))


def kill_who_makes(run: Run, store: Store) -> None:
    """Kill the process that makes a run, once there is a checkpoint or after a minute."""
    deadline = time.monotonic() + 60
    while not store.unfinished(run, ".safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    lock = str(store.unfinished(run, ".lock").resolve())
    for worker in workers():
        held = Path(f"/proc/{worker.pid}/fd")
        if lock in {os.path.realpath(each) for each in held.iterdir()}:
            os.kill(worker.pid, signal.SIGKILL)


LONG = replace(TEACHER, recipe=replace(TEACHER.recipe, epochs=60))


def test_a_killed_worker_costs_its_run_alone(
    store: Store, two_cores: None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which goes on from its checkpoint in another process; it has the weights of one sitting."""
    killer = threading.Thread(target=kill_who_makes, args=[LONG, store])
    killer.start()
    records = execute([LONG, TEACHER, FIRST], store, Executor("cpu", 2))
    killer.join()
    assert keys(records) == keys_of([LONG, TEACHER, FIRST])
    said = " ".join(capsys.readouterr().err.split())
    assert re.search(r"died by SIGKILL over run \w+ \(.* on .*\); begun again, 2 of 3", said)
    alone = Store(store.folder.parent / "alone")
    here = execute([LONG, TEACHER, FIRST], alone, HERE)
    assert [lasting(record) for record in records] == [lasting(record) for record in here]


class Doomed(Elsewhere):
    """Those that die over one run, always."""

    doomed = TEACHER

    def ended(self, progress: Progress) -> Iterator[tuple[Run, Future[Record]]]:
        for run, outcome in super().ended(progress):
            if run == self.doomed:
                outcome = Future[Record]()
                outcome.set_exception(Died(f"a process died over {run.key}", "run again to go on"))
            yield run, outcome


def test_a_run_over_which_all_die_is_given_up_after_the_others(store: Store, cpu: Machine) -> None:
    other = replace(TEACHER, seed=4)
    doomed = Doomed(store, cpu)
    runs = [TEACHER, FIRST, other]
    with Campaign(runs, show=False) as campaign, pytest.raises(RuntimeError) as caught:
        executors.conduct(Agenda(runs), doomed, campaign)
    assert str(caught.value) == (
        f"a process died over {TEACHER.key}: run again to go on (it was begun 3 times; 1 that wait"
        " for it were not made)"
    )
    assert [run for runs in doomed.begun for run in runs].count(TEACHER) == executors.TRIES == 3
    assert store.get(other)


def test_what_no_process_can_begin_ends_the_campaign(store: Store, cpu: Machine) -> None:
    class Unguarded(Elsewhere):
        def ended(self, progress: Progress) -> Iterator[tuple[Run, Future[Record]]]:
            for run in self.begun[-1]:
                outcome = Future[Record]()
                outcome.set_exception(Died("a process ended", "mind the guard", is_hopeless=True))
                yield run, outcome

    said = "a process ended: mind the guard"
    with Campaign([TEACHER], show=False) as campaign, pytest.raises(Died, match=said):
        executors.conduct(Agenda([TEACHER]), Unguarded(store, cpu), campaign)


def test_no_worker_outlives_its_campaign(store: Store, two_cores: None) -> None:
    execute([TEACHER], store, Executor("cpu", 2, show=False))
    deadline = time.monotonic() + 10
    while workers() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert workers() == []


# Beside other campaigns


def test_a_run_that_another_makes_is_come_back_to(store: Store, obtained: list[Run]) -> None:
    """After all that can be made; and it is not made again."""
    with ExitStack() as held:
        held.enter_context(alone(store.unfinished(TEACHER, ".lock")))

        def leave() -> None:
            while not store.get(OTHER):
                time.sleep(0.01)
            obtain(TEACHER, elsewhere, HERE_MACHINE)
            for suffix in (".safetensors", ".json"):
                shutil.copy(elsewhere.path(TEACHER, suffix), store.path(TEACHER, suffix))
            held.close()

        elsewhere = Store(store.folder.parent / "elsewhere")
        other = threading.Thread(target=leave)
        other.start()
        execute([TEACHER, OTHER, FIRST], store, HERE)
        other.join()
    assert obtained[:2] == [TEACHER, OTHER]
    assert obtained[-1] == FIRST
    assert store.get(TEACHER) == elsewhere.get(TEACHER)


OTHER = replace(TEACHER, seed=4)
HERE_MACHINE = Machine(torch.device("cpu"), "float32")


def test_a_search_that_another_shares_is_come_back_to(
    store: Store, obtained: list[Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock of its trajectory is held while another run is made."""
    execute([TEACHER], store, HERE)
    obtained.clear()
    trajectory = store.folder / "searches" / "shared.lock"
    monkeypatch.setattr(make, "_trajectory", lambda *_: "shared")
    with ExitStack() as held:
        held.enter_context(alone(trajectory))

        def leave() -> None:
            while not store.get(OTHER):
                time.sleep(0.01)
            held.close()

        other = threading.Thread(target=leave)
        other.start()
        execute([SEARCHED, OTHER], store, HERE)
        other.join()
    assert obtained[:2] == [SEARCHED, OTHER]
    assert store.holds(SEARCHED)


# Parts


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_every_run_belongs_to_exactly_one_part(parts: int) -> None:
    runs = [replace(TEACHER, seed=seed) for seed in range(12)]
    found = [run for number in range(1, parts + 1) for run in executors.part(runs, number, parts)]
    assert sorted(found, key=runs.index) == runs


def test_a_part_is_the_same_whatever_else_is_asked_for() -> None:
    runs = [replace(TEACHER, seed=seed) for seed in range(12)]
    assert executors.part(runs[::-2], 1, 3) == [
        run for run in runs[::-2] if run in executors.part(runs, 1, 3)
    ]


def test_parts_on_one_store_share_their_teacher(store: Store, obtained: list[Run]) -> None:
    """Which is in each that has a student of it, and is made once."""
    students = [replace(FIRST, seed=seed) for seed in range(4)]
    parts = [executors.part(students, number, 2) for number in (1, 2)]
    assert all(parts)
    for each in parts:
        execute(each, store, HERE)
    assert sorted(keys_of(obtained)) == sorted(keys_of([TEACHER, *students]))
