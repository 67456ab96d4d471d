"""Runs are values with keys; a record is made once, and again where it cannot be trusted."""

import hashlib
import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepreshape.design import Network, Stage, cost, cull, resnet18, thin
from deepreshape.learn import runs
from deepreshape.learn.data import DataSet, load
from deepreshape.learn.files import CorruptFile, load_tensors, save_tensors
from deepreshape.learn.nets import Net
from deepreshape.learn.runs import Record, Run, Store, obtain, trained
from deepreshape.learn.train import Machine, Recipe, TrainingFailed, accuracy

NETWORK = Network(4, (Stage(4, 1), Stage(8, 1)), 8, 10)
DATA = DataSet("mnist5k", per_class=8, size=8)
RECIPE = Recipe(epochs=3, batch=20, rate=0.05, shift=1)
RUN = Run(NETWORK, DATA, RECIPE)
TEACHER = replace(RUN, seed=9)
TAUGHT = replace(RUN, teacher=TEACHER)
FAILING = replace(RUN, recipe=replace(RECIPE, rate=1e9))
STEPS = 4


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[Network]:
    """The networks that were trained, in order."""
    made: list[Network] = []
    train = runs.train

    def counted(net: Net, *args: Any) -> Any:
        made.append(net.network)
        return train(net, *args)

    monkeypatch.setattr(runs, "train", counted)
    return made


def same(left: Net, right: Net) -> bool:
    first, second = left.state_dict(), right.state_dict()
    return all(torch.equal(first[name], second[name]) for name in first)


# Keys

OTHERS = {
    "epochs": 4,
    "batch": 21,
    "rate": 0.04,
    "momentum": 0.8,
    "weight_decay": 1e-4,
    "warmup": 1.0,
    "shift": 2,
    "flip": False,
    "temperature": 5.0,
    "weight": 0.8,
}
CHANGED = {
    "width": replace(RUN, network=replace(NETWORK, stages=(Stage(4, 1), Stage(12, 1)))),
    "depth": replace(RUN, network=replace(NETWORK, stages=(Stage(4, 1), Stage(8, 2)))),
    "stem": replace(RUN, network=replace(NETWORK, stem=8)),
    "culled": replace(RUN, network=cull(NETWORK, {1})),
    "thinned": replace(RUN, network=thin(NETWORK, {1})),
    "resolution": Run(replace(NETWORK, resolution=16), replace(DATA, size=16), RECIPE),
    "part": replace(RUN, data=replace(DATA, per_class=9)),
    **{name: replace(RUN, recipe=replace(RECIPE, **{name: OTHERS[name]})) for name in OTHERS},
    "seed": replace(RUN, seed=2),
    "teacher": TAUGHT,
    "teacher's seed": replace(RUN, teacher=replace(TEACHER, seed=10)),
    "teacher's recipe": replace(RUN, teacher=replace(TEACHER, recipe=Recipe())),
    "teacher's teacher": replace(RUN, teacher=TAUGHT),
}


def test_every_field_of_a_recipe_is_changed_below() -> None:
    assert set(OTHERS) == {field.name for field in fields(Recipe)}


@pytest.mark.parametrize("what", CHANGED)
def test_the_key_depends_on(what: str) -> None:
    assert CHANGED[what].key != RUN.key


def test_all_these_keys_differ() -> None:
    assert len({run.key for run in CHANGED.values()}) == len(CHANGED)


def test_equal_runs_have_equal_keys() -> None:
    again = Run(
        Network(4, (Stage(4, 1), Stage(8, 1)), 8, 10),
        DataSet("mnist5k", None, 8, 8),
        Recipe(epochs=3, batch=20, rate=0.05, shift=1),
        seed=1,
    )
    assert again == RUN
    assert again.key == RUN.key


@pytest.mark.parametrize(
    ("name", "number"), [("rate", 1), ("warmup", 1), ("temperature", 4), ("weight", 1)]
)
def test_a_whole_number_is_the_same_as_an_integer_and_as_a_float(name: str, number: int) -> None:
    integer, float_ = (
        replace(RUN, recipe=replace(RECIPE, **{name: value})) for value in (number, float(number))
    )
    assert integer == float_
    assert integer.key == float_.key


