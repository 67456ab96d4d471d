"""The command `pack`: from the weights of a recorded run to a private model."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deepreshape.classes import class_names
from deepreshape.cli.arguments import json_option, quiet_option, store_option
from deepreshape.cli.output import print_json
from deepreshape.cli.private import UNBOUNDED, drawn
from deepreshape.cli.rows import Recorded, one
from deepreshape.cli.tables import new_table, show
from deepreshape.private.packings import DEFAULT

if TYPE_CHECKING:
    from typing import Any

    import numpy.typing as npt
    from torch import Tensor

    from deepreshape.private.program.compiled import Agreement, Compiled
    from deepreshape.private.program.model import Model
    from deepreshape.private.program.steps import Program
    from deepreshape.private.sessions import Pixels

    Arrays = dict[str, npt.NDArray[Any]]


@click.command()
@click.argument("key")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file, such as mine.safetensors.",
)
@click.option(
    "--check",
    type=click.IntRange(1),
    default=2000,
    show_default=True,
    help="Test images on which fixed point is compared with floating point.",
)
@click.option(
    "--run",
    "count",
    type=click.IntRange(0),
    default=20,
    show_default=True,
    help="Test images that client and server then classify, to be compared as well.",
)
@click.option(
    "--activation-bits",
    type=click.IntRange(4, 24),
    default=13,
    show_default=True,
    help="Of the largest activation behind a ReLU, without the sign.",
)
@click.option(
    "--weight-bits",
    type=click.IntRange(2, 16),
    default=10,
    show_default=True,
    help="Of the largest weight of a layer, without the sign; fewer where its noise would show.",
)
@click.option(
    "--least-alike",
    type=click.FloatRange(0, 100),
    default=0.0,
    help="Percent of the test images that have to be classified alike, or nothing is written.",
)
@quiet_option
@store_option
@json_option
def pack(
    key: str,
    out: Path,
    check: int,
    count: int,
    activation_bits: int,
    weight_bits: int,
    least_alike: float,
    quiet: bool,
    store: Path,
    as_json: bool,
) -> None:
    """Write the trained net of the recorded run KEY as a private model, in fixed point."""
    from deepreshape.design import parse
    from deepreshape.learn.images.sets import load
    from deepreshape.learn.images.sets import parse as parse_data
    from deepreshape.private.program.compiled import agreement, compiled
    from deepreshape.private.program.model import Model, write
    from deepreshape.private.program.quantise import Precision
    from deepreshape.progress import Shown

    if out.exists() and not out.is_file():
        raise ValueError(f"{out} is no file, and a model is not written in its place")
    found = one(store, key)
    record = found.record
    if record.status != "done":
        raise ValueError(f"the run {record.key} failed, so it has no weights")
    arrays, masks = _trained(found)
    images = load(replace(parse_data(str(record.run["data"])), digest=record.data_digest))
    made = compiled(
        parse(str(record.run["network"])),
        arrays,
        masks,
        images.train.images[drawn(len(images.train), 256)].numpy(),
        images.mean,
        images.std,
        Precision(activation=activation_bits, weight=weight_bits),
    )
    chosen = drawn(len(images.test), check)
    pictures, labels = images.test.images[chosen].numpy(), images.test.labels[chosen].numpy()
    with Shown("{task.description}", quiet=quiet) as progress:
        task = progress.add_task("comparing with floating point", total=len(pictures))
        same = agreement(made, pictures, labels, lambda n: progress.advance(task, n))
    about: dict[str, str | int | float | None] = {
        "network": str(record.run["network"]),
        "data": str(record.run["data"]),
        "run": record.key,
        "test": record.test,
        "relus": made.program.relus,
        "truncations": made.program.truncations,
        "bounded": "no" if made.open else "yes",
        "checked": same.images,
        "floating": round(100 * same.floating, 4),
        "fixed": round(100 * same.fixed, 4),
        "alike": round(100 * same.alike, 4),
        "difference": float(f"{same.difference:.3g}"),
    }
    if 100 * same.alike < least_alike:
        raise ValueError(
            f"only {100 * same.alike:.2f} % of {same.images:,} test images are classified as in"
            f" floating point, of {least_alike:g} % wanted: nothing is written"
        )
    program = replace(made.program, classes=_class_names(record.run["data"], made.program))
    model = Model(program, made.weights, about)
    if len(asked := pictures[:count]):
        about |= {"asked": len(asked), "asked_alike": _alike(made, model, asked)}
    write(out.resolve(), model)
    for line in _doubts(made, same):
        click.echo(line, err=True)
    if as_json:
        print_json(about)
        return
    table = new_table("", ">")
    for name, value in about.items():
        table.add_row(ABOUT[name], f"{value:,}" if isinstance(value, int) else str(value))
    table.add_row("file", f"{out} ({out.stat().st_size / 1e6:.2f} MB)")
    show(table)


def _class_names(data: object, program: "Program") -> tuple[str, ...]:
    """The names of a data set's classes, where they are those of a program's logits."""
    names = class_names(str(data))
    return names if len(names) == prod(program.steps[-1].shape) else ()


ALIKE = 99.0
"""Percent of test images classified as in floating point, below which bits are missing."""


def _doubts(made: "Compiled", same: "Agreement") -> Iterator[str]:
    """What a user should know of a model that was made, a line each."""
    if 100 * same.alike < ALIKE:
        yield (
            f"note: only {100 * same.alike:.2f} % of {same.images:,} test images are classified as"
            " in floating point: give activations or weights more bits"
        )
    for name, (few, channels) in made.faint.items():
        yield (
            f"note: {name}: {few} of {channels} channels have weights so far below the largest of"
            " the layer that little of them is left in fixed point"
        )
    if made.open:
        yield f"{UNBOUNDED} (first at {made.open[0]})"


def _alike(made: "Compiled", model: "Model", images: "Pixels") -> int:
    """How many images client and server classify as the net does in floating point."""
    from deepreshape.private.program.compiled import floating_logits
    from deepreshape.private.sessions import both

    outcome = both(model, DEFAULT, lambda program: list(images)).outcome
    found = [each.logits.argmax() for each in outcome.images]
    return int((floating_logits(made, images).argmax(axis=1) == found).sum())


def _trained(found: Recorded) -> "tuple[Arrays, Arrays]":
    """Weights and masks that lie beside a record. Raises ValueError where they do not."""
    from deepreshape.learn.search.masks import load_masks
    from deepreshape.learn.tensor_files import load_tensors

    try:
        tensors, _, digest = load_tensors(found.path.with_suffix(".safetensors"))
        masks, masks_digest = (
            load_masks(found.path.with_suffix(".masks.safetensors"))
            if found.record.masks_digest is not None
            else ({}, None)
        )
    except FileNotFoundError as error:
        raise ValueError(f"{error} is not there: the weights of this run were not kept") from None
    if (digest, masks_digest) != (found.record.weights_digest, found.record.masks_digest):
        raise ValueError(f"the weights or masks beside {found.path} are not those of the record")
    return _arrays(tensors), _arrays(masks)


def _arrays(tensors: "Mapping[str, Tensor]") -> "Arrays":
    return {name: tensor.numpy() for name, tensor in tensors.items()}


ABOUT = {
    "network": "network",
    "data": "data",
    "run": "run",
    "test": "test accuracy of the record",
    "relus": "ReLUs",
    "truncations": "elements truncated without a ReLU",
    "bounded": "no image can leave the ring",
    "checked": "test images compared",
    "floating": "floating point, accuracy",
    "fixed": "fixed point, accuracy",
    "alike": "classified alike",
    "difference": "largest difference of logits, relative",
    "asked": "test images classified by client and server",
    "asked_alike": "of them as in floating point",
}
