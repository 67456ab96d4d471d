"""The README's examples run and print what they say."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from deepreshape.cli import commands

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
TARGETS = sorted(set(re.findall(r"\bmake ([a-z][a-z0-9-]+)", "\n".join(CODE))))


@pytest.mark.parametrize("line", COUNTS)
def test_a_command_line_of_the_readme_runs(line: str) -> None:
    assert CliRunner().invoke(commands, shlex.split(line)).exit_code == 0


def test_the_python_example_prints_what_its_comment_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (block,) = [block for language, block in BLOCKS if language == "python"]
    (expected,) = re.findall(r"print\(.*\)  # (.*)", block)
    exec(block, {})
    assert capsys.readouterr().out.strip() == expected


@pytest.mark.parametrize("target", TARGETS)
def test_a_make_target_of_the_readme_exists(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)


def test_the_readme_has_examples_of_both_kinds() -> None:
    assert COUNTS
    assert {"reproduce-fig12", "test"} <= set(TARGETS)
