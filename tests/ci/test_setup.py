"""Set-up: the pinned files agree, and whatever goes wrong is one line that the next call survives.

Nothing here needs a network, and nothing big is installed: a scratch project stands in for ours.
"""

import ast
import errno
import fcntl
import importlib.metadata
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from ci import setup

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "http://127.0.0.1:9"  # the discard port: nothing answers there


# The pinned files


PYTHONS = ("3.11", "3.12", "3.13", "3.14")
every_python = pytest.mark.parametrize("python", PYTHONS)


def pins(file: str, python: str | None = None) -> dict[str, str]:
    """The pins `name==version` of a requirements file: all, or those of one Python."""
    lines = (ROOT / file).read_text().splitlines()
    listed = [Requirement(line) for line in lines if re.match(r"[\w-]+==", line)]
    return {
        each.name: str(each.specifier).removeprefix("==")
        for each in listed
        if python is None or holds(each, python)
    }


def holds(requirement: Requirement, python: str, extras: frozenset[str] = frozenset()) -> bool:
    """Whether a requirement's marker holds under that Python, with one of the extras or none."""
    marker = requirement.marker
    versions = {"python_version": python, "python_full_version": f"{python}.0"}
    return marker is None or any(
        marker.evaluate({**versions, "extra": extra}) for extra in ("", *extras)
    )


def test_every_direct_pin_stands_in_the_lock() -> None:
    assert pins("requirements.txt").items() <= pins("requirements-lock.txt").items()


def test_requirements_are_pins_under_the_lock_and_the_library_itself() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert (lines[0], lines[-1]) == ("-c requirements-lock.txt", "-e .")
    wanted = [line for line in lines[1:-1] if line and not line.startswith("#")]
    assert [line for line in wanted if "==" not in line] == []


def installed(python: str) -> dict[str, importlib.metadata.Distribution]:
    """The packages of this environment that are pinned for a Python, as they are pinned."""
    pinned = pins("requirements-lock.txt", python)
    return {
        name: package
        for package in importlib.metadata.distributions()
        if pinned.get(name := canonicalize_name(package.name)) == package.version
    }


@every_python
def test_the_pins_run_on_the_first_of_each_python(python: str) -> None:
    """Debian 12 stays at 3.11.2, and there pip would blame something else."""
    refused = [
        name
        for name, package in installed(python).items()
        if f"{python}.0" not in SpecifierSet(package.metadata.get("Requires-Python") or "")
    ]
    assert refused == []


@every_python
def test_what_pinned_packages_need_under_each_python_is_pinned(python: str) -> None:
    packages, pinned = installed(python), pins("requirements-lock.txt", python)
    waiting: list[tuple[str, frozenset[str]]] = [(name, frozenset()) for name in packages]
    seen = set()
    while waiting:
        name, extras = waiting.pop()
        if name in packages and (name, extras) not in seen:
            seen.add((name, extras))
            needed = [Requirement(text) for text in packages[name].requires or ()]
            for each in (each for each in needed if holds(each, python, extras)):
                wanted = canonicalize_name(each.name)
                assert pinned.get(wanted, "nothing") in each.specifier, (name, str(each))
                waiting.append((wanted, frozenset(each.extras)))


def test_every_file_names_the_same_pythons() -> None:
    text = {name: (ROOT / name).read_text() for name in ("Makefile", "README.md", "pyproject.toml")}
    assert f"\nPYTHONS := {' '.join(reversed(PYTHONS))}\n" in text["Makefile"]
    assert "Python 3.11, 3.12, 3.13 or 3.14:" in text["README.md"]
    assert '\nrequires-python = ">=3.11,<3.15"\n' in text["pyproject.toml"]
    assert (setup.dotted(setup.OLDEST), setup.dotted(setup.NEWEST)) == (PYTHONS[0], PYTHONS[-1])


def test_what_the_library_and_its_extras_depend_on_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    assert {"train", "private", "paper", "ray", "all"} <= extras.keys()
    wanted = map(Requirement, chain(project["dependencies"], *extras.values()))
    named = {each.name for each in wanted} - {"deepreshape", "ray"}
    assert len(named) > 15
    assert named <= pins("requirements-lock.txt").keys()


def test_conda_takes_the_same_python_and_the_same_pins() -> None:
    listed = re.findall(r"^ +- (?!pip:)(.+)$", (ROOT / "environment.yml").read_text(), re.M)
    assert [x for x in listed if x != "conda-forge"] == [
        "python>=3.11,<3.15",
        "pip",
        "-r requirements.txt",
    ]


