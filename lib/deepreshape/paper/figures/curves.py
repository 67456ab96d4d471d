"""Records -> pictures of trained figures and tables, with the accuracies that the paper prints.

Where our images are the paper's data set both stand on the same axes. Elsewhere the paper's have
panels of their own, so that no accuracy is read off the scale of other images. All our panels of a
figure have one range of accuracy, and so have all of the paper's.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import nan
from textwrap import fill
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from deepreshape.paper.figures import frames, theme
from deepreshape.paper.figures.frames import Place
from deepreshape.paper.figures.marks import (
    Styles,
    dots,
    handles,
    legend_above,
    legend_below,
    lines,
    styles_of,
)
from deepreshape.paper.trained.accuracies import Records, abscissa, paper_abscissa
from deepreshape.paper.trained.experiments import Experiment, Point
from deepreshape.paper.trained.profiles import profile
from deepreshape.paper.trained.provenance import PAPER_SETS, paper_set

UNITS = {"relus": "ReLUs (thousands)", "flops": "FLOPs (millions)"}


def draw(experiment: Experiment, points: Sequence[Point], records: Records, caption: str) -> Figure:
    """The picture of a trained figure or table. caption: what was run."""
    theme.use()
    keys = {(point.panel, point.series) for point in points}
    printed = [
        point
        for point in experiment.drawn(profile("paper"))
        if point.printed is not None and (point.panel, point.series) in keys
    ]
    kinds = {"curves": _curves, "rows": _rows, "stages": _stages}
    figure = kinds[experiment.picture](experiment, points, printed, records)
    figure.supxlabel(f"{figure.get_supxlabel()}\n{caption}".strip(), fontsize=8)
    return figure


# What stands where


@dataclass(frozen=True, slots=True)
class Panel:
    """The marks of one pair of axes, ours and the paper's."""

    title: str
    along: str
    ours: pd.DataFrame
    paper: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Group:
    """Panels with one range of accuracy, and whose accuracy it is."""

    label: str
    panels: tuple[Panel, ...]


def _groups(
    panels: Sequence[Panel], points: Sequence[Point], printed: Sequence[Point]
) -> list[Group]:
    """Ours and the paper's together where they saw the same images, else apart."""
    names = dict.fromkeys(PAPER_SETS.get(p.runs[0].data.name, "digits") for p in points)
    label = f"test accuracy (%), {' and '.join(names)}"
    if _same_images(points):
        return [Group(label, tuple(panels))]
    nothing = frames.printed((), lambda point: nan)
    ours = tuple(replace(panel, paper=nothing) for panel in panels)
    theirs = tuple(
        replace(panel, ours=nothing, title=f"{panel.title}, the paper".removeprefix(", "))
        for panel in panels
        if len(panel.paper)
    )
    sets = dict.fromkeys(PAPER_SETS[paper_set(point)] for point in printed)
    printed_label = f"printed accuracy (%), {' and '.join(sets)}"
    return [Group(label, ours)] + ([Group(printed_label, theirs)] if theirs else [])


def _same_images(points: Iterable[Point]) -> bool:
    return all(str(point.runs[0].data) == paper_set(point) for point in points)


# Curves


def _curves(
    experiment: Experiment, points: Sequence[Point], printed: Sequence[Point], records: Records
) -> Figure:
    """Test accuracy over ReLUs or FLOPs, panel by panel."""
    panels = []
    for name in dict.fromkeys(point.panel for point in points):
        kind = experiment.panels[name]
        ours = frames.here(_of(name, points), records, _along(abscissa, kind.over))
        theirs = frames.printed(_of(name, printed), _along(paper_abscissa, kind.over))
        title = f"({name}) {kind.title}" if kind.title else ""
        panels.append(Panel(title, UNITS[kind.over], ours, theirs))
    groups = _groups(panels, points, printed)
    columns = {4: 2, 5: 3, 6: 3}.get(len(panels), min(len(panels), 4))
    width, height = (6.6, 3.6) if len(panels) == 1 else (3.7 if columns < 4 else 3.2, 2.9)
    common = styles_of(points)
    figure, parts = _laid_out(groups, columns, width, height, extra=0.0 if common else 0.9)
    for group, axes in zip(groups, parts, strict=True):
        for panel, axis in zip(group.panels, axes, strict=True):
            styles = common or _styles_in(panel)
            lines(axis, panel.ours, styles)
            lines(axis, panel.paper, styles, hollow=True)
            axis.set(title=panel.title, xlabel=panel.along, ylabel="")
            axis.title.set_fontsize(9)
            _scale(axis)
            if not common:
                legend_below(axis, handles(styles, panel.ours, panel.paper))
    if common:
        legend_above(figure, _handles(common, groups))
    return figure


def _along(count: Callable[[Point, str], float], over: str) -> Place:
    return lambda point: count(point, over)


def _styles_in(panel: Panel) -> Styles:
    return Styles(tuple(dict.fromkeys([*panel.ours["series"], *panel.paper["series"]])))


def _scale(axis: Axes) -> None:
    """Powers of two along the abscissa, or plain steps where they would be too few."""
    low, high = axis.dataLim.intervalx
    if high < 4 * low:
        axis.xaxis.set_major_locator(MaxNLocator(4))
        return
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_locator(LogLocator(base=2, numticks=8))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())


# Tables


