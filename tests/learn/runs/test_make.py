"""A record is made once, goes on where it was interrupted, and again where it cannot be trusted.

Runs are killed a few times here; with DEEPRESHAPE_KILLS=500, `pytest tests/learn/runs/test_make.py
-k killed` kills each of four kinds of runs 500 times.
"""

import errno
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from deepreshape.design import Network, cost
from deepreshape.learn.images.sets import load
from deepreshape.learn.runs import make
from deepreshape.learn.runs.environment import environment
from deepreshape.learn.runs.make import obtain
from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.search.masks import Masked
from deepreshape.learn.search.searches import SNL
from deepreshape.learn.training.evaluate import accuracy, correct
from deepreshape.learn.training.loop import train
from deepreshape.learn.training.losses import DKD
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.nets import Net
from tests.learn.forks import Task, asked, files, lasting
from tests.learn.runs.test_store import cut, foreign
from tests.learn.tiny import (
    DATA,
    FAILING,
    NETWORK,
    RECIPE,
    RUN,
    SEARCHED,
    SENSED,
    STEPS,
    TAUGHT,
    TEACHER,
    Interrupted,
    same_net,
    stop_at,
)
from tests.learn.training.test_checkpoints import pickled

FEW = 5
KILLS = int(os.environ.get("DEEPRESHAPE_KILLS", FEW))


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[Network]:
    """The networks that were trained, in order."""
    made: list[Network] = []

    def counted(net: Net, *args: Any) -> Any:
        made.append(net.network)
        return train(net, *args)

    monkeypatch.setattr(make, "train", counted)
    return made


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store in which runs are made without any disturbance."""
    return Store(tmp_path_factory.mktemp("elsewhere"))


# Records


def test_a_record_describes_its_run(store: Store, cpu: Machine) -> None:
    record = obtain(TAUGHT, store, cpu)
    counts = cost(NETWORK)
    assert record.status == "done"
    assert (record.key, record.run) == (TAUGHT.key, TAUGHT.describe())
    assert (record.relus, record.macs, record.params) == (
        counts.total_relus,
        counts.macs,
        counts.params,
    )
    assert record.stage_relus == counts.stage_relus
    assert record.data_digest == load(DATA).digest
    assert record.environment["device"] == "cpu"
    assert record.seconds == sum(epoch.seconds for epoch in record.curve)
    assert (record.sought, record.masks_digest) == ((), None)


def test_a_record_says_which_images_and_weights_it_is_of(store: Store, cpu: Machine) -> None:
    record, images = obtain(TAUGHT, store, cpu), load(DATA)
    teacher = store.get(TEACHER)
    assert teacher
    assert (record.run["images"], record.split_digest) == (images.digest, images.split)
    assert (record.teacher_digest, teacher.teacher_digest) == (teacher.weights_digest, None)


def test_a_record_has_a_bit_for_each_test_image(store: Store, cpu: Machine) -> None:
    record, images = obtain(RUN, store, cpu), load(DATA)
    right = correct(store.net(RUN), images.test, images, cpu).numpy()
    assert record.tested == len(images.test)
    assert np.array_equal(record.correct, right)
    assert record.test == 100 * int(right.sum()) / len(right)


def test_a_record_says_which_code_made_it(store: Store, cpu: Machine) -> None:
    facts = obtain(RUN, store, cpu).environment
    assert facts == environment(cpu.device)
    assert facts["code"]


@pytest.mark.parametrize("run", [SEARCHED, SENSED], ids=["SNL", "SENet"])
def test_a_record_describes_its_search(store: Store, cpu: Machine, run: Run) -> None:
    record = obtain(run, store, cpu)
    assert record.status == "done"
    assert record.relus == sum(record.stage_relus) == 300
    assert sum("loss" in entry for entry in record.sought) == 3
    assert len(record.curve) == 3
    searching = sum(entry.get("seconds", 0) for entry in record.sought)
    assert record.seconds == searching + sum(epoch.seconds for epoch in record.curve)


@pytest.mark.parametrize("run", [TAUGHT, SEARCHED], ids=["plain", "searched"])
def test_accuracies_are_those_of_the_stored_net(store: Store, cpu: Machine, run: Run) -> None:
    record, images = obtain(run, store, cpu), load(DATA)
    net = store.net(run)
    assert record.validation == accuracy(net, images.validation, images, cpu)
    assert record.test == accuracy(net, images.test, images, cpu)


def test_a_record_comes_back_as_it_was_made(store: Store, cpu: Machine) -> None:
    record = obtain(SEARCHED, store, cpu)
    assert Store(store.folder).get(SEARCHED) == record


def test_a_record_is_made_once(store: Store, cpu: Machine, trainings: list[Network]) -> None:
    first = obtain(RUN, store, cpu)
    assert obtain(RUN, store, cpu) == first
    assert len(trainings) == 1


def test_what_is_recorded_is_not_trained(
    store: Store, cpu: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = obtain(TAUGHT, store, cpu)
    monkeypatch.setattr(make, "train", None)
    monkeypatch.setattr(make, "load", None)
    assert obtain(TAUGHT, store, cpu) == first


def test_another_store_is_another_training(
    tmp_path: Path, cpu: Machine, trainings: list[Network]
) -> None:
    digests = {obtain(RUN, Store(tmp_path / name), cpu).weights_digest for name in ("a", "b")}
    assert len(trainings) == 2
    assert len(digests) == 1


def test_a_teacher_is_recorded_too(store: Store, cpu: Machine) -> None:
    obtain(TAUGHT, store, cpu)
    teacher = store.get(TEACHER)
    assert teacher
    assert teacher.status == "done"


def test_a_taught_net_is_another_than_one_that_learned_alone(store: Store, cpu: Machine) -> None:
    assert obtain(TAUGHT, store, cpu).weights_digest != obtain(RUN, store, cpu).weights_digest


def test_a_teacher_of_another_search_teaches_with_its_masks(
    store: Store, cpu: Machine, elsewhere: Store
) -> None:
    student = replace(RUN, teacher=SEARCHED)
    assert obtain(student, store, cpu).status == "done"
    assert any(isinstance(module, Masked) for module in store.net(SEARCHED).modules())


KINDS = {
    "alone": RUN,
    "KD": TAUGHT,
    "KD on images as they are": replace(TAUGHT, recipe=replace(RECIPE, shift=0, flip=False)),
    "DKD": replace(TAUGHT, recipe=replace(RECIPE, distillation=DKD(warmup=2))),
    "PRAM": replace(TAUGHT, recipe=replace(RECIPE, pram=100.0)),
    "SNL": SEARCHED,
    "SENet": SENSED,
}


@pytest.mark.parametrize("kind", KINDS)
def test_files_are_left_only_for_what_they_are_good_for(
    store: Store, cpu: Machine, kind: str
) -> None:
    """Records, weights and masks; what a teacher said and where a search ended, for other runs."""
    run = KINDS[kind]
    obtain(run, store, cpu)
    suffixes = [".json", ".safetensors"] + [".masks.safetensors"] * (run.search is not None)
    expected = {f"{run.key}{suffix}" for suffix in suffixes}
    if run.teacher:
        expected |= {f"{run.teacher.key}{suffix}" for suffix in (".json", ".safetensors")}
    left = files(store.folder)
    assert {name for name in left if not name.startswith(("lessons/", "searches/"))} == expected


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_gives_the_same_whatever_was_kept(
    store: Store, elsewhere: Store, cpu: Machine, kind: str
) -> None:
    """In a store where its teacher, its lessons and the way of its search are, and in one where
    they are not."""
    run = KINDS[kind]
    first = obtain(run, elsewhere, cpu)
    elsewhere.path(run).unlink()
    assert lasting(obtain(run, elsewhere, cpu)) == lasting(first)
    assert lasting(obtain(run, store, cpu)) == lasting(first)


# Damage


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda text: "", id="emptied"),
        pytest.param(lambda text: text[: len(text) // 2], id="cut"),
        pytest.param(lambda text: text.replace('"seed": 1', '"seed": 2'), id="tampered"),
    ],
)
def test_a_record_that_cannot_be_trusted_is_made_again(
    store: Store, cpu: Machine, trainings: list[Network], damage: Callable[[str], str]
) -> None:
    first = obtain(RUN, store, cpu)
    path = store.path(RUN)
    path.write_text(damage(path.read_text()))
    second = obtain(RUN, store, cpu)
    assert lasting(second) == lasting(first)
    assert store.get(RUN) == second
    assert len(trainings) == 2


DAMAGES: list[Any] = [Path.unlink, cut, foreign, pickled]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize(
    ("run", "suffix"),
    [(RUN, ".safetensors"), (SEARCHED, ".safetensors"), (SEARCHED, ".masks.safetensors")],
    ids=["weights", "searched weights", "masks"],
)
def test_damaged_weights_and_masks_are_made_again(
    store: Store,
    cpu: Machine,
    trainings: list[Network],
    damage: Callable[[Path], None],
    run: Run,
    suffix: str,
) -> None:
    obtain(run, store, cpu)
    first = store.net(run)
    before = len(trainings)
    damage(store.path(run, suffix))
    obtain(run, store, cpu, net_too=True)
    assert len(trainings) == before + 1
    assert same_net(store.net(run), first)
    assert not (store.folder / "executed").exists()


def test_a_record_alone_is_enough_where_no_net_is_needed(
    store: Store, cpu: Machine, trainings: list[Network]
) -> None:
    first = obtain(RUN, store, cpu)
    store.path(RUN, ".safetensors").unlink()
    assert obtain(RUN, store, cpu) == first
    assert len(trainings) == 1


def test_where_the_net_is_needed_too_it_is_made_again(
    store: Store, cpu: Machine, trainings: list[Network]
) -> None:
    first = obtain(RUN, store, cpu)
    store.path(RUN, ".safetensors").unlink()
    assert lasting(obtain(RUN, store, cpu, net_too=True)) == lasting(first)
    assert len(trainings) == 2
    assert store.holds(RUN)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_teacher_with_damaged_weights_is_made_again(
    store: Store, elsewhere: Store, cpu: Machine, damage: Callable[[Path], None]
) -> None:
    expected = obtain(TAUGHT, elsewhere, cpu)
    obtain(TEACHER, store, cpu)
    damage(store.path(TEACHER, ".safetensors"))
    assert lasting(obtain(TAUGHT, store, cpu)) == lasting(expected)


def test_a_teacher_that_is_whole_is_not_made_again(
    store: Store, cpu: Machine, trainings: list[Network]
) -> None:
    obtain(TEACHER, store, cpu)
    obtain(TAUGHT, store, cpu)
    assert len(trainings) == 2


def test_a_teacher_is_found_in_a_folder_to_read_only(
    store: Store, tmp_path: Path, cpu: Machine, trainings: list[Network]
) -> None:
    obtain(TEACHER, store, cpu)
    own = Store(tmp_path / "own", store.folder)
    obtain(TAUGHT, own, cpu)
    assert len(trainings) == 2
    assert not own.path(TEACHER).exists()


def test_a_teacher_that_is_only_recorded_there_is_made_in_the_own_folder(
    store: Store, tmp_path: Path, cpu: Machine, trainings: list[Network]
) -> None:
    obtain(TEACHER, store, cpu)
    store.path(TEACHER, ".safetensors").unlink()
    own = Store(tmp_path / "own", store.folder)
    obtain(TAUGHT, own, cpu)
    assert len(trainings) == 3
    assert own.path(TEACHER).exists()
    assert files(store.folder) == [f"{TEACHER.key}.json"]


# Interruptions


def interrupt(run: Run, store: Store, machine: Machine, stop: int) -> None:
    with pytest.raises(Interrupted):
        obtain(run, store, machine, stop_at(stop))


def checkpoint(run: Run, store: Store) -> Path:
    return store.unfinished(run, ".safetensors")


def test_an_interrupted_run_has_no_record(store: Store, cpu: Machine) -> None:
    interrupt(RUN, store, cpu, 2 * STEPS + 2)
    assert store.get(RUN) is None
    assert files(store.folder) == [f"unfinished/{RUN.key}.safetensors"]


def test_a_run_goes_on_from_its_last_whole_epoch(
    store: Store, elsewhere: Store, cpu: Machine
) -> None:
    interrupt(RUN, store, cpu, 2 * STEPS + 2)
    counted: list[int] = []
    record = obtain(RUN, store, cpu, counted.append)
    assert counted == [2 * 80, *(STEPS * [20])]
    assert lasting(record) == lasting(obtain(RUN, elsewhere, cpu))


@pytest.mark.parametrize("stop", [2, STEPS + 2, 3 * STEPS + 2, 4 * STEPS + 3])
@pytest.mark.parametrize("run", [SEARCHED, SENSED], ids=["SNL", "SENet"])
def test_a_run_with_a_search_goes_on_wherever_it_was(
    store: Store, elsewhere: Store, cpu: Machine, run: Run, stop: int
) -> None:
    obtain(TEACHER, store, cpu)
    interrupt(run, store, cpu, stop)
    assert lasting(obtain(run, store, cpu)) == lasting(obtain(run, elsewhere, cpu))


@pytest.mark.parametrize("stop", [STEPS + 2, 4 * STEPS + 3], ids=["searching", "training"])
def test_all_of_a_run_is_in_the_number_format_it_began_with(
    store: Store, tmp_path: Path, cpu: Machine, stop: int
) -> None:
    """Its teacher's words and its search too."""
    half = replace(cpu, precision="bfloat16")
    other = Store(tmp_path / "other")
    for each in (store, other):
        obtain(TEACHER, each, cpu)
    interrupt(SEARCHED, store, half, stop)
    record = obtain(SEARCHED, store, cpu)
    assert record.precision == "bfloat16"
    assert lasting(record) == lasting(obtain(SEARCHED, other, half))


