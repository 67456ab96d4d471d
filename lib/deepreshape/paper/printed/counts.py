"""Counts of a network in the units of the paper's columns, and differences of printed values."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from deepreshape.design import Network, cost, paper_convention


def count(network: Network, column: str) -> float:
    """Thousands of ReLUs (`relus_K`) or millions of FLOPs (`flops_M`) of a network.

    FLOPs by the convention that the paper uses for the network, B where it prints none.
    """
    total = cost(network)
    if column.endswith("relus_K"):
        return total.total_relus / 1000
    return total.flops(paper_convention(network) or "B") / 1e6


def shares(network: Network) -> tuple[float, ...]:
    """The percentage of each stage in a network's ReLUs, the stem's with stage 1; 0 without any."""
    total = cost(network)
    return tuple(100 * relus / max(total.total_relus, 1) for relus in total.stage_relus)


def ranked(values: Sequence[float]) -> str:
    """The stages by their values, the largest first: `S3 > S2 > S4 = S1`."""
    order = sorted(range(len(values)), key=lambda stage: -values[stage])
    text = f"S{order[0] + 1}"
    for more, less in pairwise(order):
        text += f" {'>' if values[more] > values[less] else '='} S{less + 1}"
    return text


def ranking(network: Network) -> str:
    """The stages from most to least ReLUs, the stem left out."""
    return ranked(cost(network).relus[1:])


def difference(one: str, other: str) -> float:
    """The difference of two printed numbers, free of binary rounding: 80.86 - 79.81 is 1.05."""
    return float(Decimal(one) - Decimal(other))