def test_the_key_depends_on_the_arithmetic(monkeypatch: pytest.MonkeyPatch) -> None:
    before = RUN.key
    monkeypatch.setattr(runs, "ARITHMETIC", runs.ARITHMETIC + 1)
    assert RUN.key != before


def test_the_key_of_the_papers_baseline_stays() -> None:
    """Where this fails, every record that was ever made is lost: raise ARITHMETIC if meant."""
    assert Run(resnet18(), DataSet("cifar100"), Recipe()).key == "4938179006f080f0"


@pytest.mark.parametrize(
    "network",
    [
        pytest.param(replace(NETWORK, resolution=16), id="input size"),
        pytest.param(replace(NETWORK, classes=100), id="classes"),
    ],
)
def test_a_network_that_does_not_fit_the_data_is_refused(network: Network) -> None:
    with pytest.raises(ValueError, match=r"mnist5k.* has 8 and 10"):
        Run(network, DATA, RECIPE)


# Making records


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
    assert record.data_digest == load(DATA).digest
    assert record.environment["device"] == "cpu"
    assert record.seconds == sum(epoch.seconds for epoch in record.curve)


def test_accuracies_are_those_of_the_stored_net(store: Store, cpu: Machine) -> None:
    record, images = obtain(RUN, store, cpu), load(DATA)
    net = store.net(RUN)
    assert record.validation == accuracy(net, images.validation, images, cpu)
    assert record.test == accuracy(net, images.test, images, cpu)


def test_a_record_comes_back_as_it_was_put(store: Store, cpu: Machine) -> None:
    record = obtain(RUN, store, cpu)
    assert Store(store.folder).get(RUN) == record


def test_a_record_is_made_once(store: Store, cpu: Machine, trainings: list[Network]) -> None:
    first = obtain(RUN, store, cpu)
    assert obtain(RUN, store, cpu) == first
    assert len(trainings) == 1


