"""The command line as a whole: help, unknown commands, and how errors end."""

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click
import pytest

from deepreshape import __version__, cli
from deepreshape.cli.usage import commands as usage
from tests.cli.commands import ROOT, Command, check_refusal, imported, started

COMMANDS = (
    *("count", "equalize", "suggest", "latency", "measure", "verify", "plan", "run", "train"),
    *("criticality", "runs", "pack", "private", "serve", "classify", "keys", "doctor"),
)
GROUPS = {
    "runs": ("list", "show", "compare", "export", "import", "migrate"),
    "keys": ("make", "allow", "remove", "list"),
}
LEAVES = [
    *(command for command in COMMANDS if command not in GROUPS),
    *(f"{group} {command}" for group, commands in GROUPS.items() for command in commands),
]
"""Commands that are no groups."""


@pytest.mark.parametrize("arguments", [[], ["-h"], ["--help"]])
def test_help_lists_the_commands(arguments: list[str], call: Command) -> None:
    answer = call(*arguments)
    assert (answer.err, answer.code) == ("", 0)
    assert set(COMMANDS) <= set(answer.out.split())


def test_these_are_all_commands() -> None:
    assert set(cli.commands.commands) == set(COMMANDS)


def test_help_sorts_all_commands_in_80_columns(call: Command) -> None:
    """Under a heading each, with the whole of their first line."""
    _, *sections = re.split(r"\n\n(?=\S)", call().out.rstrip())
    lines = [line for section in sections[1:] for line in section.splitlines()]
    headings = [line for line in lines if not line.startswith(" ")]
    listed = dict(line.split(maxsplit=1) for line in lines if line.startswith(" "))
    assert headings == [f"{title}:" for title in cli.SECTIONS]
    assert len(lines) == len(headings) + len(COMMANDS)
    assert listed == {name: first_line(name) for name in COMMANDS}
    assert max(map(len, lines)) <= 80


def first_line(command: str) -> str:
    return (found(command).help or "").splitlines()[0]


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("command", [*LEAVES, *GROUPS])
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


@pytest.mark.parametrize("name", GROUPS)
def test_these_are_all_leaves(name: str) -> None:
    group = found(name)
    assert isinstance(group, click.Group)
    assert set(group.commands) == set(GROUPS[name])


@pytest.mark.parametrize("command", LEAVES)
def test_every_option_of_a_command_is_explained(command: str) -> None:
    options = [each for each in found(command).params if isinstance(each, click.Option)]
    assert options
    assert [each.name for each in options if not each.help] == []


HEAVY = {"torch", "torchvision", "numpy", "pandas", "scipy", "matplotlib", "pyarrow", "rich"}


@pytest.mark.parametrize("command", [*LEAVES, *GROUPS])
def test_help_imports_no_framework(command: str) -> None:
    assert imported(*command.split(), "--help") & HEAVY == set()


@pytest.mark.parametrize("command", [*LEAVES, *GROUPS])
def test_a_wrong_option_imports_no_framework(command: str) -> None:
    assert imported(*command.split(), "--bogus", code=2) & HEAVY == set()


@pytest.mark.parametrize("line", ["", "tr", "train --s", "runs compare --"])
def test_completion_imports_no_framework(line: str) -> None:
    asked = {"_DEEPRESHAPE_COMPLETE": "bash_complete", "COMP_WORDS": f"deepreshape {line}"}
    assert imported(**asked, COMP_CWORD=str(max(1, len(line.split())))) & HEAVY == set()


@pytest.mark.parametrize("command", LEAVES)
def test_what_does_a_command_takes_its_parameters(
    command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bound = []

    class Module:
        def __init__(self, name: str) -> None:
            self.module = import_module(name)

        def __getattr__(self, name: str) -> Callable[..., None]:
            done = inspect.signature(getattr(self.module, name))
            return lambda **arguments: bound.append(done.bind(**arguments))

    monkeypatch.setattr(usage, "import_module", Module)
    declared = found(command)
    assert declared.callback is not None
    declared.callback(**{str(each.name): None for each in declared.params})
    assert len(bound) == 1


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
        (FileNotFoundError(2, "No such file", "x"), 2, "x: No such file"),
        (NotADirectoryError(20, "Not a directory", "x/y"), 2, "x/y: Not a directory"),
        (RuntimeError("two\n\nlines"), 1, "two lines"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (MemoryError(), 1, "out of memory"),
    ],
    ids=[
        "bad input",
        "disk",
        "failure",
        "long input",
        "no file",
        "no folder",
        "long failure",
        "Ctrl-C",
        "memory",
    ],
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


WRONG = (
    *("private nofile", "private README.md", "private data", "serve nofile", "serve README.md"),
    "private data/models/digits.safetensors --image nofile",
    *("classify nofile --server 127.0.0.1:9", "classify README.md --server 127.0.0.1:9"),
    *("pack 0123 --out x.safetensors", "pack 0123 --out data"),
    *("runs show 0123", "runs show !", "runs compare 0123 4567", "runs export --out data"),
    *(
        "runs list --store README.md",
        "runs migrate nofolder",
        "measure nonsense",
        "measure --out data",
    ),
    *("plan nothing", "plan fig12 --seeds 3-1", "plan fig12 --profile none", "run nothing"),
    *("run fig12 --data nothing", "train nonsense", "train ResNet18 --epochs many"),
    *("train ResNet18 --data nothing", "train ResNet18 --beta 1"),
    *("count nonsense", "count ResNet18 --cull 9", "latency nonsense", "equalize --order 1,1"),
    *("suggest --order 1,1", "suggest --order 3,2,4,1 --max-latency soon"),
    *("criticality nonsense", "criticality ResNet18 --cull 1"),
    *("verify nothing", "doctor nothing", "keys make a/b", "keys list README.md"),
)


@pytest.mark.parametrize("line", WRONG)
def test_what_cannot_be_taken_is_exit_2_whatever_the_command(
    line: str, call: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("DEEPRESHAPE_RUNS", str(tmp_path))
    check_refusal(call(*line.split()))


def test_every_command_is_among_those_that_are_given_something_wrong() -> None:
    named = {line.split()[0] for line in WRONG}
    assert set(COMMANDS) <= named


@pytest.mark.parametrize("option", ["-V", "--version"])
def test_the_version_is_that_of_the_library(option: str, call: Command) -> None:
    assert call(option) == (f"deepreshape {__version__}\n", "", 0)


def completed(**asked: str) -> str:
    """What the installed program answers to a shell that asks how a line may go on."""
    program = "import sys; sys.argv = ['deepreshape']; from deepreshape.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={**os.environ, **asked},
        timeout=20,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_a_script_that_completes_commands(shell: str) -> None:
    script = completed(_DEEPRESHAPE_COMPLETE=f"{shell}_source")
    assert f"_DEEPRESHAPE_COMPLETE={shell}_complete" in script


def test_commands_are_completed() -> None:
    asked = {"_DEEPRESHAPE_COMPLETE": "bash_complete", "COMP_WORDS": "deepreshape la"}
    assert completed(**asked, COMP_CWORD="1") == "plain,latency\n"


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


def test_a_command_has_both_options_of_its_help_whoever_made_its_first_context() -> None:
    command = usage.command("look")(lambda: None)
    command.make_context("first", [])
    context = command.make_context("second", [], parent=click.Context(cli.commands))
    found = command.get_help_option(context)
    assert found and set(found.opts) == {"-h", "--help"}
