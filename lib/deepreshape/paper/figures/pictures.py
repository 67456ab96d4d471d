"""What every picture is made of, and files that are the same each time."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from deepreshape import places
from deepreshape.files import replacing
from deepreshape.paper.figures import theme
from deepreshape.paper.figures.narrow import Picture, narrow


def figure(width: float = 7.2, height: float = 3.6, columns: int = 1, rows: int = 1) -> Figure:
    """An empty figure; its axes are `figure.axes`, row by row."""
    theme.use()
    made = Figure(figsize=(width, height), layout="constrained")
    made.subplots(rows, columns)
    return made


def panels(
    frame: pd.DataFrame,
    x: str,
    y: str,
    series: str,
    panel: str,
    size: tuple[float, float] = (8.0, 3.8),
    rows: int = 1,
    colours: Sequence[str] = theme.COLOURS,
    joined: str = "-",
    log: Mapping[str, float] | None = None,
) -> Figure:
    """A panel for each value of the column `panel`, in order, that value above it, with `lines` in
    it, and one legend. log: the bases of logarithmic axes, by `x` and `y`."""
    titles, names = (list(dict.fromkeys(frame[column])) for column in (panel, series))
    made = figure(*size, columns=-(-len(titles) // rows), rows=rows)
    for axis, title in zip(made.axes, titles, strict=False):
        lines(axis, frame[frame[panel] == title], x, y, series, colours, joined, names)
        axis.set_title(title, fontsize=9)
        for name, base in (log or {}).items():
            getattr(axis, f"set_{name}scale")("log", base=base)
            ticks = axis.xaxis if name == "x" else axis.yaxis
            ticks.set_major_formatter("{x:g}")
            ticks.set_minor_formatter(NullFormatter())
    for axis in made.axes[len(titles) :]:
        axis.remove()
    legend_above(made)
    return made


def curves(
    values: Mapping[str, Mapping[str, Mapping[int, float] | Sequence[float]]],
    x: str,
    y: str,
    size: tuple[float, float] = (8.0, 3.8),
    rows: int = 1,
    colours: Sequence[str] = theme.COLOURS,
    log: Mapping[str, float] | None = None,
) -> Figure:
    """`panels` of numbers by panel, series and x; a sequence is of x = 1, 2, and so on."""
    points = [
        (panel, name, str(at), float(value))
        for panel, series in values.items()
        for name, given in series.items()
        for at, value in (
            given if isinstance(given, Mapping) else dict(enumerate(given, 1))
        ).items()
    ]
    frame = pd.DataFrame(points, columns=["panel", "series", x, y])
    return panels(frame, x, y, "series", "panel", size, rows, colours, log=log)


def lines(
    axis: Axes,
    frame: pd.DataFrame,
    x: str,
    y: str,
    series: str,
    colours: Sequence[str] = theme.COLOURS,
    joined: str = "-",
    names: Sequence[str] = (),
) -> None:
    """A curve for each value of the column `series`, in order, of the column y over x. joined: the
    style of the lines, `none` for marks alone. names: all series that get a colour, in order."""
    there = list(dict.fromkeys(frame[series]))
    looks = list(zip(names or there, cycle(colours), cycle(theme.MARKERS), strict=False))
    sns.lineplot(
        frame,
        x=x,
        y=y,
        hue=series,
        style=series,
        palette={name: colour for name, colour, _ in looks if name in there},
        markers={name: marker for name, _, marker in looks if name in there},
        dashes=False,
        linestyle=joined,
        estimator=None if joined == "none" else "mean",  # marks at one x stay apart
        errorbar=None,
        legend=False,
        ax=axis,
    )
    for name, line in zip(there, axis.lines[-len(there) :], strict=True):
        line.set(label=name, markeredgecolor=line.get_color())
    finish(axis)


def marks(axis: Axes, frame: pd.DataFrame, x: str, y: str, series: str) -> None:
    """A mark for each row of a frame, along the column x in the row that y names, in the colour and
    with the marker of its series."""
    names = list(dict.fromkeys(frame[series]))
    for name, colour, marker in zip(names, theme.COLOURS, theme.MARKERS, strict=False):
        part = frame[frame[series] == name]
        sns.stripplot(
            part, x=x, y=y, color=colour, marker=marker, jitter=False, size=6, legend=False, ax=axis
        )
        axis.plot([], [], marker, color=colour, label=name)
    axis.grid(visible=True, axis="x")
    axis.tick_params(labelsize=8)


def deviations(values: Mapping[str, float], unit: str, band: float = 0) -> Figure:
    """A bar for each value, in percent, to either side of 0, its name beside it. band: what is
    allowed to either side."""
    made = figure(8.0, 1.2 + 0.21 * len(values))
    (axis,) = made.axes
    frame = pd.DataFrame({unit: values.values(), "": values.keys()})
    sns.barplot(frame, x=unit, y="", color=theme.STAGES[2], saturation=1, width=0.6, ax=axis)
    axis.bar_label(axis.containers[0], fmt="%+.1f %%", padding=3, fontsize=7)  # type: ignore[arg-type]
    axis.axvline(0, color=theme.PAPER, linewidth=0.8)
    if band:
        label = f"within {band} %"
        axis.axvspan(-band, band, color=theme.STEM, alpha=0.35, linewidth=0, zorder=0, label=label)
        legend_above(made)
    axis.margins(x=0.14)
    axis.tick_params(labelsize=8)
    return made


def printed_and_computed(
    axis: Axes,
    labels: Sequence[str],
    printed: Sequence[float],
    computed: Sequence[float],
    unit: str,
) -> None:
    """Bars for computed values, and a short line across each for the printed one."""
    places = range(len(labels))
    frame = pd.DataFrame({"place": places, "value": computed})
    sns.barplot(
        frame,
        x="place",
        y="value",
        width=0.66,
        color=theme.STAGES[2],
        saturation=1,
        label="computed",
        legend=False,
        ax=axis,
    )
    axis.hlines(
        printed,
        [place - 0.42 for place in places],
        [place + 0.42 for place in places],
        color=theme.PAPER,
        linewidth=1.8,
        label="printed",
    )
    axis.set_xticks(list(places), labels)
    axis.set(xlabel="", ylabel=unit)
    slant_long_labels(axis, labels)
    finish(axis)


def stacked_seconds(frame: pd.DataFrame) -> Figure:
    """A panel for each data set, in it a bar of HE and GC seconds for each row, two by two, with
    its sum, and a mark for the printed one. frame: see `printed.seconds.modelled`."""
    panels = [(data, frame[frame["data"] == data]) for data in dict.fromkeys(frame["data"])]
    made = figure(9.4, 1 + 0.3 * max(len(of) for _, of in panels), columns=len(panels))
    for axis, (data, of) in zip(made.axes, panels, strict=True):
        places = [row + 0.45 * (row // 2) for row in range(len(of))]
        total = of["he"] + of["gc"]
        axis.barh(places, of["he"], color=theme.STAGES[2], label="HE, by the model")
        axis.barh(places, of["gc"], left=of["he"], color=theme.STAGES[0], label="GC, exact")
        axis.plot(of["printed"], places, "|", color=theme.PAPER, markersize=9, label="printed Lat.")
        ends = total.combine(of["printed"], max) + 0.015 * total.max()
        for place, end, seconds in zip(places, ends, total, strict=True):
            axis.text(end, place, f"{seconds:,.0f} s", va="center", fontsize=7)
        axis.set_yticks(places, of["label"])
        axis.invert_yaxis()
        axis.margins(x=0.13, y=0.02)
        axis.set_title(data, fontsize=10)
        axis.set_xlabel("seconds for one private inference")
        finish(axis)
        axis.tick_params(axis="y", labelsize=7)
        axis.grid(visible=False, axis="y")
    legend_above(made)
    return made


def slant_long_labels(axis: Axes, labels: Sequence[str]) -> None:
    """Slant the labels under the bars where they would run into each other."""
    width = axis.bbox.width / axis.figure.dpi
    if 0.085 * max(map(len, labels), default=0) > width / max(len(labels), 1):
        for label in axis.get_xticklabels():
            label.set(rotation=25, ha="right", rotation_mode="anchor")


def annotate(
    axis: Axes, frame: pd.DataFrame, x: str, y: str, text: str, away: tuple[int, int] = (0, 6)
) -> None:
    """Beside each mark, the text in a column of its row. away: how far to the right and up, in
    points."""
    side = "center" if not away[0] else "left" if away[0] > 0 else "right"
    for _, row in frame.iterrows():
        axis.annotate(
            row[text], (row[x], row[y]), away, textcoords="offset points", ha=side, fontsize=7
        )


def legend_above(made: Figure) -> None:
    """One legend above the whole figure, of all that its axes name."""
    named = {
        label: handle
        for axis in made.axes
        for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    look: dict[str, Any] = {"ncols": 6, "frameon": False, "fontsize": 9}
    made.legend(named.values(), named.keys(), loc="outside upper center", **look)


def finish(axis: Axes) -> None:
    """Small labels, and lines across at the ticks of the ordinate alone."""
    axis.grid(visible=False, axis="x")
    axis.set_axisbelow(True)
    axis.tick_params(labelsize=8)


def show(made: Figure, name: str, folder: Path | None = None, *, stack: bool = True) -> Picture:
    """The figure as a notebook shows it, saved (`save`), and for narrow screens laid out anew.
    stack: not for drawings whose parts have their places; they keep their size, and scroll."""
    _, wide = save(made, name, folder)
    if not stack:
        return Picture(wide)
    narrow(made)
    return Picture(wide, _write(made, wide.with_suffix(".narrow.svg"), name))


def save(made: Figure, name: str, folder: Path | None = None) -> list[Path]:
    """Write the figure as PNG and SVG, into the folder of figures (`places.figures`) where none is
    named; returns both paths."""
    folder = folder or places.figures()
    return [_write(made, folder / f"{name}.{ending}", name) for ending in ("png", "svg")]


def _write(made: Figure, path: Path, name: str) -> Path:
    ending = path.suffix.removeprefix(".")
    # Without a fixed salt the same figure would be another file each time.
    with mpl.rc_context({"svg.hashsalt": name}), replacing(path) as whole:
        made.savefig(whole, format=ending, metadata={"Date": None} if ending == "svg" else None)
    return path
