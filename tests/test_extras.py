"""What commands import is what their extras bring, and one that is missing is named in a line."""

import re
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from deepreshape.cli.usage.commands import NEEDS
from deepreshape.extras import MissingExtra, needing

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
DONE = sorted(
    {
        module
        for path in (ROOT / "lib/deepreshape/cli/usage").glob("*.py")
        for module in re.findall(r'^@command\(\s*"(\w+)"', path.read_text("utf-8"), re.M)
    }
)
"""The modules of `cli`, which are imported when a command is called."""


def brought(*extras: str) -> set[str]:
    """The packages, by the names that the index has, of an installation with so many extras."""
    waiting = [*PROJECT["dependencies"], *(each for extra in extras for each in EXTRAS[extra])]
    found: set[str] = set()
    while waiting:
        wanted = Requirement(waiting.pop())
        name = canonicalize_name(wanted.name)
        marked = wanted.marker is None or wanted.marker.evaluate({"extra": ""})
        if name not in found and marked:
            found.add(name)
            try:
                waiting += requires(name) or []
            except PackageNotFoundError:
                continue
    return found


def closed_to(extras: tuple[str, ...], code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a process that finds only packages of these extras."""
    here = brought(*extras)
    hidden = sorted(
        name
        for name, packages in packages_distributions().items()
        if not {canonicalize_name(package) for package in packages} & {*here, "deepreshape"}
    )
    guard = f"""
import sys
class Hidden:
    names = frozenset({hidden!r})
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""
    return subprocess.run(
        [sys.executable, "-c", guard + code], capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("module", DONE)
def test_a_command_imports_what_its_extras_bring(module: str) -> None:
    done = closed_to(NEEDS.get(module, ()), f"import deepreshape.cli.{module}")
    assert (done.stderr, done.returncode) == ("", 0)


@pytest.mark.parametrize(
    ("line", "what", "extras"),
    [
        (["train", "ResNet18"], "train", "train"),
        (["runs", "list"], "runs list", "train"),
        (["keys", "list", "clients"], "keys list", "private"),
        (["pack", "0", "--out", "x"], "pack", "train,private"),
    ],
)
def test_a_command_without_its_extra_says_which(line: list[str], what: str, extras: str) -> None:
    call = f"sys.argv[1:] = {line!r}\nfrom deepreshape.cli import main\nmain()"
    done = closed_to((), call)
    install = re.escape(f'pip install "deepreshape[{extras}]"')
    said = rf"deepreshape: {what} needs \w+, which is not installed: {install}\n"
    assert re.fullmatch(said, done.stderr)
    assert (done.stdout, done.returncode) == ("", 2)


def test_a_module_of_ours_that_is_missing_is_no_extra() -> None:
    with pytest.raises(ModuleNotFoundError), needing("a test", "train"):
        import deepreshape.nowhere  # type: ignore[import-not-found]  # noqa: F401


def test_what_needs_no_extra_fails_as_python_has_it() -> None:
    with pytest.raises(ModuleNotFoundError), needing("a test"):
        import nowhere  # type: ignore[import-not-found]  # noqa: F401


def test_inner_needs_are_what_is_said() -> None:
    with (
        pytest.raises(MissingExtra, match="the inner part needs nowhere,"),
        needing("all", "private"),
        needing("the inner part", "train"),
    ):
        import nowhere  # noqa: F401


def test_all_is_every_extra() -> None:
    (whole,) = EXTRAS["all"]
    assert Requirement(whole).extras == {*EXTRAS} - {"all"}


def test_every_command_that_needs_extras_is_there() -> None:
    assert set(NEEDS) <= set(DONE)
    assert {extra for extras in NEEDS.values() for extra in extras} <= set(EXTRAS)
