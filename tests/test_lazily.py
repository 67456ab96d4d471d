"""The package's own names: there when asked for, and until then nothing is imported."""

import subprocess
import sys
from importlib import import_module

import pytest

import deepreshape
from book.extensions.api import public

PACKAGES = ("deepreshape", "deepreshape.private")
NAMES = [(package, name) for package in PACKAGES for name in import_module(package).__all__]


@pytest.mark.parametrize(("package", "name"), NAMES)
def test_a_name_is_there_when_it_is_asked_for(package: str, name: str) -> None:
    found = getattr(import_module(package), name)
    assert found.__name__.rpartition(".")[2] == name


@pytest.mark.parametrize("package", PACKAGES)
def test_types_are_said_for_the_names_that_are_there(package: str) -> None:
    at_once = {each.name for each in public(package) if each.place == package}
    assert at_once | {"design", "learn", "private"} >= set(import_module(package).__all__)


def test_a_name_that_is_not_there_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="'deepreshape' has no attribute 'nothing'"):
        _ = deepreshape.nothing  # type: ignore[attr-defined]


def test_the_names_are_listed() -> None:
    assert set(deepreshape.__all__) <= set(dir(deepreshape))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_nothing_before_it_is_asked(package: str) -> None:
    """So that it costs milliseconds."""
    code = f"import sys; import {package}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    ours = {name for name in done.stdout.split() if name.startswith("deepreshape.")}
    assert ours <= {"deepreshape.extras", "deepreshape.lazily", "deepreshape.private"}
    assert {"numpy", "torch", "click", "seal"}.isdisjoint(done.stdout.split())