TAUGHT_KINDS = pytest.mark.parametrize(
    ("run", "stop"),
    [(TAUGHT, 2 * STEPS + 2), (SEARCHED, STEPS + 2), (SEARCHED, 4 * STEPS + 3), (SENSED, 6)],
    ids=["KD", "SNL", "SNL's tuning", "SENet"],
)


def of_other_weights(store: Store, machine: Machine, tmp_path: Path) -> Store:
    """Put another teacher's weights and record into a store; returns one with these alone."""
    other = Store(tmp_path / "other")
    obtain(TEACHER, other, replace(machine, precision="bfloat16"))
    for suffix in (".json", ".safetensors"):
        shutil.copy(other.path(TEACHER, suffix), store.path(TEACHER, suffix))
    return other


@TAUGHT_KINDS
def test_a_checkpoint_under_a_teacher_of_other_weights_is_a_fresh_start(
    store: Store, cpu: Machine, tmp_path: Path, run: Run, stop: int
) -> None:
    obtain(TEACHER, store, cpu)
    interrupt(run, store, cpu, stop)
    assert files(store.folder / "unfinished")
    other = of_other_weights(store, cpu, tmp_path)
    assert lasting(obtain(run, store, cpu)) == lasting(obtain(run, other, cpu))


def test_a_search_from_other_weights_goes_its_own_way(
    store: Store, cpu: Machine, tmp_path: Path
) -> None:
    first = obtain(SEARCHED, store, cpu)
    other = of_other_weights(store, cpu, tmp_path)
    store.path(SEARCHED).unlink()
    again = obtain(SEARCHED, store, cpu)
    assert again.sought[0]["loss"] != first.sought[0]["loss"]
    assert lasting(again) == lasting(obtain(SEARCHED, other, cpu))