# A scratch project


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with our Makefile and set-up, that wants only setuptools."""
    (tmp_path / "ci").mkdir()
    for file in ("Makefile", "pyproject.toml", "ci/setup.py", "ci/contents.mk"):
        shutil.copy(ROOT / file, tmp_path / file)
    # Whether these tests pass shall not hang on the disk that they run on.
    script = tmp_path / "ci/setup.py"
    script.write_text(script.read_text().replace("NEEDED = INSTALLED + WHEELS", "NEEDED = 0.0"))
    monkeypatch.setattr(setup, "NEEDED", 0.0)
    (tmp_path / "requirements-lock.txt").write_text("setuptools==84.2.1\n")
    (tmp_path / "requirements.txt").write_text("-c requirements-lock.txt\nsetuptools\n")
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    # What a `make test` around us hands down is not for the make under test.
    for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "VENV", "PYTHON"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LC_ALL", "C")
    return tmp_path


@pytest.fixture
def venv(project: Path) -> Path:
    """Relative, as the Makefile gives it; the test stands in the scratch project."""
    return (project / "venv").relative_to(Path.cwd())


class FakePip:
    """In the place of subprocess.run: pretends, and keeps the calls."""

    def __init__(self, fails_at: str = "", says: str = "", raises: BaseException | None = None):
        self.fails_at, self.says, self.raises = fails_at, says, raises
        self.calls: list[str] = []

    def __call__(
        self, command: Sequence[str], **options: object
    ) -> "subprocess.CompletedProcess[str]":
        line = " ".join(command)
        self.calls.append(line)
        if "-m venv" in line:
            folder = Path(command[-1])
            made_by = " ".join([*command[:-1], str(folder.absolute())])
            (folder / "pyvenv.cfg").write_text(f"command = {made_by}\n")
        if self.fails_at and self.fails_at in line:
            if self.raises is not None:
                raise self.raises
            print(self.says, file=options["stdout"], flush=True)  # type: ignore[call-overload]
            return subprocess.CompletedProcess(command, 1)
        return subprocess.CompletedProcess(command, 0)


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> FakePip:
    return use(FakePip(), monkeypatch)


def use(pip: FakePip, monkeypatch: pytest.MonkeyPatch) -> FakePip:
    monkeypatch.setattr(subprocess, "run", pip)
    return pip


def call(venv: Path, stamp: str = "ready-1") -> int:
    """Set up in this process, where pip can be a fake; return the exit status."""
    return setup.main([str(venv), str(venv / stamp), "python3.11"])


def command(venv: Path) -> list[str]:
    """The same call as a process of its own, in the scratch project."""
    return [sys.executable, "ci/setup.py", str(venv), str(venv / "ready-1")]


def stamps(venv: Path) -> list[str]:
    return sorted(path.name for path in venv.glob("ready-*"))


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    """What stands on stderr, which must be one line."""
    line = capsys.readouterr().err
    assert line.startswith("set-up: ") and line.count("\n") == 1, line
    return line


# What set-up does when all is well


def test_the_stamp_comes_last_and_holds_the_interpreters_name(venv: Path, pip: FakePip) -> None:
    assert call(venv) == 0
    assert (venv / "ready-1").read_text() == "python3.11\n"
    assert "-m venv" in pip.calls[0]
    assert pip.calls[-1].endswith("-m pip check")


def test_pips_output_stays_in_the_log(venv: Path, pip: FakePip, project: Path) -> None:
    call(venv)
    logged = (project / "build" / "setup.log").read_text().splitlines()
    assert logged == ["$ " + line for line in pip.calls]


def test_a_second_call_does_nothing(venv: Path, pip: FakePip) -> None:
    call(venv)
    pip.calls.clear()
    assert call(venv) == 0
    assert pip.calls == []


def test_new_pins_update_a_finished_environment_in_place(venv: Path, pip: FakePip) -> None:
    call(venv)
    (venv / "kept").touch()
    pip.calls.clear()
    call(venv, "ready-2")
    assert stamps(venv) == ["ready-2"]
    assert (venv / "kept").exists()
    assert not any("-m venv" in line for line in pip.calls)


def test_an_environment_that_was_moved_is_made_anew(venv: Path, pip: FakePip) -> None:
    call(venv)
    moved = venv.rename(venv.with_name("moved"))
    (moved / "old").touch()
    call(moved, "ready-2")
    assert stamps(moved) == ["ready-2"]
    assert not (moved / "old").exists()


def test_a_set_up_under_way_is_waited_for(venv: Path) -> None:
    venv.mkdir()
    with (venv / setup.LOCK).open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = subprocess.Popen(command(venv), stdout=subprocess.PIPE, text=True)
        assert second.stdout is not None
        assert "waiting" in second.stdout.readline()
        (venv / "ready-1").touch()  # the first one finishes
    rest, _ = second.communicate(timeout=30)
    assert (second.returncode, rest) == (0, "")


# What goes wrong


def test_any_python_since_3_6_can_read_it() -> None:
    ast.parse((ROOT / "ci/setup.py").read_text(), feature_version=(3, 6))


@pytest.mark.parametrize("version", [(3, 9, 18), (3, 10, 99), (3, 15, 0), (4, 0, 0)])
def test_the_wrong_python_is_refused_before_anything_is_made(
    version: tuple[int, int, int],
    venv: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    assert call(venv) == 1
    told = rf"is Python {version[0]}\.{version[1]},.*need 3\.11 to 3\.14;.*PYTHON="
    assert re.search(told, one_line(capsys))
    assert not venv.exists()


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 7), (3, 13, 1), (3, 14, 0)])
def test_a_suitable_python_is_taken_and_named(
    version: tuple[int, int, int],
    venv: Path,
    pip: FakePip,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "version_info", version)
    assert call(venv) == 0
    shown = ".".join(map(str, version))
    assert f"setting up {venv} with python3.11 (Python {shown}): " in capsys.readouterr().out


def test_an_interpreter_without_ensurepip_names_its_package(
    venv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name != "ensurepip" or None)
    monkeypatch.setattr(sys, "version_info", (3, 12, 3))
    assert call(venv) == 1
    assert "python3.12-venv" in one_line(capsys)
    assert not venv.exists()


def test_too_little_disk_is_told_before_anything_is_fetched(
    venv: Path, pip: FakePip, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "NEEDED", 1e18)
    assert call(venv) == 1
    assert "GB free" in one_line(capsys)
    assert (pip.calls, stamps(venv)) == ([], [])


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("ERROR: Could not install packages: [Errno 28] No space left on device", "disk is full"),
        (
            "WARNING: Retrying after NewConnectionError\nERROR: none",
            "cannot reach the package index",
        ),
        ("ERROR: ResolutionImpossible", r"pip install failed \(ResolutionImpossible\)"),
        ("", "pip install failed; read the end of build/setup.log"),
    ],
)
def test_a_failing_pip_is_explained_in_one_line(
    output: str,
    told: str,
    venv: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use(FakePip("-r requirements.txt", output), monkeypatch)
    assert call(venv) == 1
    assert re.search(told, one_line(capsys))
    assert stamps(venv) == []


def test_a_full_disk_under_set_up_itself_is_one_line_too(
    venv: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(FakePip("-m venv", raises=OSError(errno.ENOSPC, "No space left on device")), monkeypatch)
    assert call(venv) == 1
    assert "disk is full" in one_line(capsys)


@pytest.mark.parametrize("earlier", [[], ["ready-0"]], ids=["first", "update"])
def test_an_interrupted_set_up_leaves_no_stamp(
    earlier: list[str],
    venv: Path,
    pip: FakePip,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for stamp in earlier:
        call(venv, stamp)
    use(FakePip("-r requirements.txt", raises=KeyboardInterrupt()), monkeypatch)
    assert call(venv) == 130
    assert "interrupted" in one_line(capsys)
    assert stamps(venv) == []


def test_what_a_dead_attempt_left_is_not_trusted(
    venv: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(FakePip("-r requirements.txt"), monkeypatch)
    call(venv)
    (venv / "half").touch()
    pip = use(FakePip(), monkeypatch)
    assert call(venv) == 0
    assert "-m venv" in pip.calls[0]
    assert not (venv / "half").exists()


def test_a_folder_that_is_not_ours_is_left_alone(
    venv: Path, pip: FakePip, capsys: pytest.CaptureFixture[str]
) -> None:
    venv.mkdir()
    (venv / "precious").touch()
    assert call(venv) == 1
    assert "did not make it" in one_line(capsys)
    assert [path.name for path in venv.iterdir()] == ["precious"]


def test_a_stopped_make_ends_set_up_like_ctrl_c(venv: Path) -> None:
    process = subprocess.Popen(
        command(venv), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()  # "setting up": the virtual environment is being made
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors.count("\n")) == (130, 1)
    assert stamps(venv) == []


def test_a_real_pip_without_a_network(venv: Path) -> None:
    offline = dict(os.environ, PIP_CONFIG_FILE=os.devnull, PIP_INDEX_URL=NOWHERE, PIP_RETRIES="1")
    offline = {
        k: v for k, v in offline.items() if k not in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL")
    }
    run = subprocess.run(command(venv), env=offline, capture_output=True, text=True)
    assert run.returncode == 1
    assert re.fullmatch("set-up: pip cannot reach the package index; .*\n", run.stderr)
    assert stamps(venv) == []


# The Makefile


def make(project: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = ["make", "-C", str(project), "--no-print-directory", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_help_is_the_default_and_lists_every_target(project: Path) -> None:
    phony = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.M)
    listed = re.findall(r"^  make (\S+) +\S", make(project).stdout, re.M)
    assert "test" in listed
    assert sorted(listed) == sorted([*" ".join(phony).split(), *["reproduce-NAME"] * 2])


def stamp_of(project: Path, *arguments: str) -> str:
    found = re.search(r"ready-[0-9a-f]{16}", make(project, "-n", "setup", *arguments).stdout)
    assert found is not None
    return found[0]


def test_a_touched_file_needs_no_set_up_and_a_changed_one_does(project: Path) -> None:
    stamp = stamp_of(project)
    (project / ".venv").mkdir()
    (project / ".venv" / stamp).write_text("python3.11\n")
    os.utime(project / "requirements.txt", (2e9, 2e9))
    assert "Nothing to be done" in make(project, "setup").stdout
    (project / "requirements-lock.txt").write_text("setuptools==84.2.2\n")
    assert stamp_of(project) != stamp


def test_the_interpreter_of_the_last_set_up_is_kept(project: Path) -> None:
    named = "PYTHON=/elsewhere/python3.11"
    stamp = stamp_of(project, named)
    (project / ".venv").mkdir()
    (project / ".venv" / stamp).write_text("/elsewhere/python3.11\n")
    assert "Nothing to be done" in make(project, "setup").stdout
    assert stamp_of(project, "PYTHON=python3.11") != stamp


@pytest.fixture
def interpreters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that alone holds interpreters: make and a shell are all that is beside it."""
    folder = tmp_path / "interpreters"
    folder.mkdir()
    for name in ("make", "bash", "sh", "cat", "sha256sum", "cut", "awk", "fold", "sed"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def interpreter(folder: Path, name: str, script: str = "exit 0") -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def chosen(project: Path) -> str:
    found = re.search(r"PYTHON=.* \(now: (.*)\)", make(project).stdout)
    assert found is not None
    return found[1]


def test_the_newest_interpreter_is_taken(project: Path, interpreters: Path) -> None:
    for name in ("python3.10", "python3.11", "python3.13", "python3.15"):
        interpreter(interpreters, name)
    assert chosen(project) == "python3.13"


def test_one_that_does_not_start_or_makes_no_environments_is_passed_over(
    project: Path, interpreters: Path
) -> None:
    """As a version manager's stand-in, and Debian's without its python3-venv."""
    interpreter(interpreters, "python3.14", "echo not activated >&2; exit 127")
    interpreter(interpreters, "python3.13", 'test -z "$2"')
    assert chosen(project) == "python3.13"
    interpreter(interpreters, "python3.12")
    assert chosen(project) == "python3.12"


def test_where_there_is_none_the_line_says_which_are_wanted(
    project: Path, interpreters: Path
) -> None:
    run = make(project, "setup")
    assert run.returncode != 0
    assert re.match(r"set-up: PYTHON=python3 does not start; install Python 3\.11 to", run.stderr)


def test_an_interpreter_that_is_missing_is_one_line(project: Path) -> None:
    run = make(project, "setup", "PYTHON=no-such-python")
    assert run.returncode != 0
    assert re.match(r"set-up: PYTHON=no-such-python does not start; .*\nmake: .*\n\Z", run.stderr)


def test_venv_none_sets_nothing_up_and_takes_the_activated_python(project: Path) -> None:
    commands = make(project, "-n", "test", "VENV=none").stdout
    assert " python -m pytest -n 'auto' --dist loadfile" in commands.partition("\n")[0]
    assert ".venv" not in commands
