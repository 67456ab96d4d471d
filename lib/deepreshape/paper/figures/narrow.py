"""The same picture for a narrow screen: one panel a row, and letters of the same size."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec, SubplotSpec

from deepreshape.paper.figures.fitting import fit

MIME = "application/vnd.deepreshape.narrow+svg"
"""Under it the narrow picture stands beside the wide one in a notebook; the book takes it from
there, and what does not know it shows the wide one alone."""
ONE, STACKED = 4.4, 3.8
"""Inches across of a picture of one panel, and of several under each other."""
SHORTEST = 2.4
"""Inches down of a panel, at least."""


@dataclass(frozen=True, repr=False)
class Picture:
    """A picture as a notebook shows it: an SVG file, and where there is one another for narrow
    screens."""

    wide: Path
    narrow: Path | None = None

    def __repr__(self) -> str:
        return f"<picture {self.wide.stem}>"

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        files = {"image/svg+xml": self.wide, MIME: self.narrow}
        return {mime: path.read_text(encoding="utf-8") for mime, path in files.items() if path}


def narrow(made: Figure) -> None:
    """Lay the figure out anew, in its place: its panels under each other, in reading order, each
    with the numbers and labels that it shared with its neighbours."""
    cells = {
        axis: spec
        for axis in made.axes
        if axis.get_visible() and (spec := axis.get_subplotspec()) is not None
    }
    panels = list(cells)
    if len(panels) == 1:
        width, height = made.get_size_inches()
        made.set_size_inches(min(width, ONE), height)
    elif panels:
        _name_sides(made, cells)
        _stack(made, cells)
    _fit_legends(made)
    fit(made, panels)


def _name_sides(made: Figure, cells: dict[Axes, SubplotSpec]) -> None:
    """Give each panel the numbers and labels that a neighbour in its row or column shows for it, or
    its part of the figure for all."""
    for axis, spec in cells.items():
        if not axis.yaxis.get_tick_params()["labelleft"]:
            first = next(_beside(cells, spec, "rowspan"))
            axis.tick_params(axis="y", labelleft=True)
            axis.set_ylabel(axis.get_ylabel() or first.get_ylabel(), visible=True)
        if not axis.xaxis.get_tick_params()["labelbottom"]:
            *_, last = _beside(cells, spec, "colspan")
            axis.tick_params(axis="x", labelbottom=True)
            axis.set_xlabel(axis.get_xlabel() or last.get_xlabel(), visible=True)
    for part in (each for each in (made, *made.subfigs) if each.get_supylabel()):
        for axis in cells:
            if axis.figure in (part, *part.subfigs):
                axis.set_ylabel(part.get_supylabel(), fontsize=8)
        part.supylabel("")


def _beside(cells: dict[Axes, SubplotSpec], spec: SubplotSpec, span: str) -> Iterator[Axes]:
    """The panels of a row or column, in order."""
    for axis, other in cells.items():
        same = other.get_gridspec() is spec.get_gridspec()
        if same and getattr(other, span) == getattr(spec, span):
            yield axis


def _stack(made: Figure, cells: dict[Axes, SubplotSpec]) -> None:
    heights = [max(_height(axis, spec), SHORTEST) for axis, spec in cells.items()]
    grid = GridSpec(len(cells), 1, figure=made, height_ratios=heights)
    for place, axis in enumerate(cells):
        axis.set_subplotspec(grid[place])
    made.set_size_inches(min(made.get_size_inches()[0], STACKED), sum(heights))


def _height(axis: Axes, spec: SubplotSpec) -> float:
    """Inches down of a panel's cell, with what stands around it."""
    shares = np.asarray(spec.get_gridspec().get_height_ratios(), dtype=float)
    part = axis.figure
    return float(part.bbox.height / part.dpi * shares[spec.rowspan].sum() / shares.sum())


def _fit_legends(made: Figure) -> None:
    """Columns as wide as the longest name, about 0.075 inches a letter with what stands before."""
    for legend in list(made.legends):
        names = [text.get_text() for text in legend.get_texts()]
        longest = max(map(len, names), default=1)
        room = int(made.get_size_inches()[0] / (0.5 + 0.075 * longest))
        size = legend.get_texts()[0].get_fontsize() if names else None
        handles = [handle for handle in legend.legend_handles if handle is not None]
        legend.remove()
        made.legend(
            handles,
            names,
            loc="outside upper center",
            ncols=max(1, min(room, len(names))),
            frameon=False,
            fontsize=size,
        )