@pytest.mark.parametrize(
    ("run", "stop"),
    [
        (TAUGHT, 2 * STEPS + 2),
        (SEARCHED, STEPS + 2),
        (SEARCHED, 4 * STEPS + 3),
        (SENSED, STEPS + 2),
    ],
    ids=["KD", "SNL", "SNL's tuning", "SENet"],
)
def test_a_run_that_goes_on_with_other_threads_says_so(
    store: Store, cpu: Machine, run: Run, stop: int
) -> None:
    obtain(TEACHER, store, cpu)
    interrupt(run, store, cpu, stop)
    torch.set_num_threads(2)
    record = obtain(run, store, cpu)
    assert (record.threads, record.environment["threads"]) == ((1, 2), 1)


def test_a_run_that_goes_on_with_as_many_threads_says_these_alone(
    store: Store, cpu: Machine
) -> None:
    interrupt(RUN, store, cpu, 2 * STEPS + 2)
    assert obtain(RUN, store, cpu).threads == (1,)


def test_a_fresh_start_says_its_own_threads_alone(store: Store, cpu: Machine) -> None:
    """Nothing of the first sitting was kept."""
    interrupt(RUN, store, cpu, 2)
    torch.set_num_threads(2)
    assert obtain(RUN, store, cpu).threads == (2,)


