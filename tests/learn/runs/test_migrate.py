"""Records of version 0.1.0, brought over: every value of theirs said, nothing lost."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from deepreshape.design import parse
from deepreshape.learn.images.sets import DataSet
from deepreshape.learn.images.sources import KNOWN
from deepreshape.learn.runs.migrate import DEFAULTS, PUBLISHED, migrate
from deepreshape.learn.runs.record import Record, key_of, read
from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.search.searches import SNL
from deepreshape.learn.training.losses import DKD, KD
from deepreshape.learn.training.recipe import Recipe

CIFAR = 64 * "c"
SHORT = {"epochs": 6, "rate": 0.4, "nesterov": True, "schedule": "linear"}
TEACHER: dict[str, Any] = {
    "network": "ResNet18(m=16)",
    "data": "cifar100",
    "recipe": {"epochs": 15, "distillation": {"kind": "KD", "temperature": 5.0}},
    "seed": 1,
    "teacher": None,
}
PLAIN: dict[str, Any] = {
    "network": "ResNet18(m=8)",
    "data": "cifar100",
    "recipe": SHORT,
    "seed": 3,
    "teacher": None,
}
TAUGHT = {**PLAIN, "recipe": {"distillation": {"kind": "DKD", "beta": 2.0}}, "teacher": TEACHER}
SEARCHED = {
    **PLAIN,
    "network": "ResNet18(m=16)",
    "teacher": TEACHER,
    "search": {"kind": "SNL", "budget": 500, "epochs": 4},
}


def old(folder: Path, run: dict[str, Any], **changed: Any) -> Path:
    """A record as version 0.1.0 wrote it."""
    record = {
        "key": key_of(run),
        "status": "done",
        "run": run,
        "validation": 40.5,
        "test": 41.5,
        "relus": 500,
        "stage_relus": [100, 200, 200, 0],
        "macs": 1000,
        "params": 100,
        "curve": [{"loss": 1.0, "seconds": 2.0, "images_per_second": 3.0}],
        "precision": "bfloat16",
        "seconds": 2.0,
        "data_digest": CIFAR,
        "weights_digest": "w",
        "environment": {"device": "cpu", "processor": "abacus", "threads": 2, "torch": "2.0"},
        "error": None,
        "masks_digest": None,
        "sought": [],
        **changed,
    }
    digest = hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{record['key']}.json"
    path.write_text(json.dumps({"record": record, "sha256": digest}))
    return path


def brought(tmp_path: Path, run: dict[str, Any], **changed: Any) -> Record:
    path = old(tmp_path / "old", run, **changed)
    ((found, new),) = migrate(path.parent, tmp_path / "new")
    assert found == path
    assert new is not None
    record = read(new)
    assert record is not None
    return record


# What was not said


def cifar_run(recipe: Recipe, teacher: Run | None = None) -> Run:
    return Run(parse("ResNet18(m=8)"), DataSet("cifar100", digest=CIFAR), recipe, 3, teacher)


def test_a_record_answers_for_the_run_that_it_was_of(tmp_path: Path) -> None:
    """Every value said, whatever the defaults of this version are."""
    recipe = Recipe(
        epochs=6,
        batch=128,
        rate=0.4,
        momentum=0.9,
        nesterov=True,
        weight_decay=5e-4,
        warmup=0.0,
        schedule="linear",
        shift=4,
        flip=True,
        smoothing=0.0,
        small=0.0,
        distillation=KD(temperature=4.0, soft=0.9, hard=0.1),
        pram=0.0,
    )
    record = brought(tmp_path, PLAIN)
    assert Store(tmp_path / "new").get(cifar_run(recipe)) == record


def test_a_distillation_and_a_teacher_are_completed(tmp_path: Path) -> None:
    taught = Recipe(distillation=DKD(beta=2.0, alpha=1.0, temperature=4.0, warmup=20.0))
    teacher = Recipe(epochs=15, distillation=KD(temperature=5.0, soft=0.9, hard=0.1))
    run = cifar_run(taught, replace(cifar_run(teacher), network=parse("ResNet18(m=16)"), seed=1))
    assert brought(tmp_path, TAUGHT).run == run.describe()


def test_a_search_is_completed_by_the_values_of_its_version(tmp_path: Path) -> None:
    found = brought(tmp_path, SEARCHED).run["search"]
    assert found == {
        **DEFAULTS["SNL"],
        "kind": "SNL",
        "budget": 500,
        "epochs": 4,
        "alpha_rate": 1e-3,
        "schedule": "stuck",
    }


def test_a_search_by_channel_of_another_penalty_stands_for_none_of_this_version(
    tmp_path: Path,
) -> None:
    by_channel = {**SEARCHED, "search": {"kind": "SNL", "budget": 500, "by": "channel"}}
    found = brought(tmp_path, by_channel).run["search"]
    assert found["schedule"] == "stuck, a channel counted once"
    with pytest.raises(ValueError, match="schedule"):
        SNL(500, "channel", schedule=found["schedule"])


@pytest.mark.parametrize("kind", [Recipe, KD, DKD], ids=lambda kind: kind.__name__)
def test_every_field_of_this_version_has_a_value_for_records_without_it(kind: type) -> None:
    """Where this fails a field is new: say in DEFAULTS what earlier runs were computed by."""
    assert {each.name for each in fields(kind)} <= set(DEFAULTS[kind.__name__])


def test_the_images_are_those_that_the_record_names(tmp_path: Path) -> None:
    part = {**PLAIN, "data": "tiny-imagenet[shards=0,size=32]"}
    taught = {**part, "teacher": {**TEACHER, "data": "tiny-imagenet[shards=0,per_class=5,size=32]"}}
    run = brought(tmp_path, taught).run
    assert (run["images"], run["teacher"]["images"]) == (CIFAR, CIFAR)


def test_the_images_of_another_set_are_the_published_ones_or_unknown(tmp_path: Path) -> None:
    for data, digest in (("cifar100", PUBLISHED["cifar100"]), ("tiny-imagenet[size=32]", None)):
        taught = {**PLAIN, "data": "cifar100[shards=0]", "teacher": {**TEACHER, "data": data}}
        run = brought(tmp_path / data, taught).run
        assert (run["images"], run["teacher"]["images"]) == (CIFAR, digest)


def test_published_digests_are_those_of_the_sets() -> None:
    assert all(KNOWN[name].digest == digest for name, digest in PUBLISHED.items())


def test_what_nobody_kept_is_unknown(tmp_path: Path) -> None:
    record = brought(tmp_path, TAUGHT)
    assert (record.right, record.tested, record.split_digest, record.teacher_digest) == 4 * (None,)
    assert (record.environment["commit"], record.environment["onednn"]) == (None, None)
    assert (record.environment["processor"], record.threads) == ("abacus", (2,))


def test_all_that_was_said_stays(tmp_path: Path) -> None:
    path = old(tmp_path / "old", SEARCHED)
    said = json.loads(path.read_text())["record"]
    ((_, new),) = brought_to(tmp_path)
    kept = json.loads(new.read_text())["record"]
    unchanged = said.keys() - {"key", "run", "environment"}
    assert {name: kept[name] for name in unchanged} == {name: said[name] for name in unchanged}
    assert kept["environment"].items() >= said["environment"].items()


def brought_to(tmp_path: Path) -> list[Any]:
    return list(migrate(tmp_path / "old", tmp_path / "new"))


# Files


def test_weights_and_masks_go_with_their_record(tmp_path: Path) -> None:
    path = old(tmp_path / "old", SEARCHED)
    for suffix in (".safetensors", ".masks.safetensors"):
        path.with_suffix(suffix).write_text(suffix)
    ((_, new),) = brought_to(tmp_path)
    for suffix in (".safetensors", ".masks.safetensors"):
        assert new.with_suffix(suffix).read_text() == suffix
        assert path.with_suffix(suffix).exists()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_in_its_own_folder_a_record_takes_its_new_name(tmp_path: Path) -> None:
    path = old(tmp_path, PLAIN)
    path.with_suffix(".safetensors").write_text("w")
    ((_, new),) = migrate(tmp_path, tmp_path)
    assert new is not None
    assert names(tmp_path) == {new.name, new.with_suffix(".safetensors").name}


def test_what_was_brought_over_is_left_alone(tmp_path: Path) -> None:
    old(tmp_path, PLAIN)
    list(migrate(tmp_path, tmp_path))
    assert list(migrate(tmp_path, tmp_path)) == []


def test_a_migration_that_was_interrupted_goes_on(tmp_path: Path) -> None:
    """The weights have their new name, the record its old one."""
    path = old(tmp_path, PLAIN)
    ((_, new),) = migrate(tmp_path, tmp_path / "elsewhere")
    assert new is not None
    weights = tmp_path / f"{new.stem}.safetensors"
    weights.write_text("w")
    list(migrate(tmp_path, tmp_path))
    assert not path.exists()
    assert weights.read_text() == "w"
    assert read(tmp_path / new.name)


def test_a_record_that_is_there_stays(tmp_path: Path) -> None:
    first = brought(tmp_path, PLAIN)
    old(tmp_path / "old", PLAIN, test=99.0)
    brought_to(tmp_path)
    assert read(tmp_path / "new" / f"{first.key}.json") == first


DAMAGES: dict[str, Callable[[str], str]] = {
    "cut": lambda text: text[:99],
    "tampered": lambda text: text.replace('"test": 41.5', '"test": 99.0'),
    "no record": lambda text: "{}",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_no_whole_record_is_told_and_stays(tmp_path: Path, damage: str) -> None:
    path = old(tmp_path, PLAIN)
    path.write_text(DAMAGES[damage](path.read_text()))
    assert list(migrate(tmp_path, tmp_path)) == [(path, None)]
    assert names(tmp_path) == {path.name}


@pytest.mark.parametrize(
    "changed",
    [{"test": "high"}, {"curve": [{"loss": 1.0}]}, {"environment": {}}, {"sought": ["long"]}],
    ids=str,
)
def test_a_foreign_record_is_told_and_stays(tmp_path: Path, changed: dict[str, Any]) -> None:
    path = old(tmp_path, PLAIN, **changed)
    assert list(migrate(tmp_path, tmp_path)) == [(path, None)]
    assert names(tmp_path) == {path.name}
