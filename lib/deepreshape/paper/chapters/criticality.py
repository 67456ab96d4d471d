"""The stages of a network, each with its ReLUs alone: trained here beside what the paper prints."""

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations, pairwise
from math import isnan, nan
from statistics import fmean
from typing import Any

import pandas as pd

from deepreshape.design.criticality import EXPONENT, criticality, order
from deepreshape.paper.trained.accuracies import Records, accuracies
from deepreshape.paper.trained.experiments import Point
from deepreshape.paper.trained.statistics import half_interval

OURS, HALF, PRINTED = "test (%)", "± 95 %", "paper's test (%)"
COLUMNS = ["network", "stage", "seeds", OURS, HALF, PRINTED]

Row = Mapping[Hashable, Any]
"""A row of `alone`."""


def alone(points: Sequence[Point], records: Records) -> pd.DataFrame:
    """A row for each stage of each network of Tables 10 and 11 that was trained with a teacher:
    its mean test accuracy here, half the 95 % interval of that, and the printed one. Networks are
    named as the paper has them, with the width here where it is another."""
    rows = []
    for point in points:
        if point.panel != "b":
            continue
        values, label = accuracies(point, records), point.series.rpartition(" S")
        width = Fraction(point.network.stem, point.paper.stem)
        name = label[0] if width == 1 else f"{label[0]}, {width} width"
        mean = fmean(values) if values else nan
        rows.append((name, int(label[2]), len(values), mean, half_interval(values), point.printed))
    return pd.DataFrame(rows, columns=COLUMNS)


def orders(frame: pd.DataFrame) -> pd.DataFrame:
    """A row for each network that has all its stages: seeds, the order of its stages by accuracy
    here and in the paper, and how many pairs of stages are in the same order in both."""
    rows = []
    for network, stages in _by_network(frame).items():
        if any(isnan(row[OURS]) for row in stages):
            continue
        pairs = list(combinations(stages, 2))
        same = sum((a[OURS] - b[OURS]) * (a[PRINTED] - b[PRINTED]) > 0 for a, b in pairs)
        seeds = sorted({row["seeds"] for row in stages})
        rows.append(
            {
                "network": network,
                "seeds": " to ".join(map(str, dict.fromkeys((seeds[0], seeds[-1])))),
                "order here": _written([row[OURS] for row in stages]),
                "order in the paper": _written([row[PRINTED] for row in stages]),
                "pairs alike": f"{same} of {len(pairs)}",
            }
        )
    return pd.DataFrame(rows)


def turned(frame: pd.DataFrame) -> list[str]:
    """A sentence for each pair of neighbours in a paper's order that is the other way round here:
    how far apart they are, and what the intervals of both means say of it."""
    found = []
    for network, stages in _by_network(frame).items():
        ranked = sorted(stages, key=lambda row: -float(row[PRINTED]))
        for first, second in pairwise(ranked):
            behind = second[OURS] - first[OURS]
            if behind > 0:
                found.append(
                    f"**{network}**: stage {second['stage']} is {behind:.2f} points ahead of stage"
                    f" {first['stage']}; in the paper it is {first[PRINTED] - second[PRINTED]:.2f}"
                    f" behind ({_sure(behind, first[HALF] + second[HALF])})"
                )
    return found


def _sure(apart: float, reach: float) -> str:
    if isnan(reach):
        return "one seed, which decides nothing"
    return f"their intervals {'overlap' if apart < reach else 'do not overlap'}"


def _by_network(frame: pd.DataFrame) -> dict[str, list[Row]]:
    """The rows of a frame, stage by stage, by their network."""
    found: dict[str, list[Row]] = {}
    for row in frame.to_dict("records"):
        found.setdefault(row["network"], []).append(row)
    return found


def weighed(relus: Sequence[int], accuracies: Sequence[float]) -> pd.DataFrame:
    """How C_k comes about, a row for each stage: N_k in thousands, accuracy, its distance to the
    worst, N_k^0.07, and C_k."""
    worst = min(accuracies)
    return pd.DataFrame(
        {
            "stage": range(1, len(relus) + 1),
            "ReLUs (K)": [count / 1000 for count in relus],
            "accuracy (%)": accuracies,
            "above the worst": [each - worst for each in accuracies],
            "divided by": [(count / 1000) ** EXPONENT for count in relus],
            "criticality": criticality(relus, accuracies),
        }
    )


def _written(values: Sequence[float]) -> str:
    return " > ".join(f"S{stage}" for stage in order(values))
