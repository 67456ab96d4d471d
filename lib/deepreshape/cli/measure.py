"""The command that times layers and elements on this machine: `measure`."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
from rich.progress import Progress

from deepreshape.cli.networks import named
from deepreshape.design import AnyNetwork
from deepreshape.learn.training import processor
from deepreshape.paper.printed.entries import (
    WHOLE,
    garbled_networks,
    printed_wholes,
    timed_networks,
)
from deepreshape.private import garbled_counts, measured, measuring
from deepreshape.private.packings import PACKINGS
from deepreshape.private.program.drawn import garbled
from deepreshape.progress import Shown

Part = tuple[Iterable[Any], str, Callable[[Any], Any]]
"""What is timed, the field of the record that it belongs to, and how it is timed."""


def measure(
    networks: tuple[str, ...],
    wholes: tuple[str, ...],
    tables: bool,
    out: Path,
    limit: float,
    counted: Path | None,
    again: bool,
    quiet: bool,
) -> None:
    if counted is not None:
        _count([named(name) for name in networks], counted, again)
        return
    chosen = [named(name) for name in networks] or timed_networks()
    run = [str(named(name)) for name in wholes or (() if networks else (WHOLE,))]
    shapes = dict.fromkeys(
        shape
        for network in chosen
        for packing in PACKINGS
        for shape in measured.shapes(network, packing)
    )
    pairs = [measured.Whole(each, name) for each in PACKINGS for name in run]
    pairs += printed_wholes() if tables else []
    bench = cache(lambda packing: measuring.Bench(packing, limit))
    parts: list[Part] = [
        (measured.ELEMENTS, "elements", measuring.element),
        (shapes, "layers", lambda shape: bench(shape.packing).layer(shape)),
        (pairs, "wholes", _whole),
    ]
    record = _timed(_begun(out), parts, out, again, quiet)
    counts = len(record.layers), len(record.elements), len(record.wholes)
    click.echo("{}: {} layers, {} elements, {} whole inferences".format(out, *counts))


def _whole(which: measured.Whole) -> measured.WholeCost:
    """In a process of its own, whose memory holds nothing else."""
    with ProcessPoolExecutor(1, get_context("spawn")) as apart:
        work = apart.submit(measuring.whole, named(which.network), which.packing, which.relus)
        return work.result()


def _timed(
    record: measured.Measurements, parts: Iterable[Part], out: Path, again: bool, quiet: bool
) -> measured.Measurements:
    """The record with what its parts lack; it is written after each time."""
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
    return record


def _count(networks: Sequence[AnyNetwork], path: Path, again: bool) -> None:
    """Bring the counts of a file up to date, network by network."""
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


def _begun(path: Path) -> measured.Measurements:
    """The record of a file, or an empty one. Raises ValueError for one of another machine."""
    machine = processor.name()
    try:
        found = measured.read(path)
    except FileNotFoundError:
        return measured.Measurements(machine, {}, {}, {})
    if found.machine != machine:
        raise ValueError(f"{path} was timed on {found.machine}, this is {machine}: name another")
    return found
