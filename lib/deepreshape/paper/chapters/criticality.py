"""The stages of a network, each with its ReLUs alone: trained here beside what the paper prints."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations, pairwise
from math import isnan, nan
from statistics import fmean

import pandas as pd

from deepreshape.design.criticality import EXPONENT, criticality, order
from deepreshape.paper.trained.accuracies import Records, accuracies
from deepreshape.paper.trained.experiments import Point
from deepreshape.paper.trained.statistics import half_interval

PRINTED = "paper's test (%)"
COLUMNS = ["network", "stage", "seeds", "test (%)", "± 95 %", PRINTED]


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
        name = label[0] if width == 1 else f"{label[0]}, {width} of its width"
        mean = fmean(values) if values else nan
        rows.append((name, int(label[2]), len(values), mean, half_interval(values), point.printed))
    return pd.DataFrame(rows, columns=COLUMNS)


def side_by_side(frame: pd.DataFrame) -> pd.DataFrame:
    """A row for each network, and for each stage `here ± 95 % (seeds) | paper` in percent."""

    def cell(row: pd.Series) -> str:
        half = row["± 95 %"]
        reach = "" if isnan(half) else f" ± {half:.1f}"
        return f"{row['test (%)']:.1f}{reach} ({row['seeds']}) | {row[PRINTED]:.1f}"

    rows: dict[str, dict[str, str]] = {}
    for _, row in frame.iterrows():
        rows.setdefault(row["network"], {})[f"S{row['stage']}"] = cell(row)
    return pd.DataFrame([{"network": name} | cells for name, cells in rows.items()])


def orders(frame: pd.DataFrame) -> pd.DataFrame:
    """A row for each network that has all its stages: seeds, the order of its stages by accuracy
    here and in the paper, and how many pairs of stages are in the same order in both."""
    rows = []
    for network, stages in frame.groupby("network", sort=False):
        ours, theirs = list(stages["test (%)"]), stages[PRINTED].to_list()
        if stages["test (%)"].isna().any():
            continue
        pairs = list(combinations(range(len(ours)), 2))
        same = sum((ours[a] - ours[b]) * (theirs[a] - theirs[b]) > 0 for a, b in pairs)
        least, most = stages["seeds"].min(), stages["seeds"].max()
        rows.append(
            {
                "network": network,
                "seeds": f"{least}" if least == most else f"{least} to {most}",
                "order here": _written(ours),
                "order in the paper": _written(theirs),
                "pairs alike": f"{same} of {len(pairs)}",
            }
        )
    return pd.DataFrame(rows)


def turned(frame: pd.DataFrame) -> list[str]:
    """A sentence for each pair of neighbours in a paper's order that is the other way round here:
    how far apart they are, and what the intervals of both means say of it."""
    found = []
    for network, stages in frame.groupby("network", sort=False):
        rows = stages.set_index("stage")
        for first, second in pairwise(order(rows[PRINTED].to_list())):
            here = rows.loc[first, "test (%)"] - rows.loc[second, "test (%)"]
            if not here < 0:
                continue
            there = rows.loc[first, PRINTED] - rows.loc[second, PRINTED]
            reach = rows.loc[first, "± 95 %"] + rows.loc[second, "± 95 %"]
            sure = (
                "one seed, which decides nothing"
                if reach != reach
                else "their intervals overlap"
                if -here < reach
                else "their intervals do not overlap"
            )
            found.append(
                f"**{network}**: stage {second} is {-here:.2f} points ahead of stage {first};"
                f" in the paper it is {there:.2f} behind ({sure})"
            )
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
