"""The store: a record comes back as it was put, or not at all; and with it its net."""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from deepreshape.learn.images.sets import DataSet
from deepreshape.learn.runs import record as record_module
from deepreshape.learn.runs.make import obtain
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.runs.store import TEACHERS, Store, read
from deepreshape.learn.search.masks import Masked, load_masks, save_masks
from deepreshape.learn.tensor_files import CorruptFile, load_tensors, save_tensors
from deepreshape.learn.training.machine import Machine
from deepreshape.places import RECORDED as RECORDED_HERE
from tests.learn.tiny import FAILING, NETWORK, RUN, SEARCHED, TAUGHT, TEACHER, same_net
from tests.learn.training.test_checkpoints import pickled
from tests.paper.records import record

WIDE = replace(NETWORK, classes=200)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which a run, one with a search and its teacher, and one that failed are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    store = Store(tmp_path_factory.mktemp("made"))
    for run in (RUN, SEARCHED, FAILING):
        obtain(run, store, Machine(torch.device("cpu"), "float32"))
    torch.set_num_threads(before)
    return store.folder


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Store:
    """A copy of that folder."""
    return Store(shutil.copytree(made, tmp_path / "runs"))


@pytest.fixture(scope="module")
def stored(made: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str]:
    """A store with one record, and the record's text."""
    store = Store(tmp_path_factory.mktemp("stored"))
    text = Store(made).path(SEARCHED).read_text()
    store.path(SEARCHED).write_text(text)
    return store, text


RECORDED = {"plain": RUN, "searched": SEARCHED, "failed": FAILING}

# Records


@pytest.mark.parametrize("kind", RECORDED)
def test_a_record_comes_back_as_it_was_put(store: Store, tmp_path: Path, kind: str) -> None:
    run, other = RECORDED[kind], Store(tmp_path / "other")
    record = store.get(run)
    assert record
    other.put(run, record)
    assert other.get(run) == record
    assert other.path(run).read_text() == store.path(run).read_text()


def test_an_unmade_run_has_no_record(store: Store) -> None:
    assert store.get(replace(RUN, seed=5)) is None


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path / "nowhere")
    assert store.get(RUN) is None
    assert list(store.records()) == []
    assert not store.holds(RUN)


def test_all_records_come_in_the_order_of_their_keys(store: Store) -> None:
    runs = {run.key: run for run in (RUN, SEARCHED, FAILING, TEACHER)}
    assert list(store.records()) == [store.get(runs[key]) for key in sorted(runs)]


# Records that cannot be trusted


def signed(record: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    return json.dumps({"record": record, "sha256": digest})


def test_these_tests_sign_as_the_store_does(store: Store) -> None:
    record = store.get(RUN)
    assert record
    store.path(RUN).write_text(signed(asdict(record)))
    assert store.get(RUN) == record


@pytest.mark.parametrize("name", [field.name for field in fields(Record)])
def test_a_changed_field_takes_a_record_its_trust(stored: tuple[Store, str], name: str) -> None:
    store, text = stored
    content = json.loads(text)
    content["record"][name] = "99.9"
    store.path(SEARCHED).write_text(json.dumps(content))
    assert store.get(SEARCHED) is None


@given(st.data())
@settings(max_examples=60)
def test_a_cut_record_is_none(stored: tuple[Store, str], data: st.DataObject) -> None:
    store, text = stored
    whole = text.rstrip()
    store.path(SEARCHED).write_text(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert store.get(SEARCHED) is None


@given(st.data())
@settings(max_examples=150)
def test_a_changed_digit_never_changes_a_record(
    stored: tuple[Store, str], data: st.DataObject
) -> None:
    """The last digit of a long number may be another and the number the same."""
    store, text = stored
    store.path(SEARCHED).write_text(text)
    record = store.get(SEARCHED)
    digits = [place for place, letter in enumerate(text) if letter.isdigit()]
    place = data.draw(st.sampled_from(digits))
    other = data.draw(st.sampled_from("0123456789").filter(lambda digit: digit != text[place]))
    store.path(SEARCHED).write_text(text[:place] + other + text[place + 1 :])
    assert store.get(SEARCHED) in (None, record)


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
        signed({"key": SEARCHED.key, "run": SEARCHED.describe()}).encode(),
        signed({"key": SEARCHED.key, "curve": 3}).encode(),
        signed({"key": SEARCHED.key, "curve": [[1, 2, 3]]}).encode(),
        pytest.param(200_000 * b"[" + 200_000 * b"]", id="deeply nested"),
    ],
)
def test_what_is_no_record_is_none(stored: tuple[Store, str], content: bytes) -> None:
    store, _ = stored
    store.path(SEARCHED).write_bytes(content)
    assert store.get(SEARCHED) is None
    assert list(store.records()) == []


@pytest.mark.parametrize("name", ["curve", "status", "weights_digest", "run", "stage_relus"])
def test_a_record_of_another_version_is_none(stored: tuple[Store, str], name: str) -> None:
    store, text = stored
    record = json.loads(text)["record"]
    del record[name]
    store.path(SEARCHED).write_text(signed(record))
    assert store.get(SEARCHED) is None


