"""The paper's printed accuracies and claims against records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import nan, sqrt
from statistics import fmean, stdev

import pandas as pd
from scipy.stats import t as student

from deepreshape.design import Network, ReluPlan, cost, paper_convention
from deepreshape.learn.data import DataSet
from deepreshape.learn.runs import Record
from deepreshape.paper import printed
from deepreshape.paper.counts import count
from deepreshape.paper.experiments import PROFILES, Point, Profile, fig12
from deepreshape.paper.printed import Row
from deepreshape.private.latency import garbled_seconds


@dataclass(frozen=True, slots=True)
class PaperPoint:
    """A printed accuracy of Figure 12: panel, network, ReLUs in thousands, percent with KD."""

    panel: str
    series: str
    network: Network
    relus_k: float
    accuracy: float


def fig12_printed() -> list[PaperPoint]:
    """The points of Figure 12 that the paper prints: Table 6 and the CIFAR-100 part of Table 14."""
    rows: dict[Network, Row] = {
        printed.network(name, number): row
        for name in ("table06", "table14")
        for number, row in enumerate(printed.table(name), start=1)
        if row.get("dataset", "CIFAR-100") == "CIFAR-100"
    }
    return [
        PaperPoint(
            point.panel,
            point.series,
            point.paper,
            float(rows[point.paper]["relus_K"]),
            float(rows[point.paper]["acc_kd_pct"]),
        )
        for point in fig12(PROFILES["paper"])
        if point.paper in rows
    ]


def accuracies(point: Point, records: Mapping[str, Record], split: str = "test") -> list[float]:
    """The accuracies of a point's runs that succeeded, in the order of its seeds."""
    found = [records[run.key] for run in point.runs if run.key in records]
    return [getattr(record, split) for record in found if record.status == "done"]


def by_key(records: Iterable[Record]) -> dict[str, Record]:
    return {record.key: record for record in records}


def fig12_table(points: Sequence[Point], records: Mapping[str, Record]) -> pd.DataFrame:
    """The table below Figure 12: a row for each point, the paper's printed value beside it.

    The paper's ReLUs are those of the same edits at its own base channels m and 32 x 32 pixels.
    """
    theirs = {point.network: point for point in fig12_printed()}
    rows = []
    for point in points:
        counted = cost(point.network)
        convention = paper_convention(point.paper) or "B"
        paper = theirs.get(point.paper)
        rows.append(
            {
                "panel": point.panel,
                "network": _architecture(point.network),
                "edits": _edits(point.network),
                "ReLUs": counted.total_relus,
                "FLOPs (M)": round(counted.flops(convention) / 1e6, 2),
                "GC (s)": round(garbled_seconds(counted.total_relus), 3),
                "validation (%)": summary(accuracies(point, records, "validation")),
                "test (%)": summary(accuracies(point, records)),
                "seeds": len(accuracies(point, records)),
                "m in the paper": point.paper.stem,
                "paper's ReLUs (K)": f"{count(point.paper, 'relus_K'):.1f}",
                "paper's test (%)": f"{paper.accuracy:.2f}" if paper else "",
            }
        )
    return pd.DataFrame(rows)


def reuse_against_scaling(points: Sequence[Point], records: Mapping[str, Record]) -> pd.DataFrame:
    """The claim of Figure 12: at equal ReLUs, ReLU-reuse against channel scaling, pair by pair.

    mean gain: test accuracy with reuse minus without, in points, paired by seed; ± 95 %: half the
    interval of that mean (Student's t). The verdict asks whether the interval lies above or below
    zero; one seed decides nothing.
    """
    scaled = {
        (point.panel, cost(point.network).total_relus): point
        for point in points
        if point.series == "channel scaling"
    }
    rows = []
    for point in points:
        other = scaled.get((point.panel, cost(point.network).total_relus))
        if point.series == "channel scaling" or other is None:
            continue
        ours, theirs = (accuracies(each, records) for each in (point, other))
        complete = len(ours) == len(theirs) == len(point.runs)
        gains = [a - b for a, b in zip(ours, theirs, strict=True)] if complete else []
        rows.append(
            {
                "panel": point.panel,
                "ReLUs": cost(point.network).total_relus,
                "with reuse": point.network.name,
                "scaled": other.network.name,
                "seeds": len(gains),
                "mean gain": fmean(gains) if gains else nan,
                "± 95 %": half_interval(gains),
                "verdict": direction(gains),
            }
        )
    return pd.DataFrame(rows)