def of_another_seed(path: Path) -> None:
    """The whole checkpoint of another run."""
    store = Store(path.parents[1] / "other")
    run = replace(RUN, seed=5)
    interrupt(run, store, Machine(torch.device("cpu"), "float32"), 2 * STEPS + 2)
    checkpoint(run, store).replace(path)


@pytest.mark.parametrize(
    "damage", [Path.unlink, cut, of_another_seed, pickled], ids=lambda damage: damage.__name__
)
def test_a_checkpoint_that_cannot_be_trusted_is_a_fresh_start(
    store: Store, elsewhere: Store, cpu: Machine, damage: Callable[[Path], None]
) -> None:
    interrupt(RUN, store, cpu, 2 * STEPS + 2)
    damage(checkpoint(RUN, store))
    counted: list[int] = []
    record = obtain(RUN, store, cpu, counted.append)
    assert counted == 3 * STEPS * [20]
    assert lasting(record) == lasting(obtain(RUN, elsewhere, cpu))
    assert not list(store.folder.rglob("executed"))


def test_what_a_killed_run_left_beside_its_record_goes_when_it_is_asked_for_again(
    store: Store, cpu: Machine
) -> None:
    interrupt(RUN, store, cpu, 2 * STEPS + 2)
    kept = checkpoint(RUN, store).read_bytes()
    obtain(RUN, store, cpu)
    checkpoint(RUN, store).write_bytes(kept)
    obtain(RUN, store, cpu)
    assert not checkpoint(RUN, store).exists()


