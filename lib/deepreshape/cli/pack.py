"""The command `pack`: from the weights of a recorded run to a private model."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import click
import numpy.typing as npt
from torch import Tensor

from deepreshape.classes import class_names
from deepreshape.cli.output import print_json
from deepreshape.cli.private import UNBOUNDED, drawn
from deepreshape.cli.rows import Recorded, one
from deepreshape.cli.tables import new_table, show
from deepreshape.design import parse
from deepreshape.learn.images.sets import load
from deepreshape.learn.images.sets import parse as parse_data
from deepreshape.learn.runs.record import Record
from deepreshape.learn.search.masks import load_masks
from deepreshape.learn.tensor_files import load_tensors
from deepreshape.private.asking import Pixels
from deepreshape.private.packings import DEFAULT
from deepreshape.private.program.compiled import (
    Agreement,
    Compiled,
    agreement,
    compiled,
    floating_logits,
)
from deepreshape.private.program.model import Fact, Model, write
from deepreshape.private.program.quantise import Precision
from deepreshape.private.program.steps import Program
from deepreshape.private.sessions import both
from deepreshape.progress import Shown

Arrays = dict[str, npt.NDArray[Any]]


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
    if out.exists() and not out.is_file():
        raise ValueError(f"{out} is no file, and a model is not written in its place")
    found = one(store, key)
    if found.record.status != "done":
        raise ValueError(f"the run {found.record.key} failed, so it has no weights")
    weights, masks = _trained(found)
    data = parse_data(str(found.record.run["data"]))
    images = load(replace(data, digest=found.record.data_digest))
    network = parse(str(found.record.run["network"]))
    bits = Precision(activation=activation_bits, weight=weight_bits)
    seen = images.train.images[drawn(len(images.train), 256)].numpy()
    made = compiled(network, weights, masks, seen, images.mean, images.std, bits)
    chosen = drawn(len(images.test), check)
    pictures = images.test.images[chosen].numpy()
    same = _compared(made, pictures, images.test.labels[chosen].numpy(), quiet)
    if 100 * same.alike < least_alike:
        raise ValueError(
            f"only {100 * same.alike:.2f} % of {same.images:,} test images are classified as in"
            f" floating point, of {least_alike:g} % wanted: nothing is written"
        )
    program = replace(made.program, classes=_class_names(found.record.run["data"], made.program))
    model = Model(program, made.weights, _about(found.record, made, same))
    if len(asked := pictures[:count]):
        alike = {"asked": len(asked), "asked_alike": _alike(made, model, asked)}
        model = replace(model, about={**model.about, **alike})
    write(out.resolve(), model)
    for line in _doubts(made, same):
        click.echo(line, err=True)
    if as_json:
        print_json(model.about)
    else:
        _print(model.about, out)


def _compared(made: Compiled, pictures: Pixels, labels: npt.NDArray[Any], quiet: bool) -> Agreement:
    """Fixed point against floating point on images, with progress."""
    with Shown("{task.description}", quiet=quiet) as progress:
        task = progress.add_task("comparing with floating point", total=len(pictures))
        return agreement(made, pictures, labels, lambda n: progress.advance(task, n))


def _about(record: Record, made: Compiled, same: Agreement) -> dict[str, Fact]:
    """What a model says of itself; `ABOUT` has the words."""
    return {
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


def _print(about: Mapping[str, Fact], out: Path) -> None:
    table = new_table("", ">")
    for name, value in about.items():
        table.add_row(ABOUT[name], f"{value:,}" if isinstance(value, int) else str(value))
    table.add_row("file", f"{out} ({out.stat().st_size / 1e6:.2f} MB)")
    show(table)


def _class_names(data: object, program: Program) -> tuple[str, ...]:
    """The names of a data set's classes, where they are those of a program's logits."""
    names = class_names(str(data))
    return names if len(names) == prod(program.steps[-1].shape) else ()


ALIKE = 99.0
"""Percent of test images classified as in floating point, below which bits are missing."""


def _doubts(made: Compiled, same: Agreement) -> Iterator[str]:
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


def _alike(made: Compiled, model: Model, images: Pixels) -> int:
    """How many images client and server classify as the net does in floating point."""
    outcome = both(model, DEFAULT, lambda program: list(images)).outcome
    found = [each.logits.argmax() for each in outcome.images]
    return int((floating_logits(made, images).argmax(axis=1) == found).sum())


def _trained(found: Recorded) -> tuple[Arrays, Arrays]:
    """Weights and masks that lie beside a record. Raises ValueError where they do not."""
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


def _arrays(tensors: Mapping[str, Tensor]) -> Arrays:
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
