"""Do the widths decide whether stage 2 or stage 4 comes first? One network at three widths.

Networks of Tables 10 and 11 are narrowed here, some more than others, and differ in more than that.
ResNet18 with ReLUs in stage 2 alone and in stage 4 alone is trained at m = 16, as in the paper, and
at half and a quarter of it, by the runs of Table 10 with KD, all else equal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import inf, sqrt
from statistics import fmean

import pandas as pd

from deepreshape.design import resnet18
from deepreshape.design.criticality import alone
from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from deepreshape.paper.trained.accuracies import Records, accuracy, by_key
from deepreshape.paper.trained.experiments import find
from deepreshape.paper.trained.profiles import PROFILES
from deepreshape.paper.trained.statistics import Estimate, Pool, direction, estimate, pool
from deepreshape.places import RECORDED

STAGES = (2, 4)
CHANNELS = (16, 8, 4)
"""Base channels m: the paper's, and what is narrower."""
SIZE = PROFILES["short"]
SEEDS = SIZE.fair_seeds(3)
NETWORK = "ResNet18(m=16)"
IMAGE = 0.01
"""Percent of the test set."""
OUTCOMES: Mapping[str, str] = {
    "agrees": "Widths alone turn the order.",
    "disagrees": "Widths take from stage 2, and alone do not turn the order.",
    "undecided": "Widths take from stage 2; whether they alone turn the order is undecided.",
}
"""By whether stage 4 comes first in the narrowest."""


@dataclass(frozen=True, slots=True)
class Gap:
    """At a width, the accuracies with ReLUs in stage 2 alone and in stage 4 alone, in percent, one
    a seed that has both."""

    channels: int
    seeds: tuple[int, ...]
    second: tuple[float, ...]
    fourth: tuple[float, ...]

    @property
    def gains(self) -> list[float]:
        """Points by which stage 2 is ahead, seed by seed."""
        return [a - b for a, b in zip(self.second, self.fourth, strict=True)]


def runs() -> dict[tuple[int, int], tuple[Run, ...]]:
    """By base channels and stage, one run a seed."""
    experiment = find("table10")
    kd = next(panel for panel, shown in experiment.panels.items() if shown.title == "KD")
    points = {
        point.series: point.runs
        for point in experiment.drawn(SIZE, seeds=SEEDS)
        if point.panel == kd
    }
    return {
        (channels, stage): tuple(
            replace(run, network=alone(resnet18(channels), stage))
            for run in points[f"{NETWORK} S{stage}"]
        )
        for channels in CHANNELS
        for stage in STAGES
    }


def recorded_gaps() -> list[Gap]:
    """What the repository has records of, the widest first."""
    shelf, wanted = Store(RECORDED), runs()
    every = [run.pinned() for each in wanted.values() for run in each]
    found = by_key(record for run in every if (record := shelf.get(run)) is not None)
    return gaps(wanted, found)


def gaps(wanted: Mapping[tuple[int, int], tuple[Run, ...]], records: Records) -> list[Gap]:
    """A gap for each width of which a seed has both stages."""
    made = []
    for channels in CHANNELS:
        pairs = [
            (second.seed, *(accuracy(run.pinned(), records) for run in (second, fourth)))
            for second, fourth in zip(*(wanted[channels, stage] for stage in STAGES), strict=True)
        ]
        whole = [(seed, a, b) for seed, a, b in pairs if a is not None and b is not None]
        if whole:
            made.append(Gap(channels, *zip(*whole, strict=True)))
    return made


def table(found: Sequence[Gap]) -> pd.DataFrame:
    """A row for each width; ± 95 % is half the interval of the mean before it, by the deviation of
    all widths together."""
    pooled = _pooled(found)
    return pd.DataFrame(
        [
            {
                "m": gap.channels,
                "stage 2 (%)": f"{fmean(gap.second):.2f}",
                "stage 4 (%)": f"{fmean(gap.fourth):.2f}",
                "stage 2 ahead by": f"{fmean(gap.gains):+.2f}",
                "± 95 %": f"{estimate(gap.gains, pooled, 0.0).half:.2f}" if pooled else "",
                "seeds": ", ".join(map(str, gap.seeds)),
            }
            for gap in found
        ]
    )


def sentence(found: Sequence[Gap]) -> str:
    """Whether narrowing alone turns the order, in words."""
    pooled = _pooled(found)
    if len(found) < 2 or pooled is None:
        return "Too little is recorded to tell."
    widest, narrowest = found[0], found[-1]
    before, after = fmean(widest.gains), fmean(narrowest.gains)
    error = pooled.deviation * sqrt(1 / len(widest.gains) + 1 / len(narrowest.gains))
    change = Estimate(after - before, error, pooled.degrees)
    said = (
        f"From m = {widest.channels} to m = {narrowest.channels} stage 2 goes from {before:+.1f} to"
        f" {after:+.1f} points before stage 4, which is a change of {change.mean:+.1f} ±"
        f" {change.half:.1f}."
    )
    if abs(change.mean) <= change.half:
        return f"{said} Whether widths are the reason is undecided."
    if change.mean > 0:
        return f"{said} Widths are not the reason: narrower networks favour stage 2."
    turned = direction(estimate(narrowest.gains, pooled, 0.0), -inf, 0.0).outcome
    return f"{said} {OUTCOMES[turned]}"


def _pooled(found: Sequence[Gap]) -> Pool | None:
    return pool([gap.gains for gap in found], IMAGE)