def test_what_is_recorded_is_not_trained(
    store: Store, cpu: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = obtain(TAUGHT, store, cpu)
    monkeypatch.setattr(runs, "train", None)
    monkeypatch.setattr(runs, "load", None)
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


def test_an_unmade_run_has_no_record(store: Store) -> None:
    assert store.get(RUN) is None


def test_only_record_weights_and_lock_are_left(store: Store, cpu: Machine) -> None:
    obtain(RUN, store, cpu)
    left = {path for path in store.folder.rglob("*") if path.is_file() and path.suffix != ".lock"}
    assert left == {store.path(RUN), store.path(RUN, ".safetensors")}


# Records that cannot be trusted


def signed(record: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    return json.dumps({"record": record, "sha256": digest})


def test_these_tests_sign_as_the_store_does(store: Store, cpu: Machine) -> None:
    record = obtain(RUN, store, cpu)
    store.path(RUN).write_text(signed(asdict(record)))
    assert store.get(RUN) == record


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str]:
    """A store with one record, and the record's text."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    store = Store(tmp_path_factory.mktemp("stored"))
    obtain(RUN, store, Machine(torch.device("cpu"), "float32"))
    torch.set_num_threads(before)
    return store, store.path(RUN).read_text()


@pytest.mark.parametrize("name", [field.name for field in fields(Record)])
def test_a_changed_field_takes_a_record_its_trust(stored: tuple[Store, str], name: str) -> None:
    store, text = stored
    content = json.loads(text)
    content["record"][name] = "99.9"
    store.path(RUN).write_text(json.dumps(content))
    assert store.get(RUN) is None


@given(st.data())
@settings(max_examples=60)
def test_a_cut_record_is_none(stored: tuple[Store, str], data: st.DataObject) -> None:
    store, text = stored
    whole = text.rstrip()
    store.path(RUN).write_text(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert store.get(RUN) is None


@given(st.data())
@settings(max_examples=150)
def test_a_changed_digit_never_changes_a_record(
    stored: tuple[Store, str], data: st.DataObject
) -> None:
    """The last digit of a long number may be another and the number the same."""
    store, text = stored
    store.path(RUN).write_text(text)
    record = store.get(RUN)
    digits = [place for place, letter in enumerate(text) if letter.isdigit()]
    place = data.draw(st.sampled_from(digits))
    other = data.draw(st.sampled_from("0123456789").filter(lambda digit: digit != text[place]))
    store.path(RUN).write_text(text[:place] + other + text[place + 1 :])
    assert store.get(RUN) in (None, record)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"3",
        b'"text"',
        b"[]",
        b"{}",
        b'{"record": {}}',
        b'{"record": 1, "sha256": 2}',
        b"\xff\xfe",
        signed({}).encode(),
        signed({"run": RUN.describe()}).encode(),
        signed({"run": RUN.describe(), "curve": 3}).encode(),
        signed({"run": RUN.describe(), "curve": [[1, 2, 3]]}).encode(),
    ],
)
def test_what_is_no_record_is_none(stored: tuple[Store, str], content: bytes) -> None:
    store, _ = stored
    store.path(RUN).write_bytes(content)
    assert store.get(RUN) is None


@pytest.mark.parametrize("name", ["curve", "status", "weights_digest"])
def test_a_record_of_another_version_is_none(stored: tuple[Store, str], name: str) -> None:
    store, text = stored
    record = json.loads(text)["record"]
    del record[name]
    store.path(RUN).write_text(signed(record))
    assert store.get(RUN) is None


def test_the_record_of_another_run_is_none(store: Store, cpu: Machine) -> None:
    obtain(RUN, store, cpu)
    store.path(RUN).rename(store.path(TEACHER))
    assert store.get(TEACHER) is None


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
    assert second.weights_digest == first.weights_digest
    assert store.get(RUN) == second
    assert len(trainings) == 2


# Weights


def test_the_stored_net_is_in_evaluation_mode(store: Store, cpu: Machine) -> None:
    obtain(RUN, store, cpu)
    assert not store.net(RUN).training


def test_the_record_names_the_digest_of_the_weights(store: Store, cpu: Machine) -> None:
    record = obtain(RUN, store, cpu)
    assert load_tensors(store.path(RUN, ".safetensors"))[2] == record.weights_digest


def test_weights_that_are_gone_are_not_found(store: Store, cpu: Machine) -> None:
    obtain(RUN, store, cpu)
    store.path(RUN, ".safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=RUN.key):
        store.net(RUN)


def foreign(path: Path) -> None:
    """Whole weights, of the same shapes, that are not those of the record."""
    tensors, meta, _ = load_tensors(path)
    save_tensors(path, {name: value + 1 for name, value in tensors.items()}, meta)


DAMAGES = [
    pytest.param(lambda path: path.write_bytes(path.read_bytes()[:99]), id="cut"),
    pytest.param(lambda path: path.write_bytes(b"hello"), id="something else"),
    pytest.param(foreign, id="others"),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_weights_that_the_record_does_not_name_are_corrupt(
    store: Store, cpu: Machine, damage: Callable[[Path], object]
) -> None:
    obtain(RUN, store, cpu)
    damage(store.path(RUN, ".safetensors"))
    with pytest.raises(CorruptFile, match=RUN.key):
        store.net(RUN)


@pytest.mark.parametrize("damage", [pytest.param(Path.unlink, id="missing"), *DAMAGES])
def test_damaged_weights_are_made_again(
    store: Store, cpu: Machine, trainings: list[Network], damage: Callable[[Path], object]
) -> None:
    first = trained(RUN, store, cpu)
    damage(store.path(RUN, ".safetensors"))
    assert same(trained(RUN, store, cpu), first)
    assert len(trainings) == 2
    assert same(store.net(RUN), first)


@pytest.mark.parametrize("damage", [pytest.param(Path.unlink, id="missing"), *DAMAGES])
def test_a_teacher_with_damaged_weights_is_made_again(
    store: Store, tmp_path: Path, cpu: Machine, damage: Callable[[Path], object]
) -> None:
    expected = obtain(TAUGHT, Store(tmp_path / "other"), cpu)
    obtain(TEACHER, store, cpu)
    damage(store.path(TEACHER, ".safetensors"))
    assert obtain(TAUGHT, store, cpu).weights_digest == expected.weights_digest


def test_a_teacher_that_is_whole_is_not_made_again(
    store: Store, cpu: Machine, trainings: list[Network]
) -> None:
    obtain(TEACHER, store, cpu)
    obtain(TAUGHT, store, cpu)
    assert len(trainings) == 2


# Failures


def test_a_run_that_fails_is_recorded_with_its_error(store: Store, cpu: Machine) -> None:
    record = obtain(FAILING, store, cpu)
    assert record.status == "failed"
    assert (record.validation, record.test, record.weights_digest) == (None, None, None)
    assert record.error
    assert "learning rate" in record.error
    assert store.get(FAILING) == record


def test_a_run_that_failed_is_not_tried_again(
    store: Store, cpu: Machine, trainings: list[Network]
) -> None:
    assert obtain(FAILING, store, cpu) == obtain(FAILING, store, cpu)
    assert len(trainings) == 1


def test_a_run_that_failed_has_no_net(store: Store, cpu: Machine) -> None:
    record = obtain(FAILING, store, cpu)
    with pytest.raises(TrainingFailed) as caught:
        trained(FAILING, store, cpu)
    assert str(caught.value) == record.error


def test_a_run_whose_teacher_failed_fails_likewise(store: Store, cpu: Machine) -> None:
    record = obtain(replace(RUN, teacher=FAILING), store, cpu)
    teacher = store.get(FAILING)
    assert teacher
    assert (record.status, record.error) == ("failed", teacher.error)


def test_a_run_that_failed_leaves_no_checkpoint(store: Store, cpu: Machine) -> None:
    obtain(FAILING, store, cpu)
    assert not store.unfinished(FAILING, ".safetensors").exists()


# Processes

SCRIPT = """
import os, pickle, signal, sys, time
from pathlib import Path

import torch

from deepreshape.learn.runs import Store, obtain
from deepreshape.learn.train import Machine

run, folder, killed_at, partners = pickle.loads(bytes.fromhex(sys.argv[1]))
torch.set_num_threads(1)
calls = []

def progress(images):
    calls.append(images)
    if len(calls) - 1 == killed_at:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.02 if partners else 0)

