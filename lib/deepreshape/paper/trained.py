"""A trained figure or table as a page needs it: what is drawn, its records, and all said of them.

page = reproduce("fig12", profile="quick")
page.figure(), page.table(), page.verdicts(), page.sentence
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from deepreshape.learn.executors import Executor, execute
from deepreshape.learn.runs import Record, Run
from deepreshape.learn.store import Store
from deepreshape.paper import figures, provenance, verdicts
from deepreshape.paper.experiments import Experiment, Point, find, runs_of
from deepreshape.paper.profiles import Profile
from deepreshape.paper.profiles import profile as find_profile
from deepreshape.paper.verdicts import Records
from deepreshape.places import RECORDED, ROOT
from deepreshape.ranges import whole_numbers


@dataclass(frozen=True, slots=True)
class Trained:
    """The points of a trained figure or table, and the records of their runs and teachers."""

    experiment: Experiment
    size: Profile
    points: tuple[Point, ...]
    records: Records

    @property
    def is_empty(self) -> bool:
        return not self.points

    @property
    def provenance(self) -> str:
        """Where the numbers come from, as Markdown."""
        return provenance.provenance(self.size, self.points, self.records)

    @property
    def deviations(self) -> str:
        """What is changed against the paper, as a list in Markdown."""
        return _listed(provenance.deviations(self.experiment, self.points))

    @property
    def holes(self) -> str:
        """The runs without a result, as a list in Markdown; empty where there are none."""
        return _listed(provenance.holes(self.points, self.records))

    @property
    def sentence(self) -> str:
        """What became of the claims."""
        return verdicts.sentence(self.verdicts())

    def figure(self) -> Figure:
        caption = provenance.caption(self.size, self.points)
        return figures.draw(self.experiment, self.points, self.records, caption)

    def table(self) -> pd.DataFrame:
        """A row for each point (`verdicts.table`)."""
        return verdicts.table(self.points, self.records)

    def verdicts(self) -> pd.DataFrame:
        """A row for each of the paper's claims (`verdicts.judged`)."""
        return verdicts.judged(self.experiment.claims(list(self.points)), self.records)


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
) -> Trained:
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
    found = verdicts.by_key(execute(runs, shelf, Executor(device, workers)))
    return Trained(experiment, size, tuple(points), found | _teachers(runs, shelf))


def recorded(
    name: str, profile: str = "short", seeds: Iterable[int] = (1, 2, 3), panels: str = ""
) -> Trained:
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
    records = verdicts.by_key(record for record in found.values() if record is not None)
    return Trained(experiment, size, tuple(kept), records | _teachers(runs_of(kept), shelf))


def _teachers(runs: Iterable[Run], shelf: Store) -> dict[str, Record]:
    """The records of the runs that others start or learn from."""
    teachers = dict.fromkeys(run.teacher for run in runs if run.teacher is not None)
    found = (shelf.get(teacher) for teacher in teachers)
    return verdicts.by_key(record for record in found if record is not None)


def _seeds(text: str) -> tuple[int, ...]:
    try:
        return whole_numbers(text)
    except ValueError as error:
        raise ValueError(f"seeds: {error}") from None
