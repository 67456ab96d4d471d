"""Records against the paper: accuracies beside the printed ones, and what becomes of claims."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf, log, nan, sqrt
from statistics import fmean, stdev

import numpy as np
import pandas as pd
from scipy.stats import t as student

from deepreshape.design import Network, cost, paper_convention
from deepreshape.design.criticality import criticality, order
from deepreshape.learn.runs import Record, Run
from deepreshape.paper import printed
from deepreshape.paper.experiments import Claim, Point

Records = Mapping[str, Record]
"""Records by the keys of their runs."""

COLUMNS = (
    "claim",
    "claimed gain",
    "pairs",
    "seeds",
    "holes",
    "mean gain",
    "± 95 %",
    "verdict",
)
"""Of the table of claims."""

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


# Statistics


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


def direction(gains: Sequence[float], low: float = 0.0, high: float = inf) -> str:
    """`holds` where the 95 % interval of the mean gain lies between low and high, `fails` where it
    lies wholly outside, else `undecided`."""
    if len(gains) < 2:
        return "undecided (one seed)" if gains else "hole"
    mean, half = fmean(gains), half_interval(gains)
    if low < mean - half and mean + half < high:
        return "holds"
    return "fails" if mean + half < low or mean - half > high else "undecided"


# The table below a figure


def table(points: Sequence[Point], records: Records) -> pd.DataFrame:
    """A row for each point: its network, counts and accuracies here, and the paper's beside them.

    Accuracies are mean ± standard deviation over the seeds. The paper's ReLUs are those of the
    same edits at its own widths and image size, or what its search leaves.
    """
    several = len({point.panel for point in points}) > 1
    searched = any(point.runs[0].search for point in points)
    return pd.DataFrame(
        [
            ({"panel": point.panel} if several else {})
            | {
                "series": point.series,
                "network": point.network.name,
                "ReLUs": point.relus,
                "FLOPs (M)": round(abscissa(point, "flops"), 2),
                "validation (%)": summary(accuracies(point, records, "validation")),
                "test (%)": summary(accuracies(point, records)),
                "seeds": len(accuracies(point, records)),
            }
            | ({"searches finished": _finished(point, records)} if searched else {})
            | {
                "paper's network": point.paper.name,
                "paper's ReLUs (K)": f"{point.paper_relus / 1000:.1f}",
                "paper's test (%)": "" if point.printed is None else f"{point.printed:.2f}",
            }
            for point in points
        ]
    )


def _finished(point: Point, records: Records) -> str:
    """How many searches of a point's runs finished; nothing where there are none."""
    found = [records[run.key].arrived for run in point.runs if run.search and run.key in records]
    return f"{sum(found)} of {len(found)}" if found else ""


def criticalities(name: str, points: Iterable[Point], records: Records) -> pd.DataFrame:
    """A row for each network of Table 10 or 11: C_k and the order of its stages, by the mean
    accuracies with a teacher, beside the paper's. name: `table10` or `table11`."""
    theirs = {
        printed.network(name, number).name: row
        for number, row in enumerate(printed.table(name), start=1)
    }
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


# Claims


def judged(claims: Iterable[Claim], records: Records) -> pd.DataFrame:
    """A row for each claim: by how many points of accuracy `ahead` is before `behind`.

    Of every seed the mean difference over the pairs is taken (`differences`); mean gain is its mean
    over the seeds, ± 95 % half the interval of that mean (Student's t). The verdict is `holds` or
    `fails` where the interval lies within or outside what is claimed of the gain, else `undecided`;
    one seed decides nothing. `hole`: no seed has what is compared; `no overlap`: curves share no
    abscissa; `not drawn`: a side has no points. pairs: the most that a seed has; holes: runs
    without an accuracy.
    """
    return pd.DataFrame([_judged(claim, records) for claim in claims], columns=[*COLUMNS])


def _claimed(claim: Claim) -> str:
    """What is claimed of the gain: `> 0`, or a margin."""
    low, high = claim.range
    return f"> {low:.3g}" if high == inf else f"{low:.3g} to {high:.3g}"


