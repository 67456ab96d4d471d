"""Records -> plots, with the paper's printed points beside them."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from deepreshape.design import cost
from deepreshape.learn.runs import Record
from deepreshape.paper.experiments import PANELS, Point
from deepreshape.paper.verdicts import accuracies, fig12_printed, half_interval

STYLES = {
    "channel scaling": {"color": "#b5541c", "marker": "s", "label": "HRN w/o Re2"},
    "ReLU-reuse": {"color": "#1f5fa8", "marker": "o", "label": "HRN w/ Re2"},
}
"""One colour and one marker for each series, told apart without colour too."""


def fig12(points: Sequence[Point], records: Mapping[str, Record], caption: str) -> Figure:
    """Figure 12: test accuracy against ReLUs, a panel for each HRN.

    Filled markers are this project's runs (bars: 95 % interval of the mean, with several seeds),
    hollow ones the accuracies that the paper prints: in the same axes where the runs are on the
    whole of CIFAR-100, else in a small frame of their own. caption: what was run.
    """
    panels = list(dict.fromkeys(point.panel for point in points))
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(3.7 * columns, 2.9 * rows + 0.8), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False, sharey=True).flat)
    same_axes = str(points[0].runs[0].data) == "cifar100"
    for panel, axis in zip(panels, axes, strict=False):
        _ours(axis, [point for point in points if point.panel == panel], records)
        _decorate(axis, panel)
    if not same_axes:
        low, high = axes[0].get_ylim()
        axes[0].set_ylim(max(0.0, low - 0.7 * (high - low)), high)
    for panel, axis in zip(panels, axes, strict=False):
        if any(point.panel == panel for point in fig12_printed()):
            _theirs(axis if same_axes else _frame(axis), panel)
    for axis in axes[len(panels) :]:
        axis.set_visible(False)
    figure.supxlabel(f"ReLUs (thousands)\n{caption}", fontsize=9)
    figure.supylabel("test accuracy (%)", fontsize=9)
    _legend(figure)
    return figure


def _ours(axis: Axes, points: Sequence[Point], records: Mapping[str, Record]) -> None:
    for series, style in STYLES.items():
        measured = sorted(
            (cost(point.network).total_relus / 1000, accuracies(point, records))
            for point in points
            if point.series == series
        )
        whole = [(relus, found) for relus, found in measured if found]
        axis.errorbar(
            [relus for relus, _ in whole],
            [fmean(found) for _, found in whole],
            yerr=[half_interval(found) for _, found in whole],
            capsize=2,
            markersize=5,
            linewidth=1.4,
            color=style["color"],
            marker=style["marker"],
        )


def _theirs(axis: Axes, panel: str) -> None:
    for series, style in STYLES.items():
        found = [p for p in fig12_printed() if p.panel == panel and p.series == series]
        axis.plot(
            [point.relus_k for point in found],
            [point.accuracy for point in found],
            linestyle=":",
            linewidth=1,
            color=style["color"],
            marker=style["marker"],
            markersize=5,
            markerfacecolor="white",
        )


def _frame(axis: Axes) -> Axes:
    """A small frame for the paper's points, in room made below the curves."""
    frame = axis.inset_axes((0.5, 0.13, 0.46, 0.34))
    _scale(frame)
    frame.set_title("paper, CIFAR-100", fontsize=7, pad=2, color="#444444")
    frame.tick_params(labelsize=6, pad=1)
    return frame


def _decorate(axis: Axes, panel: str) -> None:
    base, factors = PANELS[panel]
    name = "x".join(map(str, factors))
    axis.set_title(f"({panel}) {'' if base == '18' else 'R34-'}HRN-{name}x", fontsize=10)
    axis.tick_params(labelsize=8)
    _scale(axis)


def _scale(axis: Axes) -> None:
    axis.set_xscale("log", base=2)
    axis.xaxis.set_major_locator(LogLocator(base=2, numticks=12))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.grid(alpha=0.25, linewidth=0.6)


def _legend(figure: Figure) -> None:
    handles = [
        Line2D(
            [],
            [],
            color=style["color"],
            marker=style["marker"],
            linestyle=":" if paper else "-",
            markerfacecolor="white" if paper else style["color"],
            label=style["label"] + (", printed in the paper" if paper else ""),
        )
        for paper in (False, True)
        for style in STYLES.values()
    ]
    figure.legend(handles=handles, loc="outside upper center", ncols=4, frameon=False, fontsize=8)
