"""Records against the paper: accuracies beside the printed ones."""

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from statistics import fmean

import pandas as pd

from deepreshape.design import Network, cost, paper_convention
from deepreshape.design.criticality import criticality, order
from deepreshape.learn.runs.run import Record, Run
from deepreshape.paper.printed import tables
from deepreshape.paper.trained.experiments import Point
from deepreshape.paper.trained.profiles import PAPER_SIDES
from deepreshape.paper.trained.statistics import half_interval

Records = Mapping[str, Record]
"""Records by the keys of their runs."""

# What a point has


def by_key(records: Iterable[Record]) -> dict[str, Record]:
    return {record.key: record for record in records}


def accuracy(run: Run, records: Records, split: str = "test") -> float | None:
    """The accuracy of a run; None where it failed, and where it has no record."""
    record = records.get(run.key)
    return getattr(record, split) if record is not None and record.status == "done" else None


def accuracies(point: Point, records: Records, split: str = "test") -> list[float]:
    """The accuracies of a point's runs that succeeded, in the order of its seeds."""
    found = [accuracy(run, records, split) for run in point.runs]
    return [each for each in found if each is not None]


def abscissa(point: Point, over: str) -> float:
    """Thousands of ReLUs or, over `flops`, millions of FLOPs of a point's network here."""
    return point.relus / 1000 if over == "relus" else _flops(point, point.network)


def paper_abscissa(point: Point, over: str) -> float:
    """The same of the paper's network."""
    return point.paper_relus / 1000 if over == "relus" else _flops(point, point.paper)


def _flops(point: Point, network: Network) -> float:
    """Counted as the paper counts those of its own network, B where it prints none."""
    return cost(network).flops(paper_convention(point.paper) or "B") / 1e6


# The paper beside ours


def mean(values: Sequence[float]) -> str:
    """The mean to two digits; `hole` where there are no values."""
    return f"{fmean(values):.2f}" if values else "hole"


def interval(values: Sequence[float]) -> str:
    """Half the 95 % interval of the mean to two digits; empty where values leave none."""
    half = half_interval(values)
    return "" if isnan(half) else f"{half:.2f}"


def difference(point: Point, values: Sequence[float]) -> str:
    """The mean less the paper's accuracy, in points, with half its interval where there is one;
    empty where the paper prints none, and where it is of other images.

    The paper says neither seeds nor spread: its number counts as exact.
    """
    same = PAPER_SIDES.get(point.runs[0].data.name) == point.paper.resolution
    if point.printed is None or not values or not same:
        return ""
    half = interval(values)
    return f"{fmean(values) - point.printed:+.2f}{f' ± {half}' * bool(half)}"


def table(points: Sequence[Point], records: Records) -> pd.DataFrame:
    """A row for each point: its network, accuracies here, the paper's beside them, and counts.

    Accuracies are means over n seeds, ± 95 % half the interval of the mean test accuracy by its own
    deviation. The paper's ReLUs are those of the same edits at its own widths and image size, or
    what its search leaves.
    """
    several = len({point.panel for point in points}) > 1
    searched = any(point.runs[0].search for point in points)
    return pd.DataFrame(
        [
            {
                "network": point.network.name,
                "test (%)": mean(values),
                "± 95 %": interval(values),
                "n": len(values),
                "paper's test (%)": "" if point.printed is None else f"{point.printed:.2f}",
                "ours - paper": difference(point, values),
            }
            | ({"panel": point.panel} if several else {})
            | {
                "series": point.series,
                "validation (%)": mean(accuracies(point, records, "validation")),
                "ReLUs": point.relus,
                "FLOPs (M)": round(abscissa(point, "flops"), 2),
            }
            | ({"searches finished": _finished(point, records)} if searched else {})
            | {
                "paper's network": point.paper.name,
                "paper's ReLUs (K)": f"{point.paper_relus / 1000:.1f}",
            }
            for point in points
            for values in (accuracies(point, records),)
        ]
    )


def _finished(point: Point, records: Records) -> str:
    """How many searches of a point's runs finished; nothing where there are none."""
    found = [records[run.key].arrived for run in point.runs if run.search and run.key in records]
    return f"{sum(found)} of {len(found)}" if found else ""


def criticalities(name: str, points: Iterable[Point], records: Records) -> pd.DataFrame:
    """A row for each network of Table 10 or 11: C_k and the order of its stages, by the mean
    accuracies with a teacher, beside the paper's. name: `table10` or `table11`."""
    theirs = {network.name: row for row, network in tables.with_networks(name)}
    networks: dict[str, dict[str, Point]] = {}
    for point in points:
        if point.panel == "b":
            label, _, stage = point.series.rpartition(" S")
            networks.setdefault(label, {})[stage] = point
    rows = []
    for label, stages in networks.items():
        paper = {stage: float(theirs[label][f"stage{stage}_Ck"]) for stage in "1234"}
        ours = dict(
            zip(paper, _criticality([stages.get(stage) for stage in paper], records), strict=False)
        )
        rows.append(
            {"network": label}
            | {f"C{stage}": f"{value:.2f}" for stage, value in ours.items()}
            | {"order": _ordered(list(ours.values())) if ours else "hole"}
            | {f"paper's C{stage}": f"{value:.2f}" for stage, value in paper.items()}
            | {"paper's order": _ordered(list(paper.values()))}
        )
    return pd.DataFrame(rows)


def _criticality(stages: Sequence[Point | None], records: Records) -> tuple[float, ...]:
    """C_k of the points with the ReLUs of one stage alone; empty where one has no accuracy."""
    found = [(point.relus, accuracies(point, records)) for point in stages if point is not None]
    if len(found) < len(stages) or not all(values for _, values in found):
        return ()
    return criticality([relus for relus, _ in found], [fmean(values) for _, values in found])


def _ordered(values: Sequence[float]) -> str:
    """`S3 > S2 > S4 > S1`, from the most critical stage to the least."""
    return " > ".join(f"S{stage}" for stage in order(values))