# Failures


def test_a_run_that_fails_is_recorded_with_step_and_rate(store: Store, cpu: Machine) -> None:
    record = obtain(FAILING, store, cpu)
    assert record.status == "failed"
    assert (record.validation, record.test, record.weights_digest) == (None, None, None)
    assert record.error
    assert re.fullmatch(
        r"the loss is \w+ at step \d+ \(epoch \d\), learning rate \S+", record.error
    )
    assert store.get(FAILING) == record


def test_a_run_that_failed_is_not_tried_again(
    store: Store, cpu: Machine, trainings: list[Network]
) -> None:
    first = obtain(FAILING, store, cpu)
    assert obtain(FAILING, store, cpu) == first
    assert obtain(FAILING, store, cpu, net_too=True) == first
    assert len(trainings) == 1


def test_a_run_that_failed_is_tried_again_when_its_record_is_deleted(
    store: Store, cpu: Machine, trainings: list[Network]
) -> None:
    obtain(FAILING, store, cpu)
    store.path(FAILING).unlink()
    obtain(FAILING, store, cpu)
    assert len(trainings) == 2


def test_a_run_whose_teacher_failed_says_so(store: Store, cpu: Machine) -> None:
    record = obtain(replace(RUN, teacher=FAILING), store, cpu)
    teacher = store.get(FAILING)
    assert teacher
    assert (record.status, record.curve) == ("failed", ())
    assert record.error == f"{NETWORK} on {DATA}, run {FAILING.key}, failed: {teacher.error}"


def test_that_its_teacher_failed_is_not_kept_of_a_run(store: Store, cpu: Machine) -> None:
    student = replace(RUN, teacher=FAILING)
    obtain(replace(RUN, teacher=student), store, cpu)
    assert files(store.folder) == [f"{FAILING.key}.json"]


def test_a_run_that_failed_leaves_no_checkpoint(store: Store, cpu: Machine) -> None:
    late = replace(FAILING, recipe=replace(RECIPE, epochs=30, warmup=29, rate=1e6))
    assert obtain(late, store, cpu).status == "failed"
    assert files(store.folder) == [f"{late.key}.json"]


def test_a_search_that_fails_is_a_run_that_failed(store: Store, cpu: Machine) -> None:
    record = obtain(replace(TAUGHT, search=SNL(300, epochs=2, rate=1e30)), store, cpu)
    assert record.status == "failed"
    assert record.error
    assert "search" in record.error
    assert "learning rate 1e+30" in record.error


# A full disk


