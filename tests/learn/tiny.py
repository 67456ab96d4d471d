"""Runs so small that each takes a moment, and how they are stopped and compared."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from torch import Tensor, nn

from deepreshape.design import Network, Stage
from deepreshape.learn.images.sets import DataSet, Images, load
from deepreshape.learn.runs.run import Run
from deepreshape.learn.search.searches import SNL, SENet
from deepreshape.learn.training.losses import DIST, DKD, KD
from deepreshape.learn.training.nets import Net, build
from deepreshape.learn.training.recipe import Recipe

NETWORK = Network(4, (Stage(4, 1), Stage(8, 1)), 8, 10)
DATA = DataSet("mnist5k", per_class=8, size=8)
RECIPE = Recipe(epochs=3, batch=20, rate=0.05, shift=1)
PLAIN = replace(RECIPE, shift=0, flip=False)
STEPS = 4
"""Batches of 20 in 80 images."""

RUN = Run(NETWORK, DATA, RECIPE)
TEACHER = replace(RUN, seed=9)
TAUGHT = replace(RUN, teacher=TEACHER)
FAILING = replace(RUN, recipe=replace(RECIPE, rate=1e9))
SEARCHED = replace(TAUGHT, search=SNL(300, epochs=3, batch=20, penalty=1e-3))
"""A search that takes its three epochs."""
SENSED = replace(TAUGHT, search=SENet(300, sensitivity_epochs=1, epochs=2, batch=20))

DISTILLING = {
    "KD": replace(RECIPE, distillation=KD()),
    "DKD": replace(RECIPE, distillation=DKD(beta=2.0, warmup=2.0)),
    "DIST": replace(RECIPE, distillation=DIST()),
    "PRAM": replace(RECIPE, pram=100.0),
}
"""Each way to learn from a teacher."""

OTHER_RECIPE: dict[str, Any] = {
    "epochs": 4,
    "batch": 21,
    "rate": 0.04,
    "momentum": 0.8,
    "nesterov": True,
    "weight_decay": 1e-4,
    "warmup": 1.0,
    "schedule": "linear",
    "shift": 2,
    "flip": False,
    "smoothing": 0.1,
    "small": 0.5,
    "distillation": KD(temperature=5),
    "pram": 1000.0,
}
"""For every field of a recipe, another value than the default."""


def digits() -> Images:
    return load(DATA)


def weights(net: nn.Module) -> dict[str, Tensor]:
    """A copy of all that a net holds."""
    return {name: value.clone() for name, value in net.state_dict().items()}


def same(left: Mapping[str, Tensor], right: Mapping[str, Tensor]) -> bool:
    """Equal names, and equal tensors bit for bit."""
    return left.keys() == right.keys() and all(left[name].equal(right[name]) for name in left)


def same_net(left: nn.Module, right: nn.Module) -> bool:
    return same(left.state_dict(), right.state_dict())


def fresh(seed: int = 1) -> Net:
    return build(NETWORK, seed)


class Interrupted(Exception):
    pass


def stop_at(call: int | None) -> Callable[[int], None]:
    """A progress callback that raises at its call of this number, counted from 0."""
    calls = itertools.count()

    def progress(images: int) -> None:
        if next(calls) == call:
            raise Interrupted

    return progress
