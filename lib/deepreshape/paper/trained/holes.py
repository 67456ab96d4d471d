"""Accuracies that are missing, and searches that did not finish."""

from collections.abc import Iterable, Iterator

from deepreshape.learn.runs.run import Record
from deepreshape.paper.trained.accuracies import Records
from deepreshape.paper.trained.experiments import Point


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
