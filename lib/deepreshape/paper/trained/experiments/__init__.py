"""The trained figures and tables of the paper, a file for each or for a few that share points."""

import re
from collections.abc import Iterable

from deepreshape.learn.runs.run import Run
from deepreshape.paper.trained.experiments import (
    fig1,
    fig3,
    fig4,
    fig5,
    fig6,
    fig7,
    fig11,
    fig12,
    fig13,
    fig15,
    fig16,
    fig17,
    fig18,
    fig20,
    fig22_23,
    table3_4,
    table5,
    table6_13_14,
    table9,
    table10_11,
    table12,
)
from deepreshape.paper.trained.experiments.claims import Claim
from deepreshape.paper.trained.experiments.experiment import Experiment
from deepreshape.paper.trained.experiments.points import Point

__all__ = ["EXPERIMENTS", "Claim", "Experiment", "Point", "by_number", "find", "runs_of"]

_FILES = (
    *(fig1, fig3, fig4, fig5, fig6, fig7, fig11, fig12, fig13, fig15, fig16, fig17, fig18, fig20),
    *(fig22_23, table3_4, table5, table6_13_14, table9, table10_11, table12),
)


def by_number(page: str) -> tuple[str, int, str]:
    """The order of pages: figures, then tables, by their numbers; then others."""
    found = re.match(r"(fig|table)(\d+)(.*)", page)
    return (found[1], int(found[2]), found[3]) if found else ("~", 0, page)


_FOUND = {each.name: each for file in _FILES for each in file.EXPERIMENTS}
EXPERIMENTS: dict[str, Experiment] = {name: _FOUND[name] for name in sorted(_FOUND, key=by_number)}
"""By name, in the order of the paper's figures and then its tables."""


def find(name: str) -> Experiment:
    """The experiment of that name; ValueError for an unknown one."""
    if name not in EXPERIMENTS:
        raise ValueError(f"no figure or table {name!r} is trained; {', '.join(EXPERIMENTS)} are")
    return EXPERIMENTS[name]


def runs_of(found: Iterable[Point]) -> list[Run]:
    """Every run that points need, each once."""
    return list(dict.fromkeys(run for point in found for run in point.runs))
