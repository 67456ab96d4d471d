"""What the tests of learning share: one thread, one place to compute, one clean cache."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from deepreshape.learn.images.sets import loaded
from deepreshape.learn.runs.store import Store
from deepreshape.learn.training import checkpoints
from deepreshape.learn.training.machine import Machine


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Results are the same bit for bit only at the same thread count; small nets want no second."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def every_epoch_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long a checkpoint takes beside epochs of a moment."""
    monkeypatch.setattr(checkpoints, "SHARE", math.inf)


@pytest.fixture
def cpu(one_thread: None) -> Machine:
    return Machine(torch.device("cpu"), "float32")


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty cache folder for one test, and nothing in memory before and after it."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("DEEPRESHAPE_CACHE", str(folder))
    loaded.cache_clear()
    yield folder
    loaded.cache_clear()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "runs")
