"""The trained figures and tables of the paper, a file for each or for a few that share points."""

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
    table6,
    table9,
    table10_11,
    table12,
    table13,
    table14,
)
from deepreshape.paper.trained.experiments.claims import Claim
from deepreshape.paper.trained.experiments.experiment import Experiment
from deepreshape.paper.trained.experiments.points import Point

__all__ = ["EXPERIMENTS", "Claim", "Experiment", "Point", "find", "runs_of"]

_FILES = (
    *(fig1, fig3, fig4, fig5, fig6, fig7, fig11, fig12, fig13, fig15, fig16, fig17, fig18, fig20),
    *(fig22_23, table3_4, table5, table6, table9, table10_11, table12, table13, table14),
)
EXPERIMENTS: dict[str, Experiment] = {
    each.name: each for file in _FILES for each in file.EXPERIMENTS
}
"""By name, in the order of the paper's figures and then its tables."""


def find(name: str) -> Experiment:
    """The experiment of that name; ValueError for an unknown one."""
    if name not in EXPERIMENTS:
        raise ValueError(f"no figure or table {name!r} is trained; {', '.join(EXPERIMENTS)} are")
    return EXPERIMENTS[name]


def runs_of(found: Iterable[Point]) -> list[Run]:
    """Every run that points need, each once."""
    return list(dict.fromkeys(run for point in found for run in point.runs))
