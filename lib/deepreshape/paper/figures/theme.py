"""One look for every picture, whatever the reader's own matplotlib is set to."""

from typing import Any

import matplotlib as mpl
import seaborn as sns

COLOURS = (
    "#3969ac",
    "#de8f05",
    "#000000",
    "#633303",
    "#9938fa",
    "#fa3869",
    "#280495",
    "#95044d",
    "#19b2b3",
    "#4b0363",
)
"""Any two are apart by at least 20 units of CIELAB, the first six by 30, also to a reader who lacks
one of the three kinds of cones; each has a contrast to white of 2.5 or more."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", ">", "<", "h")
"""Series are told apart without colour too."""
GREY = "#555555"
PAPER = "#222222"
"""Values that the paper prints, where no series gives them a colour."""

STEM = "#b8b8b8"
HEAD = "#e0e0e0"
STAGES = ("#95044d", "#de8f05", "#3969ac", "#19b2b3", "#9938fa", "#633303", "#fa3869")
"""A colour for the stem, one for the head, and one for each stage, in order."""
HATCHES = ("", "//", "..", "\\\\", "xx", "--", "++")
"""Stages are told apart without colour too."""


def use() -> None:
    """Set matplotlib to the project's look and to nothing of the reader's configuration."""
    mpl.rcdefaults()
    sns.set_theme(context="paper", style="whitegrid", palette=list(COLOURS), rc=_RC)


_RC: dict[str, Any] = {
    "axes.edgecolor": "#888888",
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 10,
    "figure.constrained_layout.use": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "grid.color": "#e2e2e2",
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.3,
    "lines.markersize": 5,
    "savefig.dpi": 160,
    "svg.fonttype": "path",
}
