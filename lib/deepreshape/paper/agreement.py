"""How far the accuracies that are recorded here agree with the printed ones: in order, in distance.

Three numbers over all: the rank correlation of the stages of networks (Tables 10 and 11), that of
every network with an accuracy here and in the paper, and the median distance of these. Spearman's
is Pearson's of average ranks, Kendall's is tau-b, so ties count as ties.

Intervals are of a bootstrap over seeds: each accuracy here is drawn anew about its mean, from the
deviations of all networks that have several seeds, pooled. What is printed counts as exact. A rank
correlation of draws is on average below that of the means, since noise only disturbs an order.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import isnan, nan, sqrt
from statistics import fmean

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from deepreshape.paper.reproduce import Reproduced, recorded
from deepreshape.paper.status import STRENGTH
from deepreshape.paper.trained.accuracies import accuracies
from deepreshape.paper.trained.experiments import EXPERIMENTS, Experiment, Point
from deepreshape.paper.trained.profiles import PAPER_SIDES
from deepreshape.paper.trained.statistics import DOUBT

Array = NDArray[np.float64]
DRAWS = 1000
STAGES = ("table10", "table11")
LEAST = 3
"""Of fewer networks an order says nothing."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A network with an accuracy here and in the paper.

    row: of what it is one of several: a network whose stages are compared, with or without a
    teacher, or a page. printed: percent of test images. found: the same here, one a seed.
    """

    row: str
    printed: float
    found: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Measure:
    """A number over many networks, with the ends of its 95 % interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        if isnan(self.low):
            return f"{self.value:.2f}"
        return f"{self.value:.2f} ({self.low:.2f} to {self.high:.2f})"


# What is compared


def compared(pages: Iterable[Reproduced], fair: bool = False) -> list[Compared]:
    """The points of some pages that have an accuracy here and a printed one of the same data set,
    each once. fair: without the seeds and networks on which a recipe was chosen."""
    found: dict[tuple[object, ...], Compared] = {}
    for page in pages:
        for point in page.points:
            if fair and point.network in page.size.chosen_networks:
                continue
            gone = page.size.chosen_seeds if fair else ()
            kept = replace(point, runs=tuple(run for run in point.runs if run.seed not in gone))
            values = tuple(accuracies(kept, page.records))
            if values and point.printed is not None and _is_same_data(point):
                keys = tuple(run.key for run in kept.runs)
                row = _row(page.experiment, point)
                found.setdefault((keys, point.printed), Compared(row, point.printed, values))
    return list(found.values())


def _is_same_data(point: Point) -> bool:
    return PAPER_SIDES.get(point.runs[0].data.name) == point.paper.resolution


def _row(experiment: Experiment, point: Point) -> str:
    if experiment.name not in STAGES:
        return experiment.name
    return f"{point.series.rpartition(' S')[0]}, {experiment.panels[point.panel].title}"


def recorded_pages(names: Iterable[str] = EXPERIMENTS) -> list[Reproduced]:
    """What the repository has recorded of each experiment on the paper's data: of every point its
    records at the largest scale that it has."""
    pages = []
    for name in names:
        known: set[Point] = set()
        for size in STRENGTH:
            page = recorded(name, size)
            places = [replace(point, runs=()) for point in page.points]
            fresh = [
                point
                for point, place in zip(page.points, places, strict=True)
                if place not in known
            ]
            known.update(places)
            if fresh:
                pages.append(replace(page, points=tuple(fresh)))
    return pages


# Measures


def order(
    found: Sequence[Compared], rank: Callable[[Array, Array], Array], within: bool = False
) -> Measure | None:
    """A rank correlation with the printed accuracies over all networks or, `within` rows, the mean
    of those of the rows. rank: `spearman` or `kendall`. None where too few are to be ordered."""
    groups = list(_rows(found).values()) if within else [found]
    groups = [group for group in groups if len(group) >= LEAST]
    if not groups:
        return None
    return _measured(groups, rank)


def distance(found: Sequence[Compared]) -> Measure | None:
    """The median of how far, in points, the accuracies here are from the printed ones."""
    if not found:
        return None
    return _measured([found], lambda printed, ours: np.median(np.abs(ours - printed), axis=1))


def spearman(printed: Array, ours: Array) -> Array:
    """Of (networks,) with each row of (draws, networks)."""
    ranks = np.broadcast_to(stats.rankdata(printed), ours.shape)
    result: Array = stats.pearsonr(stats.rankdata(ours, axis=1), ranks, axis=1).statistic
    return result


