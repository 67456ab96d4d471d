"""Commands in this process, and a place where they find no records but a test's own."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deepreshape import places
from deepreshape.cli import main
from tests.cli.commands import Answer, Command


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal in which each row of a table is one line; tests/cli/test_tables.py has others."""
    monkeypatch.setenv("COLUMNS", "250")


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Runs `deepreshape ARGUMENTS` in this process."""

    def called(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["deepreshape", *arguments])
        before = signal.getsignal(signal.SIGTERM)
        with pytest.raises(SystemExit) as end:
            main()
        signal.signal(signal.SIGTERM, before)
        out, err = capsys.readouterr()
        code = end.value.code or 0
        assert isinstance(code, int)
        return Answer(out, err, code)

    return called


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository's folder of records: none yet."""
    folder = tmp_path / "repository"
    monkeypatch.setattr(places, "RECORDED", folder)
    return folder


@pytest.fixture
def shelf(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of records that commands take where none is named."""
    folder = tmp_path / "runs"
    monkeypatch.setenv("DEEPRESHAPE_RUNS", str(folder))
    return folder


@pytest.fixture
def float32(one_thread: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is computed on the CPU in float32, on one thread; nothing is probed."""
    import torch

    from deepreshape.learn.runs import crews, executors
    from deepreshape.learn.training import machine

    here = machine.Machine(torch.device("cpu"), "float32")
    for module in (crews, executors, machine):
        monkeypatch.setattr(module, "this_machine", lambda *_: here)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Small nets want no second thread."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
