"""The examples in docstrings and on the book's page of the library, each run."""

import doctest
import re
from importlib import import_module
from pathlib import Path

import pytest

from book.extensions.api import Name, defined, public

ROOT = Path(__file__).parents[1]
PACKAGES = [f"deepreshape.{floor}" for floor in ("design", "learn", "private")]
NAMES = [name for package in PACKAGES for name in public(package)]
PAGE = (ROOT / "book" / "api.md").read_text(encoding="utf-8")
MODULES = [
    ".".join(path.relative_to(ROOT / "lib").with_suffix("").parts)
    for path in sorted((ROOT / "lib").rglob("*.py"))
    if ">>> " in path.read_text(encoding="utf-8")
]


def run(tests: list[doctest.DocTest]) -> None:
    runner = doctest.DocTestRunner(optionflags=doctest.FAIL_FAST)
    said: list[str] = []
    for test in tests:
        runner.run(test, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)
    assert runner.tries


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_a_module_give_what_they_say(module: str) -> None:
    run(doctest.DocTestFinder().find(import_module(module)))


@pytest.mark.filterwarnings("default::DeprecationWarning")
def test_the_examples_of_the_page_give_what_they_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGE, re.S))
    run([doctest.DocTestParser().get_doctest(code, {}, "api.md", "book/api.md", 0)])


def test_there_are_examples_of_designs_and_of_all_packages() -> None:
    assert MODULES
    assert set(re.findall(r"^```\{public\} (\S+)$", PAGE, re.M)) == set(PACKAGES)
    for package in PACKAGES:
        assert re.search(rf"^>>> from {package}", PAGE, re.M)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: f"{name.place}.{name.name}")
def test_a_public_name_is_there_and_says_what_it_is(name: Name) -> None:
    assert hasattr(import_module(name.place), name.name)
    assert defined(name.place, name.name).said


def test_all_of_design_is_public() -> None:
    design = import_module("deepreshape.design")
    named = {name.name for name in public(design.__name__) if name.place == design.__name__}
    assert named == set(design.__all__)
