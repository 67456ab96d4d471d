"""Marks of accuracies: ours filled, the paper's hollow, a colour and a marker each series.

Bars are 95 % intervals of the mean, with several seeds. A ring is around what a search left that
did not finish. Where no run gave an accuracy are a gap and a cross.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from deepreshape.paper.figures import theme
from deepreshape.paper.trained.experiments import Point

NO_RESULT, NOT_FINISHED, PRINTED = "no result", "search not finished", "printed in the paper"


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
        colours = {"hue": "series", "hue_order": order, "palette": self.colours}
        return colours | {"style": "series", "style_order": order, "markers": self.markers}


def styles_of(points: Iterable[Point]) -> Styles | None:
    """A style for each series; None where there are more series than styles."""
    names = tuple(dict.fromkeys(point.series for point in points))
    return None if len(names) > len(theme.COLOURS) else Styles(names)


def lines(axis: Axes, frame: pd.DataFrame, styles: Styles, hollow: bool = False) -> None:
    """A curve through the marks of each series, and their intervals."""
    if frame.empty:
        return
    before = len(axis.lines)
    sns.lineplot(
        frame,
        x="place",
        y="accuracy",
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


def dots(axis: Axes, frame: pd.DataFrame, styles: Styles, hollow: bool = False) -> None:
    """A mark for each row along the accuracies; places are numbers."""
    if frame.empty:
        return
    before = len(axis.collections)
    sns.scatterplot(frame, x="accuracy", y="place", s=34, legend=False, ax=axis, **styles.named())
    for marks in axis.collections[before:]:
        marks.set_edgecolor(marks.get_facecolor())
        if hollow:
            marks.set_facecolor("white")
    _extras(axis, frame, styles, upright=False)


def _extras(axis: Axes, frame: pd.DataFrame, styles: Styles, upright: bool) -> None:
    """Bars for 95 % intervals, rings around searches that did not finish, crosses for holes."""
    xy = ["place", "accuracy"] if upright else ["accuracy", "place"]
    edge = axis.get_xaxis_transform() if upright else axis.get_yaxis_transform()
    for series, rows in frame.groupby("series", sort=False):
        colour = styles.colours[str(series)]
        known = rows[rows["half"].notna()]
        if len(known):
            x, y = (known[name] for name in xy)
            bars: dict[str, Any] = {"yerr" if upright else "xerr": known["half"], "ecolor": colour}
            axis.errorbar(x, y, fmt="none", capsize=2, elinewidth=1, **bars)
        open_ones = rows[~rows["finished"] & rows["accuracy"].notna()]
        axis.plot(*(open_ones[name] for name in xy), **_RING)
        gone = rows[rows["accuracy"].isna()].assign(accuracy=0.03)
        axis.plot(*(gone[name] for name in xy), "x", color=colour, markersize=5, transform=edge)


_RING: dict[str, Any] = {
    "linestyle": "none",
    "marker": "o",
    "markersize": 10,
    "markerfacecolor": "none",
    "markeredgecolor": theme.GREY,
    "markeredgewidth": 0.9,
}


def handles(styles: Styles, ours: pd.DataFrame, printed: pd.DataFrame) -> list[Line2D]:
    """What a legend shows: each series, and what hollow markers, rings and crosses are where there
    are any. ours, printed: all marks that it is for, as frames (`frames.here`, `frames.printed`).
    """
    found = [
        Line2D([], [], color=styles.colours[series], marker=styles.markers[series], label=series)
        for series in styles.series
    ]
    grey: dict[str, Any] = {"color": theme.GREY, "markerfacecolor": "white"}
    if len(printed):
        found.append(Line2D([], [], marker="o", linestyle=":", label=PRINTED, **grey))
    if not ours["finished"].all():
        found.append(Line2D([], [], label=NOT_FINISHED, **_RING))
    if ours["accuracy"].isna().any():
        found.append(Line2D([], [], marker="x", linestyle="none", label=NO_RESULT, **grey))
    return found


def legend_above(figure: Figure, shown: list[Line2D]) -> None:
    """A legend above the whole figure, in as many columns as it has room for."""
    widest = max(len(str(handle.get_label())) for handle in shown)
    columns = int(figure.get_figwidth() / (0.5 + 0.07 * widest))
    figure.legend(
        handles=shown,
        loc="outside upper center",
        ncols=max(1, min(columns, len(shown))),
        fontsize=8,
    )


def legend_below(axis: Axes, shown: list[Line2D]) -> None:
    """A legend of its own below a panel."""
    axis.legend(handles=shown, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, fontsize=7)
