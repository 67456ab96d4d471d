"""A trained net as a private model: what needs both `learn` and `private`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from deepreshape.classes import class_names
from deepreshape.design import AnyNetwork
from deepreshape.learn.images.sets import Images, load, parse
from deepreshape.learn.runs.record import Record
from deepreshape.learn.search.masks import Masked
from deepreshape.learn.trained import Trained
from deepreshape.private.program.compiled import Compiled, compiled
from deepreshape.private.program.model import Fact, Model
from deepreshape.private.program.public import NAME
from deepreshape.private.program.quantise import Precision
from deepreshape.private.program.steps import Program

Arrays = Mapping[str, npt.NDArray[Any]]
SEEN = 256
"""Training images that show how large numbers get."""


def pack(trained: Trained, precision: Precision | None = None) -> Model:
    """A trained net in the fixed point of private inference, as `deepreshape pack` makes it.

    precision: bits of activations and weights. `private.program.model.write` keeps it in a file.
    Raises ValueError where the net does not fit.
    """
    images = load(trained.run.data)
    weights = {name: tensor.numpy() for name, tensor in trained.weights.items()}
    modules = trained.net.named_modules()
    masks = {name: each.mask[0].numpy() for name, each in modules if isinstance(each, Masked)}
    found = fixed_point(trained.run.network, weights, masks, images, precision or Precision())
    about: dict[str, Fact] = {
        **origin(trained.record),
        "relus": found.program.relus,
        "truncations": found.program.truncations,
        "bounded": "no" if found.open else "yes",
    }
    named = fitting(class_list(trained.record), found.program)
    return Model(replace(found.program, classes=named), found.weights, about)


def fixed_point(
    network: AnyNetwork,
    weights: Arrays,
    masks: Arrays,
    images: Images,
    precision: Precision,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
) -> Compiled:
    """A net of these weights and masks in fixed point, its ranges from images of these.

    mean, std: of the pixels, a number for each colour, by which the net's images were normalised;
    those of `images` without.
    """
    seen = images.train.images[drawn(len(images.train), SEEN)].numpy()
    normal = (mean or images.mean, std or images.std)
    return compiled(network, weights, masks, seen, *normal, precision)


def origin(record: Record) -> dict[str, Fact]:
    """Of which run a model is, and by which images, for its card."""
    data = str(record.run["data"])
    return {
        "network": str(record.run["network"]),
        "data": data,
        **({} if parse(data).digest else {"images": record.data_digest}),
        "run": record.key,
        "test": record.test,
    }


def class_list(record: Record) -> tuple[str, ...]:
    """The names of the classes that a run was trained on, where they have names."""
    return record.classes or class_names(str(record.run["data"]))


def fitting(names: Sequence[str], program: Program) -> tuple[str, ...]:
    """The names of a data set's classes, where they are those of a program's logits; a name that is
    too long for a program is cut."""
    short = (f"{name[: NAME - 1]}…" if len(name) > NAME else name for name in names)
    return tuple(short) if len(names) == prod(program.steps[-1].shape) else ()


def drawn(images: int, count: int) -> list[int]:
    """So many of the images, always the same: sets are ordered by class."""
    found: list[int] = np.random.default_rng(0).permutation(images)[:count].tolist()
    return found
