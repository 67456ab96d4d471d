"""What `make` would run for a page: no notebook is executed here."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.pages import EXACT, RECORDED, TRAINED

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = list((ROOT / "ci" / "bench").glob("[a-z]*.py"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with our Makefile, one exact notebook and one trained."""
    shutil.copy(ROOT / "Makefile", tmp_path / "Makefile")
    for folder in ("notebooks", "lib", "data", "book", "ci"):
        (tmp_path / folder).mkdir()
    for name in ("table16", "fig12"):
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text(name)
    # What a `make test` around us hands down is not for the make under test.
    for name in (
        "MAKEFLAGS",
        "MFLAGS",
        "MAKELEVEL",
        "VENV",
        "PYTHON",
        "PROFILE",
        "DATASET",
        "SEEDS",
    ):
        monkeypatch.delenv(name, raising=False)
    for name in ("DEVICE", "ALSO", "DEEPRESHAPE_RUNS", "DEEPRESHAPE_MIRROR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LC_ALL", "C")
    return tmp_path


def make(project: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """What `make` would do in the activated environment."""
    command = ["make", "-C", str(project), "--no-print-directory", "VENV=none", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20)


def planned(project: Path, *arguments: str) -> str:
    """The commands, with broken lines joined."""
    done = make(project, "-n", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.replace("\\\n", " ")


def executed(commands: str) -> set[str]:
    """The notebooks that papermill would run."""
    return set(re.findall(r"papermill .* notebooks/(\S+)\.ipynb", commands))


def trained(commands: str) -> set[str]:
    """The figures whose networks would be trained."""
    return set(re.findall(r"python -m deepreshape run (\S+)", commands))


# Lists


def test_no_page_is_listed_twice() -> None:
    listed = EXACT + TRAINED + RECORDED
    assert len(set(listed)) == len(listed)


def test_help_names_every_page_that_needs_no_training(project: Path) -> None:
    said = make(project).stdout.split()
    assert [page for page in EXACT if page not in said] == []


def test_help_is_narrow_enough_for_a_terminal(project: Path) -> None:
    assert max(map(len, make(project).stdout.splitlines())) <= 100


# One page


def test_a_page_is_reproduced_by_running_its_notebook(project: Path) -> None:
    commands = planned(project, "reproduce-table16")
    assert executed(commands) == {"table16"}
    assert trained(commands) == set()
    assert "ci/build_book.py" in commands


def test_a_trained_page_is_trained_first(project: Path) -> None:
    commands = planned(project, "reproduce-fig12")
    assert executed(commands) == trained(commands) == {"fig12"}
    assert commands.index("deepreshape run") < commands.index("papermill")


@pytest.mark.parametrize("name", ["nonsense", "fig99", "table01", ""])
def test_a_page_without_a_notebook_is_no_target(project: Path, name: str) -> None:
    done = make(project, "-n", f"reproduce-{name}")
    assert done.returncode == 2
    assert done.stdout == ""
    assert f"reproduce-{name}" in done.stderr


def test_settings_of_training_are_no_settings_of_an_exact_page(project: Path) -> None:
    commands = planned(project, "reproduce-table16", "PROFILE=paper", "SEEDS=1,2", "DEVICE=cuda")
    assert "cuda" not in commands
    assert "-r seeds" not in commands


def test_settings_of_training_reach_both_the_run_and_the_page(project: Path) -> None:
    commands = planned(project, "reproduce-fig12", "PROFILE=paper", "SEEDS=1,2", "DATASET=cifar100")
    for given in ("--profile 'paper'", "--seeds '1,2'", "--data 'cifar100'"):
        assert given in commands
    for given in ("-r profile 'paper'", "-r seeds '1,2'", "-r dataset 'cifar100'"):
        assert given in commands


@pytest.mark.parametrize("also", ["HRN-4x6x3x; WRN16x8", "it's"])
def test_more_networks_reach_an_exact_page_as_one_word(project: Path, also: str) -> None:
    commands = planned(project, "reproduce-table16", f"ALSO={also}")
    (word,) = re.findall(r"-r also (.*?)\)? +>build", commands)
    said = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, text=True)
    assert said.stdout == also


def test_a_page_without_more_networks_has_no_such_setting(project: Path) -> None:
    assert "-r also" not in planned(project, "reproduce-table16")


# The book


def test_the_book_runs_no_notebook_that_was_not_reproduced_here(project: Path) -> None:
    commands = planned(project, "book")
    assert executed(commands) == trained(commands) == set()
    assert "ci/build_book.py" in commands


def test_the_book_brings_what_was_reproduced_here_up_to_date(project: Path) -> None:
    (project / "build" / "notebooks").mkdir(parents=True)
    (project / "build" / "notebooks" / "table16.ipynb").touch()
    assert executed(planned(project, "book")) == {"table16"}


def test_one_page_leaves_the_others_alone(project: Path) -> None:
    (project / "build" / "notebooks").mkdir(parents=True)
    (project / "build" / "notebooks" / "fig12.ipynb").touch()
    commands = planned(project, "reproduce-table16")
    assert executed(commands) == {"table16"}
    assert trained(commands) == set()


def test_all_exact_pages_are_reproduced_without_training(project: Path) -> None:
    for page in EXACT:
        (project / "notebooks" / f"{page}.ipynb").touch()
    commands = planned(project, "reproduce-exact")
    assert executed(commands) == set(EXACT)
    assert trained(commands) == set()


# Benchmarks


def test_the_benchmarks_are_files_that_are_there(project: Path) -> None:
    scripts = re.findall(r"python (\S+\.py)", planned(project, "bench"))
    assert sorted(map(Path, scripts)) == sorted(Path("ci", "bench", p.name) for p in BENCHMARKS)
