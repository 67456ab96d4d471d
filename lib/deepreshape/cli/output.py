"""How commands print: JSON, numbers in a few digits, times; tables are in `tables`."""

import json
from math import floor, log10
from typing import Any

import click

NOTHING, UNKNOWN = "-", "unknown"
"""What is not there, and what a record does not say."""


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=1, ensure_ascii=False))


def digits(value: float) -> str:
    """A number in three digits, without an exponent: 0.0123, 4.56, 7,890."""
    if not value:
        return "0"
    places = max(0, 2 - floor(log10(abs(value))))
    return f"{value:,.{places}f}"


def large(number: float) -> str:
    """A count in three digits, with an exponent: 7.12e9; below 10,000 as it is."""
    if number < 10_000:
        return f"{number:.0f}"
    mantissa, exponent = f"{number:.2e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def duration(seconds: float) -> str:
    """Seconds, minutes, hours or days, in two or three digits: 0.069 s, 12 s, 3.4 min."""
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 1.5 * length:
            amount = seconds / length
            return f"{amount:,.{0 if amount >= 100 else 1}f} {unit}"
    if seconds < 1:
        return f"{seconds:.2g} s"
    return f"{seconds:.{0 if seconds >= 10 else 1}f} s"


def percent(accuracy: float | None) -> str:
    return NOTHING if accuracy is None else f"{accuracy:.2f}"


def text(value: object) -> str:
    """A value of any kind; a number in six digits."""
    if value is None:
        return NOTHING
    return f"{value:.6g}" if isinstance(value, float) else str(value)
