"""The command that times layers and elements on this machine: `measure`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deepreshape.design import parse

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
    type=click.FloatRange(min=0, min_open=True),
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
def measure(networks: tuple[str, ...], wholes: tuple[str, ...], out: Path, limit: float) -> None:
    """Time the linear layers of NETWORKS and garbled elements on this machine, on one thread.

    Without NETWORKS, those of Tables 6 to 8, which takes about half an hour. Interrupted, the same
    command goes on.
    """
    from rich.progress import Progress

    from deepreshape.paper.protocols import WHOLE, timed_networks
    from deepreshape.private import measured, timing

    chosen = [parse(name) for name in networks] or timed_networks()
    run = [str(parse(name)) for name in wholes or (() if networks else (WHOLE,))]
    shapes = dict.fromkeys(
        shape
        for network in chosen
        for packing in measured.PROTOCOLS
        for shape in measured.shapes(network, packing)
    )
    record = _begun(out)
    benches: dict[str, timing.Bench] = {}
    with Progress(transient=True) as progress:
        for element in progress.track(measured.ELEMENTS, description="elements"):
            if element not in record.elements:
                elements = {**record.elements, element: timing.element(element)}
                record = replace(record, elements=elements)
                measured.write(out, record)
        for shape in progress.track(shapes, description="layers"):
            if shape not in record.layers:
                if shape.packing not in benches:
                    benches[shape.packing] = timing.Bench(shape.packing, limit)
                cost = benches[shape.packing].layer(shape)
                record = replace(record, layers={**record.layers, shape: cost})
                measured.write(out, record)
        pairs = [measured.Whole(each, name) for each in measured.PROTOCOLS for name in run]
        for whole in progress.track(pairs, description="whole inferences"):
            if whole not in record.wholes:
                took = timing.whole(parse(whole.network), whole.packing)
                record = replace(record, wholes={**record.wholes, whole: took})
                measured.write(out, record)
    counts = len(record.layers), len(record.elements), len(record.wholes)
    click.echo("{}: {} layers, {} elements, {} whole inferences".format(out, *counts))


def _begun(path: Path) -> "Measurements":
    """The record of a file, or an empty one. Raises ValueError for one of another machine."""
    import torch

    from deepreshape.learn.machine import describe
    from deepreshape.private.measured import Measurements, read

    machine = str(describe(torch.device("cpu"))["processor"])
    try:
        found = read(path)
    except FileNotFoundError:
        return Measurements(machine, {}, {}, {})
    if found.machine != machine:
        raise ValueError(f"{path} was timed on {found.machine}, this is {machine}: name another")
    return found