def summary(values: Sequence[float]) -> str:
    """`mean`, and `± standard deviation` where there are several; `hole` where there are none."""
    if not values:
        return "hole"
    mean = f"{fmean(values):.2f}"
    return mean if len(values) == 1 else f"{mean} ± {stdev(values):.2f}"


def half_interval(values: Sequence[float]) -> float:
    """Half the width of the 95 % interval of the mean; not a number for fewer than two values."""
    if len(values) < 2:
        return nan
    return float(student.ppf(0.975, len(values) - 1)) * stdev(values) / sqrt(len(values))


def direction(gains: Sequence[float]) -> str:
    """`holds` where the mean gain is surely positive, `fails` where negative, else `undecided`."""
    if len(gains) < 2:
        return "undecided (one seed)" if gains else "hole"
    mean, half = fmean(gains), half_interval(gains)
    return "holds" if mean - half > 0 else "fails" if mean + half < 0 else "undecided"


def _architecture(network: Network) -> str:
    return replace(network, relus=ReluPlan()).name


def _edits(network: Network) -> str:
    """`cull 1, thin 2+3+4, Re2 8`."""
    plan = network.relus
    parts = [
        f"{edit} {'+'.join(map(str, sorted(stages)))}"
        for edit, stages in (("cull", plan.culled), ("thin", plan.thinned))
        if stages
    ]
    return ", ".join(parts + ([f"Re2 {plan.reuse}"] if plan.reuse > 1 else []))


def caption(size: Profile, data: DataSet, seeds: str) -> str:
    """One line under a figure's name: profile, data, seeds, epochs."""
    return f"profile {size.name} | {data} | seed {seeds} | {size.recipe.epochs} epochs, KD"


def provenance(
    size: Profile, data: DataSet, records: Sequence[Record], teacher: Record | None = None
) -> str:
    """Where a page's numbers come from, as Markdown: profile, seeds, machine, versions, time."""
    done = [record for record in records if record.status == "done"]
    seconds = sum(record.seconds for record in done)
    seeds = sorted({record.run["seed"] for record in records})
    machines = {
        f"{facts['processor']} ({facts['device']}, threads a run: {facts['threads']},"
        f" {record.precision}), torch {facts['torch']}, Python {facts['python']}"
        for record in done
        for facts in (record.environment,)
    }
    failed = len(records) - len(done)
    return (
        f"Profile **{size.name}** on **{data}**, seeds {', '.join(map(str, seeds))}."
        f" {len(done)} runs, {seconds / 60:.1f} minutes of training in all, on"
        f" {'; '.join(sorted(machines))}."
        + (f" The teacher reaches {teacher.test:.2f} %." if teacher and teacher.test else "")
        + f" **{failed} runs failed.**" * bool(failed)
    )


def fig12_sentence(pairs: pd.DataFrame) -> str:
    """The pairs in one sentence: how often reuse is ahead, and what that decides."""
    decided = pairs["verdict"].value_counts()
    counted = ", ".join(f"{name}: {count}" for name, count in decided.items())
    gains = pairs["mean gain"].dropna()
    if gains.empty:
        return f"No pair is complete ({counted})."
    return (
        f"ReLU-reuse is ahead in {int((gains > 0).sum())} of {len(pairs)} pairs; the mean gain is"
        f" {gains.mean():+.2f} points, from {gains.min():+.2f} to {gains.max():+.2f}."
        f" Does a gain show? {counted}."
    )