def test_a_field_that_is_not_known_is_not_trusted(stored: tuple[Store, str]) -> None:
    store, text = stored
    store.path(SEARCHED).write_text(signed({**json.loads(text)["record"], "new": 1}))
    assert store.get(SEARCHED) is None


def test_the_record_of_another_run_is_none(store: Store) -> None:
    store.path(RUN).rename(store.path(TEACHER))
    assert store.get(TEACHER) is None
    assert read(store.path(TEACHER)) is None


def test_a_record_that_claims_another_run_under_its_key_is_none(store: Store) -> None:
    record = store.get(RUN)
    assert record
    store.path(RUN).write_text(signed({**asdict(record), "run": TEACHER.describe()}))
    assert store.get(RUN) is None


def test_a_whole_record_under_the_key_of_no_run_is_none(store: Store) -> None:
    record, other = store.get(RUN), "0123456789abcdef"
    assert record
    path = store.folder / f"{other}.json"
    path.write_text(signed({**asdict(record), "key": other}))
    assert read(path) is None


def test_a_record_of_another_arithmetic_is_none(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = store.get(RUN)
    assert record
    with monkeypatch.context() as patch:
        patch.setattr(record_module, "ARITHMETIC", record_module.ARITHMETIC - 1)
        other = replace(RUN)  # which computes its own key
        path = store.path(other)
        store.put(other, replace(record, key=other.key))
        assert read(path)
    assert read(path) is None


def test_every_record_of_the_repository_is_read() -> None:
    paths = list(RECORDED_HERE.glob("*.json"))
    assert paths
    assert [path.name for path in paths if read(path) is None] == []


# Nets


def test_weights_may_lie_beside_another_record_of_their_run(store: Store, tmp_path: Path) -> None:
    kept = tmp_path / "kept" / TEACHERS
    kept.mkdir(parents=True)
    for suffix in (".json", ".safetensors"):
        shutil.move(store.path(RUN, suffix), kept)
    again = read(kept / f"{RUN.key}.json")
    assert again
    store.put(RUN, replace(again, weights_digest="of weights that are gone", test=1.0))
    both = Store(store.folder, tmp_path / "kept")
    assert not store.holds(RUN)
    assert both.holds(RUN)
    assert both.whole(RUN)[1] == again
    assert both.get(RUN) == store.get(RUN)


def test_the_stored_net_is_in_evaluation_mode(store: Store) -> None:
    assert not store.net(RUN).training


def test_the_record_names_the_digest_of_the_weights(store: Store) -> None:
    record = store.get(RUN)
    assert record
    assert load_tensors(store.path(RUN, ".safetensors"))[2] == record.weights_digest


def test_a_net_has_the_masks_of_its_search(store: Store) -> None:
    """As many ReLUs as its record says, at the sites that its file names."""
    masks, _ = load_masks(store.path(SEARCHED, ".masks.safetensors"))
    found = {
        name: site.mask[0]
        for name, site in store.net(SEARCHED).named_modules()
        if isinstance(site, Masked)
    }
    record = store.get(SEARCHED)
    assert record
    assert all(found[name].equal(mask) for name, mask in masks.items())
    assert sum(int(mask.sum()) for mask in found.values()) == record.relus == 300


def test_a_net_without_a_search_has_no_masks(store: Store) -> None:
    assert not any(isinstance(module, Masked) for module in store.net(TEACHER).modules())


@pytest.mark.parametrize("suffix", [".json", ".safetensors", ".masks.safetensors"])
def test_what_is_gone_is_not_found(store: Store, suffix: str) -> None:
    store.path(SEARCHED, suffix).unlink()
    with pytest.raises(FileNotFoundError, match=SEARCHED.key):
        store.net(SEARCHED)


def foreign(path: Path) -> None:
    """Whole weights, of the same shapes, that are not those of the record."""
    tensors, meta, _ = load_tensors(path)
    save_tensors(path, {name: value + 1 for name, value in tensors.items()}, meta)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:99])


DAMAGES: list[Any] = [cut, foreign, pickled]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_weights_that_the_record_does_not_name_are_corrupt(
    store: Store, damage: Callable[[Path], None]
) -> None:
    damage(store.path(SEARCHED, ".safetensors"))
    with pytest.raises(CorruptFile, match=SEARCHED.key):
        store.net(SEARCHED)
    assert not (store.folder / "executed").exists()


def other_masks(path: Path) -> None:
    masks, _ = load_masks(path)
    save_masks(path, {name: ~mask for name, mask in masks.items()}, SEARCHED.describe())


@pytest.mark.parametrize("damage", [cut, other_masks, pickled], ids=lambda each: each.__name__)
def test_masks_that_the_record_does_not_name_are_corrupt(
    store: Store, damage: Callable[[Path], None]
) -> None:
    damage(store.path(SEARCHED, ".masks.safetensors"))
    with pytest.raises(CorruptFile, match=SEARCHED.key):
        store.net(SEARCHED)
    assert not (store.folder / "executed").exists()


