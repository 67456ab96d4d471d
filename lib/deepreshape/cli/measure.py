"""The command that times layers and elements on this machine: `measure`."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from deepreshape.cli.arguments import Positive, quiet_option
from deepreshape.design import Network, parse

if TYPE_CHECKING:
    from deepreshape.private.measured import Measurements


@click.command()
@click.argument("networks", nargs=-1)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path("build/measured.json"),
    show_default=True,
    help="The record; what it has already is not timed again.",
)
@click.option(
    "--limit",
    type=Positive(),
    default=10.0,
    show_default=True,
    help="Seconds, by the latency model, of a layer under Delphi's packing that are run; of a"
    " heavier layer a part is, and the rest follows in proportion.",
)
@click.option(
    "--whole",
    "wholes",
    multiple=True,
    help="A network to classify an image with, between two processes; may be given several times.",
)
@click.option(
    "--count",
    "counted",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Time nothing; count what the programs of NETWORKS garble, ReLUs and truncations, into"
    " this file, with weights at random. Networks that it has are not counted again.",
)
@click.option("--again", is_flag=True, help="Time all once more, and keep the lesser seconds.")
@quiet_option
def measure(
    networks: tuple[str, ...],
    wholes: tuple[str, ...],
    out: Path,
    limit: float,
    counted: Path | None,
    again: bool,
    quiet: bool,
) -> None:
    """Time the linear layers of NETWORKS and garbled elements on this machine, on one thread.

    Without NETWORKS, those of Tables 6 to 8, which takes about half an hour. Interrupted, the same
    command goes on.
    """
    from deepreshape.paper.printed.entries import timed_networks
    from deepreshape.paper.printed.protocols import WHOLE
    from deepreshape.private import measured, timing
    from deepreshape.progress import Shown

    if counted is not None:
        _count([parse(name) for name in networks], counted, again)
        return
    chosen = [parse(name) for name in networks] or timed_networks()
    run = [str(parse(name)) for name in wholes or (() if networks else (WHOLE,))]
    shapes = dict.fromkeys(
        shape
        for network in chosen
        for packing in measured.PROTOCOLS
        for shape in measured.shapes(network, packing)
    )
    pairs = [measured.Whole(each, name) for each in measured.PROTOCOLS for name in run]
    record = _begun(out)
    benches: dict[str, timing.Bench] = {}

    def layer(shape: measured.Shape) -> measured.LayerCost:
        if shape.packing not in benches:
            benches[shape.packing] = timing.Bench(shape.packing, limit)
        return benches[shape.packing].layer(shape)

    def whole(each: measured.Whole) -> measured.WholeCost:
        return timing.whole(parse(each.network), each.packing)

    parts: list[tuple[Iterable[Any], str, Callable[[Any], Any]]] = [
        (measured.ELEMENTS, "elements", timing.element),
        (shapes, "layers", layer),
        (pairs, "wholes", whole),
    ]
    with Shown("{task.description}", quiet=quiet) as progress:
        for keys, part, time in parts:
            for key in progress.track(list(keys), description=part):
                known = getattr(record, part)
                if again or key not in known:
                    took = time(key)
                    took = measured.least(known[key], took) if key in known else took
                    changed: dict[str, Any] = {part: {**known, key: took}}
                    record = replace(record, **changed)
                    measured.write(out, record)
    counts = len(record.layers), len(record.elements), len(record.wholes)
    click.echo("{}: {} layers, {} elements, {} whole inferences".format(out, *counts))


def _count(networks: list[Network], path: Path, again: bool) -> None:
    """Bring the counts of a file up to date, network by network."""
    from rich.progress import Progress

    from deepreshape.paper.printed.entries import garbled_networks
    from deepreshape.private import garbled_counts
    from deepreshape.private.program.drawn import garbled

    try:
        known = garbled_counts.read(path)
    except FileNotFoundError:
        known = {}
    with Progress(transient=True) as progress:
        for network in progress.track(networks or garbled_networks(), description="programs"):
            if again or str(network) not in known:
                known[str(network)] = garbled(network)
                garbled_counts.write(path, known)
    click.echo(f"{path}: {len(known)} networks")


def _begun(path: Path) -> "Measurements":
    """The record of a file, or an empty one. Raises ValueError for one of another machine."""
    import torch

    from deepreshape.learn.training.machine import describe
    from deepreshape.private.measured import Measurements, read

    machine = str(describe(torch.device("cpu"))["processor"])
    try:
        found = read(path)
    except FileNotFoundError:
        return Measurements(machine, {}, {}, {})
    if found.machine != machine:
        raise ValueError(f"{path} was timed on {found.machine}, this is {machine}: name another")
    return found
