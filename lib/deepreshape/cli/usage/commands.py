"""Commands that are declared in one module and done in another, and a help that sorts them."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from importlib import import_module
from typing import Any

import click

from deepreshape.cli.usage.arguments import Command, options
from deepreshape.extras import needing

NEEDS = {
    "criticality": ("train",),
    "doctor": ("train",),
    "importing": ("train",),
    "keys": ("private",),
    "measure": ("private",),
    "pack": ("train", "private"),
    "plan": ("train",),
    "private": ("private",),
    "record": ("train",),
    "records": ("train",),
    "train": ("train",),
}
"""The extras of the package that modules of `cli` need; what is not here needs none."""


HELP = {"help_option_names": ["-h", "--help"]}
"""Of every command, whoever calls it: click keeps the option of the first call."""


def command(
    module: str, *parameters: Callable[[Command], Command], name: str | None = None
) -> Callable[[Callable[[], None]], click.Command]:
    """Make a command of a function that only says, in its docstring, what the command does.

    What does it is the function of the same name in `deepreshape.cli.MODULE`, which takes the
    parameters. It is imported when the command is called, and not for its help, to refuse a wrong
    option or to complete a line, all of which would wait seconds for torch.
    """

    def declared(said: Callable[[], None]) -> click.Command:
        @wraps(said)
        def done(**arguments: Any) -> None:
            with needing(_called(), *NEEDS.get(module, ())):
                getattr(import_module(f"deepreshape.cli.{module}"), said.__name__)(**arguments)

        return click.command(name, context_settings=HELP)(options(*parameters)(done))

    return declared


def _called() -> str:
    """The command that is called, such as `runs list`."""
    context = click.get_current_context(silent=True)
    names: list[str] = []
    while context and context.parent:
        names.insert(0, context.info_name or "")
        context = context.parent
    return " ".join(names)


class Sections(click.Group):
    """A group whose help lists its commands by what they are for."""

    def __init__(self, *, sections: Mapping[str, Sequence[click.Command]], **rest: Any) -> None:
        super().__init__(**rest)
        self.sections = sections
        for commands in sections.values():
            for each in commands:
                self.add_command(each)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.commands))
        for title, commands in self.sections.items():
            with formatter.section(title):
                formatter.write_dl(
                    [
                        (f"{each.name:<{width}}", each.get_short_help_str(formatter.width))
                        for each in commands
                    ]
                )
