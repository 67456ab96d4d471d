"""Stubs in place of training and of the repository's records."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from deepreshape.learn.runs.executors import Executor
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.runs.store import Store
from deepreshape.paper import reproduce, status
from tests.paper.records import record


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The repository's records, in a folder of the test."""
    for module in (reproduce, status):
        monkeypatch.setattr(module, "RECORDED", tmp_path / "kept")
    (tmp_path / "kept").mkdir()
    return Store(tmp_path / "kept")


@pytest.fixture
def asked(kept: Store, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Run, str]]:
    """Training that puts 50 % down for each run and teacher; what it was asked for, and where."""
    found: list[tuple[Run, str]] = []

    def execute(runs: Sequence[Run], store: Store, executor: Executor) -> list[Record]:
        store.folder.mkdir(parents=True, exist_ok=True)
        for run in runs:
            found.append((run, executor.device))
            for each in filter(None, (run.teacher, run)):
                if store.get(each) is None:
                    store.put(each, record(each, 50.0))
        return [each for run in runs if (each := store.get(run)) is not None]

    monkeypatch.setattr(reproduce, "execute", execute)
    return found
