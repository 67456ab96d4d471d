"""Records -> pictures of trained figures and tables, with the accuracies that the paper prints."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from deepreshape.design import Network
from deepreshape.paper.experiments import Experiment, Point
from deepreshape.paper.marks import (
    GREY,
    Style,
    add_legend,
    finish,
    handles,
    plot,
    plot_printed,
    styles_of,
)
from deepreshape.paper.profiles import profile
from deepreshape.paper.provenance import PAPER_SETS, is_whole, paper_set
from deepreshape.paper.verdicts import Records, abscissa, paper_abscissa

UNITS = {"relus": "ReLUs (thousands)", "flops": "FLOPs (millions)"}
ACCURACY = "test accuracy (%)"


def draw(experiment: Experiment, points: Sequence[Point], records: Records, caption: str) -> Figure:
    """The picture of a trained figure or table: curves over ReLUs or FLOPs; a row for each network
    of Tables 3, 4, 6, 13 and 14; a small panel for each of Tables 10 and 11. caption: what was run.
    """
    keys = {(point.panel, point.series) for point in points}
    printed = [
        point
        for point in experiment.drawn(profile("paper"))
        if point.printed is not None and (point.panel, point.series) in keys
    ]
    figure = _KINDS.get(experiment.name, _curves)(experiment, points, printed, records)
    figure.supxlabel(f"{figure.get_supxlabel()}\n{caption}".strip(), fontsize=9)
    return figure


# Curves


def _curves(
    experiment: Experiment, points: Sequence[Point], printed: Sequence[Point], records: Records
) -> Figure:
    """Test accuracy over ReLUs or FLOPs, panel by panel."""
    panels = list(dict.fromkeys(point.panel for point in points))
    columns = {4: 2, 5: 3, 6: 3}.get(len(panels), min(len(panels), 4))
    rows = -(-len(panels) // columns)
    width, height = (6.6, 3.8) if len(panels) == 1 else (3.7 if columns < 4 else 3.2, 2.9)
    figure = Figure(figsize=(width * columns, height * rows + 0.8), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    units = {panel: UNITS[experiment.panels[panel].over] for panel in panels}
    common = styles_of(points)
    for panel, axis in zip(panels, axes, strict=False):
        here, theirs = _of(panel, points), _of(panel, printed)
        styles = common or styles_of(here)
        _plot_panel(axis, here, theirs, records, experiment.panels[panel].over, styles)
        if experiment.panels[panel].title:
            axis.set_title(f"({panel}) {experiment.panels[panel].title}", fontsize=10)
        if len(set(units.values())) > 1:
            axis.set_xlabel(units[panel], fontsize=8)
        if not common:
            shown = handles(styles, here, theirs, records)
            axis.legend(
                handles=shown,
                loc="upper center",
                bbox_to_anchor=(0.5, -0.09),
                ncols=2,
                frameon=False,
                fontsize=7,
            )
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    if len(set(units.values())) == 1:
        figure.supxlabel(units[panels[0]])
    figure.supylabel(ACCURACY, fontsize=9)
    if common:
        add_legend(figure, handles(common, points, printed, records))
    return figure


def _plot_panel(
    axis: Axes,
    points: Sequence[Point],
    printed: Sequence[Point],
    records: Records,
    over: str,
    styles: Mapping[str, Style],
) -> None:
    framed = bool(printed) and not all(map(is_whole, points))
    beside = axis.inset_axes((0.5, 0.13, 0.46, 0.34)) if framed else axis
    plot(axis, points, styles, records, lambda point: abscissa(point, over))
    plot_printed(beside, printed, styles, lambda point: paper_abscissa(point, over))
    finish(axis)
    if framed:
        low, high = axis.get_ylim()
        axis.set_ylim(max(0.0, low - 0.7 * (high - low)), high)
        finish(beside, labels=6)
        beside.set_title(_whose(printed), fontsize=7, pad=2, color=GREY)
    for each in dict.fromkeys((axis, beside)):
        _scale(each)


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
    panels = list(dict.fromkeys(point.panel for point in points))
    networks = [
        list(dict.fromkeys(point.paper for point in _of(panel, points))) for panel in panels
    ]
    heights = [len(each) + 1 for each in networks]
    apart = not all(map(is_whole, points))
    figure = Figure(figsize=(7.6, 0.26 * sum(heights) + 1.6), layout="constrained")
    axes = figure.subplots(
        len(panels), 1 + apart, squeeze=False, sharey="row", height_ratios=heights
    )
    styles = styles_of(points)
    shifts = {
        series: 0.36 * (number / max(len(styles) - 1, 1) - 0.5)
        for number, series in enumerate(styles)
    }
    for panel, rows, (axis, *others) in zip(panels, networks, axes, strict=True):
        here = _of(panel, points)
        theirs = [point for point in _of(panel, printed) if point.paper in rows]
        beside = others[0] if others else axis

        def place(point: Point, rows: Sequence[Network] = rows) -> float:
            return rows.index(point.paper) + shifts[point.series]

        plot(axis, here, styles, records, place, upright=False)
        plot_printed(beside, theirs, styles, place, upright=False)
        for each in dict.fromkeys((axis, beside)):
            finish(each)
        axis.set_yticks(range(len(rows)), [network.name for network in rows])
        axis.set_ylim(len(rows) - 0.4, -0.6)
        if experiment.panels[panel].title:
            axis.set_title(f"({panel}) {experiment.panels[panel].title}", fontsize=9)
        if others and theirs:
            beside.set_title(_whose(theirs), fontsize=9, color=GREY)
    figure.supxlabel(ACCURACY)
    add_legend(figure, handles(styles, points, printed, records))
    return figure


def _stages(
    experiment: Experiment, points: Sequence[Point], printed: Sequence[Point], records: Records
) -> Figure:
    """Accuracy with the ReLUs of one stage alone, over the stages; a small panel for each
    network, and the paper's accuracies on the scale at the right."""
    points, printed = (
        [
            replace(point, panel=point.series[:-3], series=experiment.panels[point.panel].title)
            for point in each
        ]
        for each in (points, printed)
    )
    panels = list(dict.fromkeys(point.panel for point in points))
    columns = min(len(panels), 6 if len(panels) > 12 else 4)
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(10.4, 1.7 * rows + 1.2), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).flat)
    apart = not all(map(is_whole, points))
    styles = styles_of(points)
    for number, (panel, axis) in enumerate(zip(panels, axes, strict=False), start=1):
        beside = axis.twinx() if apart else axis
        plot(axis, _of(panel, points), styles, records, _stage)
        plot_printed(beside, _of(panel, printed), styles, _stage)
        for each in dict.fromkeys((axis, beside)):
            finish(each, labels=7)
        if apart:
            values = [point.printed for point in printed if point.printed is not None]
            beside.set_ylim(min(values) - 3, max(values) + 3)
            beside.tick_params(colors=GREY, labelright=number % columns == 0)
            beside.grid(False)
        axis.set_title(panel, fontsize=8)
        axis.set_xticks(range(1, 5), [f"S{stage}" for stage in range(1, 5)])
        axis.tick_params(labelbottom=number > len(panels) - columns)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    figure.supxlabel("the stage that keeps its ReLUs")
    figure.supylabel(ACCURACY, fontsize=9)
    add_legend(figure, handles(styles, points, printed, records))
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


def _of(panel: str, points: Sequence[Point]) -> list[Point]:
    return [point for point in points if point.panel == panel]


def _whose(printed: Sequence[Point]) -> str:
    return f"paper, {PAPER_SETS[paper_set(printed[0])]}"
