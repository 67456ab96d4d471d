"""Points and claims of made-up series, and records for them."""

from dataclasses import replace

from deepreshape.design import resnet18
from deepreshape.learn.images.sets import DataSet
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.training.recipe import Recipe
from deepreshape.paper.trained.experiments import Claim, Point
from tests.paper.records import records

IMAGES = DataSet("cifar100")


def point(series: str, m: int, seeds: tuple[int, ...] = (1,), images: DataSet = IMAGES) -> Point:
    """Of a ResNet18 with base channels m, whose ReLUs are in proportion to m. Series are told apart
    by their epochs, so that no two share a run."""
    network = replace(resnet18(m), resolution=images.resolution, classes=images.classes)
    recipe = Recipe(epochs=sum(map(ord, series)))
    return Point("a", series, resnet18(m), tuple(Run(network, images, recipe, s) for s in seeds))


def curve(series: str, *widths: int, seeds: tuple[int, ...] = (1,)) -> tuple[Point, ...]:
    return tuple(point(series, m, seeds) for m in widths)


def paired(seeds: tuple[int, ...], series: str = "x") -> Claim:
    ahead, behind = curve(series, 1, seeds=seeds), curve("y", 1, seeds=seeds)
    return Claim(f"{series} before y", ahead, behind, paired=True)


def by_width(**accuracies: dict[int, float | None]) -> dict[str, Record]:
    """Records with one seed: accuracies by base channels m, for each series."""
    made = {}
    for series, values in accuracies.items():
        for m, value in values.items():
            made |= records([point(series, m)], lambda *_, value=value: value)
    return made
