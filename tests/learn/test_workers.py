"""Processes side by side: what they are started with, and what is said of one that dies."""

import os
import platform
import signal
import sys
import time
from collections.abc import Callable

import pytest

from deepreshape.learn import workers
from deepreshape.learn.workers import ended, environment, report, team, tuned

TASKS = ["the first", "the second"]


def work(number: int, how: str) -> str | None:
    """Report, and then end as it is told."""
    report(number, 5)
    time.sleep(0.1)  # the report is on its way
    match how:
        case "exit":
            os._exit(3)
        case "tunables":
            return os.environ.get("GLIBC_TUNABLES")
        case name if name.startswith("SIG"):
            os.kill(os.getpid(), getattr(signal, name))
            time.sleep(60)
    return how


def leave(*_: object) -> None:
    """As a process does that imports a script without the guard."""
    os._exit(1)


def gathered(*hows: str) -> tuple[dict[int, str], list[tuple[int, int]]]:
    reports: list[tuple[int, int]] = []
    with team(1, TASKS) as members:
        for number, how in enumerate(hows):
            members.submit(number, work, how)
        results = members.results(lambda number, amount: reports.append((number, amount)))
        return dict(results), reports


def test_results_and_reports_come_under_their_numbers() -> None:
    results, reports = gathered("one", "two")
    assert results == {0: "one", 1: "two"}
    assert {(0, 5), (1, 5)} <= set(reports)


@pytest.mark.parametrize(
    ("how", "hint"),
    [
        ("SIGSEGV", "`deepreshape doctor` checks the kernels of this machine; run again to go on"),
        ("SIGABRT", "`deepreshape doctor` checks the kernels of this machine; run again to go on"),
        ("SIGKILL", "the system kills so where memory runs out; run again to go on"),
        ("SIGTERM", "run again to go on"),
    ],
)
def test_a_process_that_dies_is_told_by_its_signal_and_its_task(how: str, hint: str) -> None:
    with pytest.raises(RuntimeError) as caught:
        gathered("one", how)
    said = f"a process of the training died by {how} over the second: {hint}"
    assert str(caught.value) == said
    assert caught.value.__cause__ is None


def test_a_process_that_leaves_is_told_by_its_status() -> None:
    with pytest.raises(RuntimeError, match=r"ended with status 3 over the first: run again"):
        gathered("exit")


def test_a_process_that_ends_before_its_first_task_blames_the_script(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "_start", leave)
    with pytest.raises(RuntimeError, match="a script must start training under `if __name__"):
        gathered("one")


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (-11, "died by SIGSEGV"),
        (-6, "died by SIGABRT"),
        (1, "ended with status 1"),
        (-99, "died by signal 99"),
    ],
)
def test_how_a_process_ended_is_said(status: int, said: str) -> None:
    assert ended(status) == said


# What they are started with


@pytest.fixture
def glibc(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    return lambda name: monkeypatch.setattr(platform, "libc_ver", lambda: (name, "2.36"))


def test_processes_have_large_pages_and_this_one_is_left_alone(
    glibc: Callable[[str], None],
) -> None:
    glibc("glibc")
    assert gathered("tunables")[0] == {0: "glibc.malloc.hugetlb=1"}
    assert "GLIBC_TUNABLES" not in os.environ


def test_what_the_user_says_of_glibc_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.check=0")
    assert tuned() == {}
    assert gathered("tunables")[0] == {0: "glibc.malloc.check=0"}


def test_another_c_library_is_told_nothing(glibc: Callable[[str], None]) -> None:
    glibc("musl")
    assert tuned() == {}


def test_an_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_NAME", "1")
    with environment({"A_NAME": "2", "ANOTHER": "3"}):
        assert (os.environ["A_NAME"], os.environ["ANOTHER"]) == ("2", "3")
    assert os.environ["A_NAME"] == "1"
    assert "ANOTHER" not in os.environ


def test_a_worker_leaves_when_its_parent_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    parents = iter([7, 7, 1])
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    monkeypatch.setattr(os, "_exit", sys.exit)
    with pytest.raises(SystemExit):
        workers._leave_with(7)
    assert list(parents) == []