def _rows(
    experiment: Experiment, points: Sequence[Point], printed: Sequence[Point], records: Records
) -> Figure:
    """A row for each network, panel below panel; the paper's accuracies in the same rows."""
    styles = styles_of(points) or Styles(())
    shifts = {
        series: 0.36 * (number / max(len(styles.series) - 1, 1) - 0.5)
        for number, series in enumerate(styles.series)
    }
    panels, names = [], []
    for name in dict.fromkeys(point.panel for point in points):
        rows = list(dict.fromkeys(point.paper for point in _of(name, points)))
        names.append([network.name for network in rows])

        def place(point: Point, rows: Sequence[Any] = rows) -> float:
            return rows.index(point.paper) + shifts[point.series]

        ours = frames.here(_of(name, points), records, place)
        theirs = [point for point in _of(name, printed) if point.paper in rows]
        title = experiment.panels[name].title
        title = f"({name}) {title}" if title else ""
        panels.append(Panel(title, "", ours, frames.printed(theirs, place)))
    groups = _groups(panels, points, printed)
    heights = [len(each) + 1 for each in names]
    figure = Figure(figsize=(7.6, 0.26 * sum(heights) + 1.9), layout="constrained")
    grid = figure.subplots(
        len(panels), len(groups), squeeze=False, sharey="row", sharex="col", height_ratios=heights
    )
    for column, group in enumerate(groups):
        for panel in group.panels:
            row = next(n for n, each in enumerate(panels) if panel.title.startswith(each.title))
            axis = grid[row][column]
            dots(axis, panel.ours, styles)
            dots(axis, panel.paper, styles, hollow=True)
            axis.set_title(panel.title, fontsize=9)
            axis.set(xlabel="", ylabel="")
            axis.set_yticks(range(len(names[row])), names[row])
            axis.set_ylim(len(names[row]) - 0.4, -0.6)
        grid[-1][column].set_xlabel(fill(group.label, 36))
    legend_above(figure, _handles(styles, groups))
    return figure


def _stages(
    experiment: Experiment, points: Sequence[Point], printed: Sequence[Point], records: Records
) -> Figure:
    """Accuracy with the ReLUs of one stage alone, over the stages; a small panel for each
    network."""
    points, printed = (
        [
            replace(point, panel=point.series[:-3], series=experiment.panels[point.panel].title)
            for point in each
        ]
        for each in (points, printed)
    )
    names = list(dict.fromkeys(point.panel for point in points))
    panels = [
        Panel(
            name,
            "",
            frames.here(_of(name, points), records, _stage),
            frames.printed(_of(name, printed), _stage),
        )
        for name in names
    ]
    groups = _groups(panels, points, printed)
    styles = styles_of(points) or Styles(())
    columns = min(len(panels), 6 if len(panels) > 12 else 4)
    figure, parts = _laid_out(groups, columns, 10.4 / columns, 1.9, extra=0.0)
    for group, axes in zip(groups, parts, strict=True):
        for panel, axis in zip(group.panels, axes, strict=True):
            lines(axis, panel.ours, styles)
            lines(axis, panel.paper, styles, hollow=True)
            axis.set(title=panel.title, xlabel="", ylabel="")
            axis.title.set_fontsize(8)
            axis.set_xticks(range(1, 5), [f"S{stage}" for stage in range(1, 5)])
            axis.set_xlim(0.7, 4.3)
    figure.supxlabel("the stage that keeps its ReLUs", fontsize=9)
    legend_above(figure, _handles(styles, groups))
    return figure


def _stage(point: Point) -> int:
    """The one stage with ReLUs."""
    stages = range(1, len(point.paper.stages) + 1)
    return next(stage for stage in stages if stage not in point.paper.relus.culled)


# Layout


def _laid_out(
    groups: Sequence[Group], columns: int, width: float, height: float, extra: float
) -> tuple[Figure, list[list[Axes]]]:
    """An empty figure, a block of axes for each group below each other, and those axes. width,
    height: of a panel, in inches; extra: height of a row besides."""
    rows = [-(-len(group.panels) // columns) for group in groups]
    total = (height + extra) * sum(rows) + 0.9
    figure = Figure(figsize=(width * columns, total), layout="constrained")
    blocks = figure.subfigures(len(groups), 1, squeeze=False, height_ratios=rows)[:, 0]
    return figure, [
        list(_axes(block, group, row, columns))
        for block, group, row in zip(blocks, groups, rows, strict=True)
    ]


def _axes(block: SubFigure, group: Group, rows: int, columns: int) -> Iterator[Axes]:
    axes = list(block.subplots(rows, columns, squeeze=False, sharey=True).flat)
    for axis in axes[len(group.panels) :]:
        axis.set_visible(False)
    for axis in axes:
        axis.tick_params(labelsize=8)
        axis.xaxis.label.set_fontsize(8)
    block.supylabel(group.label, fontsize=8 if rows == 1 else 9)
    yield from axes[: len(group.panels)]


def _handles(styles: Styles, groups: Sequence[Group]) -> list[Line2D]:
    """Of one legend for all panels."""
    panels = [panel for group in groups for panel in group.panels]
    ours, paper = ([panel.ours for panel in panels], [panel.paper for panel in panels])
    return handles(styles, pd.concat(ours), pd.concat(paper))


def _of(panel: str, points: Sequence[Point]) -> list[Point]:
    return [point for point in points if point.panel == panel]
