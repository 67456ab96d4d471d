"""Tables of what became of the paper: every claim, every page, and what cannot be made here."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import isnan, nan

import pandas as pd
from IPython.display import HTML, Markdown

from deepreshape.learn.runs import price
from deepreshape.paper.contents import PAGES
from deepreshape.paper.printed import comparisons, tables
from deepreshape.paper.printed.verdicts import Kind, Verdict, totals, verify
from deepreshape.paper.status import TESTS, UNRECORDED, Evidence
from deepreshape.paper.trained.experiments import EXPERIMENTS
from deepreshape.paper.trained.profiles import PROFILES
from deepreshape.paper.trained.strip import GPU

# Claims


def claims(found: Iterable[Evidence]) -> pd.DataFrame:
    """A row for each claim about trained networks, with all that is known of it.

    p is two-sided and adjusted. hours: of one GPU (`strip.GPU`), for one seed at the paper's scale.
    """
    pace = price.gpu(GPU)
    return pd.DataFrame([_row(each, pace) for each in found])


def _row(each: Evidence, pace: price.Pace) -> dict[str, object]:
    row, page = each.judgement, each.experiment.name
    claim = each.whole if row is None else row.claim
    size = None if claim is None else claim.size
    quote = tables.row("quotes", page=page)
    return {
        "page": page,
        "place": quote["place"],
        "quote": quote["quote"],
        "claim": each.text,
        "evidence": each.scale,
        "n": 0 if row is None else row.n,
        "mean gain": nan if row is None else row.mean,
        "± 95 %": nan if row is None or row.found is None else row.found.half,
        "direction": each.outcome("direction"),
        "p": each.adjusted.get("direction", nan),
        "printed size": "" if size is None else str(size),
        "size": "" if size is None or row is None else each.outcome("size"),
        "p of size": each.adjusted.get("size", nan),
        "command": f"make reproduce-{page}",
        "hours": each.gpu_hours(pace),
    }


def recorded(table: pd.DataFrame) -> pd.DataFrame:
    """The rows with records, and their numbers. table: of `claims`."""
    kept = table[table["direction"] != UNRECORDED]
    return kept.drop(columns=["place", "quote", "command", "hours"])


def listed(table: pd.DataFrame) -> pd.DataFrame:
    """What a page lists of each claim. table: of `claims`."""
    return pd.DataFrame(
        {
            "figure or table": [EXPERIMENTS[page].link for page in table["page"]],
            "claim": table["claim"],
            "evidence": table["evidence"],
            "n": table["n"],
            "gain (points)": [
                _interval(mean, half)
                for mean, half in zip(table["mean gain"], table["± 95 %"], strict=True)
            ],
            "direction": table["direction"],
            "printed size": table["printed size"],
            "size": table["size"],
            f"{GPU} hours a seed": [f"{hours:,.1f}" for hours in table["hours"]],
        }
    )


def _interval(mean: float, half: float) -> str:
    if isnan(mean):
        return ""
    return f"{mean:+.2f}" if isnan(half) else f"{mean:+.2f} ± {half:.2f}"


def filterable(table: pd.DataFrame, name: str, by: Sequence[str]) -> HTML:
    """A table that the page lets a reader filter, by words and by the values of some columns; its
    cells may hold HTML. Without scripts it is the whole table."""
    columns = ",".join(str(list(table).index(each)) for each in by)
    shown = comparisons.styled(table, name, precision=0)
    return HTML(f'<div class="filterable" data-columns="{columns}">{shown.data}</div>')


def download(table: pd.DataFrame, name: str) -> Markdown:
    """A link to a table as CSV, and its size."""
    link = comparisons.csv_link(table, name)
    return Markdown(f"{link}: {len(table):,} rows, {len(table.columns)} columns.")


# Figures and tables


def pages(found: Iterable[Evidence]) -> Markdown:
    """A row for each figure and table of the book: the numbers that are recomputed, the claims that
    are tested, what came out, and the command."""
    by_page: dict[str, list[Evidence]] = {}
    for each in found:
        by_page.setdefault(each.experiment.name, []).append(each)
    values = _values()
    head = "* - page\n  - recomputed numbers\n  - claims about trained networks\n  - command"
    rows = [
        f"* - {{doc}}`{page}`\n  - {_said(values.get(page, []))}\n"
        f"  - {_judged(by_page.get(page, []))}\n  - `make reproduce-{page}`"
        for page in PAGES
        if page.startswith(("fig", "table"))
    ]
    opening = ":::{list-table} Every figure and table, and what became of it\n:header-rows: 1\n"
    return Markdown("\n".join([opening, head, *rows, ":::"]))


def _values() -> dict[str, list[Verdict]]:
    """The verdicts on printed values, by the page that has them."""
    found: dict[str, list[Verdict]] = {}
    for name in tables.TABLES:
        for verdict in verify(name):
            found.setdefault(_page(verdict), []).append(verdict)
    return found


def _page(verdict: Verdict) -> str:
    """The page of a printed value; that of the prose is no page."""
    printed = verdict.printed
    if printed.table == "text_claims":
        return ""
    if printed.table == "figures":
        cells = tables.table("figures")[printed.row - 1]
        number, panel = f"fig{cells['figure']}", cells["panel"][:1]
        return number + panel if number + panel in PAGES else number
    return f"table{int(printed.table.removeprefix('table').removesuffix('_formulas'))}"


def _said(verdicts: Sequence[Verdict]) -> str:
    counted: Mapping[Kind, int] = totals(verdicts)
    parts = [f"{number} {kind}" for kind, number in counted.items() if number]
    return ", ".join(parts) or "none"


def _judged(found: Sequence[Evidence]) -> str:
    if not found:
        return "none"
    untested = sum(not each.adjusted for each in found)
    said = _listed(_counts(found, "direction") + Counter({"not tested": untested}))
    of_sizes = _listed(_counts(found, "size"))
    return f"{said}; of printed sizes {of_sizes}" if of_sizes else said


def counted(found: Iterable[Evidence]) -> pd.DataFrame:
    """A row for each page: its claims, how many are recorded and tested, and their outcomes on the
    direction."""
    rows = []
    for each in found:
        outcome = each.outcome("direction") if each.adjusted else ""
        rows.append(
            {
                "page": each.experiment.name,
                "what": each.experiment.title,
                "claims": 1,
                "recorded": int(each.judgement is not None),
                "tested": int(bool(each.adjusted)),
                "agree": int(outcome.startswith("agrees")),
                "disagree": int(outcome.startswith("disagrees")),
                "undecided": int(outcome.startswith("undecided")),
            }
        )
    return pd.DataFrame(rows).groupby(["page", "what"], sort=False, as_index=False).sum()


# Sentences


def sentence(found: Iterable[Evidence]) -> str:
    """How many claims there are, how many tests were made, and what is decided."""
    given = list(found)
    known = sum(each.judgement is not None for each in given)
    counts = {test: _counts(given, test) for test in TESTS}
    tests = sum(sum(of.values()) for of in counts.values())
    text = (
        f"Of {len(given)} claims about trained networks {known} have records here. {tests} tests"
        " are made, and decided together (Holm, 5 % for all of them)"
    )
    said = [f"of the {test} {_listed(of)}" for test, of in counts.items() if of]
    return f"{text}: {'; '.join(said)}." if said else f"{text}."


def sizes(found: Iterable[Evidence]) -> str:
    """What became of the printed sizes that are tested."""
    return _listed(_counts(found, "size")) or "none is tested"


def _counts(found: Iterable[Evidence], test: str) -> Counter[str]:
    return Counter(each.outcome(test) for each in found if test in each.adjusted)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{number} {said if number == 1 else said.replace('agrees', 'agree')}"
        for said, number in counts.items()
    )


def missing(found: Sequence[Evidence]) -> Markdown:
    """What was not made here, how much of it there is, and why."""
    pace, heaviest = price.gpu(GPU), PROFILES["short"].heaviest
    open_ones = [each for each in found if not each.adjusted]
    large = [each for each in open_ones if not each.drawn]
    alone = [each for each in open_ones if each.judgement is not None]
    runs = {
        run
        for each in found
        if each.whole is not None
        for run in price.with_teachers(
            run for point in each.whole.ahead + each.whole.behind for run in point.runs
        )
    }
    hours = sum(price.seconds(run, pace) for run in runs) / 3600
    whole = sum(each.profile == "paper" for each in found)
    lines = [
        f"{len(open_ones)} of {len(found)} claims are not tested.",
        f"{len(large)} of these are not drawn at *short*, which leaves out networks of more than"
        f" {(heaviest or 0) / 1e6:,.0f} million multiply-accumulates.",
        f"{len(alone)} have records that cannot decide: of one seed, or of a seed on which the"
        " recipe was chosen.",
        f"At the paper's scale, one seed of all that claims compare is {len(runs):,} runs and, by"
        f" estimate, {hours:,.0f} hours of one {GPU}; {whole} claims have records of it.",
    ]
    return Markdown("\n".join(f"- {line}" for line in lines))