if partners:
    Path(folder, str(os.getpid())).touch()
    while len(list(Path(folder).glob("[0-9]*"))) < partners:
        time.sleep(0.01)
machine = Machine(torch.device("cpu"), "float32")
record = obtain(run, Store(Path(folder, "runs")), machine, progress)
print(sum(calls), record.weights_digest)
"""


def start(
    run: Run, folder: Path, killed_at: int | None = None, partners: int = 0
) -> "subprocess.Popen[str]":
    """Obtain a run in a process of its own; it prints images trained on and weights' digest."""
    arguments = pickle.dumps((run, str(folder), killed_at, partners)).hex()
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


def test_a_run_that_was_killed_goes_on_to_the_same_end(tmp_path: Path, cpu: Machine) -> None:
    whole = obtain(TAUGHT, Store(tmp_path / "other"), cpu)
    store = Store(tmp_path / "runs")
    obtain(TEACHER, store, cpu)
    with start(TAUGHT, tmp_path, killed_at=2 * STEPS + 3) as process:
        process.communicate(timeout=300)
    assert process.returncode == -signal.SIGKILL
    assert store.get(TAUGHT) is None
    counted: list[int] = []
    record = obtain(TAUGHT, store, cpu, counted.append)
    assert counted == [2 * 80, *(STEPS * [20])]
    assert record.weights_digest == whole.weights_digest
    assert [epoch.loss for epoch in record.curve] == [epoch.loss for epoch in whole.curve]


def test_two_processes_that_ask_for_a_run_make_it_once(tmp_path: Path, cpu: Machine) -> None:
    processes = [start(RUN, tmp_path, partners=2) for _ in range(2)]
    answers = [process.communicate(timeout=300)[0].split() for process in processes]
    assert sorted(int(images) for images, _ in answers) == [0, 3 * 80]
    record = Store(tmp_path / "runs").get(RUN)
    assert record
    assert {digest for _, digest in answers} == {record.weights_digest}
