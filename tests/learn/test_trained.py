"""A network trained in one call is a run of the store."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from deepreshape.learn.runs.executors import Executor
from deepreshape.learn.runs.store import Store
from deepreshape.learn.search.searches import SNL
from deepreshape.learn.trained import Trained, train
from tests.learn.tiny import DATA, FAILING, NETWORK, RECIPE, SEARCHED, TAUGHT, TEACHER

QUIET = Executor("cpu", workers=1, show=False, precision="float32")


def trained(tmp_path: Path, **asked: object) -> Trained:
    return train(NETWORK, DATA, **{"recipe": RECIPE, "store": tmp_path, "executor": QUIET, **asked})  # type: ignore[arg-type]


def test_its_record_and_net_are_those_of_the_store(tmp_path: Path) -> None:
    found = trained(tmp_path)
    assert Store(tmp_path).get(found.run) == found.record
    net = Store(tmp_path).net(found.run)
    assert found.weights.keys() == net.state_dict().keys()
    assert all(found.weights[name].equal(value) for name, value in net.state_dict().items())
    assert not found.net.training


def test_what_is_recorded_is_not_trained_again(tmp_path: Path) -> None:
    first, again = trained(tmp_path), trained(tmp_path)
    assert first.record == again.record


def test_a_name_is_fitted_to_the_images(tmp_path: Path) -> None:
    found = train(
        "ResNet18(m=2)", str(DATA), recipe=replace(RECIPE, epochs=1), store=tmp_path, executor=QUIET
    )
    assert str(found.run.network) == "ResNet18(m=2)@8/10"
    assert found.net(torch.zeros(1, 3, 8, 8)).shape == (1, 10)


def test_a_teacher_is_one_that_was_trained(tmp_path: Path) -> None:
    teacher = trained(tmp_path, seed=TEACHER.seed)
    found = trained(tmp_path, teacher=teacher)
    assert found.run == TAUGHT.pinned()
    assert found.record.teacher_digest == teacher.record.weights_digest


def test_a_search_starts_from_the_teacher_or_from_the_network_itself(tmp_path: Path) -> None:
    teacher = trained(tmp_path, seed=TEACHER.seed)
    assert trained(tmp_path, teacher=teacher, search=SEARCHED.search).run == SEARCHED.pinned()
    found = trained(tmp_path, search=SNL(100, epochs=1, batch=20))
    assert found.record.relus == 100
    assert found.run.teacher == replace(found.run, teacher=None, search=None)


def test_the_store_is_the_one_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEEPRESHAPE_RUNS", str(tmp_path / "named"))
    found = trained(tmp_path, store=None)
    assert (tmp_path / "named" / f"{found.record.key}.json").is_file()


def test_a_training_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=f"run {FAILING.pinned().key} failed: "):
        trained(tmp_path, recipe=FAILING.recipe)


@pytest.mark.parametrize(
    ("network", "data"),
    [("nonsense", str(DATA)), ("ResNet18", "nothing"), ("ResNet18(m=2)@16/10", str(DATA))],
)
def test_what_cannot_be_trained_is_refused(network: str, data: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nonsense|nothing|16 pixels"):
        train(network, data, recipe=RECIPE, store=tmp_path, executor=QUIET)
    assert list(tmp_path.iterdir()) == []
