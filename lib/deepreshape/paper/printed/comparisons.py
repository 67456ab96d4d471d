"""Printed and computed values as tables for a page."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from IPython.display import HTML

from deepreshape.paper.printed.tables import network, table
from deepreshape.paper.printed.verify import KINDS, Verdict, totals, verify

LABELS = (
    "network",
    "model",
    "alpha_beta_gamma_or_network",
    "quantity",
    "channel_scaling",
    "claim",
    "item",
)
"""Columns that name a row, the first that a table has."""


def comparison(
    name: str, columns: Iterable[str] | None = None, misses: bool = False
) -> pd.DataFrame:
    """A row for each printed value of a table: label, column, printed, computed, verdict, why.

    columns: only these. misses: only values that are not equal.
    """
    wanted = None if columns is None else set(columns)
    return pd.DataFrame(
        [
            _described(verdict)
            for verdict in verify(name)
            if (wanted is None or verdict.printed.column in wanted)
            and not (misses and verdict.kind == "equal")
        ],
        columns=["row", "of", "column", "printed", "computed", "verdict", "why", "erratum"],
    )


def _described(verdict: Verdict) -> dict[str, object]:
    printed = verdict.printed
    return {
        "row": printed.row,
        "of": label(printed.table, printed.row),
        "column": printed.column,
        "printed": printed.text,
        "computed": verdict.shown,
        "verdict": verdict.text,
        "why": printed.rounding.why,
        "erratum": printed.rounding.erratum,
    }


def label(name: str, row: int) -> str:
    """What a row of a table is about, in the table's own words."""
    cells = table(name)[row - 1]
    if "sota_method" in cells:
        return f"{cells['dataset']}, {cells['sota_method']} {cells['sota_relus_K']}K"
    if "re2" in cells or "reduction_factor_N" in cells:
        return str(network(name, row))
    found = next((cells[column] for column in LABELS if column in cells), str(row))
    return f"{found}(m={cells['m']})" if "m" in cells else found


def side_by_side(name: str, columns: Iterable[str]) -> pd.DataFrame:
    """A row for each row of a table, and for each of its columns `printed | computed`."""
    wanted = list(columns)
    cells: dict[int, dict[str, str]] = {}
    for verdict in verify(name):
        printed = verdict.printed
        if printed.column in wanted:
            row = cells.setdefault(printed.row, {"": label(name, printed.row)})
            row[printed.column] = f"{printed.text} | {verdict.shown}"
    return pd.DataFrame(list(cells.values()), columns=["", *wanted])


def styled(frame: pd.DataFrame, name: str, precision: int = 2) -> HTML:
    """A table as a page shows it. name: of the table, once on a page; it becomes its HTML id."""
    style = frame.style.set_uuid(name).hide(axis="index")
    style.format(precision=precision, thousands=",", na_rep="")
    return HTML(style.to_html())  # a Styler would name its place in memory beside it


def sentence(name: str) -> str:
    """A table's verdicts in one sentence."""
    counted = totals(verify(name))
    number = sum(counted.values())
    if counted["equal"] == number:
        return f"All {number} values that need no training are equal to the printed digit."
    found = ", ".join(f"{counted[kind]} {kind}" for kind in KINDS if counted[kind])
    return f"Of {number} values that need no training: {found}."


def save(frame: pd.DataFrame, folder: Path, name: str) -> Path:
    """Write a table as CSV; returns its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.csv"
    frame.to_csv(path, index=False)
    return path
