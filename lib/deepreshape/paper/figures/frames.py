"""Points and records as tidy frames: a row for each mark of a picture."""

from collections.abc import Callable, Iterable, Sequence
from math import nan
from statistics import fmean

import pandas as pd

from deepreshape.paper.trained.accuracies import Records, accuracies
from deepreshape.paper.trained.experiments import Point
from deepreshape.paper.trained.gains import arrived
from deepreshape.paper.trained.statistics import half_interval

Place = Callable[[Point], float | str]
"""Where a point stands along the axis that is not accuracy."""

COLUMNS = ["panel", "series", "place", "accuracy", "half", "seeds", "finished"]


def here(points: Iterable[Point], records: Records, place: Place) -> pd.DataFrame:
    """A row for each point: its mean accuracy over the seeds, in percent, and half the 95 %
    interval of that mean; not a number where there is no accuracy, or one seed alone. finished: did
    every search behind it arrive at its budget?"""
    return _framed(
        (point, place(point), accuracies(point, records), arrived(point, records))
        for point in points
    )


def printed(points: Iterable[Point], place: Place) -> pd.DataFrame:
    """The same of the accuracies that the paper prints; points without one have no row."""
    return _framed(
        (point, place(point), [point.printed], True)
        for point in points
        if point.printed is not None
    )


def _framed(rows: Iterable[tuple[Point, float | str, Sequence[float], bool]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            (
                point.panel,
                point.series,
                place,
                fmean(values) if values else nan,
                half_interval(values),
                len(values),
                finished,
            )
            for point, place, values, finished in rows
        ],
        columns=COLUMNS,
    )
