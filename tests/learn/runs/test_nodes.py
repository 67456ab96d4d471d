"""What a node of a cluster does with a run, here without a cluster."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from deepreshape.learn.runs import nodes
from deepreshape.learn.runs.make import obtain
from deepreshape.learn.runs.nodes import News, Order, look, made
from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.tensor_files import alone
from deepreshape.learn.training.machine import Machine
from tests.learn.forks import files, lasting
from tests.learn.tiny import FAILING, RUN, TAUGHT, TEACHER


class Told(News):
    """News that are told by whoever is asked remotely, which is nobody here."""

    def __init__(self) -> None:
        super().__init__()
        self.remote_tell = self.tell
        self.tell = SimpleNamespace(remote=self.remote_tell)  # type: ignore[method-assign, assignment]


@pytest.fixture
def here(own_cache: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The store of a campaign, and a cache folder of this node."""
    monkeypatch.setattr(nodes, "imported", lambda: SimpleNamespace(get=lambda value: value))
    monkeypatch.setattr(nodes, "PAUSE", 0.0)
    store.folder.mkdir()
    yield store


def order(run: Run, store: Store, shares: bool, teacher: Any = None) -> Order:
    marker = store.folder / ("marker" if shares else "elsewhere")
    (store.folder / "marker").touch()
    return Order(7, run.pinned(), store, marker, "cpu", "float32", {}, teacher)


def on_node(cache: Path) -> list[str]:
    return [name for name in files(cache / "runs") if "/" not in name]


def test_news_are_heard_once() -> None:
    news = News()
    news.tell(1, [20, 20])
    news.tell(2, [5])
    assert news.heard() == [(1, 20), (1, 20), (2, 5)]
    assert news.heard() == []


def test_a_node_looks_for_the_stores_folder(tmp_path: Path) -> None:
    assert not look(tmp_path / "marker").shares
    (tmp_path / "marker").touch()
    assert look(tmp_path / "marker").shares


def test_where_the_folder_is_shared_the_record_is_there(here: Store) -> None:
    sent = made(order(RUN, here, shares=True), Told())
    assert sent == (here.get(RUN), None)
    assert here.holds(RUN)


def test_where_it_is_not_all_is_sent_and_nothing_stays(here: Store, own_cache: Path) -> None:
    sent = made(order(RUN, here, shares=False), Told())
    assert sent
    record, beside = sent
    assert beside
    assert here.get(RUN) is None
    assert on_node(own_cache) == []
    here.receive(record, beside)
    assert here.holds(RUN)


def test_a_teacher_that_is_sent_is_not_made(here: Store, own_cache: Path, cpu: Machine) -> None:
    taught = obtain(TEACHER, here, cpu)
    sent = (taught, here.files(TEACHER))
    found = made(order(TAUGHT, here, shares=False, teacher=sent), Told())
    assert found
    assert found[0].teacher_digest == taught.weights_digest
    assert on_node(own_cache) == [f"{TEACHER.key}.json", f"{TEACHER.key}.safetensors"]
    assert lasting(found[0]) == lasting(obtain(TAUGHT, here, cpu))


def test_a_failed_teacher_is_not_remembered(here: Store, own_cache: Path, cpu: Machine) -> None:
    """It may be tried again, when its record is deleted from the store."""
    failed = (obtain(FAILING, here, cpu), {})
    found = made(order(replace(TAUGHT, teacher=FAILING), here, False, failed), Told())
    assert found
    assert (found[0].status, found[1]) == ("failed", None)
    assert on_node(own_cache) == []


def test_a_run_that_fails_is_sent_to_be_kept(here: Store) -> None:
    found = made(order(FAILING, here, shares=False), Told())
    assert found
    assert (found[0].status, found[1]) == ("failed", {})


def test_a_run_that_another_makes_is_given_back(here: Store) -> None:
    with alone(here.unfinished(RUN.pinned(), ".lock")):
        assert made(order(RUN, here, shares=True), Told()) is None


def test_what_is_trained_on_is_told_under_the_runs_number(here: Store) -> None:
    news = Told()
    made(order(RUN, here, shares=True), news)
    heard = news.heard()
    assert {number for number, _ in heard} == {7}
    assert sum(images for _, images in heard) == 80 * RUN.recipe.epochs
