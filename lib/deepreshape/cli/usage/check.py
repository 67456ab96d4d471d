"""How to check the paper's numbers and this machine: `verify`, `doctor`, `measure`."""

from pathlib import Path

import click

from deepreshape.cli.usage.arguments import Positive, file_type, json_option, quiet_option
from deepreshape.cli.usage.commands import command


@command(
    "verify",
    click.argument("tables", nargs=-1, metavar="[TABLE]..."),
    click.option("--misses", is_flag=True, help="Show only values that are not equal."),
    json_option,
)
def verify() -> None:
    """Recompute the paper's printed values and say how each agrees.

    TABLE is a table such as table16, `figures` (labels inside figures) or `text_claims` (numbers in
    prose); all of them without one. Exit status 1 if a value differs and no erratum says why.
    """


@command("doctor", json_option)
def doctor() -> None:
    """Look at this machine: is what all needs there and right?

    That is what training, the book and private inference need. torch's kernels are held against
    float64 in processes that may die, which takes some seconds. Exit status 1, and a line for each
    thing that is wrong.
    """


@command(
    "measure",
    click.argument("networks", nargs=-1),
    click.option(
        "--out",
        type=file_type,
        default=Path("build/measured.json"),
        help="The record; what it has already is not timed again.",
    ),
    click.option(
        "--limit",
        type=Positive(),
        default=10.0,
        help="Seconds, by the latency model, of a layer under Delphi's packing that are run; of a"
        " heavier layer a part is, and the rest follows in proportion.",
    ),
    click.option(
        "--whole",
        "wholes",
        multiple=True,
        help="A network to classify an image with, between two processes; may be given several"
        " times.",
    ),
    click.option(
        "--tables",
        is_flag=True,
        help="Also classify an image with every network of Tables 6 to 8, rotation-free, its ReLUs"
        " at random places: hours, and up to 16 GB.",
    ),
    click.option(
        "--count",
        "counted",
        type=file_type,
        help="Time nothing; count what the programs of NETWORKS garble, ReLUs and truncations, into"
        " this file, with weights at random. Networks that it has are not counted again.",
    ),
    click.option("--again", is_flag=True, help="Time all once more, and keep the lesser seconds."),
    quiet_option,
)
def measure() -> None:
    """Time linear layers of NETWORKS and garbled elements here.

    All run on one thread. Without NETWORKS, those of Tables 6 to 8, which takes about half an hour.
    Interrupted, the same command goes on.
    """
