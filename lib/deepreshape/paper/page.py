"""A page of the book about what is trained: what its notebook shows, in this order.

page = Page("fig12").show_verdict()  # what the paper claims, and what becomes of it
page.show_results()  # the picture, where it comes from, and the paper beside ours
page.show_claims()  # the claims one by one
page.show_cost()  # how to make it anew, what that costs, and the records behind it
page.show_changes()  # what runs change against the paper
page.show_trained_here()  # and what else was trained here: digits come last
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import pandas as pd
from IPython.display import Markdown, display

from deepreshape.design import cost
from deepreshape.paper.figures import pictures
from deepreshape.paper.printed import comparisons, tables
from deepreshape.paper.reproduce import Reproduced, reproduce, strongest
from deepreshape.paper.trained import strip
from deepreshape.paper.trained.accuracies import Records
from deepreshape.paper.trained.experiments import Point
from deepreshape.paper.trained.profiles import profile as find_profile
from deepreshape.places import figures, folder

STRONGEST = (
    "The strongest evidence there is comes first: runs on the paper's data that this repository has"
    " recorded, merged with those of this page at the same scale."
)
TOGETHER = "{doc}`status` decides the claims of all pages together."
COLUMNS = (
    "*ReLUs*, *FLOPs* and accuracies are those of the networks that were trained{searched}."
    " Accuracies are means over *n* seeds, *± 95 %* is half the 95 % interval of the mean test"
    " accuracy. *Paper's test* is the accuracy that the paper prints, if any; *paper's network* and"
    " *paper's ReLUs* are of the same edits at its own widths and image size."
)
SEARCHED = "; after a search, *ReLUs* are those that it leaves"
DIFFERENCE = (
    " *Ours - paper* is in points and takes the paper's number as exact, since neither its seeds"
    " nor its spread are stated. It tells what the scale here changes, and decides no claim."
)
ANEW = (
    "`make reproduce-{name}` trains digits and makes this page of all records that there are."
    " `PROFILE=short SEEDS=1-3` behind it trains on the paper's data in a few epochs,"
    " `PROFILE=paper` at the paper's scale. What that takes on this machine says `deepreshape plan"
    " {name} --profile short`; of one seed with its teachers, by the data sheet of one {gpu}:"
)
DIGITS = (
    "The digits show that the machinery runs, from the first network to the last verdict. They are"
    " no evidence for or against the paper."
)
NO_EVIDENCE = " (digits: no evidence)"
KEPT = "; of those that the repository keeps, with `--store data/runs`"
SMALLER = "Trained on a part of the paper's data: a smaller scale than that of the records above."
ALL = "Nothing besides: the page above shows all that was trained here."


class Page:
    """A trained figure or table with its records, and what is shown of it.

    What is not given the environment says: profile, dataset (in place of the profile's), seeds
    (such as `1-3`) and device by PROFILE, DATASET, SEEDS and DEVICE; store and out (the folder of
    pictures and tables) by DEEPRESHAPE_RUNS and FIGURES. Where it says nothing, the page is `quick`
    with one seed on any device, in build/runs and build/figures.

    Raises ValueError for what cannot be.
    """

    def __init__(
        self,
        name: str,
        profile: str = "",
        dataset: str = "",
        seeds: str = "",
        device: str = "",
        store: str = "",
        out: str = "",
    ) -> None:
        self.name = name
        self.out = Path(out) if out else figures()
        self._here = reproduce(
            name,
            profile or os.environ.get("PROFILE") or "quick",
            dataset or os.environ.get("DATASET", ""),
            seeds or os.environ.get("SEEDS") or "1",
            device or os.environ.get("DEVICE") or "auto",
            store or folder("DEEPRESHAPE_RUNS", "build/runs"),
        )
        self._best = strongest(self._here)

    @property
    def points(self) -> tuple[Point, ...]:
        """The points that the page leads with."""
        return self._best.points

    @property
    def records(self) -> Records:
        """The records of those points."""
        return self._best.records

    def in_the_paper(self, panels: str = "") -> list[Point]:
        """The points as the paper has them, of some panels or of all."""
        return self._best.experiment.drawn(find_profile("paper"), panels=panels or None)

    def show_verdict(self) -> Self:
        """What the paper claims, in its words, and what becomes of it; returns the page."""
        quote = tables.row("quotes", page=self.name)
        _say(f'> "{quote["quote"]}" ({quote["place"]})')
        _say(f"**Verdict.** {self._best.verdict}", TOGETHER)
        return self

    def show_results(self) -> None:
        """The picture, where it comes from, the runs that it lacks, and the paper beside ours;
        saved as PNG, SVG and CSV."""
        self._show_picture(self._best, self.name)
        table = self._best.table()
        comparisons.save(table, self.name, self.out)
        links = comparisons.picture_link(self.name), comparisons.csv_link(table, self.name)
        _say(f"Files: {', '.join(links)}.")
        told = self._show_beside(self._best, table, "numbers")
        searched = any(point.runs[0].search for point in self.points)
        text = COLUMNS.format(searched=SEARCHED * searched)
        _say(text + DIFFERENCE * ("ours - paper" in told))

    def show_claims(self) -> None:
        """What becomes of each of the paper's claims, and how they are compared."""
        caption = f"{self._number}: each claim, and what became of it"
        self.show_table(self._best.judgements(), "claims", caption)
        _say(self._best.method)
        _say(self._best.grounds)

    def show_cost(self) -> None:
        """The command, what it costs at each scale, and the keys of the records shown."""
        _say(ANEW.format(name=self.name, gpu=strip.GPU))
        costs = strip.costs(self._best.experiment)
        self.show_table(costs, "cost", f"{self._number}: what training it anew takes")
        keys = "\n".join(self._best.keys)
        _say(
            f":::{{dropdown}} Records behind the picture: {len(self._best.keys)}\n"
            f"`deepreshape runs show KEY` shows one{KEPT * self._best.is_evidence}.\n"
            f"```text\n{keys}\n```\n:::"
        )

    def show_changes(self) -> None:
        """Where the numbers come from, and what runs change against the paper."""
        _say(f"{self._best.experiment.place} of the paper.", STRONGEST)
        _say(self._best.provenance)
        _say(self._best.deviations)

    def show_trained_here(self) -> None:
        """What was trained here where the page leads with something stronger."""
        here = self._here
        if here is self._best or here.is_evidence:
            _say(ALL)
            return
        _say(
            f"What `make reproduce-{self.name}` trained here.",
            DIGITS if here.on_digits else SMALLER,
        )
        _say(here.provenance)
        _say(here.deviations)
        self._show_picture(here, f"{self.name}-here")
        self._show_beside(here, here.table(), "here-numbers")
        self.show_table(
            here.judgements(),
            "here-claims",
            f"{self._number}: claims, trained here",
        )
        _say(here.verdict, here.grounds)

    def show_counts(self, table: str, columns: Iterable[str]) -> None:
        """Counts that a table of the paper prints beside the computed ones."""
        display(comparisons.styled(comparisons.side_by_side(table, columns), table))
        _say(comparisons.sentence(table))

    def show_table(self, table: pd.DataFrame, name: str, caption: str = "") -> None:
        """A table by a name of its own on the page; nothing of an empty one."""
        if not table.empty:
            display(comparisons.styled(table, f"{self.name}-{name}", caption=caption))

    @property
    def _number(self) -> str:
        return self._best.experiment.number

    def _show_beside(self, shown: Reproduced, table: pd.DataFrame, name: str) -> list[str]:
        """The paper beside ours, in the columns that say something; returns these."""
        silent = [column for column in table if table[column].astype(str).eq("").all()]
        told = table.drop(columns=silent)
        caption = f"{self._number}: ours beside the paper's{NO_EVIDENCE * shown.on_digits}"
        self.show_table(told, name, caption)
        return [str(column) for column in told]

    def _show_picture(self, shown: Reproduced, name: str) -> None:
        display(pictures.show(shown.figure(), name, self.out))
        _say(shown.strip)
        _say(shown.holes)


def relus_by_series(points: Sequence[Point]) -> str:
    """A line for each series: thousands of ReLUs of the paper's networks."""
    lines: dict[tuple[str, str], list[str]] = {}
    for point in points:
        counts = lines.setdefault((point.panel, point.series), [])
        counts.append(f"{point.paper_relus / 1000:6.1f}")
    wide = max(len(series) for _, series in lines)
    several = len({panel for panel, _ in lines}) > 1
    return "\n".join(
        f"({panel}) " * several + f"{series:{wide}} " + " ".join(counts)
        for (panel, series), counts in lines.items()
    )


def reuse_beside_scaling(points: Sequence[Point]) -> str:
    """A line for each two of the paper's networks that have equal ReLUs; the FLOPs of both in
    millions."""
    series = ("ReLU-reuse", "Scaling")
    both = [[point.paper for point in points if point.series == name] for name in series]
    wide = [max(len(network.name) for network in networks) for networks in both]
    lines = []
    for reused, scaled in zip(*both, strict=True):
        (relus,) = {cost(reused).total_relus, cost(scaled).total_relus}
        flops = " ".join(f"{cost(each).flops('B') / 1e6:7.1f}" for each in (reused, scaled))
        names = f"{reused.name:{wide[0]}} and {scaled.name:{wide[1]}}"
        lines.append(f"{names} {relus:7,} ReLUs {flops}")
    return "\n".join(lines)


def _say(*texts: str) -> None:
    """Markdown; nothing of nothing."""
    if any(texts):
        display(Markdown(" ".join(texts)))
