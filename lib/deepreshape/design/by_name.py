"""Counts of a network and solutions of Algorithm 1, from what is typed."""

from collections.abc import Sequence
from typing import Literal

from deepreshape.design.cost import Cost, cost
from deepreshape.design.equalize import Equalization, Rule, by_depth, by_width, require_depths
from deepreshape.design.graph import AnyNetwork
from deepreshape.design.network import parse


def count(
    network: str | AnyNetwork, resolution: int | None = None, classes: int | None = None
) -> Cost:
    """ReLUs, multiply-accumulates and parameters of a network, or of a name, as `parse` reads it.

    resolution, classes: of a name; 32 and 100 where neither it nor they say. Raises DesignError.

    >>> count("HRN-5x5x3x(m=16)").total_relus
    343040
    """
    if isinstance(network, str):
        network = parse(network, resolution, classes)
    return cost(network)


def equalize(
    order: Sequence[int],
    depths: Sequence[int] | None = None,
    *,
    by: Literal["width", "depth"] = "width",
    rule: Rule = "pareto",
    most: int = 16,
) -> Equalization:
    """Widths or depths that put the stages' ReLUs in an order (Algorithm 1).

    order: stages from the most to the least critical. depths: blocks of each, 2 where none are
    said; by depth they are what is chosen. by: whether factors between widths are chosen, or
    depths. rule, most: as in `by_width`. Raises DesignError.

    >>> [solution.name for solution in equalize((3, 2, 4, 1)).solutions]
    ['HRN-5x5x3x(m=16)', 'HRN-5x7x2x(m=16)', 'HRN-6x6x2x(m=16)', 'HRN-7x5x2x(m=16)']
    """
    blocks = require_depths(depths or (2,) * len(order), order)
    return by_width(blocks, order, rule, most) if by == "width" else by_depth(order, rule, most)
