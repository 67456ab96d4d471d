"""Records -> pictures of trained figures and tables, with the accuracies that the paper prints.

Ours are filled, the paper's hollow; a series has one colour and one marker. Where our images are
the paper's data set both stand on the same axes. Elsewhere the paper's have panels of their own,
so that no accuracy is read off the scale of other images. All our panels of a figure have one range
of accuracy, and so have all of the paper's.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from deepreshape.paper import frames, theme
from deepreshape.paper.experiments import Experiment, Point
from deepreshape.paper.frames import Place
from deepreshape.paper.profiles import profile
from deepreshape.paper.provenance import PAPER_SETS, paper_set
from deepreshape.paper.verdicts import Records, abscissa, paper_abscissa

UNITS = {"relus": "ReLUs (thousands)", "flops": "FLOPs (millions)"}
NO_RESULT, NOT_FINISHED, PRINTED = "no result", "search not finished", "printed in the paper"


def draw(experiment: Experiment, points: Sequence[Point], records: Records, caption: str) -> Figure:
    """The picture of a trained figure or table: curves over ReLUs or FLOPs; a row for each network
    of Tables 3, 4, 6, 13 and 14; a small panel for each of Tables 10 and 11. caption: what was run.
    """
    theme.use()
    keys = {(point.panel, point.series) for point in points}
    printed = [
        point
        for point in experiment.drawn(profile("paper"))
        if point.printed is not None and (point.panel, point.series) in keys
    ]
    figure = _KINDS.get(experiment.name, _curves)(experiment, points, printed, records)
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


# Marks


@dataclass(frozen=True, slots=True)
class Styles:
    """A colour and a marker for each series, in order."""

    series: tuple[str, ...]

    @property
    def colours(self) -> dict[str, str]:
        return dict(zip(self.series, theme.COLOURS, strict=False))

    @property
    def markers(self) -> dict[str, str]:
        return dict(zip(self.series, theme.MARKERS, strict=False))

    def named(self) -> dict[str, Any]:
        """As seaborn takes them."""
        order = list(self.series)
        return {"hue_order": order, "palette": self.colours}


def styles_of(points: Iterable[Point]) -> Styles | None:
    """A style for each series; None where there are more series than styles."""
    names = tuple(dict.fromkeys(point.series for point in points))
    return None if len(names) > len(theme.COLOURS) else Styles(names)


def _lines(axis: Axes, frame: pd.DataFrame, styles: Styles, hollow: bool = False) -> None:
    """A curve through the marks of each series, and their intervals."""
    if frame.empty:
        return
    before = len(axis.lines)
    sns.lineplot(
        frame,
        x="place",
        y="accuracy",
        hue="series",
        style="series",
        style_order=list(styles.series),
        markers=styles.markers,
        dashes=False,
        estimator=None,
        linestyle=":" if hollow else "-",
        legend=False,
        ax=axis,
        **styles.named(),
    )
    for line in axis.lines[before:]:
        line.set_markeredgecolor(line.get_color())
        line.set_markerfacecolor("white" if hollow else line.get_color())
    _extras(axis, frame, styles, upright=True)


def _dots(axis: Axes, frame: pd.DataFrame, styles: Styles, hollow: bool = False) -> None:
    """A mark for each row along the accuracies; places are numbers."""
    if frame.empty:
        return
    before = len(axis.collections)
    sns.scatterplot(
        frame,
        x="accuracy",
        y="place",
        hue="series",
        style="series",
        style_order=list(styles.series),
        markers=styles.markers,
        s=34,
        legend=False,
        ax=axis,
        **styles.named(),
    )
    for marks in axis.collections[before:]:
        marks.set_edgecolor(marks.get_facecolor())
        if hollow:
            marks.set_facecolor("white")
    _extras(axis, frame, styles, upright=False)


def _extras(axis: Axes, frame: pd.DataFrame, styles: Styles, upright: bool) -> None:
    """Bars for 95 % intervals, rings around searches that did not finish, crosses for holes."""
    for series, rows in frame.groupby("series", sort=False):
        colour = styles.colours[str(series)]
        known = rows[rows["half"].notna()]
        bars: dict[str, Any] = {"fmt": "none", "ecolor": colour, "capsize": 2, "elinewidth": 1}
        if len(known) and upright:
            axis.errorbar(known["place"], known["accuracy"], yerr=known["half"], **bars)
        elif len(known):
            axis.errorbar(known["accuracy"], known["place"], xerr=known["half"], **bars)
        open_ones = rows[~rows["finished"] & rows["accuracy"].notna()]
        xy = ["place", "accuracy"] if upright else ["accuracy", "place"]
        axis.plot(*(open_ones[name] for name in xy), **_RING)
        gone = rows[rows["accuracy"].isna()]["place"]
        low = [0.03] * len(gone)
        look: dict[str, Any] = {"color": colour, "markersize": 5}
        if upright:
            axis.plot(gone, low, "x", transform=axis.get_xaxis_transform(), **look)
        else:
            axis.plot(low, gone, "x", transform=axis.get_yaxis_transform(), **look)


_RING: dict[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 10,
    "markerfacecolor": "none",
    "markeredgecolor": theme.GREY,
    "markeredgewidth": 0.9,
}


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
            _lines(axis, panel.ours, styles)
            _lines(axis, panel.paper, styles, hollow=True)
            axis.set(title=panel.title, xlabel=panel.along, ylabel="")
            axis.title.set_fontsize(9)
            _scale(axis)
            if not common:
                _legend_below(axis, _handles(styles, [panel]))
    if common:
        _legend_above(figure, _handles(common, [p for group in groups for p in group.panels]))
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
            _dots(axis, panel.ours, styles)
            _dots(axis, panel.paper, styles, hollow=True)
            axis.set_title(panel.title, fontsize=9)
            axis.set_yticks(range(len(names[row])), names[row])
            axis.set_ylim(len(names[row]) - 0.4, -0.6)
        grid[-1][column].set_xlabel(group.label)
    _legend_above(figure, _handles(styles, [p for group in groups for p in group.panels]))
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
            _lines(axis, panel.ours, styles)
            _lines(axis, panel.paper, styles, hollow=True)
            axis.set(title=panel.title, xlabel="", ylabel="")
            axis.title.set_fontsize(8)
            axis.set_xticks(range(1, 5), [f"S{stage}" for stage in range(1, 5)])
            axis.set_xlim(0.7, 4.3)
    figure.supxlabel("the stage that keeps its ReLUs", fontsize=9)
    _legend_above(figure, _handles(styles, [p for group in groups for p in group.panels]))
    return figure


def _stage(point: Point) -> int:
    """The one stage with ReLUs."""
    stages = range(1, len(point.paper.stages) + 1)
    return next(stage for stage in stages if stage not in point.paper.relus.culled)


_KINDS = {
    **dict.fromkeys(
        ("table3-trained", "table4-trained", "table6", "table13-trained", "table14-trained"), _rows
    ),
    **dict.fromkeys(("table10-trained", "table11-trained"), _stages),
}


# Layout and legends


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


def _handles(styles: Styles, panels: Sequence[Panel]) -> list[Line2D]:
    """What a legend shows: each series, and what hollow markers, rings and crosses are where there
    are any."""
    found = [
        Line2D([], [], color=styles.colours[series], marker=styles.markers[series], label=series)
        for series in styles.series
    ]
    grey: dict[str, Any] = {"color": theme.GREY, "markerfacecolor": "white"}
    if any(len(panel.paper) for panel in panels):
        found.append(Line2D([], [], marker="o", linestyle=":", label=PRINTED, **grey))
    ours = pd.concat([panel.ours for panel in panels])
    if not ours["finished"].all():
        found.append(Line2D([], [], label=NOT_FINISHED, **_RING))
    if ours["accuracy"].isna().any():
        found.append(Line2D([], [], marker="x", linestyle="none", label=NO_RESULT, **grey))
    return found


def _legend_above(figure: Figure, shown: list[Line2D]) -> None:
    widest = max(len(str(handle.get_label())) for handle in shown)
    columns = int(figure.get_figwidth() / (0.5 + 0.07 * widest))
    figure.legend(
        handles=shown,
        loc="outside upper center",
        ncols=max(1, min(columns, len(shown))),
        fontsize=8,
    )


def _legend_below(axis: Axes, shown: list[Line2D]) -> None:
    axis.legend(handles=shown, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, fontsize=7)


def _of(panel: str, points: Sequence[Point]) -> list[Point]:
    return [point for point in points if point.panel == panel]
