"""The command that makes one run: `train`."""

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Literal

import click

from deepreshape import places
from deepreshape.cli.data import asked, decoded
from deepreshape.cli.networks import named
from deepreshape.cli.record import print_record
from deepreshape.cli.rows import one
from deepreshape.cli.usage.arguments import edited
from deepreshape.design import AnyNetwork
from deepreshape.learn.images.sets import DataSet
from deepreshape.learn.runs import executors
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.training.losses import DISTILLATIONS, distillation
from deepreshape.learn.training.machine import Precision
from deepreshape.learn.training.recipe import Recipe
from deepreshape.paper.trained.profiles import Profile
from deepreshape.paper.trained.profiles import profile as find_profile


def train(
    profile: str,
    data: str | None,
    skip_damaged: bool,
    seed: int,
    teacher: str | None,
    distil: str | None,
    beta: float | None,
    snl: int | None,
    by: Literal["pixel", "channel"] | None,
    senet: int | None,
    backend: str | None,
    device: str,
    workers: int | None,
    precision: Precision | None,
    quiet: bool,
    store: Path,
    as_json: bool,
    **arguments: Any,
) -> None:
    _require_together(teacher, distil, beta, snl, by, senet)
    executor = executors.Executor(device, workers, not quiet, precision, backend)
    size = find_profile(profile)
    images = asked(data, skip_damaged) or size.images("cifar100")
    changes = recipe_changes(arguments)
    wanted = Run(fitted(images, **arguments), images, size.recipe, seed)
    wanted = _searched(wanted, size, snl, by, senet)
    wanted = replace(wanted, recipe=replace(wanted.recipe, **changes))
    if teacher is not None:
        wanted = taught(wanted, size, teacher, distil, beta)
    decoded(images, quiet)
    wanted = wanted.pinned()
    shelf = Store(store, places.RECORDED)
    (record,) = made([wanted], shelf, executor)
    print_record(one(store, record.key), as_json)


def recipe_changes(arguments: dict[str, Any]) -> dict[str, Any]:
    """What a command's arguments say of a recipe, which is taken out of them."""
    said = {field.name: arguments.pop(field.name, None) for field in fields(Recipe)}
    return {name: value for name, value in said.items() if value is not None}


def made(runs: Sequence[Run], shelf: Store, executor: executors.Executor) -> list[Record]:
    """The records of runs, made where they are missing. Raises RuntimeError for one that failed."""
    records = executors.execute(runs, shelf, executor)
    for run, record in zip(runs, records, strict=True):
        if record.status == "failed":
            raise RuntimeError(
                f"run {record.key} failed: {record.error};"
                f" delete {shelf.path(_failed(run, shelf))} to train it again"
            )
    return records


def _require_together(
    teacher: str | None,
    distil: str | None,
    beta: float | None,
    snl: int | None,
    by: str | None,
    senet: int | None,
) -> None:
    """Raise UsageError for options that make no sense together."""
    weighed = [name for name, kind in DISTILLATIONS.items() if hasattr(kind, "beta")]
    if beta is not None and distil not in weighed:
        raise click.UsageError(f"--beta needs --distil {' or '.join(weighed)}")
    if distil is not None and teacher is None:
        raise click.UsageError("--distil needs --teacher")
    if by is not None and snl is None:
        raise click.UsageError("--by needs --snl")
    if snl is not None and senet is not None:
        raise click.UsageError("--snl and --senet: a run has one search")
    if teacher is not None and (snl is not None or senet is not None):
        raise click.UsageError(
            "--teacher: a search has the network that it starts from as its teacher"
        )


def fitted(
    images: DataSet, network: str, resolution: int | None, classes: int | None, **edits: Any
) -> AnyNetwork:
    """A network for the images; where its name or an option says otherwise, that stays."""
    if "@" not in network:
        resolution = images.resolution if resolution is None else resolution
        classes = images.classes if classes is None else classes
    return edited(network, resolution, classes, **edits)


def _searched(
    run: Run,
    size: Profile,
    snl: int | None,
    by: Literal["pixel", "channel"] | None,
    senet: int | None,
) -> Run:
    """The run, or a search that starts from it, which the profile's recipe tunes."""
    if snl is not None:
        search = replace(size.snl, budget=snl, by=by or "pixel")
        return replace(run, recipe=size.tuning, teacher=run, search=search)
    if senet is not None:
        sought = replace(size.senet, budget=senet)
        return replace(run, recipe=size.senet_tuning, teacher=run, search=sought)
    return run


def taught(run: Run, size: Profile, teacher: str, distil: str | None, beta: float | None) -> Run:
    """The run with a teacher, which the profile's recipe for teachers trains."""
    images = run.data
    fit = () if "@" in teacher else (images.resolution, images.classes)
    taught = replace(run, network=named(teacher, *fit), recipe=size.teacher_recipe, seed=1)
    kind = distillation(distil or "kd")(**({} if beta is None else {"beta": beta}))
    return replace(run, recipe=replace(size, recipe=run.recipe).taught(kind), teacher=taught)


def _failed(run: Run, shelf: Store) -> Run:
    """Of a run that failed and its teachers, the one whose record says so."""
    while shelf.get(run) is None and run.teacher is not None:
        run = run.teacher
    return run
