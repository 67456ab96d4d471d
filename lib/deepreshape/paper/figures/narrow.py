"""The same picture for a narrow screen: one panel a row, and letters of the same size."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec

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
    """Lay the figure out anew, in its place: its panels under each other, in reading order."""
    panels = [axis for axis in made.axes if axis.get_subplotspec() is not None]
    width, height = made.get_size_inches()
    if len(panels) == 1:
        made.set_size_inches(min(width, ONE), height)
    elif panels:
        rows = max(_row(axis) for axis in panels) + 1
        grid = GridSpec(len(panels), 1, figure=made)
        for place, axis in enumerate(panels):
            axis.set_subplotspec(grid[place])
        each = max(height / rows, SHORTEST)
        made.set_size_inches(min(width, STACKED), each * len(panels))
    _fit_legends(made)
    made.draw_without_rendering()
    for axis in panels:
        _part_labels(axis)


def _row(axis: Axes) -> int:
    spec = axis.get_subplotspec()
    return spec.rowspan.start if spec else 0


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


def _part_labels(axis: Axes) -> None:
    """Turn the labels under an axis upright where they run into each other."""
    labels = [label for label in axis.get_xticklabels() if label.get_text()]
    boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.x0)
    if any(left.x1 > right.x0 for left, right in pairwise(boxes)):
        for label in labels:
            label.set(rotation=90, ha="center", rotation_mode="default")