def kendall(printed: Array, ours: Array) -> Array:
    """Of (networks,) with each row of (draws, networks): tau-b, all rows at once, which scipy has
    no function for."""
    one, other = np.triu_indices(len(printed), 1)
    theirs = np.sign(printed[one] - printed[other])
    here = np.sign(ours[:, one] - ours[:, other])
    result: Array = here @ theirs / np.sqrt((here**2).sum(axis=1) * (theirs**2).sum())
    return result


def _measured(
    groups: Sequence[Sequence[Compared]], statistic: Callable[[Array, Array], Array]
) -> Measure:
    """The mean over groups of a statistic, and its interval over draws of the seeds."""
    deviations = _deviations([each for group in groups for each in group])
    chance = np.random.default_rng(0)
    values, drawn = [], []
    for group in groups:
        printed = np.array([each.printed for each in group])
        means = np.array([[fmean(each.found) for each in group]])
        values.append(float(statistic(printed, means)[0]))
        if deviations.size:
            noise = [
                chance.choice(deviations, (DRAWS, len(each.found))).mean(axis=1) for each in group
            ]
            drawn.append(statistic(printed, means + np.stack(noise, axis=1)))
    if not drawn:
        return Measure(fmean(values), nan, nan)
    low, high = np.quantile(np.mean(drawn, axis=0), [DOUBT / 2, 1 - DOUBT / 2])
    return Measure(fmean(values), float(low), float(high))


def _deviations(found: Iterable[Compared]) -> Array:
    """Of each accuracy from the mean of its network, as wide as if the mean were known."""
    several = [each.found for each in found if len(each.found) > 1]
    return np.array(
        [
            (value - fmean(values)) * sqrt(len(values) / (len(values) - 1))
            for values in several
            for value in values
        ]
    )


def _rows(found: Iterable[Compared]) -> dict[str, list[Compared]]:
    rows: dict[str, list[Compared]] = {}
    for each in found:
        rows.setdefault(each.row, []).append(each)
    return rows


# What a page shows


@dataclass(frozen=True, slots=True)
class Agreement:
    """What is compared with the printed accuracies: the stages of Tables 10 and 11, and all."""

    stages: tuple[Compared, ...]
    every: tuple[Compared, ...]

    def measures(self) -> dict[str, tuple[int, Measure | None]]:
        """Of each measure how many networks it is of, and its value where there is one."""
        stages, every = len(self.stages), len(self.every)
        return {
            "stages within a network, Spearman": (stages, order(self.stages, spearman, True)),
            "stages within a network, Kendall": (stages, order(self.stages, kendall, True)),
            "stages of all networks, Spearman": (stages, order(self.stages, spearman)),
            "stages of all networks, Kendall": (stages, order(self.stages, kendall)),
            "all networks, Spearman": (every, order(self.every, spearman)),
            "all networks, Kendall": (every, order(self.every, kendall)),
            "all networks, median distance (points)": (every, distance(self.every)),
        }


def agreement(pages: Sequence[Reproduced], fair: bool = False) -> Agreement:
    """fair: as in `compared`."""
    stages = [page for page in pages if page.experiment.name in STAGES]
    return Agreement(tuple(compared(stages, fair)), tuple(compared(pages, fair)))


def table(whole: Agreement, fair: Agreement) -> pd.DataFrame:
    """A row for each measure: of all that is recorded, and of what counts in verdicts."""
    rows = []
    measures, of_fair = whole.measures(), fair.measures()
    for name, (number, value) in measures.items():
        fewer, counted = of_fair[name]
        rows.append(
            {
                "order or distance of": name,
                "networks": number,
                "all records": str(value or ""),
                "networks that count": fewer,
                "records that count": str(counted or ""),
            }
        )
    return pd.DataFrame(rows)


def sentence(whole: Agreement) -> str:
    """The three numbers in words; what cannot be said is left out."""
    stages, every = order(whole.stages, spearman), order(whole.every, spearman)
    far = distance(whole.every)
    parts = []
    if stages is not None:
        parts.append(
            f"Over the {len(whole.stages)} stages of Tables 10 and 11 that are recorded, the rank"
            f" correlation (Spearman) of accuracies here with the printed ones is {stages}."
        )
    if every is not None and far is not None:
        parts.append(
            f"Over all {len(whole.every)} networks with an accuracy here and a printed one it is"
            f" {every}, and the median distance is {far} points."
        )
    return " ".join(parts) or "No network with a printed accuracy is recorded."
