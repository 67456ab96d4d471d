"""How commands print: tables at their full width, JSON, numbers in a few digits."""

import json
from math import floor, log10
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.table import Table


def new_table(*columns: str) -> "Table":
    """A plain table; a column's name that ends in `>` is set right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD)
    for column in columns:
        table.add_column(
            column.removesuffix(">"), justify="right" if column.endswith(">") else "left"
        )
    return table


def show(table: "Table") -> None:
    """Print a table at its full width: a narrow terminal breaks lines, but no cell is cut."""
    from rich.console import Console

    natural = Console(width=1000, markup=False).measure(table).maximum
    # A data set's name may have brackets: they are no markup.
    Console(width=max(natural, Console().width), markup=False, emoji=False).print(table)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=1, ensure_ascii=False))


def digits(value: float) -> str:
    """A number in three digits, without an exponent: 0.0123, 4.56, 7,890."""
    if not value:
        return "0"
    places = max(0, 2 - floor(log10(abs(value))))
    return f"{value:,.{places}f}"


def duration(seconds: float) -> str:
    """Seconds, minutes, hours or days, in two or three digits: 12 s, 3.4 min."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 1.5 * length:
            amount = seconds / length
            return f"{amount:,.{0 if amount >= 100 else 1}f} {unit}"
    return f"{seconds:.{0 if seconds >= 10 else 1}f} s"
