"""A trained figure or table reproduced: what is drawn, its records, and all that is said of them.

here = reproduce("fig12", profile="quick")
best = strongest(here)
best.figure(), best.table(), best.judgements(), best.verdict
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from deepreshape.learn.runs.executors import Executor, execute
from deepreshape.learn.runs.run import Record
from deepreshape.learn.runs.store import Store
from deepreshape.paper.figures import curves
from deepreshape.paper.trained import (
    accuracies,
    conclusions,
    holes,
    judgements,
    provenance,
    strip,
)
from deepreshape.paper.trained.accuracies import Records
from deepreshape.paper.trained.experiments import Experiment, Point, find, runs_of
from deepreshape.paper.trained.judgements import Judged
from deepreshape.paper.trained.profiles import EVIDENCE, PAPER_SIDES, Profile
from deepreshape.paper.trained.profiles import profile as find_profile
from deepreshape.places import RECORDED, ROOT
from deepreshape.ranges import whole_numbers

RECORDED_SEEDS = tuple(range(1, 11))
"""Seeds that the repository may hold records of."""


@dataclass(frozen=True, slots=True)
class Reproduced:
    """The points of a trained figure or table, and the records of their runs and teachers."""

    experiment: Experiment
    size: Profile
    points: tuple[Point, ...]
    records: Records

    @property
    def is_empty(self) -> bool:
        return not self.points

    @property
    def is_evidence(self) -> bool:
        """Does it stand on the paper's data at a scale that is recorded, and not on digits?"""
        names = {point.runs[0].data.name for point in self.points}
        return self.size.name in EVIDENCE and names <= PAPER_SIDES.keys()

    @property
    def on_digits(self) -> bool:
        return any(point.runs[0].data.name not in PAPER_SIDES for point in self.points)

    @property
    def provenance(self) -> str:
        """Where the numbers come from, as Markdown; machine and time of evidence alone: those of
        digits are others wherever a page is made."""
        return provenance.provenance(self.size, self.points, self.records, timed=self.is_evidence)

    @property
    def strip(self) -> str:
        """The same in one line (`strip.strip`)."""
        return strip.strip(self.size, self.points, self.records, timed=self.is_evidence)

    @property
    def keys(self) -> list[str]:
        """A line for each record behind the points (`strip.keys`)."""
        return strip.keys(self.points, self.records)

    @property
    def deviations(self) -> str:
        """What is changed against the paper, as a list in Markdown."""
        return _listed(provenance.deviations(self.experiment, self.points))

    @property
    def holes(self) -> str:
        """The runs without a result and the searches that did not finish, as a list in Markdown;
        empty where there are none."""
        return _listed(holes.holes(self.points, self.records))

    @property
    def verdict(self) -> str:
        """What became of the claims (`conclusions.verdict`)."""
        return conclusions.verdict(self.judged())

    @property
    def grounds(self) -> str:
        """What that stands on (`conclusions.grounds`)."""
        return conclusions.grounds(self.judged())

    @property
    def method(self) -> str:
        """How the claims are compared and judged (`conclusions.method`)."""
        return conclusions.method(self.judged())

    def figure(self) -> Figure:
        """The picture of all panels in which something is beside something else; of all where none
        is such."""
        caption = provenance.caption(self.size, self.points)
        alone = _alone(self.experiment, self.points)
        points = [point for point in self.points if point.panel not in alone] or self.points
        return curves.draw(self.experiment, points, self.records, caption)

    def table(self) -> pd.DataFrame:
        """A row for each point (`accuracies.table`)."""
        return accuracies.table(self.points, self.records)

    def judgements(self) -> pd.DataFrame:
        """A row for each of the paper's claims (`judgements.Judged.table`)."""
        return self.judged().table()

    def judged(self) -> Judged:
        """What becomes of the paper's claims of the points."""
        stands = judgements.standing(self.size, self.points)
        return judgements.judge(self.experiment.claims(list(self.points)), self.records, stands)


