"""What becomes of the paper's claims: a direction and, where one is printed, a size.

Both are judged by one interval (`statistics`). Digits are no evidence, nor are seeds and networks
on which a profile's recipe was chosen, nor networks near chance, nor networks with a search that
did not come down to its budget; what is left counts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, nan, sqrt
from statistics import fmean
from typing import Literal

import pandas as pd

from deepreshape.paper.trained import statistics
from deepreshape.paper.trained.accuracies import Records, accuracies
from deepreshape.paper.trained.experiments import Claim, Point
from deepreshape.paper.trained.gains import (
    alike,
    arrived,
    gains,
    knows_images,
    mean_of,
    near_chance,
    shared,
    tested,
    value,
    without,
)
from deepreshape.paper.trained.profiles import PAPER_SIDES, Profile
from deepreshape.paper.trained.provenance import is_whole
from deepreshape.paper.trained.statistics import Decision, Estimate, Pool

Kind = Literal["digits", "reduced", "paper"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What accuracies count for: digits for nothing, others at a reduced scale or at the paper's.

    seeds, networks: on which the recipe was chosen.
    """

    kind: Kind = "paper"
    seeds: tuple[int, ...] = ()
    networks: tuple[object, ...] = ()

    def worded(self, outcome: str) -> str:
        return f"{outcome} at reduced scale" if self.kind == "reduced" else outcome


