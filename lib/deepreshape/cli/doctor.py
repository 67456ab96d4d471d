"""The command that looks at the machine: `doctor`."""

from collections.abc import Iterator
from dataclasses import asdict
from importlib import import_module

import click

from deepreshape.cli.output import print_json
from deepreshape.cli.tables import new_table, show
from deepreshape.learn.checks.health import Fact, facts

PRIVATE = ("seal", "numba", "nacl", "cryptography")
BOOK = ("jupyter_book", "papermill", "nbconvert", "ipykernel")
"""Packages, as they are imported."""


def doctor(as_json: bool) -> None:
    click.echo("looking at this machine; its kernels take some seconds ...", err=True)
    found = [*facts(), *_packages()]
    if as_json:
        print_json([asdict(fact) for fact in found])
    else:
        table = new_table("", "found", "")
        for fact in found:
            table.add_row(fact.name, fact.found, "WRONG" if fact.wrong else "")
        show(table)
    wrong = [line for fact in found for line in fact.wrong]
    for line in wrong:
        click.echo(f"deepreshape: {' '.join(line.split())}", err=True)
    if wrong:
        click.get_current_context().exit(1)


def _packages() -> Iterator[Fact]:
    missing = _missing(PRIVATE)
    wrong = tuple(f"private inference needs {name}: {why}" for name, why in missing.items())
    yield Fact("private inference", "ready" if not missing else "not ready", wrong)
    missing = _missing(BOOK)
    without = f"not here: {', '.join(missing)} (`make setup` installs it)"
    yield Fact("book", without if missing else "ready")


def _missing(packages: tuple[str, ...]) -> dict[str, str]:
    """Those that cannot be imported, and why."""
    missing = {}
    for name in packages:
        try:
            import_module(name)
        except Exception as error:  # what a broken package raises is its own
            missing[name] = str(error) or type(error).__name__
    return missing
