"""How far short trainings end from the printed accuracies, and how much of that the epochs that
they leave out would bring.

The rest is extrapolated by a power law: what a net still has wrong falls by the same factor each
time the epochs are multiplied by the same number. Two profiles give its two constants. The law has
no floor, so it tells what more epochs alone bring at best, if they go on as they began.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import log
from statistics import fmean, median

import pandas as pd

from deepreshape.paper.campaign import kind
from deepreshape.paper.reproduce import Reproduced, recorded
from deepreshape.paper.trained.accuracies import accuracies, accuracy, mean
from deepreshape.paper.trained.experiments import EXPERIMENTS, Point
from deepreshape.paper.trained.profiles import PROFILES

FEWER, MORE, ALL = (PROFILES[name] for name in ("short", "full-width", "paper"))
CLOSE = 5
"""Points from a printed accuracy that count as close to it."""


@dataclass(frozen=True, slots=True)
class Ended:
    """One of the paper's networks as the longer of two trainings leaves it.

    found: percent of test images, one of each of the seeds. fewer: the same after fewer epochs, of
    the same network learning from the same; () where that has no record.
    """

    network: str
    learns: str
    printed: float
    seeds: tuple[int, ...]
    found: tuple[float, ...]
    fewer: tuple[float, ...] = ()

    @property
    def distance(self) -> float:
        """Points from the printed accuracy, negative below it."""
        return fmean(self.found) - self.printed

    @property
    def rest(self) -> float | None:
        """The accuracy by the power law after the paper's epochs; None without two trainings."""
        if not self.fewer:
            return None
        counts = (FEWER.recipe.epochs, MORE.recipe.epochs, ALL.recipe.epochs)
        return power_law((fmean(self.fewer), fmean(self.found)), *counts)


def power_law(reached: tuple[float, float], few: int, more: int, most: int) -> float:
    """The accuracy after `most` epochs, in percent, of a net that reached two after `few` and
    `more`."""
    before, after = (100 - each for each in reached)
    steps = log(most / more) / log(more / few)
    return 100 - float(after * (after / before) ** steps)


def ended(names: Iterable[str] = EXPERIMENTS) -> list[Ended]:
    """The paper's own networks with a printed accuracy and a record of the longer training, in the
    order of their accuracies, each once."""
    found: dict[tuple[str, str, float], Ended] = {}
    for name in names:
        longer = recorded(name, MORE.name)
        shorter = recorded(name, FEWER.name) if longer.points else longer
        for point in longer.points:
            reached = {run.seed: accuracy(run, longer.records) for run in point.runs}
            values = {seed: each for seed, each in reached.items() if each is not None}
            if not values or point.printed is None or point.network != point.paper:
                continue
            learns, before = kind(point.runs[0]), _fewer(point, shorter)
            seeds, ours = tuple(values), tuple(values.values())
            each = Ended(point.network.name, learns, point.printed, seeds, ours, before)
            found.setdefault((each.network, each.learns, each.printed), each)
    return sorted(found.values(), key=lambda each: fmean(each.found), reverse=True)


def _fewer(point: Point, page: Reproduced) -> tuple[float, ...]:
    """The accuracies of the same network after fewer epochs, where both learn from the labels: a
    teacher of fewer epochs is another one."""
    place = replace(point, runs=())
    for other in page.points:
        if replace(other, runs=()) == place and other.network == point.network:
            return () if point.runs[0].teacher else tuple(accuracies(other, page.records))
    return ()


def table(found: Sequence[Ended]) -> pd.DataFrame:
    """A row for each network: what both trainings reach, what the law adds, what is printed."""
    few, more, most = (size.recipe.epochs for size in (FEWER, MORE, ALL))
    return pd.DataFrame(
        [
            {
                "network": each.network,
                "learns from": each.learns,
                f"{few} epochs (%)": mean(each.fewer) if each.fewer else "",
                f"{more} epochs (%)": mean(each.found),
                "seeds": ", ".join(map(str, each.seeds)),
                "paper (%)": each.printed,
                "ours - paper": f"{each.distance:+.2f}",
                f"{most} epochs, by the law (%)": "" if each.rest is None else f"{each.rest:.2f}",
            }
            for each in found
        ]
    )


def sentence(found: Sequence[Ended]) -> str:
    """How far they end, and what the law leaves of it, in words."""
    if not found:
        return "No network of the paper with a printed accuracy is recorded at this profile."
    more, most = MORE.recipe.epochs, ALL.recipe.epochs
    within = sum(abs(each.distance) <= CLOSE for each in found)
    far = median(each.distance for each in found)
    text = (
        f"After {more} epochs {within} of {len(found)} networks end within {CLOSE} points of the"
        f" printed accuracy; the median difference is {far:+.1f} points."
    )
    for each in found:
        if each.rest is not None:
            text += (
                f" By the law {most} epochs would bring {each.network} to {each.rest:.1f} %, where"
                f" the paper prints {each.printed:.1f}."
            )
    return text
