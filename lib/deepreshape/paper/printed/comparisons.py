"""Printed and computed values as tables for a page."""

import base64
import re
from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path

import pandas as pd
from IPython.display import HTML, Markdown, display

from deepreshape import places
from deepreshape.design import Network, cost
from deepreshape.files import write_text
from deepreshape.paper.printed import tables
from deepreshape.paper.printed.counts import count, ranking, shares
from deepreshape.paper.printed.verdicts import KINDS, Verdict, totals, verify

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
UNEQUAL = "What is not equal to the printed digit, but for HE seconds within the model's band"
BESIDE = "Printed | computed"
LONGEST = 30
"""Characters of a cell that stays in one line where it has several words."""

Verdicts = str | Iterable[Verdict]
"""Verdicts, or a table's name for all of its own."""


def _verdicts(of: Verdicts) -> list[Verdict]:
    return list(verify(of) if isinstance(of, str) else of)


def _chosen(
    of: Verdicts, columns: Iterable[str] | Mapping[str, str], rows: Container[int] | None
) -> list[Verdict]:
    """Verdicts; rows of a table: of these, and of the columns, alone."""
    if isinstance(of, str) and rows is not None:
        of = verify(of, _by_heading(columns).values() or None, rows)
    return _verdicts(of)


def opening(
    page: str,
    of: Verdicts,
    columns: Iterable[str] | Mapping[str, str] = (),
    rows: Container[int] | None = None,
) -> None:
    """What came out, before all that leads to it: a sentence, the values that are not equal, and
    the command. Arguments as of `show`."""
    found = _chosen(of, columns, rows)
    command = f"`make reproduce-{page}` makes this page."
    display(Markdown(f"**What came out.** {sentence(found)} {command}"))
    missed = misses(found)
    if not missed.empty:
        display(styled(missed, f"{page}-misses", caption=UNEQUAL))


def show(
    page: str,
    of: Verdicts,
    columns: Iterable[str] | Mapping[str, str] = (),
    rows: Container[int] | None = None,
) -> None:
    """Show verdicts, save them as PAGE.csv, say what they come to, and link the files: a row for
    each row of their table (`side_by_side`) where columns are named, else one for each value. rows
    of a table: what is said is of these, and of the columns, alone."""
    found = _chosen(of, columns, rows)
    compared = comparison(found)
    save(compared, page)
    told = side_by_side(found, columns) if columns else listed(found)
    display(styled(told, page, caption=BESIDE if columns else ""))
    display(Markdown(sentence(found)))
    display(Markdown(f"Files: {picture_link(page)}, {csv_link(compared, page)}."))


def comparison(of: Verdicts) -> pd.DataFrame:
    """A row for each value: where it is, printed, computed, verdict, why, and its erratum."""
    rows = [
        (
            verdict.printed.row,
            label(verdict.printed.table, verdict.printed.row),
            verdict.printed.column,
            verdict.printed.text,
            verdict.shown,
            verdict.text,
            verdict.printed.rounding.why,
            verdict.printed.rounding.erratum,
        )
        for verdict in _verdicts(of)
    ]
    names = ["row", "of", "column", "printed", "computed", "verdict", "why", "erratum"]
    return pd.DataFrame(rows, columns=names)


def label(name: str, row: int) -> str:
    """What a row of a table is about, in the table's own words."""
    cells = tables.table(name)[row - 1]
    if "sota_method" in cells:
        return f"{cells['dataset']}, {cells['sota_method']} {cells['sota_relus_K']}K"
    if "re2" in cells or "reduction_factor_N" in cells:
        return str(tables.network(name, row))
    found = next((cells[column] for column in LABELS if column in cells), str(row))
    return f"{found}(m={cells['m']})" if "m" in cells else found


def labelled(name: str) -> dict[str, Network]:
    """The networks of a table by the labels of their rows."""
    return {label(name, row): network for row, network in tables.networks(name).items()}


def place(verdict: Verdict) -> str:
    """Where a value stands, in words: `Table 7, CIFAR-100, SENet 25K, hrn_gc_s`, `Figure 19, ...`,
    `Section 4.1, ...`."""
    printed = verdict.printed
    cells = tables.table(printed.table)[printed.row - 1]
    of = label(printed.table, printed.row)
    if printed.table == "figures":
        return ", ".join(filter(None, (f"Figure {cells['figure']}", cells["panel"], of)))
    if printed.table == "text_claims":
        part = "Appendix" if cells["section"][0].isupper() else "Section"
        return f"{part} {cells['section']}, {of}"
    number = int(printed.table.removeprefix("table").removesuffix("_formulas"))
    return f"Table {number}, {of}, {printed.column}"