def _alone(experiment: Experiment, points: Iterable[Point]) -> set[str]:
    """The panels of which one series is there, of the paper's several, and no printed accuracy
    beside it."""
    whole = experiment.drawn(find_profile("paper"))
    drawn = {(point.panel, point.series) for point in whole}
    series = Counter(panel for panel, _ in drawn)
    there = Counter(panel for panel, _ in {(point.panel, point.series) for point in points})
    printed = {point.panel for point in points if point.printed is not None}
    return {panel for panel, n in there.items() if n == 1 < series[panel]} - printed


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def reproduce(
    name: str,
    profile: str = "quick",
    dataset: str = "",
    seeds: str = "1",
    device: str = "auto",
    store: str | Path = ROOT / "build/runs",
    panels: str = "",
) -> Reproduced:
    """A figure or table with a record for every run; what neither the store nor the repository has
    is trained. dataset, panels: in place of the profile's. seeds: such as `1-3`.

    Raises ValueError for what cannot be.
    """
    experiment, size = find(name), find_profile(profile)
    points = experiment.drawn(size, dataset or None, _seeds(seeds), panels or None)
    runs = runs_of(points)
    shelf = Store(Path(store), RECORDED)
    # Starting processes takes longer than all that the smallest profile trains.
    workers = 1 if size.name == "smoke" else None
    made = execute(runs, shelf, Executor(device, workers))
    found = {run.key: record for run, record in zip(runs, made, strict=True)}
    beside = _beside(experiment, points, shelf, found)
    return Reproduced(experiment, size, tuple(points), beside | found)


def recorded(
    name: str, profile: str = "short", seeds: Iterable[int] = RECORDED_SEEDS, panels: str = ""
) -> Reproduced:
    """What the repository has records of, without training: the points with any, each with the
    seeds that it has. panels: in place of the profile's."""
    experiment, size = find(name), find_profile(profile)
    shelf = Store(RECORDED)
    points = experiment.drawn(size, seeds=seeds, panels=panels or None)
    found = {run: shelf.get(run) for run in runs_of(points)}
    kept = [
        replace(point, runs=runs)
        for point in points
        if (runs := tuple(run for run in point.runs if found[run] is not None))
    ]
    records = {run.key: record for run, record in found.items() if record is not None}
    beside = _beside(experiment, kept, shelf, records)
    return Reproduced(experiment, size, tuple(kept), beside | records)


def strongest(here: Reproduced) -> Reproduced:
    """The strongest evidence there is: what the repository has recorded on the paper's data, with
    what was reproduced here at the same profile. The latter alone where nothing is recorded."""
    size = here.size if here.is_evidence else find_profile(EVIDENCE[0])
    kept = recorded(here.experiment.name, size.name, RECORDED_SEEDS)
    if here.is_evidence:
        return _merged(here, kept)
    return here if kept.is_empty else kept


def _merged(here: Reproduced, kept: Reproduced) -> Reproduced:
    """The points of both, each with the runs of both, in the order of the experiment."""
    found: dict[object, Point] = {}
    for point in here.points + kept.points:
        place = replace(point, runs=())
        before = found[place].runs if place in found else ()
        found[place] = replace(point, runs=tuple(dict.fromkeys(before + point.runs)))
    order = [replace(p, runs=()) for p in here.experiment.drawn(here.size)]
    ranked = sorted(found, key=lambda place: order.index(place) if place in order else len(order))
    points = tuple(found[place] for place in ranked)
    return replace(here, points=points, records={**kept.records, **here.records})


def _beside(
    experiment: Experiment, points: list[Point], shelf: Store, records: Records
) -> dict[str, Record]:
    """The records of the runs that others start or learn from, and of those of another figure that
    a claim compares with; where there are none, none are made. Of a teacher that was trained more
    than once it is the record of the weights that all of them learned from, where it is there."""
    runs = runs_of(points)
    claims = experiment.claims(points)
    compared = runs_of(point for claim in claims for point in claim.ahead + claim.behind)
    found = {run.key: shelf.get(run.pinned()) for run in {*compared} - {*runs}}
    for teacher in {run.teacher for run in runs if run.teacher}:
        pupils = (records[run.key] for run in runs if run.teacher == teacher and run.key in records)
        digests = {record.teacher_digest for record in pupils}
        digest = digests.pop() if len(digests) == 1 else None
        found[teacher.key] = shelf.that_made(teacher.pinned(), digest)
    return {key: record for key, record in found.items() if record is not None}


def _seeds(text: str) -> tuple[int, ...]:
    try:
        return whole_numbers(text)
    except ValueError as error:
        raise ValueError(f"seeds: {error}") from None
