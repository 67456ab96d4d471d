"""Where a page's numbers come from, in words: what was run, and what that changes."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from fractions import Fraction
from statistics import stdev
from typing import Any

from deepreshape.learn.images.sets import DataSet
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.training.losses import DKD, Distillation
from deepreshape.learn.training.recipe import Recipe
from deepreshape.paper.trained.accuracies import Records, accuracies, accuracy
from deepreshape.paper.trained.experiments import Experiment, Point
from deepreshape.paper.trained.profiles import BETAS, PAPER_SIDES, PROFILES, Profile, profile

PAPER_SETS = {"cifar100": "CIFAR-100", "tiny-imagenet": "TinyImageNet"}
"""The paper's data sets, as it writes them."""
MOST_NAMED = 6
"""Series left out, or points of a wide spread, that a line names; more are only counted."""
WIDE = 1.0
"""A standard deviation over seeds, in points of accuracy, that is named."""
HELD_OUT = (
    "A tenth of the training images is held out for validation; the last epoch's weights are"
    " reported, and the test set chooses nothing of a run."
)


def paper_set(point: Point) -> str:
    """The data set that the paper trains a point on; its image size tells."""
    return next(name for name, side in PAPER_SIDES.items() if side == point.paper.resolution)


def is_whole(point: Point) -> bool:
    """Does a point stand on the whole of the paper's data set, with the paper's widths?"""
    ours, theirs = point.network, point.paper
    whole = str(point.runs[0].data) == paper_set(point)
    return whole and (ours.stem, ours.widths) == (theirs.stem, theirs.widths)


def caption(size: Profile, points: Sequence[Point]) -> str:
    """One line under a figure: profile, data, widths, seeds, epochs."""
    data = dict.fromkeys(str(run.data) for point in points for run in point.runs)
    parts = [f"profile {size.name}", ", ".join(data)]
    ratios = sorted(width_ratios(points), reverse=True)
    if any(ratio != 1 for ratio in ratios):
        parts.append(f"widths x {', '.join(map(str, ratios))}")
    parts += [numbered("seed", all_seeds(points)), in_epochs(size.recipe)]
    return " | ".join(parts)


def provenance(size: Profile, points: Sequence[Point], records: Records, timed: bool = True) -> str:
    """Where a page's numbers come from, as Markdown: profile, seeds and, where `timed`, time,
    machine and versions.

    The records of teachers and of searches' baselines are counted where `records` has them.
    """
    runs = list(dict.fromkeys(run for point in points for run in point.runs))
    if not runs:
        return f"No runs of profile **{size.name}** are recorded here yet."
    found = [records[run.key] for run in runs if run.key in records]
    before = dict.fromkeys(run.teacher for run in runs if run.teacher is not None)
    behind = [records[run.key] for run in before if run.key in records]
    done = [each for each in found if each.status == "done"]
    data = ", ".join(dict.fromkeys(str(run.data) for run in runs))
    minutes = sum(record.seconds for record in found + behind) / 60
    time = f", {minutes:.1f} minutes of training in all, on {'; '.join(machines(found))}" * timed
    text = (
        f"Profile **{size.name}** on **{data}**, {numbered('seed', all_seeds(points))}."
        f" {_runs(len(done))}{f', and {len(behind)} that they start or learn from' * bool(behind)}"
        f"{time}."
    )
    for teacher in dict.fromkeys(run.teacher for run in runs if run.search is None):
        reached = accuracy(teacher, records) if teacher is not None else None
        if teacher is not None and reached is not None:
            text += f" The teacher, {teacher.network.name}, reaches {reached:.2f} %."
    text += f" {seeds_spread(points, records)}{_by_name_alone(runs, records)}"
    failed = len(runs) - len(done)
    return text + f" **{_runs(failed)} without a result.**" * bool(failed)


