"""What the runs of a page do not tell: accuracies that are missing, searches that did not finish,
how far accuracies move from seed to seed."""

from collections.abc import Iterable, Iterator, Sequence
from statistics import stdev

from deepreshape.learn.runs.run import Record
from deepreshape.paper.trained.accuracies import Records, accuracies
from deepreshape.paper.trained.experiments import Point

MOST_NAMED = 6
"""Points of a wide spread that a line names; more are only counted."""
WIDE = 1.0
"""A standard deviation over seeds, in points of accuracy, that is named."""


def holes(points: Iterable[Point], records: Records) -> list[str]:
    """A line for each run without an accuracy: which it is, and what happened; and one for each
    series with searches that did not finish."""
    points, lines = list(points), []
    for point in points:
        for run in point.runs:
            record = records.get(run.key)
            if record is None or record.status == "failed":
                error = record.error if record is not None else "no record"
                lines.append(
                    f"({point.panel}) {point.series}, {point.network.name}, {point.relus:,} ReLUs,"
                    f" seed {run.seed}: {error}."
                )
    return [*lines, *_unfinished(points, records)]


def _unfinished(points: Iterable[Point], records: Records) -> Iterator[str]:
    """How many searches of a series ended above their budget, and how far."""
    series: dict[tuple[str, str], list[Record]] = {}
    for point in points:
        found = [records[run.key] for run in point.runs if run.search and run.key in records]
        series.setdefault((point.panel, point.series), []).extend(found)
    for (panel, name), found in series.items():
        left = [each.sought[-1]["relus"] / each.relus for each in found if not each.arrived]
        if left:
            yield (
                f"({panel}) {name}: {len(left)} of {len(found)} searches not finished; when their"
                f" epochs were over, up to {max(left):.2g} times the ReLUs asked for were left, and"
                " the excess was cut off by rank."
            )


def seeds_spread(points: Sequence[Point], records: Records) -> str:
    """How far the accuracies of a point deviate from seed to seed, and where by more than a point;
    that it is not known of one seed."""
    known = [(point, values) for point in points if (values := accuracies(point, records))]
    found = [(stdev(values), point) for point, values in known if len(values) > 1]
    if not found:
        return "How far an accuracy moves from seed to seed is not known of one seed."
    deviations = sorted(deviation for deviation, _ in found)
    text = (
        f"From seed to seed accuracies have a standard deviation of {deviations[0]:.2f} to"
        f" {deviations[-1]:.2f} points"
    )
    wide = [
        f"({p.panel}) {p.series}, {p.network.name}" for deviation, p in found if deviation > WIDE
    ]
    if wide:
        text += f"; of more than one point at {len(wide)} of {len(found)} points"
    if 0 < len(wide) <= MOST_NAMED:
        text += f": {'; '.join(wide)}"
    one = len(known) - len(found)
    points_of_one = "1 point" if one == 1 else f"{one} points"
    return f"{text}." + f" Of {points_of_one} with one seed it is not known." * bool(one)
