"""Progress is a bar on a terminal, and lines in a log."""

import io
import re
import time
from textwrap import dedent

import nbformat
import pytest
from nbclient import NotebookClient
from rich.console import Console

from deepreshape import progress
from deepreshape.progress import Shown

TEXT = "{task.description}, {task.fields[done]} done"


def lines(shown: Shown) -> list[str]:
    assert isinstance(shown.console.file, io.StringIO)
    return shown.console.file.getvalue().splitlines()


def logged(quiet: bool = False) -> Shown:
    """Progress whose standard error is a file."""
    shown = Shown(TEXT, "{task.fields[rate]} images/s", quiet)
    shown.console.file = io.StringIO()
    return shown


def test_in_a_log_there_is_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PAUSE", 0.02)
    with logged() as shown:
        task = shown.add_task("training", total=100, done=0, rate=7)
        shown.update(task, advance=25, done=1)
        time.sleep(0.2)
        before = lines(shown)
    assert 2 <= len(before) <= 10
    assert all(
        re.fullmatch(r"training, 1 done, 25 %, 7 images/s(, [\d:]+ left)?", line) for line in before
    )


def test_a_line_is_written_at_the_end_however_short_it_was() -> None:
    with logged() as shown:
        shown.add_task("training", total=4, done=4, rate=0, completed=4)
    assert lines(shown) == ["training, 4 done, 100 %, 0 images/s"]


def test_the_time_that_is_left_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rich.progress.Task.time_remaining", 7384.4)
    with logged() as shown:
        shown.add_task("training", total=100, done=0, rate=7)
    assert lines(shown) == ["training, 0 done, 0 %, 7 images/s, 2:03:04 left"]


def test_a_notebook_is_a_log() -> None:
    """Also where its kernel asks for colours, as kernels do."""
    code = """
        from deepreshape.progress import Shown

        with Shown("{task.description}") as shown:
            shown.add_task("training", total=1, completed=1)
    """
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(dedent(code))])
    NotebookClient(notebook, timeout=60).execute()
    (output,) = notebook.cells[0].outputs
    assert (output.name, output.text) == ("stderr", "training, 100 %\n")


def test_an_error_ends_the_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PAUSE", 0.02)
    with pytest.raises(OSError), logged() as shown:
        shown.add_task("training", total=4, done=0, rate=0)
        raise OSError
    count = len(lines(shown))
    time.sleep(0.1)
    assert len(lines(shown)) == count >= 1


def test_a_log_has_no_escapes_nor_markup() -> None:
    with logged() as shown:
        shown.add_task("mnist5k[size=16]", total=4, done=0, rate=0)
    assert "\x1b" not in lines(shown)[0]
    assert lines(shown)[0].startswith("mnist5k[size=16], 0 done, 0 %")


def test_quiet_says_nothing() -> None:
    with logged(quiet=True) as shown:
        shown.add_task("training", total=4, done=0, rate=0)
    assert lines(shown) == []


def test_on_a_terminal_it_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    monkeypatch.setattr(
        progress,
        "Console",
        lambda **_: Console(file=file, force_terminal=True, width=80, _environ={}),
    )
    with Shown(TEXT) as shown:
        shown.add_task("training", total=4, done=4, completed=4)
    assert "━" in file.getvalue()