def full_after(files: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on so many files can be written, and then no more."""
    left = [files]
    fsync = os.fsync

    def limited(file: int) -> None:
        if not left[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        left[0] -= 1
        fsync(file)

    monkeypatch.setattr(os, "fsync", limited)


def test_a_full_disk_loses_nothing_wherever_it_strikes(
    store: Store, elsewhere: Store, cpu: Machine
) -> None:
    """One file more at each start; every one that cannot be written is named, but lessons and
    kept searches, which are only for other runs."""
    run = SEARCHED
    expected = [lasting(obtain(each, elsewhere, cpu)) for each in (TEACHER, run)]
    named: list[str] = []
    room, before = 0, set[str]()
    while store.get(run) is None:
        with pytest.MonkeyPatch.context() as patch:
            full_after(room, patch)
            try:
                obtain(run, store, cpu)
            except OSError as error:
                told = re.fullmatch(
                    r"(.*) could not be written \(No space left on device\)", str(error)
                )
                assert told
                named.append(Path(told[1]).name)
        now = set(files(store.folder))
        assert {name for name in before if name.endswith(".json")} <= now
        assert not any(name.endswith(".new") for name in now)
        room = 1 if now != before else room + 1
        before = now
    assert [lasting(store.get(each)) for each in (TEACHER, run)] == expected
    suffixes = {name.partition(".")[2] for name in named}
    assert suffixes == {"json", "safetensors", "search.safetensors", "masks.safetensors"}


# Processes

Found = dict[str, Any]
SHORT = replace(RECIPE, epochs=2)
SHORT_SEARCH = replace(
    SEARCHED,
    recipe=SHORT,
    teacher=replace(TEACHER, recipe=SHORT),
    search=SNL(300, epochs=2, batch=20),
)


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
def killed(processes: Path) -> Found:
    """What a process tells of runs that it killed, all in one: to import torch takes a while."""
    runs = {"KD": TAUGHT, "SNL": SEARCHED}
    if KILLS > FEW:
        runs |= {"PRAM": KINDS["PRAM"], "SENet": SENSED}
    tasks = {
        "writes": Task("writes", SHORT_SEARCH, processes / "writes"),
        "together": Task("together", RUN, processes / "together"),
        "limit": Task("limit", TAUGHT, processes / "limit"),
        **{kind: Task("random", run, processes / kind, KILLS, 1) for kind, run in runs.items()},
    }
    return dict(zip(tasks, asked(*tasks.values()), strict=True))


@pytest.mark.long
@pytest.mark.parametrize("kind", ["KD", "SNL", *(["PRAM", "SENet"] * (KILLS > FEW))])
def test_a_run_that_is_killed_at_any_moment_ends_as_one_that_is_not(
    killed: Found, kind: str
) -> None:
    """With the same weights and record, and the same files; the seed of the moments is fixed, but
    not how far a process is then."""
    assert killed[kind]["kills"] >= KILLS
    for result in killed[kind]["results"]:
        assert result == killed[kind]["whole"]


def test_a_run_that_is_killed_at_every_file_ends_as_one_that_is_not(killed: Found) -> None:
    """Just before each file takes its place, and just behind."""
    found, run = killed["writes"], SHORT_SEARCH
    assert found["results"] == [found["whole"]]
    assert run.teacher
    teacher = f"unfinished/{run.teacher.key}.safetensors"
    for names in found["deaths"].values():
        assert names.count(teacher) == 2
        assert {f"writes/{run.key}{end}" for end in (".json", ".safetensors")} <= set(names)


def test_processes_that_ask_for_a_run_at_once_make_it_once(killed: Found, processes: Path) -> None:
    assert sorted(killed["together"]) == [0, 0, 3 * 80]
    assert files(processes / "together" / "runs") == [f"{RUN.key}.json", f"{RUN.key}.safetensors"]


def test_a_disk_that_is_full_is_told_by_the_file_and_goes_on_when_there_is_room(
    killed: Found, processes: Path
) -> None:
    """A limit that the system sets: no file of more than a kilobyte."""
    found = killed["limit"]
    path = processes / "limit" / "limited" / "unfinished" / f"{TEACHER.key}.safetensors"
    assert found["said"] == f"{path} could not be written (File too large)"
    assert found["left"] == []
    assert found["results"] == [found["whole"]]
