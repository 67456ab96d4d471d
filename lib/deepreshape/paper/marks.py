"""How accuracies are marked: ours filled, the paper's hollow, a colour and a marker each series.

Bars are 95 % intervals of the mean, with several seeds. Where no run gave an accuracy there is a
gap, and a cross.
"""

from collections.abc import Callable, Mapping, Sequence
from math import nan
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from deepreshape.paper.experiments import Point
from deepreshape.paper.verdicts import Records, accuracies, half_interval

Style = tuple[str, str]
STYLES: tuple[Style, ...] = (
    ("#0072b2", "o"),
    ("#d55e00", "s"),
    ("#009e73", "^"),
    ("#cc79a7", "D"),
    ("#222222", "v"),
    ("#e69f00", "P"),
    ("#56b4e9", "X"),
    ("#882255", ">"),
    ("#999933", "<"),
    ("#777777", "*"),
)
"""Colours and markers, told apart without colour too (after Okabe and Ito)."""
GREY = "#555555"

Place = Callable[[Point], float]


def styles_of(points: Sequence[Point]) -> dict[str, Style]:
    """A style for each series; none where there are more series than styles."""
    names = list(dict.fromkeys(point.series for point in points))
    return {} if len(names) > len(STYLES) else dict(zip(names, STYLES, strict=False))


def plot(
    axis: Axes,
    points: Sequence[Point],
    styles: Mapping[str, Style],
    records: Records,
    place: Place,
    upright: bool = True,
) -> None:
    """Our accuracies at their places, up from them or, not upright, along."""
    for series, (colour, marker) in styles.items():
        found = sorted(
            (place(point), accuracies(point, records)) for point in points if point.series == series
        )
        places = [each for each, _ in found]
        means = [fmean(values) if values else nan for _, values in found]
        halves = [half_interval(values) for _, values in found]
        gone = [each for each, values in found if not values]
        low = [0.03] * len(gone)
        look: dict[str, Any] = {"color": colour, "markersize": 5, "linewidth": 1.3}
        if upright:
            axis.errorbar(places, means, yerr=halves, marker=marker, capsize=2, **look)
            axis.plot(gone, low, "x", transform=axis.get_xaxis_transform(), **look)
        else:
            axis.errorbar(means, places, xerr=halves, fmt=marker, capsize=2, **look)
            axis.plot(low, gone, "x", transform=axis.get_yaxis_transform(), **look)


def plot_printed(
    axis: Axes,
    points: Sequence[Point],
    styles: Mapping[str, Style],
    place: Place,
    upright: bool = True,
) -> None:
    for series, (colour, marker) in styles.items():
        found = sorted((place(p), p.printed or nan) for p in points if p.series == series)
        places, values = [each for each, _ in found], [value for _, value in found]
        axis.plot(
            *((places, values) if upright else (values, places)),
            color=colour,
            marker=marker,
            markerfacecolor="white",
            markersize=5,
            linestyle=":" if upright else "none",
            linewidth=1,
        )


def finish(axis: Axes, labels: int = 8) -> None:
    axis.grid(alpha=0.25, linewidth=0.6)
    axis.tick_params(labelsize=labels)


def handles(
    styles: Mapping[str, Style],
    points: Sequence[Point],
    printed: Sequence[Point],
    records: Records,
) -> list[Line2D]:
    """What a legend shows: each series, and what hollow markers and crosses are where there are
    any."""
    found = [
        Line2D([], [], color=colour, marker=marker, markersize=5, label=series)
        for series, (colour, marker) in styles.items()
    ]
    grey: dict[str, Any] = {"color": GREY, "markersize": 5, "markerfacecolor": "white"}
    if printed:
        label = "printed in the paper"
        found.append(Line2D([], [], marker="o", linestyle=":", label=label, **grey))
    if not all(accuracies(point, records) for point in points):
        found.append(Line2D([], [], marker="x", linestyle="none", label="no result", **grey))
    return found


def add_legend(figure: Figure, shown: list[Line2D]) -> None:
    widest = max(len(str(handle.get_label())) for handle in shown)
    columns = int(figure.get_figwidth() / (0.5 + 0.07 * widest))
    figure.legend(
        handles=shown,
        loc="outside upper center",
        ncols=max(1, min(columns, len(shown))),
        frameon=False,
        fontsize=8,
    )
