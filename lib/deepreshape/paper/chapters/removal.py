"""What the ways of removing ReLUs leave at the same number of them."""

from collections.abc import Iterable, Sequence

import pandas as pd

from deepreshape.design import Network, algorithm2, cost, deepreduce

SEARCH, COARSE, ONCE = "SNL, SENet", "DeepReDuce", "Algorithm 2"


def leaves(
    budgets: Iterable[int],
    classical: Network,
    redesigned: Network,
    order: Sequence[int],
) -> pd.DataFrame:
    """For each budget a row for a search on the classical network, for DeepReDuce on it, and for
    Algorithm 2 on the redesigned one: network, ReLUs, millions of MACs.

    Of candidates the one with the most ReLUs within the budget stands there, of equal ones that
    with fewer MACs. order: the stages of the classical network from least to most critical.
    """
    coarse = _at_its_size(deepreduce(classical, order).values(), classical)
    once = list(algorithm2(redesigned).values())
    rows = []
    for budget in budgets:
        rows.append(_row(budget, SEARCH, classical, budget))
        for method, candidates in ((COARSE, coarse), (ONCE, once)):
            best = closest(candidates, budget)
            if best is not None:
                rows.append(_row(budget, method, best, cost(best).total_relus))
    return pd.DataFrame(rows)


def closest(candidates: Iterable[Network], budget: int) -> Network | None:
    """The candidate with the most ReLUs within a budget; of equal ones that with fewer MACs."""
    within = [each for each in candidates if cost(each).total_relus <= budget]
    return max(within, key=_size, default=None)


def _size(network: Network) -> tuple[int, int]:
    counted = cost(network)
    return counted.total_relus, -counted.macs


def _at_its_size(candidates: Iterable[Network], network: Network) -> list[Network]:
    """Without those for smaller images."""
    return [each for each in candidates if each.resolution == network.resolution]


def _row(budget: int, method: str, network: Network, relus: int) -> dict[str, object]:
    return {
        "at most": budget,
        "method": method,
        "network": network.name,
        "ReLUs": relus,
        "MACs (M)": cost(network).macs / 1e6,
    }