def seeds_spread(points: Sequence[Point], records: Records) -> str:
    """How far the accuracies of a point deviate from seed to seed, and where by more than a point;
    that it is not known of one seed."""
    known = [(point, values) for point in points if (values := accuracies(point, records))]
    found = [(stdev(values), point) for point, values in known if len(values) > 1]
    if not found:
        return "How far an accuracy moves from seed to seed is not known of one seed."
    deviations = sorted(deviation for deviation, _ in found)
    text = (
        f"From seed to seed accuracies have a standard deviation of {deviations[0]:.2f} to"
        f" {deviations[-1]:.2f} points"
    )
    wide = [
        f"({p.panel}) {p.series}, {p.network.name}" for deviation, p in found if deviation > WIDE
    ]
    if wide:
        text += f"; of more than one point at {len(wide)} of {len(found)} points"
    if 0 < len(wide) <= MOST_NAMED:
        text += f": {'; '.join(wide)}"
    one = len(known) - len(found)
    points_of_one = "1 point" if one == 1 else f"{one} points"
    return f"{text}." + f" Of {points_of_one} with one seed it is not known." * bool(one)


def _by_name_alone(runs: Iterable[Run], records: Records) -> str:
    """Which images records are of whose runs name a set that cannot be read here."""
    named = (run for run in runs if run.data.digest is None and run.key in records)
    digests = dict.fromkeys((str(run.data), records[run.key].data_digest) for run in named)
    return "".join(
        f" {data} is known here by its name alone; its records are of images with SHA-256"
        f" {digest[:12]}."
        for data, digest in digests
    )


# Deviations


def deviations(experiment: Experiment, points: Sequence[Point]) -> list[str]:
    """What runs change against the paper, a line each: whatever sets the points apart from those
    of the profile `paper`, and what all profiles do their own way."""
    paper = {_place(point): point for point in experiment.drawn(profile("paper"))}
    pairs = [(point.runs[0], paper[_place(point)].runs[0]) for point in points]
    lines = [line for ours, theirs in pairs for line in _data(ours.data, theirs.data)]
    lines.append(HELD_OUT)
    runs = [run for point in points for run in point.runs]
    for size in PROFILES.values():
        if size.chosen_networks and any(_by_recipe_of(size, run) for run in runs):
            lines.append(recipe_chosen(size))
    lines += _widths(points)
    lines += [line for ours, theirs in pairs for line in _training(ours, theirs)]
    lines += _left_out(list(paper.values()), points)
    return list(dict.fromkeys(lines))


def recipe_chosen(size: Profile) -> str:
    """What a profile's recipe was chosen on, as a line."""
    seeds = ", ".join(map(str, size.chosen_seeds))
    names = [network.name for network in size.chosen_networks]
    them = "this network" if len(names) == 1 else "these networks"
    return (
        f"Recipe: chosen by trials with seed {seeds} of {' and '.join(names)}, whose test"
        f" accuracies were seen; no verdict counts this seed or {them} (page short)."
    )


def _by_recipe_of(size: Profile, run: Run) -> bool:
    """Is a run, or what its search starts from, trained by a profile's recipe?"""
    first, recipe = run if run.search is None else run.teacher, size.recipe
    return first is not None and replace(first.recipe, distillation=recipe.distillation) == recipe


def _place(point: Point) -> tuple[object, ...]:
    return point.panel, point.series, point.paper, point.budget


def _data(ours: DataSet, theirs: DataSet) -> Iterator[str]:
    if ours.name != theirs.name:
        yield f"Data set: {ours.name} in place of {PAPER_SETS[theirs.name]}."
    if ours.shards is not None:
        yield f"Training images: only shards {', '.join(map(str, ours.shards))}."
    if ours.per_class:
        yield f"Training images: {ours.per_class} of each class."
    if ours.resolution != theirs.resolution:
        ratio = Fraction(ours.resolution, theirs.resolution) ** 2
        yield (
            f"Image size: {ours.resolution} x {ours.resolution} pixels in place of"
            f" {theirs.resolution} x {theirs.resolution}; the same network has {ratio} of the"
            " ReLUs."
        )


def _training(ours: Run, theirs: Run) -> Iterator[str]:
    """How a run, and what it starts or learns from, differ from the paper's."""
    if ours.search is None or theirs.search is None:
        yield from _recipe("Recipe", ours.recipe, theirs.recipe)
        if ours.teacher is not None and theirs.teacher is not None:
            yield from _taught(ours.recipe.distillation, ours.teacher, theirs.teacher)
        return
    kind = type(ours.search).__name__
    yield from _line(kind, _changes(ours.search, theirs.search))
    yield from _recipe(f"Tuning after {kind}", ours.recipe, theirs.recipe)
    if ours.search.budget != theirs.search.budget:
        yield "ReLUs that a search leaves: the same share of the network's as in the paper."
    if ours.teacher is not None and theirs.teacher is not None:
        yield from _training(ours.teacher, theirs.teacher)


