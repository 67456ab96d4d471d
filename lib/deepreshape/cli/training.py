"""The command that makes one run: `train`."""

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from deepreshape.cli.arguments import (
    edited,
    json_option,
    machine_options,
    network_options,
    options,
    profile_option,
    store_option,
)
from deepreshape.cli.records import print_record
from deepreshape.cli.rows import one, open_store

if TYPE_CHECKING:
    from deepreshape.design import Network
    from deepreshape.learn.images.sets import DataSet
    from deepreshape.learn.runs.run import Run
    from deepreshape.learn.training.machine import Precision
    from deepreshape.paper.trained.profiles import Profile

recipe_options = options(
    click.option("--epochs", type=int, help="Epochs; after a search, those of the tuning."),
    click.option("--batch", type=int, help="Images of a step."),
    click.option("--rate", type=float, help="The highest learning rate."),
    click.option("--momentum", type=float, help="Of SGD."),
    click.option("--nesterov/--no-nesterov", default=None, help="Nesterov's momentum."),
    click.option("--weight-decay", type=float, help="Of SGD."),
    click.option("--warmup", type=float, help="Epochs in which the rate rises."),
    click.option(
        "--schedule", type=click.Choice(["cosine", "linear"]), help="How the rate falls to zero."
    ),
    click.option("--shift", type=int, help="Pixels by which images are shifted at most."),
    click.option("--flip/--no-flip", default=None, help="Mirror images at random."),
    click.option("--smoothing", type=float, help="Of the labels."),
    click.option("--small", type=float, help="Share of the epochs with images of half the side."),
)
"""What of a `learn.training.recipe.Recipe` is not as the profile has it."""


@click.command()
@network_options
@profile_option
@click.option("--data", help="Data set such as cifar100 [the profile's].")
@recipe_options
@click.option("--seed", type=int, default=1, show_default=True, help="Of weights and batches.")
@click.option("--teacher", help="Network to learn from; it is trained first, as the profile says.")
@click.option("--distil", metavar="KIND", help="How it teaches: kd, dkd or dist [kd].")
@click.option("--beta", type=float, help="Of DKD [1] or DIST [2].")
@click.option("--snl", type=int, help="ReLUs that SNL leaves.")
@click.option("--by", type=click.Choice(["pixel", "channel"]), help="What SNL keeps [pixel].")
@click.option("--senet", type=int, help="ReLUs that SENet leaves.")
@machine_options
@store_option
@json_option
def train(
    profile: str,
    data: str | None,
    seed: int,
    teacher: str | None,
    distil: str | None,
    beta: float | None,
    snl: int | None,
    by: Literal["pixel", "channel"] | None,
    senet: int | None,
    device: str,
    workers: int | None,
    precision: "Precision | None",
    quiet: bool,
    store: Path,
    as_json: bool,
    **arguments: Any,
) -> None:
    """Train NETWORK, fitted to the images and classes of a data set, and show its record.

    Whatever is not said is as the profile has it. With --snl or --senet the network is trained,
    then the search leaves it so many ReLUs, then it is tuned. A run that is recorded is not made
    again.
    """
    from deepreshape.learn.images.sets import parse as parse_data
    from deepreshape.learn.runs.executors import Executor, execute
    from deepreshape.learn.runs.run import Run
    from deepreshape.learn.training.recipe import Recipe
    from deepreshape.paper.trained.profiles import profile as find_profile

    _require_together(teacher, distil, beta, snl, by, senet)
    executor, size = (
        Executor(device, workers, show=not quiet, precision=precision),
        find_profile(profile),
    )
    images = size.images("cifar100") if data is None else parse_data(data)
    said = {field.name: arguments.pop(field.name, None) for field in fields(Recipe)}
    changes = {name: value for name, value in said.items() if value is not None}
    wanted = Run(_fitted(images, **arguments), images, size.recipe, seed)
    if snl is not None:
        search = replace(size.snl, budget=snl, by=by or "pixel")
        wanted = replace(wanted, recipe=size.tuning, teacher=wanted, search=search)
    if senet is not None:
        sought = replace(size.senet, budget=senet)
        wanted = replace(wanted, recipe=size.senet_tuning, teacher=wanted, search=sought)
    wanted = replace(wanted, recipe=replace(wanted.recipe, **changes))
    if teacher is not None:
        wanted = _taught(wanted, size, teacher, distil, beta)
    wanted = wanted.pinned()
    shelf = open_store(store)
    (record,) = execute([wanted], shelf, executor)
    if record.status == "failed":
        failed = wanted
        while shelf.get(failed) is None and failed.teacher is not None:
            failed = failed.teacher
        raise RuntimeError(
            f"run {record.key} failed: {record.error};"
            f" delete {shelf.path(failed)} to train it again"
        )
    print_record(one(store, record.key), as_json)


def _require_together(
    teacher: str | None,
    distil: str | None,
    beta: float | None,
    snl: int | None,
    by: str | None,
    senet: int | None,
) -> None:
    """Raise UsageError for options that make no sense together."""
    from deepreshape.learn.training.losses import DISTILLATIONS

    weighed = [name for name, kind in DISTILLATIONS.items() if hasattr(kind, "beta")]
    searches = snl is not None or senet is not None
    for is_wrong, why in (
        (
            beta is not None and distil not in weighed,
            f"--beta needs --distil {' or '.join(weighed)}",
        ),
        (distil is not None and teacher is None, "--distil needs --teacher"),
        (by is not None and snl is None, "--by needs --snl"),
        (snl is not None and senet is not None, "--snl and --senet: a run has one search"),
        (
            teacher is not None and searches,
            "--teacher: a search has the network that it starts from as its teacher",
        ),
    ):
        if is_wrong:
            raise click.UsageError(why)


def _fitted(
    images: "DataSet", network: str, resolution: int | None, classes: int | None, **edits: Any
) -> "Network":
    """A network for the images; where its name or an option says otherwise, that stays."""
    if "@" not in network:
        resolution = images.resolution if resolution is None else resolution
        classes = images.classes if classes is None else classes
    return edited(network, resolution, classes, **edits)


def _taught(
    run: "Run", size: "Profile", teacher: str, distil: str | None, beta: float | None
) -> "Run":
    """The run with a teacher, which the profile's recipe for teachers trains."""
    from deepreshape.design import parse
    from deepreshape.learn.training.losses import distillation

    images = run.data
    fit = () if "@" in teacher else (images.resolution, images.classes)
    taught = replace(run, network=parse(teacher, *fit), recipe=size.teacher_recipe, seed=1)
    kind = distillation(distil or "kd")(**({} if beta is None else {"beta": beta}))
    return replace(run, recipe=replace(size, recipe=run.recipe).taught(kind), teacher=taught)
