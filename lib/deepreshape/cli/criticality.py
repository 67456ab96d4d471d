"""The command that orders the stages of a network by how critical their ReLUs are."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import isnan
from pathlib import Path
from shlex import quote
from typing import Any

import click

from deepreshape import places
from deepreshape.cli.data import asked, decoded
from deepreshape.cli.output import print_json
from deepreshape.cli.tables import Columns, Row, say, show, table_of
from deepreshape.cli.train import fitted, made, recipe_changes, taught
from deepreshape.design import Network
from deepreshape.design.architectures import Basic
from deepreshape.learn.runs.executors import Executor
from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.training.machine import Precision
from deepreshape.paper.trained.ordering import Neighbours, Ordering, Stage, alone_runs, ordering
from deepreshape.paper.trained.profiles import profile as find_profile

LABELS = "none"
"""A teacher that is none."""


def criticality(
    profile: str,
    data: str | None,
    skip_damaged: bool,
    seeds: tuple[int, ...],
    teacher: str | None,
    device: str,
    workers: int | None,
    precision: Precision | None,
    quiet: bool,
    store: Path,
    as_json: bool,
    **arguments: Any,
) -> None:
    executor = Executor(device, workers, show=not quiet, precision=precision)
    size = find_profile(profile)
    images = asked(data, skip_damaged) or size.images("cifar100")
    recipe = replace(size.recipe, **recipe_changes(arguments))
    run = Run(fitted(images, **arguments), images, recipe)
    teacher = size.teacher.name if teacher is None else teacher
    if teacher.lower() != LABELS:
        run = taught(run, size, teacher, None, None)
    decoded(images, quiet)
    runs = alone_runs(run.pinned(), seeds)
    shelf = Store(store, places.RECORDED)
    listed = made([each for stage in runs.values() for each in stage], shelf, executor)
    records = {
        stage: listed[number * len(seeds) : (number + 1) * len(seeds)]
        for number, stage in enumerate(runs)
    }
    found = ordering(run.network, records, listed[0].tested or images.source.known.test)
    whole = _described(run, profile, seeds, found)
    if as_json:
        print_json(whole)
    else:
        _print(whole, found)


def _described(run: Run, profile: str, seeds: tuple[int, ...], found: Ordering) -> Row:
    network = run.network
    return {
        "network": network.name,
        "data": str(run.data),
        "profile": profile,
        "teacher": run.teacher.network.name if run.teacher else None,
        "seeds": list(seeds),
        "stages": [_stage(each) for each in found.stages],
        "order": list(found.order),
        "neighbours": [_neighbours(each) for each in found.pairs],
        "command": _command(run, found),
    }


def _command(run: Run, found: Ordering) -> str | None:
    """How to search for designs in that order; None for a network that it does not make."""
    network = run.network
    if not (isinstance(network, Network) and isinstance(network.block, Basic)):
        return None
    order, depths = (",".join(map(str, each)) for each in (found.order, network.depths))
    return (
        f"deepreshape suggest --order {order} --depths {depths} --input {network.resolution}"
        f" --classes {network.classes} --data {quote(str(run.data))}"
    )


def _stage(found: Stage) -> Row:
    return {
        "stage": found.number,
        "network": found.network.name,
        "relus": found.relus,
        "accuracies": list(found.accuracies),
        "accuracy": found.accuracy,
        "criticality": found.criticality,
        "half_interval": _known(found.half),
        "near_chance": found.near_chance,
    }


def _neighbours(found: Neighbours) -> Row:
    return {
        "more": found.more,
        "less": found.less,
        "gain": found.gain,
        "half_interval": _known(found.half),
        "p": _known(found.p),
        "separated": found.separated,
    }


def _known(number: float) -> float | None:
    """JSON has no NaN."""
    return None if isnan(number) else number


def _print(whole: Row, found: Ordering) -> None:
    taught = f"by {whole['teacher']}" if whole["teacher"] else "on the labels alone"
    say(
        f"{whole['network']} on {whole['data']}, profile {whole['profile']}, trained {taught},"
        " with the ReLUs of one stage alone"
    )
    columns: Columns = {
        "stage": "{stage}",
        "ReLUs>": "{relus:,}",
        "seeds>": lambda row: str(len(row["accuracies"])),
        "test (%)>": "{accuracy:.2f}",
        "C_k>": "{criticality:.2f}",
        "± 95 %>": lambda row: _interval(row["half_interval"]),
        "": lambda row: "near chance" if row["near_chance"] else "",
    }
    show(table_of(whole["stages"], columns))
    say(" > ".join(f"S{stage}" for stage in found.order))
    for sentence in _separations(found.pairs):
        say(sentence)
    if whole["command"]:
        click.echo(whole["command"])


def _interval(half: float | None) -> str:
    return "" if half is None else f"{half:.2f}"


def _separations(pairs: Sequence[Neighbours]) -> Iterator[str]:
    """Which stages could as well change places."""
    if any(isnan(pair.half) for pair in pairs):
        yield "One seed does not say how far apart stages are: no two are separated (--seeds 1-3)."
        return
    unsure = [pair for pair in pairs if not pair.separated]
    for pair in unsure:
        yield (
            f"S{pair.more} and S{pair.less} are not separated: {pair.gain:.2f} ± {pair.half:.2f}"
            " apart in C_k."
        )
    if not unsure:
        yield "Each is separated from the next by the 95 % interval of their difference."
