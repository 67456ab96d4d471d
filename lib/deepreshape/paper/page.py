"""A page of the book about what is trained: what its notebook shows, in this order.

page = Page("fig12").show_provenance()  # where the strongest evidence comes from
page.show_results()  # its picture and its numbers
page.show_claims()  # what it says of the paper's claims
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
from deepreshape.paper.printed import comparisons
from deepreshape.paper.reproduce import Reproduced, reproduce, strongest
from deepreshape.paper.trained.accuracies import Records
from deepreshape.paper.trained.experiments import Point
from deepreshape.paper.trained.profiles import profile as find_profile
from deepreshape.places import figures, folder

STRONGEST = (
    "The strongest evidence there is comes first: runs on the paper's data that this repository has"
    " recorded, merged with those of this page at the same scale."
)
COLUMNS = (
    "*ReLUs*, *FLOPs* and accuracies are those of the networks that were trained{searched}."
    " Accuracies are means over *n* seeds, *± 95 %* is half the 95 % interval of the mean test"
    " accuracy. The last three columns are the paper's: the same edits at its own widths and image"
    " size, and the accuracy that it prints, if any."
)
SEARCHED = "; after a search, *ReLUs* are those that it leaves"
DIGITS = (
    "The digits show that the machinery runs, from the first network to the last verdict. They are"
    " no evidence for or against the paper."
)
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

    def show_provenance(self) -> Self:
        """Where the numbers come from, and what runs change against the paper; returns the page."""
        place = self._best.experiment.place
        _say(f"{place} of the paper; `make reproduce-{self.name}` makes this page.", STRONGEST)
        _say(self._best.provenance)
        _say(self._best.deviations)
        return self

    def show_results(self) -> None:
        """The picture, the runs that it lacks, and the numbers; saved as PNG, SVG and CSV."""
        self._show_picture(self._best, self.name)
        table = self._best.table()
        comparisons.save(table, self.name, self.out)
        self.show_table(table, "numbers")
        searched = any(point.runs[0].search for point in self.points)
        _say(COLUMNS.format(searched=SEARCHED * searched))

    def show_claims(self) -> None:
        """What becomes of the paper's claims, how they are compared, and what follows."""
        _say(self._best.method)
        self.show_table(self._best.judgements(), "claims")
        _say(self._best.sentence)

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
        self.show_table(here.table(), "here-numbers")
        self.show_table(here.judgements(), "here-claims")
        _say(here.sentence)

    def show_counts(self, table: str, columns: Iterable[str]) -> None:
        """Counts that a table of the paper prints beside the computed ones."""
        display(comparisons.styled(comparisons.side_by_side(table, columns), table))
        _say(comparisons.sentence(table))

    def show_table(self, table: pd.DataFrame, name: str) -> None:
        """A table by a name of its own on the page; nothing of an empty one."""
        if not table.empty:
            display(comparisons.styled(table, f"{self.name}-{name}"))

    def _show_picture(self, shown: Reproduced, name: str) -> None:
        display(pictures.show(shown.figure(), name, self.out))
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