def _recipe(what: str, ours: Recipe, theirs: Recipe) -> Iterator[str]:
    yield from _line(what, _changes(ours, theirs))
    kind = type(ours.distillation).__name__
    yield from _line(f"{what}, {kind}", _changes(ours.distillation, theirs.distillation))


def _taught(distillation: Distillation, ours: Run, theirs: Run) -> Iterator[str]:
    """How teachers differ."""
    if isinstance(distillation, DKD):
        betas = ", ".join(f"{beta:g}" for beta in BETAS)
        yield (
            f"DKD: beta is {distillation.beta:g} for every network; the paper chooses one of"
            f" {betas} for each."
        )
    changes = _changes(ours.recipe, theirs.recipe)
    if changes or ours.network.name != theirs.network.name:
        yield (
            f"Teacher: {ours.network.name}, {in_epochs(ours.recipe)}, in place of"
            f" {theirs.network.name}, {in_epochs(theirs.recipe)}"
            + (f"; its recipe: {', '.join(changes)}." if changes else ".")
        )


def _line(what: str, changes: list[str]) -> list[str]:
    return [f"{what}: {', '.join(changes)}."] if changes else []


def _changes(ours: Any, theirs: Any) -> list[str]:
    """The plain fields that differ, with both values; a budget follows from the network."""
    return [
        f"{field.name.replace('_', ' ')} {mine} (paper: {other})"
        for field in fields(ours)
        for mine, other in [(getattr(ours, field.name), getattr(theirs, field.name))]
        if field.name != "budget" and not is_dataclass(mine) and mine != other
    ]


def _widths(points: Sequence[Point]) -> Iterator[str]:
    """Our widths against the paper's, and where not all have the same ratio, whose they are."""
    ratios = width_ratios(points)
    for ratio in ratios:
        if ratio == 1:
            continue
        series = list(dict.fromkeys(each.series for each in points if _ratio(each) == ratio))
        named = f"in {', '.join(series)}"
        whose = named if len(series) <= MOST_NAMED else f"in {len(series)} series"
        yield f"Widths: {ratio} of the paper's{f' {whose}' * (len(ratios) > 1)}."


def _left_out(paper: list[Point], points: Sequence[Point]) -> Iterator[str]:
    """Points that a profile does not draw, and whole panels and series among them."""
    if len(points) == len(paper):
        return
    text = f"Points: {len(points)} of the {len(paper)} in the paper's profile"
    panels = {point.panel for point in points}
    missing = dict.fromkeys(point.panel for point in paper if point.panel not in panels)
    text += f"; no panel {', '.join(missing)}" * bool(missing)
    drawn = {point.series for point in points}
    lines = dict.fromkeys(point.series for point in paper if point.panel in panels)
    names = [name for name in lines if name not in drawn]
    if len(names) > MOST_NAMED:
        text += f"; {len(names)} of {len(lines)} series left out"
    elif names:
        text += f"; no series {', '.join(names)}"
    yield f"{text}."


def width_ratios(points: Iterable[Point]) -> list[Fraction]:
    """Our widths over the paper's."""
    return list(dict.fromkeys(map(_ratio, points)))


def _ratio(point: Point) -> Fraction:
    return Fraction(point.network.stem, point.paper.stem)


def machines(records: Iterable[Record]) -> list[str]:
    return sorted(
        {
            f"{facts['processor']} ({facts['device']}, threads a run: {record.sittings},"
            f" {record.precision}), torch {facts['torch']}, Python {facts['python']}"
            for record in records
            for facts in (record.environment,)
        }
    )


def all_seeds(points: Iterable[Point]) -> list[int]:
    return sorted({run.seed for point in points for run in point.runs})


def numbered(what: str, numbers: list[int]) -> str:
    return f"{what}{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"


def in_epochs(recipe: Recipe) -> str:
    return "1 epoch" if recipe.epochs == 1 else f"{recipe.epochs} epochs"


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number} runs"
