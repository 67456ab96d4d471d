"""A net so small that a search of it takes a moment, and what a search needs beside it."""

from collections.abc import Callable
from pathlib import Path

from deepreshape.design import Network, Stage
from deepreshape.learn.images.sets import DataSet, Images, load
from deepreshape.learn.search.masks import Found
from deepreshape.learn.search.searches import Search, searched
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.nets import Net, build
from deepreshape.learn.training.recipe import Recipe
from deepreshape.learn.training.teacher import Teacher, teacher

NETWORK = Network(4, (Stage(4, 1), Stage(8, 1)), 8, 10)
RELUS = 3 * 4 * 64 + 2 * 8 * 16
"""Three sites of 4 channels of 8 x 8 pixels, two of 8 channels of 4 x 4."""
RECIPE = Recipe(shift=1)
STEPS = 4  # of 20 in 80 images


def digits() -> Images:
    return load(DataSet("mnist5k", per_class=8, size=8))


def baseline(network: Network = NETWORK) -> Net:
    return build(network, 99).eval()


def seek(
    search: Search,
    machine: Machine,
    net: Net | None = None,
    checkpoint: Path | None = None,
    progress: Callable[[int], None] = lambda images: None,
    seed: int = 7,
    taught: Teacher | None = None,
    trajectory: Path | None = None,
) -> Found:
    """What a search finds in the baseline's net."""
    images = digits()
    taught = taught or teacher(baseline(), images, machine, None, "shown", 99)
    net = net or baseline()
    return searched(
        search, net, RECIPE, images, seed, machine, taught, checkpoint, progress, trajectory
    )


def kept(found: Found) -> int:
    return sum(int(mask.sum()) for mask in found.masks.values())


def without_times(found: Found) -> list[dict[str, object]]:
    return [
        {name: value for name, value in entry.items() if name != "seconds"}
        for entry in found.history
    ]
