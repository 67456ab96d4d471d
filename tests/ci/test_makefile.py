"""What `make` would run for a page: no notebook is executed here."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.pages import EXACT, RECORDED, TRAINED, WALKED

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("DEEPRESHAPE_RUNS", "DEEPRESHAPE_MIRROR", "DEEPRESHAPE_CACHE")
BENCHMARKS = list((ROOT / "ci" / "bench").glob("[a-z]*.py"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with our Makefile, one exact notebook and one trained."""
    shutil.copy(ROOT / "Makefile", tmp_path / "Makefile")
    for folder in ("notebooks", "lib", "data", "book", "ci"):
        (tmp_path / folder).mkdir()
    shutil.copy(ROOT / "ci" / "contents.mk", tmp_path / "ci" / "contents.mk")
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
    for name in ("DEVICE", "ALSO", *FOLDERS):
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
    listed = EXACT + TRAINED + RECORDED + WALKED
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
    assert "SEEDS" not in commands


def test_settings_of_training_reach_both_the_run_and_the_page(project: Path) -> None:
    commands = planned(project, "reproduce-fig12", "PROFILE=paper", "SEEDS=1,2", "DATASET=cifar100")
    for given in ("--profile 'paper'", "--seeds '1,2'", "--data 'cifar100'"):
        assert given in commands
    (before,) = re.findall(r"(\S+=.*) python -m papermill", commands)
    for given in ("PROFILE='paper'", "SEEDS='1,2'", "DATASET='cifar100'"):
        assert given in before


@pytest.mark.parametrize("also", ["HRN-4x6x3x; WRN16x8", "it's"])
def test_more_networks_reach_an_exact_page_as_one_word(project: Path, also: str) -> None:
    commands = planned(project, "reproduce-table16", f"ALSO={also}")
    (word,) = re.findall(r"-r also (.*?)\)? +>build", commands)
    said = subprocess.run(["bash", "-c", f"printf %s {word}"], capture_output=True, text=True)
    assert said.stdout == also


def test_a_name_of_before_says_what_to_use(project: Path) -> None:
    done = make(project, "reproduce-table4-trained")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0].endswith("one page now: make reproduce-table4")


def test_a_page_without_more_networks_has_no_such_setting(project: Path) -> None:
    assert "-r also" not in planned(project, "reproduce-table16")


# Folders


def told(project: Path, name: str, *arguments: str) -> str:
    """The value of a variable of the environment as the commands of a target see it."""
    script = project / "python"
    script.write_text(f'#!/bin/sh\nprintf %s "${name}" > told\n')
    script.chmod(0o755)
    path = f"PATH={project}:{os.environ['PATH']}"
    done = make(project, "lint", *arguments, path)
    assert done.returncode == 0, done.stderr
    return (project / "told").read_text()


@pytest.mark.parametrize("name", FOLDERS)
@pytest.mark.parametrize("given", ["argument", "environment"])
@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/d/my own  sets", "/d/my own  sets"),
        ("sets", "{}/sets"),
        ("my own  sets", "{}/my own  sets"),
        ("a /b", "{}/a /b"),
        ("../it's", "{}/../it's"),
        ("~/sets of mine", "~/sets of mine"),
        ("", ""),
    ],
)
def test_a_folder_stays_one_word_and_is_taken_from_the_checkout(
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    given: str,
    folder: str,
    expected: str,
) -> None:
    if given == "environment":
        monkeypatch.setenv(name, folder)
    arguments = [f"{name}={folder}"] if given == "argument" else []
    assert told(project, name, *arguments) == expected.format(project)


def test_a_checkout_may_lie_at_a_path_with_spaces_and_a_quote(project: Path) -> None:
    moved = project.rename(project.with_name("it's my  own"))
    assert "reproduce-NAME" in make(moved).stdout
    commands = planned(moved, "reproduce-fig12")
    assert executed(commands) == trained(commands) == {"fig12"}
    stamps = re.findall(r"ready-[0-9a-f]{16}", make(moved, "-n", "setup", "VENV=venv").stdout)
    assert len(set(stamps)) == 1
    done = make(moved, "build/lib.key")
    assert (done.returncode, done.stderr) == (0, "")
    assert (moved / "build" / "lib.key").is_file()
    smoke = re.findall(r"DEEPRESHAPE_RUNS=(.*) FIGURES", planned(moved, "test"))
    said = subprocess.run(["bash", "-c", f"printf %s {smoke[0]}"], capture_output=True, text=True)
    assert said.stdout == f"{moved}/build/smoke"


# What a kernel meets

NOTEBOOK = """
import os
from pathlib import Path
import matplotlib
names = ["MATPLOTLIBRC", "MPLBACKEND", "FIGURES", "PYTHONSTARTUP"]
found = [matplotlib.rcParams["savefig.dpi"], *map(os.environ.get, names)]
Path("..", "found").write_text(str(found))
"""


def run_notebook(project: Path, source: str) -> "subprocess.CompletedProcess[str]":
    """`make` runs a notebook of one cell, by papermill, in this interpreter."""
    cell = nbformat.v4.new_code_cell(source)
    kernel = {"kernelspec": {"name": "python3", "display_name": "", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata=kernel)
    nbformat.write(notebook, project / "notebooks" / "table16.ipynb")
    path = f"PATH={Path(sys.executable).parent}:{os.environ['PATH']}"
    command = ["make", "-C", str(project), "VENV=none", path, "build/notebooks/table16.ipynb"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_no_setting_of_the_user_reaches_a_notebook(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    for file, text in {
        ".ipython/profile_default/startup/00.py": "raise SystemExit('from start-up')",
        ".config/matplotlib/matplotlibrc": "savefig.dpi: 40",
        "matplotlibrc": "savefig.dpi: 40",
    }.items():
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        (home / file).write_text(text)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("IPYTHONDIR", raising=False)
    monkeypatch.setenv("MATPLOTLIBRC", str(home / "matplotlibrc"))
    monkeypatch.setenv("PYTHONSTARTUP", str(home / ".ipython/profile_default/startup/00.py"))
    monkeypatch.setenv("FIGURES", "/elsewhere")
    done = run_notebook(project, NOTEBOOK)
    assert done.returncode == 0, done.stderr
    backend = "module://matplotlib_inline.backend_inline"
    found = str(["figure", None, backend, None, None])
    assert (project / "found").read_text() == found


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def inner():\n    1 / 0\ninner()", "ZeroDivisionError: division by zero"),
        ("import os; os.write(2, b'no memory'); os._exit(3)", "Kernel died"),
    ],
)
def test_why_a_notebook_failed_is_said(project: Path, source: str, reason: str) -> None:
    done = run_notebook(project, source)
    assert done.returncode == 2
    assert reason in done.stderr
    assert "table16: the notebook failed; see build/failed/table16.ipynb" in done.stderr


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


def test_a_page_without_a_picture_names_its_page_alone(project: Path) -> None:
    (project / "notebooks" / "teacher.ipynb").write_text("teacher")
    commands = planned(project, "reproduce-teacher")
    assert executed(commands) == {"teacher"}
    assert "build/book/html/teacher.html" in commands
    assert "build/figures/teacher" not in commands
