"""What is recorded of teachers: the same networks and seeds, taught in two ways."""

from collections.abc import Iterable, Sequence
from statistics import fmean

import pandas as pd

from deepreshape.paper.trained.accuracies import Records, accuracy
from deepreshape.paper.trained.experiments import Point
from deepreshape.paper.trained.statistics import half_interval


def teachers(points: Sequence[Point], records: Records) -> pd.DataFrame:
    """Of Table 10 or 11: by how many points a network with a teacher is ahead of one with labels
    alone. A row for each network that is recorded both ways."""
    panels = {panel: [p for p in points if p.panel == panel] for panel in "ab"}
    pairs = [
        (one, other) for one in panels["a"] for other in panels["b"] if one.series == other.series
    ]
    return gains(pairs, records)


def decoupled(points: Sequence[Point], records: Records) -> pd.DataFrame:
    """Of Table 6, 13 or 14: by how many points DKD is ahead of KD, likewise."""
    pairs = [
        (one, other)
        for one in points
        for other in points
        if one.paper == other.paper
        and (one.panel, one.series, other.series)
        == (other.panel, "HybReNet (KD)", "HybReNet (DKD)")
    ]
    return gains(pairs, records)


def gains(pairs: Iterable[tuple[Point, Point]], records: Records) -> pd.DataFrame:
    """A row for each pair: the mean gain of the second point over the first, seed by seed, half its
    95 % interval, n, and the printed gain where both accuracies are in print."""
    rows = []
    for one, other in pairs:
        before, after = (by_seed(point, records) for point in (one, other))
        both = [after[seed] - before[seed] for seed in before if seed in after]
        if not both:
            continue
        printed = None
        if one.printed is not None and other.printed is not None:
            printed = round(other.printed - one.printed, 2)
        rows.append(
            {
                "of": other.series,
                "network": other.network.name,
                "paper's network": other.paper.name,
                "gain": fmean(both),
                "± 95 %": half_interval(both),
                "n": len(both),
                "printed gain": printed,
            }
        )
    return pd.DataFrame(rows)


def by_seed(point: Point, records: Records) -> dict[int, float]:
    """The accuracies of a point's runs that succeeded."""
    found = {run.seed: accuracy(run, records) for run in point.runs}
    return {seed: value for seed, value in found.items() if value is not None}
