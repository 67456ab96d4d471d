"""Seconds of one private inference by the paper's model, for a few networks side by side."""

from collections.abc import Mapping

import pandas as pd

from deepreshape.design import Network, cost
from deepreshape.private.latency import garbled_seconds, latency


def modelled(networks: Mapping[str, tuple[Network, int | None]]) -> pd.DataFrame:
    """A row for each network by its label: ReLUs, millions of MACs, seconds of homomorphic
    encryption and of garbled circuits. Beside a network stands the number of ReLUs that a search
    leaves it, or None where it keeps its own."""
    rows = []
    for label, (network, left) in networks.items():
        relus = cost(network).total_relus if left is None else left
        he, gc = latency(network).he_s, garbled_seconds(relus)
        rows.append(
            {
                "network": label,
                "ReLUs": relus,
                "MACs (M)": cost(network).macs / 1e6,
                "HE (s)": he,
                "GC (s)": gc,
                "together (s)": he + gc,
            }
        )
    return pd.DataFrame(rows)
