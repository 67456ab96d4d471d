"""The examples in docstrings and on the book's pages, each run."""

import doctest
import re
import shlex
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import click
import pytest

from book.extensions.api import Name, defined, public
from deepreshape.cli import commands
from deepreshape.cli.networks import is_reference
from deepreshape.design import parse
from tests.birds import birds

ROOT = Path(__file__).parents[1]
PACKAGES = ["deepreshape", *(f"deepreshape.{floor}" for floor in ("design", "learn", "private"))]
NAMES = [name for package in PACKAGES for name in public(package)]
PAGES = {
    page: (ROOT / "book" / f"{page}.md").read_text("utf-8")
    for page in ("api", "own-work", "author")
}
"""Those with examples in Python."""
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


@pytest.fixture
def own_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of images that `own-work` speaks of, in the folder that examples run in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEEPRESHAPE_RUNS", raising=False)
    return birds(tmp_path)


@pytest.mark.filterwarnings("default::DeprecationWarning")
@pytest.mark.usefixtures("own_images")
@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_give_what_they_say(page: str) -> None:
    code = "\n".join(re.findall(r"```python\n(.*?)```", PAGES[page], re.S))
    run([doctest.DocTestParser().get_doctest(code, {}, page, f"book/{page}.md", 0)])


COMMANDS = [
    (path.name, line.removeprefix("deepreshape "))
    for path in sorted((ROOT / "book").glob("*.md"))
    for block in re.findall(r"```sh\n(.*?)```", path.read_text(encoding="utf-8"), re.S)
    for line in block.replace("\\\n", " ").splitlines()
    if line.startswith("deepreshape ")
]


@pytest.mark.parametrize(("page", "line"), COMMANDS)
def test_a_command_line_of_a_page_is_understood(page: str, line: str) -> None:
    """Its arguments are parsed, and the network of a training; many would take hours."""
    command: click.Command = commands
    words = shlex.split(line, comments=True)
    while isinstance(command, click.Group):
        name, *words = words
        command = command.commands[name]
    with suppress(click.exceptions.Exit):  # of --help
        context = command.make_context(page, words)
        if name == "train" and not is_reference(context.params["network"]):
            assert parse(context.params["network"])


def test_there_are_examples_of_designs_and_of_all_packages() -> None:
    assert MODULES
    assert set(re.findall(r"^```\{public\} (\S+)$", PAGES["api"], re.M)) == set(PACKAGES)
    for package in PACKAGES:
        assert re.search(rf"^>>> (from|import) {package}", PAGES["api"], re.M)


@pytest.mark.parametrize("name", NAMES, ids=lambda name: f"{name.place}.{name.name}")
def test_a_public_name_is_there_and_says_what_it_is(name: Name) -> None:
    assert hasattr(import_module(name.place), name.name)
    assert defined(name.place, name.name).said


def test_all_of_design_is_public() -> None:
    design = import_module("deepreshape.design")
    named = {name.name for name in public(design.__name__) if name.place == design.__name__}
    assert named == set(design.__all__)
