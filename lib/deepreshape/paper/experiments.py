"""Figure or table -> the runs that it is drawn from, in each profile.

A profile says how much is computed: `paper` is the paper's own recipe, `short` a reduced one on
the paper's data, `quick` one for minutes on a laptop; `smoke` only shows that everything runs. What
a profile changes against the paper is listed by `deviations`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Literal

from deepreshape.design import Network, hybrenet, optimize, resnet18, reuse
from deepreshape.learn.data import DataSet
from deepreshape.learn.data import parse as parse_data
from deepreshape.learn.runs import Run
from deepreshape.learn.train import Recipe

Series = Literal["channel scaling", "ReLU-reuse"]
"""`HRN w/o Re2` and `HRN w/ Re2` in the legend of Figure 12."""

REUSE_FACTORS = (4, 8, 16)
PAPER_M = 16
"""Base channels of the networks that the paper applies ReLU-reuse to (Appendix G)."""
PAPER_SIDE = 32
"""Pixels on a side of a CIFAR-100 image."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How much of an experiment is computed.

    m: base channels of the networks with ReLU-reuse. scaled: those of the networks without it.
    panels: which panels of a figure.
    data: the default data set; parts: what of each set is used (a name of `learn.data.parse`).
    """

    name: str
    data: str
    m: int
    scaled: tuple[int, ...]
    recipe: Recipe
    teacher: Network
    teacher_recipe: Recipe
    parts: dict[str, str] = field(default_factory=dict)
    panels: str = "abcdef"


PROFILES = {
    "smoke": Profile(
        name="smoke",
        data="mnist5k",
        m=8,
        scaled=(8, 2),
        recipe=Recipe(epochs=1, batch=32, shift=0, flip=False),
        teacher=resnet18(8),
        teacher_recipe=Recipe(epochs=1, batch=32, shift=0, flip=False),
        parts={"mnist5k": "mnist5k[per_class=16,size=16]"},
        panels="be",
    ),
    "quick": Profile(
        name="quick",
        data="mnist5k",
        m=8,
        scaled=(8, 4, 2, 1),
        recipe=Recipe(epochs=2, batch=64, rate=0.1, warmup=0.5, shift=0, flip=False),
        teacher=resnet18(16),
        teacher_recipe=Recipe(epochs=4, batch=64, rate=0.1, warmup=0.5, shift=2, flip=False),
        parts={"mnist5k": "mnist5k[size=16]", "cifar100": "cifar100[per_class=50,size=16]"},
    ),
    "short": Profile(
        name="short",
        data="cifar100",
        m=8,
        scaled=(8, 4, 2, 1),
        recipe=Recipe(epochs=5, warmup=0.5),
        teacher=resnet18(16),
        teacher_recipe=Recipe(epochs=15, warmup=1.0),
    ),
    "paper": Profile(
        name="paper",
        data="cifar100",
        m=16,
        scaled=(32, 16, 8, 4, 2, 1),
        recipe=Recipe(),
        teacher=resnet18(),
        teacher_recipe=Recipe(),
    ),
}

PANELS = {
    "a": ("18", (2, 5, 2)),
    "b": ("18", (2, 5, 3)),
    "c": ("18", (2, 6, 2)),
    "d": ("18", (2, 7, 2)),
    "e": ("34", (2, 6, 3)),
    "f": ("34", (2, 9, 2)),
}
"""Figure 12's panels: the ResNet that an HRN starts from, and its alpha, beta, gamma."""


@dataclass(frozen=True, slots=True)
class Point:
    """One point of Figure 12: the network that the paper trains there, and the runs (one a seed)
    that stand for it here."""

    panel: str
    series: Series
    paper: Network
    runs: tuple[Run, ...]

    @property
    def network(self) -> Network:
        return self.runs[0].network


def profile(name: str) -> Profile:
    """The profile of that name; ValueError for an unknown one."""
    if name not in PROFILES:
        raise ValueError(f"unknown profile {name!r}; known are {', '.join(PROFILES)}")
    return PROFILES[name]


