"""Which widths put the ReLUs of four stages in an order: a map over two of the three factors."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from deepreshape.design.equalize import by_width, equalized
from deepreshape.paper.figures import theme

BETAS, GAMMAS = range(2, 13), range(2, 7)
MOST = 64
"""The largest alpha that is tried."""
NONE, SOME, CHOSEN = "#ededed", "#cfdcee", theme.STAGES[1]


def smallest_alpha(
    depths: Sequence[int], order: Sequence[int], beta: int, gamma: int
) -> int | None:
    """The smallest alpha of at least 2 with which the stages' ReLUs have the order; None where none
    up to `MOST` gives it."""
    fitting = (a for a in range(2, MOST + 1) if equalized(depths, (a, beta, gamma), order))
    return next(fitting, None)


def draw(axis: Axes, order: Sequence[int], depths: Sequence[int] = (2, 2, 2, 2)) -> None:
    """A cell for each beta and gamma, in it the smallest alpha; grey and empty where none will do.

    Framed are the networks that the paper takes (`equalize.by_width`, rule `paper`).
    """
    taken = {solution.factors for solution in by_width(depths, order, "paper").solutions}
    for beta in BETAS:
        for gamma in GAMMAS:
            alpha = smallest_alpha(depths, order, beta, gamma)
            chosen = (alpha, beta, gamma) in taken
            corner = (beta - 0.46, gamma - 0.46)
            look = CHOSEN if chosen else NONE if alpha is None else SOME
            axis.add_patch(Rectangle(corner, 0.92, 0.92, facecolor=look, edgecolor="none"))
            if alpha is not None:
                weight = "bold" if chosen else "normal"
                axis.text(
                    beta, gamma, str(alpha), ha="center", va="center", fontsize=10, weight=weight
                )
    axis.set(
        xlim=(BETAS[0] - 0.6, BETAS[-1] + 0.6),
        ylim=(GAMMAS[0] - 0.6, GAMMAS[-1] + 0.6),
        xticks=list(BETAS),
        yticks=list(GAMMAS),
        xlabel="β",
        ylabel="γ",
    )
    axis.grid(visible=False)