def listed(of: Verdicts) -> pd.DataFrame:
    """A row for each value: place, printed, computed, verdict, and why where there is a reason."""
    found = _verdicts(of)
    frame = comparison(found)[["printed", "computed", "verdict", "why"]]
    frame.insert(0, "value", [place(verdict) for verdict in found])
    return frame if frame["why"].any() else frame.drop(columns="why")


def side_by_side(of: Verdicts, columns: Iterable[str] | Mapping[str, str]) -> pd.DataFrame:
    """A row for each row of a table, and for each of its columns `printed | computed`. columns: of
    the table, or what stands above each."""
    headings = _by_heading(columns)
    above = {column: heading for heading, column in headings.items()}
    cells: dict[int, dict[str, str]] = {}
    for verdict in _verdicts(of):
        printed = verdict.printed
        if printed.column in above:
            row = cells.setdefault(printed.row, {"row": label(printed.table, printed.row)})
            row[above[printed.column]] = f"{printed.text} | {verdict.shown}"
    return pd.DataFrame(list(cells.values()), columns=["row", *headings])


def _by_heading(columns: Iterable[str] | Mapping[str, str]) -> Mapping[str, str]:
    return columns if isinstance(columns, Mapping) else {name: name for name in columns}


def misses(of: Verdicts) -> pd.DataFrame:
    """`listed` for the values that are not equal, but for the HE seconds that the model gives
    within its band."""
    return listed(
        verdict
        for verdict in _verdicts(of)
        if verdict.kind != "equal"
        and not (verdict.kind == "within" and verdict.printed.column.endswith("he_s"))
    )


def _stages(form: str, values: Iterable[object]) -> dict[str, object]:
    return {form.format(stage): value for stage, value in enumerate(values, start=1)}


READINGS: Mapping[str, Callable[[Network], dict[str, object]]] = {
    "widths": lambda network: {"stem": network.stem, "widths": str(network.widths)},
    "blocks": lambda network: {"blocks": str(network.depths)},
    "relus": lambda network: {"ReLUs": cost(network).total_relus},
    "flops": lambda network: {"FLOPs (M)": count(network, "flops_M")},
    "stages": lambda network: _stages("stage {}", cost(network).relus[1:]),
    "shares": lambda network: _stages("stage {} (%)", shares(network)),
    "order": lambda network: {"order": ranking(network)},
}
"""What `overview` can say of a network: columns and values. The shares count the stem with stage 1,
stages and order leave it out."""


def overview(networks: Mapping[str, Network], name: str, *readings: str) -> HTML:
    """A row for each network with some of `READINGS`; name: see `styled`."""
    rows = [
        {"network": given}
        | {key: value for each in readings for key, value in READINGS[each](it).items()}
        for given, it in networks.items()
    ]
    return styled(pd.DataFrame(rows), name)


def styled(frame: pd.DataFrame, name: str, precision: int = 2, caption: str = "") -> HTML:
    """A table as a page shows it. name: of the table, once on a page; it becomes its HTML id.
    caption: above it."""
    style = frame.style.set_uuid(name).hide(axis="index")
    if caption:
        style.set_caption(caption)
    style.format(precision=precision, thousands=",", na_rep="")
    props = "white-space: normal !important; text-align: left !important; min-width: 11em"
    style.set_table_styles(
        [
            {"selector": f".col{place}", "props": props}
            for place, column in enumerate(frame)
            if any(map(_is_sentence, frame[column]))
        ]
    )
    return HTML(style.to_html())  # a Styler would name its place in memory beside it


def _is_sentence(cell: object) -> bool:
    """Is it text of several words, tags aside, that a page sets in lines?"""
    if not isinstance(cell, str):
        return False
    text = re.sub(r"<[^>]*>", "", cell)
    return " " in text and len(text) > LONGEST


def sentence(of: Verdicts) -> str:
    """Verdicts in one sentence."""
    counted = totals(_verdicts(of))
    number = sum(counted.values())
    if counted["equal"] == number:
        return f"All {number} values that need no training are equal to the printed digit."
    found = ", ".join(f"{counted[kind]} {kind}" for kind in KINDS if counted[kind])
    return f"Of {number} values that need no training: {found}."


def csv_link(frame: pd.DataFrame, name: str) -> str:
    """A link, in HTML, to a table as CSV that the page itself holds."""
    text = frame.to_csv(index=False, float_format="%.4g")
    data = base64.b64encode(text.encode()).decode()
    return f'<a download="{name}.csv" href="data:text/csv;base64,{data}">{name}.csv</a>'


def picture_link(name: str) -> str:
    """A link, in HTML, to the last picture before it; the book's build names the file."""
    return f'<a class="picture-file" download="{name}">picture</a>'


def save(frame: pd.DataFrame, name: str, folder: Path | None = None) -> Path:
    """Write a table as CSV, into the folder of figures (`places.figures`) where none is named;
    returns its path."""
    path = (folder or places.figures()) / f"{name}.csv"
    write_text(path, frame.to_csv(index=False))
    return path