def fig12(
    size: Profile,
    data: str | None = None,
    seeds: Iterable[int] = (1,),
    panels: str | None = None,
) -> list[Point]:
    """Figure 12: each HRN culled and thinned (Algorithm 2), then scaled in channels or given
    ReLU-reuse, trained with knowledge distillation from a ResNet18.

    data, panels: in place of the profile's. Raises ValueError or DataError.
    """
    images = _part(size, data)
    numbers = tuple(dict.fromkeys(seeds))
    if not numbers:
        raise ValueError("a figure needs at least one seed")
    drawn = "".join(dict.fromkeys(panels or size.panels))
    for panel in drawn:
        if panel not in PANELS:
            raise ValueError(f"Figure 12 has no panel {panel!r}; it has {', '.join(PANELS)}")
    teacher = Run(_fitted(size.teacher, images), images, size.teacher_recipe)
    points = []
    for panel in drawn:
        for series, ours, theirs in _networks(size, panel):
            network = _fitted(ours, images)
            runs = tuple(Run(network, images, size.recipe, seed, teacher) for seed in numbers)
            points.append(Point(panel, series, theirs, runs))
    return points


def _networks(size: Profile, panel: str) -> list[tuple[Series, Network, Network]]:
    """A panel's networks here and in the paper, whose widths are PAPER_M / m times as large."""
    base, (alpha, beta, gamma) = PANELS[panel]
    ratio = PAPER_M // size.m

    def pair(series: Series, m: int, factor: int | None) -> tuple[Series, Network, Network]:
        ours, theirs = (
            optimize(hybrenet(alpha, beta, gamma, width, base)) for width in (m, m * ratio)
        )
        if factor is not None:
            ours, theirs = reuse(ours, factor), reuse(theirs, factor)
        return series, ours, theirs

    scaled = [pair("channel scaling", m, None) for m in size.scaled]
    reused = [pair("ReLU-reuse", size.m, factor) for factor in REUSE_FACTORS]
    return scaled + reused


def deviations(size: Profile, data: str | None = None) -> list[str]:
    """What a profile changes against the paper, a line each."""
    paper, images = PROFILES["paper"], _part(size, data)
    lines = []
    if images.name != paper.data:
        lines.append(f"Data set: {images.name} in place of CIFAR-100.")
    if images.shards is not None:
        lines.append(f"Training images: only shards {', '.join(map(str, images.shards))}.")
    if images.per_class:
        lines.append(f"Training images: {images.per_class} of each class.")
    if images.resolution != PAPER_SIDE:
        ratio = Fraction(images.resolution, PAPER_SIDE) ** 2
        lines.append(
            f"Image size: {images.resolution} x {images.resolution} pixels in place of"
            f" {PAPER_SIDE} x {PAPER_SIDE}; the same network has {ratio} of the ReLUs."
        )
    lines.append(
        "A tenth of the training images is held out for validation; the last epoch's weights are"
        " reported, and the test set chooses nothing."
    )
    if size.m != paper.m:
        lines.append(f"Widths: base channels are {size.m}/{paper.m} of the paper's.")
    if changes := _changes(size.recipe, paper.recipe):
        lines.append(f"Recipe: {changes}.")
    if (size.teacher, size.teacher_recipe) != (paper.teacher, paper.teacher_recipe):
        changes = _changes(size.teacher_recipe, paper.teacher_recipe)
        lines.append(
            f"Teacher: {size.teacher.name}, {size.teacher_recipe.epochs} epochs, in place of"
            f" {paper.teacher.name}, {paper.teacher_recipe.epochs} epochs"
            + (f"; its recipe: {changes}." if changes else ".")
        )
    return lines


def _changes(recipe: Recipe, paper: Recipe) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {getattr(recipe, name)} (paper: {getattr(paper, name)})"
        for name in Recipe.__dataclass_fields__
        if getattr(recipe, name) != getattr(paper, name)
    )


def _part(size: Profile, data: str | None) -> DataSet:
    name = data or size.data
    return parse_data(size.parts.get(name, name))


def _fitted(network: Network, images: DataSet) -> Network:
    """The same architecture for the input size and classes of a data set."""
    return replace(network, resolution=images.resolution, classes=images.classes)
