"""The README's examples run and print what they say."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from deepreshape.cli import commands
from deepreshape.design import Network, parse
from deepreshape.learn.runs import speed
from deepreshape.learn.runs.price import Speed
from tests.pages import EXACT

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.S)
COUNTS = [
    line.removeprefix("deepreshape ")
    for language, block in BLOCKS
    if language == "sh"
    for line in block.splitlines()
    if line.startswith("deepreshape ")
]
CODE = [block for _, block in BLOCKS] + re.findall(r"`([^`\n]+)`", README)
LONG = ("train", "serve", "classify", "pack", "measure", "doctor")
"""Commands that would take a while or hours, never end, or need what is not here."""
TARGETS = sorted(set(re.findall(r"\bmake ([a-z][a-z0-9-]+)", "\n".join(CODE))))


@pytest.mark.long
@pytest.mark.parametrize("line", [line for line in COUNTS if not line.startswith(LONG)])
def test_a_command_line_of_the_readme_runs(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a plan takes is priced at some speed: that of this machine would have to be measured."""
    monkeypatch.setattr(speed, "known", lambda machine, workers: Speed(1e-11, 1e-9, 1e-4, 1e-9))
    assert CliRunner().invoke(commands, shlex.split(line, comments=True)).exit_code == 0


@pytest.mark.parametrize("line", [line for line in COUNTS if line.startswith(LONG)])
def test_a_long_command_of_the_readme_is_understood(line: str) -> None:
    """Its arguments are parsed, and the network of a training."""
    name, *arguments = shlex.split(line, comments=True)
    context = commands.commands[name].make_context(name, arguments)
    assert name != "train" or parse(context.params["network"])


def test_the_python_example_prints_what_its_comment_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (block,) = [block for language, block in BLOCKS if language == "python"]
    (expected,) = re.findall(r"print\(.*\)  # (.*)", block)
    exec(block, {})
    assert capsys.readouterr().out.strip() == expected


@pytest.mark.parametrize("target", TARGETS)
def test_a_make_target_of_the_readme_exists(target: str) -> None:
    """Written out, or a page that has a notebook."""
    rules = re.findall(
        r"^([a-z][a-z0-9%-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M
    )
    page = target.removeprefix("reproduce-")
    notebook = ROOT / "notebooks" / f"{page}.ipynb"
    assert target in rules or ("reproduce-%" in rules and page != target and notebook.is_file())


def test_the_readme_counts_the_pages_that_need_no_training() -> None:
    (number,) = re.findall(r"make reproduce-exact +# the same for (\d+) figures and tables", README)
    assert int(number) == len([page for page in EXACT if page.startswith(("fig", "table"))])


def test_the_names_in_the_readme_are_networks() -> None:
    (paragraph,) = re.findall(r"Names are the paper's:(.*?)\n`equalize`", README, re.S)
    names = re.findall(r"`([^`]+)`", paragraph)
    assert len(names) > 5
    assert all(isinstance(parse(name), Network) for name in names)


def test_the_readme_has_examples_of_both_kinds() -> None:
    assert COUNTS
    assert {"reproduce-fig12", "test"} <= set(TARGETS)
