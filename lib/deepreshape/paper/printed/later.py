"""What came after the paper: accuracies that other works print, beside those of the paper's tables.

`data/later.csv` has a row for each, with its source; nothing of it was run here. Rows without an
accuracy are of works that say something else of themselves, or of which only the abstract was read.
"""

import csv
from collections.abc import Iterator

import numpy as np
import pandas as pd

from deepreshape.paper.printed import tables
from deepreshape.places import DATA

LATER = DATA / "later.csv"
PRINTED = {"CIFAR-100": ("table06", "table07"), "TinyImageNet": ("table13", "table07")}
"""Of each data set the tables with the paper's HybReNets and with what it compares them with."""

RELUS, ACCURACY = "ReLUs (thousands)", "accuracy (%)"


def works() -> pd.DataFrame:
    """A row for each result of a later work, as `data/later.csv` has it; empty cells are ''."""
    with LATER.open(newline="", encoding="utf-8") as file:
        return pd.DataFrame(list(csv.DictReader(file)))


def points() -> pd.DataFrame:
    """Thousands of ReLUs and printed accuracies: of the paper's HybReNets by DKD, of the methods
    that it compares them with, then of later works with both, with `data` and `series`."""
    found = [row for data in PRINTED for row in _of_the_paper(data)]
    for row in works().to_dict("records"):
        if row["relus_K"] and row["accuracy_pct"]:
            name = f"{row['method']} ({row['year']})"
            found.append((row["data"], name, float(row["relus_K"]), float(row["accuracy_pct"])))
    return pd.DataFrame(found, columns=["data", "series", RELUS, ACCURACY])


def _of_the_paper(data: str) -> Iterator[tuple[str, str, float, float]]:
    ours, theirs = PRINTED[data]
    for row in tables.table(ours):
        yield data, "HybReNet (DKD)", float(row["relus_K"]), float(row["acc_dkd_pct"])
    known = dict.fromkeys(
        (row["sota_method"], row["sota_relus_K"], row["sota_acc_pct"])
        for row in tables.table(theirs)
        if row["dataset"] == data
    )
    for method, relus, accuracy in known:
        yield data, method, float(relus), float(accuracy)


def sentence() -> str:
    """How far the points of each later work lie from the curve of the paper's HybReNets, which is
    interpolated in the logarithm of ReLUs; those beyond its ends are left out."""
    found = points()
    parts = []
    later = found[~found["series"].isin(["HybReNet (DKD)", "SENet", "SNL"])]
    for (data, name), group in later.groupby(["data", "series"], sort=False):
        curve = found[(found["data"] == data) & (found["series"] == "HybReNet (DKD)")]
        curve = curve.sort_values(RELUS)
        inside = group[group[RELUS].between(curve[RELUS].min(), curve[RELUS].max())]
        if len(inside):
            ours = np.interp(np.log(inside[RELUS]), np.log(curve[RELUS]), curve[ACCURACY])
            gaps = inside[ACCURACY] - ours
            low, high = (f"{gaps.min():+.1f}", f"{gaps.max():+.1f}")
            span = low if len(inside) == 1 else f"{low} to {high}"
            parts.append(f"{name} on {data} {span} points")
    return f"Against the paper's HybReNets, at as many ReLUs: {'; '.join(parts)}."


def sources() -> pd.DataFrame:
    """A row for each work and data set: what it reports, what sets it apart, and its source."""
    found = works()
    rows = []
    for (method, year, data), group in found.groupby(["method", "year", "data"], sort=False):
        first = group.iloc[0]
        rows.append(
            {
                "work": f"{method} ({year})",
                "data": data,
                "% at ReLUs (K)": _span(group),
                "what sets it apart": first["what"],
                "source": first["source"],
            }
        )
    return pd.DataFrame(rows)


def _span(group: pd.DataFrame) -> str:
    pairs = [
        f"{row['accuracy_pct']} at {float(row['relus_K']):.3g}"
        for row in group.to_dict("records")
        if row["accuracy_pct"]
    ]
    if not pairs:
        return ""
    return pairs[0] if len(pairs) == 1 else f"{pairs[0]}, to {pairs[-1]}"
