"""Records of other machines: what is new comes, what is known stays, what cannot be trusted does
not enter."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from deepreshape.learn.runs.importing import Brought, brought
from deepreshape.learn.runs.make import obtain
from deepreshape.learn.runs.record import Record, sha256
from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.tensor_files import alone
from deepreshape.learn.training.machine import Machine
from tests.learn.forks import files
from tests.learn.runs.test_store import cut
from tests.learn.tiny import FAILING, RUN, SEARCHED, TEACHER


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A searched run with masks, its teacher, and one that failed."""
    from tests.learn.forks import CPU

    store = Store(tmp_path_factory.mktemp("originals"))
    for run in (SEARCHED, FAILING):
        obtain(run, store, CPU)
    return store


@pytest.fixture
def there(originals: Store, tmp_path: Path) -> Store:
    """The store of another machine."""
    shutil.copytree(originals.folder, tmp_path / "there")
    return Store(tmp_path / "there")


def fates(there: Store, store: Store) -> dict[str, str]:
    return {each.path.stem: each.fate for each in brought(there.folder, store)}


def of(run: Run, there: Store, store: Store) -> Brought:
    (found,) = [each for each in brought(there.folder, store) if each.path.stem == run.key]
    return found


def change(there: Store, run: Run, **fields: object) -> None:
    """Another result of a run, in a whole record."""
    record = there.get(run)
    assert record
    there.put(run, replace(record, **fields))  # type: ignore[arg-type]


ALL = (SEARCHED, TEACHER, FAILING)


def test_what_is_new_comes_with_weights_and_masks(there: Store, store: Store) -> None:
    before = files(there.folder)
    assert fates(there, store) == dict.fromkeys((run.key for run in ALL), "new")
    assert [store.get(run) for run in ALL] == [there.get(run) for run in ALL]
    assert store.holds(SEARCHED)
    assert store.holds(TEACHER)
    assert files(there.folder) == before


def test_what_came_is_not_made_again(there: Store, store: Store, cpu: Machine) -> None:
    list(brought(there.folder, store))
    assert obtain(SEARCHED, store, cpu) == there.get(SEARCHED)


def test_what_came_before_is_known(there: Store, store: Store) -> None:
    list(brought(there.folder, store))
    assert set(fates(there, store).values()) == {"known"}


def test_the_same_result_of_another_day_is_known(there: Store, store: Store) -> None:
    list(brought(there.folder, store))
    change(there, TEACHER, seconds=99.0)
    assert of(TEACHER, there, store) == Brought(there.path(TEACHER), "known")


def test_another_result_is_told_and_the_stores_stays(there: Store, store: Store) -> None:
    list(brought(there.folder, store))
    kept = store.get(TEACHER)
    change(there, TEACHER, test=12.5, weights_digest=None)
    there.path(TEACHER, ".safetensors").unlink()
    found = of(TEACHER, there, store)
    assert (found.fate, found.why[:11]) == ("different", "12.50 % on ")
    assert store.get(TEACHER) == kept
    assert store.holds(TEACHER)


def test_weights_that_the_store_lacks_come_to_its_record(there: Store, store: Store) -> None:
    list(brought(there.folder, store))
    store.path(TEACHER, ".safetensors").unlink()
    assert of(TEACHER, there, store) == Brought(there.path(TEACHER), "known", "its weights are new")
    assert store.holds(TEACHER)


def test_a_record_without_weights_comes_alone(there: Store, store: Store) -> None:
    there.path(TEACHER, ".safetensors").unlink()
    assert of(TEACHER, there, store) == Brought(there.path(TEACHER), "new", "without weights")
    assert store.get(TEACHER)
    assert not store.holds(TEACHER)


def test_a_key_of_another_run_is_refused(there: Store, store: Store) -> None:
    there.path(TEACHER).rename(there.path(RUN))
    found = of(RUN, there, store)
    assert (found.fate, found.why) == ("refused", f"its key is not that of its run, {TEACHER.key}")
    assert store.get(RUN) is None


def test_a_run_that_was_changed_under_its_key_is_refused(there: Store, store: Store) -> None:
    """Though its SHA-256 was made anew."""
    path = there.path(TEACHER)
    fields = json.loads(path.read_text())["record"]
    fields["run"]["seed"] = 77
    path.write_text(json.dumps({"record": fields, "sha256": sha256(fields)}))
    assert of(TEACHER, there, store).why.startswith("its key is not that of its run, ")
    assert store.get(TEACHER) is None


def test_a_result_that_was_changed_is_refused(there: Store, store: Store) -> None:
    path = there.path(TEACHER)
    path.write_text(path.read_text().replace('"status": "done"', '"status": "failed"'))
    assert of(TEACHER, there, store) == Brought(path, "refused", "it was cut or changed")


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", "null", '{"record": 1}', "\ud7ff", "[" * 9999]
)
def test_what_is_no_record_is_refused(content: str, there: Store, store: Store) -> None:
    there.path(TEACHER).write_text(content)
    assert of(TEACHER, there, store).fate == "refused"


def test_a_record_of_another_version_is_refused_with_the_way_to_bring_it(
    there: Store, store: Store
) -> None:
    path = there.path(TEACHER)
    fields = json.loads(path.read_text())["record"]
    del fields["stage_relus"]
    path.write_text(json.dumps({"record": fields, "sha256": sha256(fields)}))
    assert "deepreshape runs migrate" in of(TEACHER, there, store).why


@pytest.mark.parametrize("suffix", [".safetensors", ".masks.safetensors"])
def test_damaged_files_are_refused_with_their_record(
    suffix: str, there: Store, store: Store
) -> None:
    cut(there.path(SEARCHED, suffix))
    assert of(SEARCHED, there, store).fate == "refused"
    assert store.get(SEARCHED) is None


def test_weights_of_another_run_are_refused(there: Store, store: Store) -> None:
    shutil.copy(there.path(SEARCHED, ".safetensors"), there.path(TEACHER, ".safetensors"))
    said = f"{TEACHER.key}.safetensors is not what the record names"
    assert of(TEACHER, there, store) == Brought(there.path(TEACHER), "refused", said)


def test_a_run_that_is_being_made_is_left_to_its_maker(there: Store, store: Store) -> None:
    with alone(store.unfinished(TEACHER, ".lock")):
        assert of(TEACHER, there, store).fate == "busy"
    assert store.get(TEACHER) is None


def test_one_that_is_refused_does_not_hold_up_the_others(there: Store, store: Store) -> None:
    there.path(TEACHER).write_text("")
    assert sorted(fates(there, store).values()) == ["new", "new", "refused"]


def test_an_empty_folder_brings_nothing(store: Store, tmp_path: Path) -> None:
    assert list(brought(tmp_path, store)) == []


def test_a_record_is_there_only_once_its_weights_are(
    there: Store, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr("deepreshape.learn.runs.store.write", full)
    with pytest.raises(OSError, match="no space"):
        list(brought(there.folder, store))
    records: list[Record] = list(store.records())
    assert records == []