def standing(size: Profile, points: Sequence[Point]) -> Standing:
    """What the runs of a profile count for. Of digits none is left out, since none counts."""
    if any(run.data.name not in PAPER_SIDES for point in points for run in point.runs):
        return Standing("digits")
    whole = size.name == "paper" and all(map(is_whole, points))
    kind: Kind = "paper" if whole else "reduced"
    return Standing(kind, size.chosen_seeds, size.chosen_networks)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of a claim.

    pairs: the most places that a seed is compared at. n: seeds. left_out: those, and networks, on
    which the recipe was chosen. near: networks near chance. unfinished: networks with a search that
    did not reach its budget. holes: runs without an accuracy. unlike: of the seeds, those whose
    nets were not trained alike (`gains.alike`). found: the interval, where there is one. direction,
    size: outcomes, or why there is none; decided: with the p-values behind them.
    """

    claim: Claim
    pairs: int
    n: int
    left_out: tuple[str, ...]
    near: int
    unfinished: int
    holes: int
    unlike: int
    mean: float
    found: Estimate | None
    direction: str
    size: str
    decided: dict[str, Decision]
    by_image: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """The claims of a page, what they count for, and the deviation pooled over them."""

    rows: tuple[Judgement, ...]
    standing: Standing
    pooled: Pool | None

    def table(self) -> pd.DataFrame:
        """A row for each claim, in the columns that say something; ± 95 % is half the interval of
        the mean gain, n its seeds."""
        table = pd.DataFrame([_row(each) for each in self.rows])
        silent = [name for name in table if len(table) and table[name].isin(["", 0]).all()]
        return table.drop(columns=silent)


def _row(row: Judgement) -> dict[str, object]:
    low, high = row.claim.range
    return {
        "claim": row.claim.text,
        "claimed gain": f"> {low:.3g}" if high == inf else f"{low:.3g} to {high:.3g}",
        "printed size": "" if row.claim.size is None else str(row.claim.size),
        "pairs": row.pairs,
        "n": row.n,
        "left out": ", ".join(row.left_out),
        "near chance": row.near,
        "unfinished": row.unfinished,
        "holes": row.holes,
        "mean gain": row.mean,
        "± 95 %": nan if row.found is None else row.found.half,
        "direction": row.direction,
        "size": row.size,
    }


# Judging


@dataclass(frozen=True, slots=True)
class _Case:
    """A claim, what of it counts, and the gain of each seed, as sums of accuracies."""

    claim: Claim
    part: Claim
    left_out: tuple[str, ...]
    near: int
    unfinished: int
    pairs: int
    sums: dict[int, dict[str, float]]
    counts: bool


def judge(claims: Iterable[Claim], records: Records, stands: Standing | None = None) -> Judged:
    """The claims of a page. Of every seed the mean over pairs, or places of curves, is its gain;
    the deviation of these is pooled over the claims. One seed decides nothing."""
    stands = stands or Standing()
    cases = [_case(claim, records, stands) for claim in claims]
    groups = [
        [value(each, records) for each in case.sums.values()]
        for case in cases
        if case.counts and not case.claim.weights
    ]
    images = min((tested(point) for case in cases for point in case.claim.ahead), default=1)
    pooled = statistics.pool(groups, 100 / images)
    rows = tuple(_judged(case, records, stands, pooled) for case in cases)
    return Judged(rows, stands, pooled)


def _case(claim: Claim, records: Records, stands: Standing) -> _Case:
    """What of a claim counts; where nothing does, all that is there, to be shown."""
    points = dict.fromkeys(claim.ahead + claim.behind)
    near = [point for point in points if near_chance(point, records)]
    unfinished = [point for point in points if not arrived(point, records)]
    able = without(claim, [*near, *unfinished])
    seen = [point for point in points if point.network in stands.networks]
    seeds = {run.seed for point in points for run in point.runs} & {*stands.seeds}
    fair = without(able, seen, seeds)
    left = [f"seed {seed}" for seed in sorted(seeds)] + [point.network.name for point in seen]
    found = gains(fair, records)
    counts = bool(found)
    if not found:
        found = gains(able, records)
    sums = {seed: dict(mean_of(places.values())) for seed, places in found.items()}
    pairs = max(map(len, found.values()), default=0)
    part = fair if counts else able
    return _Case(claim, part, tuple(left), len(near), len(unfinished), pairs, sums, counts)


def _judged(case: _Case, records: Records, stands: Standing, pooled: Pool | None) -> Judgement:
    claim, gained = case.claim, [value(each, records) for each in case.sums.values()]
    found, by_image = None, False
    if len(gained) > 1 and pooled is not None and case.counts:
        whole = mean_of(case.sums.values())
        images = tested(claim.ahead[0])
        by_image = knows_images(whole, records)
        # Weighted pairs deviate like independent ones, and never less than one.
        scale = sqrt(sum(weight**2 for weight in claim.weights))
        variance = shared(whole, records, images)
        found = statistics.estimate(gained, pooled, variance, max(1.0, scale))
    decided = {}
    reason = _reason(case, records, stands)
    if found is not None and not reason:
        decided["direction"] = statistics.direction(found, *claim.range)
        if claim.size is not None:
            decided["size"] = statistics.size(found, claim.size.low, claim.size.high)
    elif not reason:
        reason = f"{stands.worded('undecided')} ({'one seed' if len(gained) == 1 else 'few seeds'})"
    said = {name: stands.worded(each.outcome) for name, each in decided.items()}
    points = dict.fromkeys(claim.ahead + claim.behind)
    return Judgement(
        claim,
        case.pairs,
        len(gained),
        case.left_out,
        case.near,
        case.unfinished,
        sum(len(point.runs) - len(accuracies(point, records)) for point in points),
        sum(not alike(each, records) for each in case.sums.values()),
        fmean(gained) if gained else nan,
        found,
        said.get("direction", reason),
        said.get("size", reason if claim.size is not None else ""),
        decided,
        by_image,
    )


def _reason(case: _Case, records: Records, stands: Standing) -> str:
    """Why a claim is not tested; empty where it may be."""
    if not case.claim.is_drawn:
        return "not drawn"
    if not case.sums:
        return _nothing(case, records)
    if stands.kind == "digits":
        return "digits: not evidence"
    if case.counts:
        return ""
    seen = any(point.network in stands.networks for point in case.part.ahead + case.part.behind)
    return f"not evidence: the recipe was chosen on its {'network' if seen else 'seed'}"


def _nothing(case: _Case, records: Records) -> str:
    """Why nothing can be compared."""
    sides = (case.part.ahead, case.part.behind)
    if not all(sides) and (case.near or case.unfinished):
        return "near chance" if case.near else "search not finished"
    runs = [run for side in sides for point in side for run in point.runs]
    if not all(run.key in records for run in runs) and case.claim.weights:
        return "not recorded"
    seeds = [
        {run.seed for point in side for run in point.runs if accuracies(point, records)}
        for side in sides
    ]
    return "hole" if case.claim.paired or not seeds[0] & seeds[1] else "no overlap"