def _judged(claim: Claim, records: Records) -> dict[str, object]:
    points = claim.ahead + claim.behind
    seeds = dict.fromkeys(run.seed for point in points for run in point.runs)
    found = {seed: differences(claim, seed, records) for seed in seeds}
    gains = [fmean(each) for each in found.values() if each]
    verdict = direction(gains, *claim.range)
    if not claim.ahead or not claim.behind or claim.at == ():
        verdict = "not drawn"
    elif (
        not gains
        and not claim.paired
        and any(
            _known(claim.ahead, seed, records) and _known(claim.behind, seed, records)
            for seed in seeds
        )
    ):
        verdict = "no overlap"
    return {
        "claim": claim.text,
        "claimed gain": _claimed(claim),
        "pairs": max(map(len, found.values()), default=0),
        "seeds": len(gains),
        "holes": sum(len(point.runs) - len(accuracies(point, records)) for point in points),
        "mean gain": fmean(gains) if gains else nan,
        "± 95 %": half_interval(gains),
        "verdict": verdict,
    }


def differences(claim: Claim, seed: int, records: Records) -> list[float]:
    """How far `ahead` is before `behind` with a seed, in points, wherever both can be compared.

    Paired: point by point. Curves: at each abscissa that a point of either has in the range of
    both, the other being interpolated linearly in the logarithm. Both curves are whole where only
    some places are compared.
    """
    if claim.paired:
        pairs = [
            (_of_seed(ahead, seed, records), _of_seed(behind, seed, records))
            for ahead, behind in zip(claim.ahead, claim.behind, strict=True)
        ]
        return [ours - theirs for ours, theirs in pairs if ours is not None and theirs is not None]
    ours, theirs = (_curve(side, seed, claim.over, records) for side in (claim.ahead, claim.behind))
    if not ours or not theirs:
        return []
    first, last = max(min(ours), min(theirs)), min(max(ours), max(theirs))
    wanted = None if claim.at is None else {_place(point, claim.over) for point in claim.at}
    return [
        _between(ours, place) - _between(theirs, place)
        for place in sorted({*ours, *theirs})
        if first <= place <= last and (wanted is None or place in wanted)
    ]


def _between(curve: dict[float, float], place: float) -> float:
    return float(np.interp(place, list(curve), list(curve.values())))


def _place(point: Point, over: str) -> float:
    return log(abscissa(point, over))


def _curve(points: Iterable[Point], seed: int, over: str, records: Records) -> dict[float, float]:
    """Accuracy by the logarithm of the abscissa, in order; the mean where several are equal;
    with DeepReDuce's candidates that of the chosen."""
    found: dict[float, list[float]] = {}
    for point, accuracy in _chosen(_known(points, seed, records), seed, over, records):
        found.setdefault(_place(point, over), []).append(accuracy)
    return {place: fmean(found[place]) for place in sorted(found)}


def _chosen(
    known: list[tuple[Point, float]], seed: int, over: str, records: Records
) -> Iterator[tuple[Point, float]]:
    """At each of DeepReDuce's candidates the accuracy of the one that it would choose there: of all
    with no greater abscissa the best by validation accuracy. Other points keep their own."""
    found = [
        (_place(point, over), -(_of_seed(point, seed, records, "validation") or 0), point, accuracy)
        for point, accuracy in known
    ]
    best = (inf, 0.0)
    for _, loss, point, accuracy in sorted(found, key=lambda each: each[:2]):
        if point.candidate:
            best = min(best, (loss, accuracy), key=lambda each: each[0])
        yield point, best[1] if point.candidate else accuracy


def _known(points: Iterable[Point], seed: int, records: Records) -> list[tuple[Point, float]]:
    """The points that have an accuracy with a seed, and it."""
    found = [(point, _of_seed(point, seed, records)) for point in points]
    return [(point, accuracy) for point, accuracy in found if accuracy is not None]


def _of_seed(point: Point, seed: int, records: Records, split: str = "test") -> float | None:
    found = [accuracy(run, records, split) for run in point.runs if run.seed == seed]
    return found[0] if found else None


def sentence(judgement: pd.DataFrame) -> str:
    """What became of the claims, in one sentence or two."""
    if judgement.empty:
        return "The paper claims nothing of the points drawn here."
    counted = judgement["verdict"].value_counts()
    verdicts = ", ".join(f"{name}: {count}" for name, count in counted.items())
    claims = "1 claim" if len(judgement) == 1 else f"{len(judgement)} claims"
    gains = judgement["mean gain"].dropna()
    if gains.empty:
        return f"Of {claims}, none could be compared ({verdicts})."
    return (
        f"Of {claims}, {verdicts}. The mean gain is positive in {int((gains > 0).sum())} of the"
        f" {len(gains)} that could be compared, and lies between {gains.min():+.2f} and"
        f" {gains.max():+.2f} points."
    )