@pytest.mark.parametrize(
    ("run", "held"),
    [
        pytest.param(RUN, True, id="done"),
        pytest.param(FAILING, True, id="failed"),
        pytest.param(TAUGHT, False, id="unmade"),
    ],
)
def test_a_store_holds_what_was_made(store: Store, run: Run, held: bool) -> None:
    assert store.holds(run) is held


@pytest.mark.parametrize("damage", [Path.unlink, *DAMAGES], ids=lambda each: each.__name__)
def test_a_store_does_not_hold_a_run_without_its_weights(
    store: Store, damage: Callable[[Path], None]
) -> None:
    damage(store.path(RUN, ".safetensors"))
    assert not store.holds(RUN)
    assert store.get(RUN)


# Images that are known by name alone

NAMED = replace(RUN, data=DataSet("tiny-imagenet", shards=(0,), size=8), network=WIDE)


def on(run: Run, digest: str | None) -> Run:
    return replace(run, data=replace(run.data, digest=digest))


def filed(store: Store, run: Run, test: float) -> Record:
    made = record(run, test)
    store.put(run, made)
    return made


def test_images_that_are_known_by_name_are_answered_by_name(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = filed(store, on(NAMED, "a"), 50.0)
    assert store.get(NAMED) == kept
    assert kept.run["images"] == "a"


def test_a_digest_is_answered_by_no_other(tmp_path: Path) -> None:
    """Two mirrors with other images under one name have a record each."""
    store = Store(tmp_path)
    first, second = (filed(store, on(NAMED, each), test) for each, test in (("a", 50), ("b", 60)))
    assert (store.get(on(NAMED, "a")), store.get(on(NAMED, "b"))) == (first, second)
    assert store.get(on(NAMED, "c")) is None


def test_of_several_images_under_a_name_the_same_answer_for_all_runs(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for seed, digests in ((1, "ab"), (2, "ba")):
        for digest in digests:
            filed(store, on(replace(NAMED, seed=seed), digest), 50.0)
    found = [store.get(replace(NAMED, seed=seed)) for seed in (1, 2)]
    assert [record.run["images"] for record in found if record] == ["a", "a"]


def test_a_name_answers_for_nothing_else(tmp_path: Path) -> None:
    store = Store(tmp_path)
    filed(store, on(NAMED, "a"), 50.0)
    assert store.get(replace(NAMED, seed=2)) is None
    assert store.get(replace(NAMED, teacher=NAMED)) is None


def test_a_teacher_whose_images_are_known_by_name_is_answered_by_name(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = filed(store, on(replace(NAMED, teacher=on(NAMED, "b")), "a"), 50.0)
    assert store.get(replace(NAMED, teacher=NAMED)) == kept
    assert store.get(on(replace(NAMED, teacher=NAMED), "a")) == kept
    assert store.get(on(replace(NAMED, teacher=on(NAMED, "c")), "a")) is None


# Folders to read only


@pytest.fixture
def both(store: Store, tmp_path: Path) -> Store:
    """An empty folder, and beside it all that was made."""
    return Store(tmp_path / "own", store.folder)


def test_what_lies_in_another_folder_is_found(both: Store, store: Store) -> None:
    assert both.get(SEARCHED) == store.get(SEARCHED)
    assert list(both.records()) == list(store.records())
    assert same_net(both.net(SEARCHED), store.net(SEARCHED))
    assert both.holds(SEARCHED)


def test_nothing_is_written_into_another_folder(both: Store, store: Store) -> None:
    record = both.get(RUN)
    assert record
    before = {path: path.stat().st_mtime_ns for path in store.folder.rglob("*")}
    both.put(RUN, record)
    assert both.path(RUN).parent == both.folder
    assert {path: path.stat().st_mtime_ns for path in store.folder.rglob("*")} == before


def test_the_own_record_comes_before_anothers(both: Store, store: Store) -> None:
    record = both.get(RUN)
    assert record
    own = replace(record, seconds=1.5)
    both.put(RUN, own)
    assert both.get(RUN) == own
    assert list(both.records()) == [
        own if each.key == RUN.key else each for each in store.records()
    ]


def test_where_the_own_record_cannot_be_trusted_anothers_counts(both: Store, store: Store) -> None:
    both.folder.mkdir()
    both.path(RUN).write_text("cut")
    assert both.get(RUN) == store.get(RUN)
    assert list(both.records()) == list(store.records())


def test_weights_are_those_beside_the_record_that_names_them(both: Store, store: Store) -> None:
    """Weights without their record, left by a run that was killed, hide no others."""
    both.folder.mkdir()
    shutil.copy(store.path(RUN, ".safetensors"), both.folder)
    foreign(both.path(RUN, ".safetensors"))
    assert same_net(both.net(RUN), store.net(RUN))


def test_where_the_own_weights_are_gone_anothers_count(both: Store, store: Store) -> None:
    record = store.get(RUN)
    assert record
    both.put(RUN, record)
    assert same_net(both.net(RUN), store.net(RUN))
