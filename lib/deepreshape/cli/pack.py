"""The command `pack`: from the weights of a recorded run, or of elsewhere, to a private model."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy.typing as npt
from torch import Tensor

from deepreshape.classes import class_names
from deepreshape.cli.data import decoded
from deepreshape.cli.networks import is_reference, named
from deepreshape.cli.output import print_json
from deepreshape.cli.private import UNBOUNDED
from deepreshape.cli.rows import Recorded, one
from deepreshape.cli.tables import new_table, show
from deepreshape.design import AnyNetwork, parse
from deepreshape.learn.images.sets import DataSet, contents, load
from deepreshape.learn.images.sets import parse as parse_data
from deepreshape.learn.modules.references import referenced
from deepreshape.learn.modules.weights import load_file
from deepreshape.learn.search.masks import load_masks
from deepreshape.learn.tensor_files import load_tensors
from deepreshape.learn.training.nets import build
from deepreshape.packed import class_list, drawn, fitting, fixed_point, origin
from deepreshape.private.asking import Pixels
from deepreshape.private.packings import DEFAULT
from deepreshape.private.program.compiled import (
    Agreement,
    Compiled,
    agreement,
    floating_logits,
)
from deepreshape.private.program.model import Fact, Model, write
from deepreshape.private.program.quantise import Precision
from deepreshape.private.sessions import both
from deepreshape.progress import Shown

Arrays = dict[str, npt.NDArray[Any]]


class Source(NamedTuple):
    """What is packed: a trained net as arrays, its images, and what a model says of it."""

    network: AnyNetwork
    weights: Arrays
    masks: Arrays
    data: DataSet
    classes: tuple[str, ...]
    about: dict[str, Fact]


def pack(
    key: str,
    weights: Path | None,
    data: str | None,
    mean: tuple[float, ...] | None,
    std: tuple[float, ...] | None,
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
    if weights is None and not is_reference(key):
        if data or mean or std:
            raise click.UsageError("--data, --mean and --std go with --weights, or with a module")
        source = _of_run(one(store, key))
    else:
        source = _of_weights(key, weights, data, quiet)
    images = load(source.data)
    bits = Precision(activation=activation_bits, weight=weight_bits)
    made = fixed_point(source.network, source.weights, source.masks, images, bits, mean, std)
    chosen = drawn(len(images.test), check)
    pictures = images.test.images[chosen].numpy()
    same = _compared(made, pictures, images.test.labels[chosen].numpy(), quiet)
    if 100 * same.alike < least_alike:
        raise ValueError(
            f"only {100 * same.alike:.2f} % of {same.images:,} test images are classified as in"
            f" floating point, of {least_alike:g} % wanted: nothing is written"
        )
    program = replace(made.program, classes=fitting(source.classes, made.program))
    model = Model(program, made.weights, source.about | _about(made, same))
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


def _of_run(found: Recorded) -> Source:
    """The net of a recorded run. Raises ValueError where it failed, or its weights are gone."""
    record = found.record
    if record.status != "done":
        raise ValueError(f"the run {record.key} failed, so it has no weights")
    network, about = named(str(record.run["network"])), origin(record)
    images = replace(parse_data(str(record.run["data"])), digest=record.data_digest)
    return Source(network, *_trained(found), images, class_list(record), about)


def _of_weights(network: str, file: Path | None, data: str | None, quiet: bool) -> Source:
    """A network with the weights of a file, or a module with those that it is made with. Raises
    ValueError where network, weights and images do not fit."""
    if data is None:
        raise click.UsageError(
            "--data: a network with weights of elsewhere needs images, on which numbers are"
            " measured and fixed point is compared with floating point"
        )
    images = parse_data(data)
    decoded(images, quiet)
    is_sized = "@" in network
    side, classes = (None, None) if is_sized else (images.resolution, images.classes)
    if is_reference(network):
        net = referenced(network, side, classes, file)
    else:
        net = build(parse(network, side, classes), seed=0).eval()
        assert file is not None  # `pack` comes here with a file, or with a module
        load_file(net, file)
    found = net.network
    if (found.resolution, found.classes) != (images.resolution, images.classes):
        raise ValueError(
            f"{found.name} takes {found.resolution} pixels and has {found.classes} classes;"
            f" {images} has {images.resolution} and {images.classes}"
        )
    about: dict[str, Fact] = {"network": str(found), "data": str(images)}
    about |= {"weights": file.name if file else network}
    names = contents(images)[0] or class_names(str(images))
    return Source(found, _arrays(net.state_dict()), {}, images, names, about)


def _compared(made: Compiled, pictures: Pixels, labels: npt.NDArray[Any], quiet: bool) -> Agreement:
    """Fixed point against floating point on images, with progress."""
    with Shown("{task.description}", quiet=quiet) as progress:
        task = progress.add_task("comparing with floating point", total=len(pictures))
        return agreement(made, pictures, labels, lambda n: progress.advance(task, n))


def _about(made: Compiled, same: Agreement) -> dict[str, Fact]:
    """What a model says of itself; `ABOUT` has the words."""
    return {
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
    "images": "SHA-256 of the images",
    "run": "run",
    "weights": "weights",
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
