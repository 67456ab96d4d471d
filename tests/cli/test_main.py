"""The command line as a whole: help, unknown commands, and how errors end."""

import re
import subprocess
import sys

import click
import pytest

from deepreshape import cli
from tests.cli.commands import ROOT, Command, check_refusal, imported, started

COMMANDS = (
    *("count", "equalize", "latency", "measure", "verify", "plan", "run", "train", "runs"),
    *("pack", "private", "serve", "classify", "doctor"),
)
LEAVES = [
    *(command for command in COMMANDS if command != "runs"),
    *(f"runs {command}" for command in ("list", "show", "compare", "export")),
]
"""Commands that are no groups."""


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_help_lists_the_commands(arguments: list[str], call: Command) -> None:
    answer = call(*arguments)
    assert (answer.err, answer.code) == ("", 0)
    assert set(COMMANDS) <= set(answer.out.split())


def test_these_are_all_commands() -> None:
    assert set(cli.commands.commands) == set(COMMANDS)


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("command", [*LEAVES, "runs"])
def test_a_command_has_help(command: str, option: str, call: Command) -> None:
    answer = call(*command.split(), option)
    assert (answer.err, answer.code) == ("", 0)
    assert re.match(rf"Usage: .*\bdeepreshape {command} ", answer.out)


def found(command: str) -> click.Command:
    leaf: click.Command = cli.commands
    for name in command.split():
        assert isinstance(leaf, click.Group)
        leaf = leaf.commands[name]
    return leaf


def test_these_are_all_leaves() -> None:
    group = found("runs")
    assert isinstance(group, click.Group)
    assert {f"runs {name}" for name in group.commands} == {
        leaf for leaf in LEAVES if leaf.startswith("runs ")
    }


@pytest.mark.parametrize("command", LEAVES)
def test_every_option_of_a_command_is_explained(command: str) -> None:
    options = [each for each in found(command).params if isinstance(each, click.Option)]
    assert options
    assert [each.name for each in options if not each.help] == []


@pytest.mark.parametrize("command", [*LEAVES, "runs"])
def test_help_imports_no_framework(command: str) -> None:
    heavy = {"torch", "torchvision", "numpy", "pandas", "scipy", "matplotlib", "pyarrow", "rich"}
    assert imported(*command.split(), "--help") & heavy == set()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(["cuont", "ResNet18"], "cuont"), (["--bogus"], "--bogus"), (["count", "--bogus"], "--bogus")],
)
def test_what_is_no_command_is_one_line_and_exit_2(
    arguments: list[str], said: str, call: Command
) -> None:
    check_refusal(call(*arguments), said)


def test_the_program_ends_as_the_command_does() -> None:
    check_refusal(started("cuont"), "cuont")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ValueError("what is wrong"), 2, "what is wrong"),
        (OSError("the disk is full"), 1, "the disk is full"),
        (RuntimeError("it failed"), 1, "it failed"),
        (ValueError("two\nlines"), 2, "two lines"),
        (RuntimeError("two\n\nlines"), 1, "two lines"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "out of memory"),
    ],
    ids=["bad input", "disk", "failure", "long input", "long failure", "Ctrl-C", "memory"],
)
def test_an_error_is_one_line_and_an_exit_status(
    error: BaseException, code: int, said: str, call: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(**_: object) -> None:
        raise error

    monkeypatch.setattr(cli.commands.commands["count"], "callback", failing)
    answer = call("count", "ResNet18")
    assert (answer.out, answer.code) == ("", code)
    assert re.fullmatch(rf"\n?deepreshape: {said}.*\n", answer.err)


def test_greek_letters_are_printed_where_no_language_is_set() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deepreshape", "equalize", "--order", "3,2,4,1", "--json"],
        cwd=ROOT,
        capture_output=True,
        env={"LC_ALL": "C"},
        timeout=20,
        check=True,
    )
    assert "α" in done.stdout.decode()
