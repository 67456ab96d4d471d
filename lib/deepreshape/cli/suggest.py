"""The command that searches for designs: `suggest`. It needs no framework."""

from dataclasses import replace
from math import inf
from shlex import quote

import click

from deepreshape.cli.output import digits, print_json
from deepreshape.cli.tables import Columns, Row, say, show, table_of
from deepreshape.design import Limits, Space, Suggestion, Suggestions
from deepreshape.design import suggest as search
from deepreshape.design.space import CHANNELS
from deepreshape.private.predicted import PROTOCOLS, timing

KNOWN = {(32, 100): "cifar100", (64, 200): "tiny-imagenet"}
"""The sets of images that `train` knows by name, by their side and classes."""


def suggest(
    order: tuple[int, ...],
    resolution: int,
    classes: int,
    relus: int | None,
    flops: int | None,
    seconds: float | None,
    protocol: str,
    depths: tuple[tuple[int, ...], ...],
    channels: tuple[int, ...] | None,
    largest: int,
    culled: int,
    reuse: tuple[int, ...],
    families: tuple[str, ...],
    data: str | None,
    whole: bool,
    as_json: bool,
) -> None:
    sizes = resolution, classes, channels or CHANNELS, largest, culled, reuse, families
    space = Space(order, depths, *sizes)
    limits = Limits(relus or inf, flops or inf, seconds or inf)
    found = search(space, limits, timing(protocol))
    data = data or KNOWN.get((resolution, classes), f"IMAGES/[size={resolution}]")
    if as_json:
        asked = {"order": list(order), "input": resolution, "classes": classes}
        asked |= {
            "protocol": protocol,
            "limits": {"relus": relus, "flops": flops, "seconds": seconds},
        }
        print_json(asked | _described(found, data))
        return
    _print(found, data, PROTOCOLS[protocol].title, whole)
    if not found.front:
        _say_what_is_there(space, limits, protocol)


def _described(found: Suggestions, data: str) -> Row:
    largest = set(found.largest)
    return {
        "searched": found.searched,
        "fitting": found.fitting,
        "front": [_row(each, data) | {"largest": each in largest} for each in found.front],
    }


def _row(found: Suggestion, data: str) -> Row:
    return {
        "network": found.network.name,
        "relus": found.relus,
        "macs": found.macs,
        "flops": found.flops,
        "params": found.params,
        "seconds": found.seconds,
        "command": f"deepreshape train {quote(found.network.name)} --data {quote(data)}",
    }


def _print(found: Suggestions, data: str, title: str, whole: bool) -> None:
    shown = found.front if whole else found.largest
    say(
        f"{found.searched:,} designs, {found.fitting:,} of them within the limits,"
        f" {len(found.front):,} of these on the front"
    )
    if not shown:
        return
    columns: Columns = {
        "network": "{network}",
        "ReLUs>": "{relus:,}",
        "MACs>": lambda row: _millions(row["macs"]),
        "FLOPs>": lambda row: _millions(row["flops"]),
        "parameters>": lambda row: _millions(row["params"]),
        "seconds>": lambda row: digits(row["seconds"]),
    }
    rows = [_row(each, data) for each in shown]
    show(table_of(rows, columns))
    if not whole:
        say("No other within the limits has as many ReLUs and as many MACs; --all shows the rest.")
    say(f"Seconds are by {title}. No accuracy is predicted: training tells it.")
    for row in rows:
        click.echo(row["command"])


def _millions(number: int) -> str:
    return f"{number / 1e6:,.2f} M"


def _say_what_is_there(space: Space, limits: Limits, protocol: str) -> None:
    """Of a space in which nothing fits: how far it is from the limits."""
    timed = search(space, replace(limits, seconds=inf), timing(protocol)).front
    if timed:
        fastest = min(timed, key=lambda each: each.seconds or 0.0)
        say(
            f"Of those within the other limits the fastest takes {digits(fastest.seconds or 0.0)} s"
            f" by {PROTOCOLS[protocol].title}: {fastest.network.name}."
        )
    else:
        say("None has so few ReLUs and FLOPs; smaller --channels have less of both.")
