"""Where a network's ReLUs and multiplications are: part by part, and step by step."""

from collections.abc import Mapping

import pandas as pd

from deepreshape.design import Network, cost
from deepreshape.design.cost import part_cost
from deepreshape.design.layers import parts


def by_part(network: Network) -> pd.DataFrame:
    """A row for stem, stages and head: ReLUs and multiply-accumulates (MACs)."""
    rows = []
    for place, part in enumerate(parts(network)):
        relus, macs, *_ = part_cost(part)
        name = f"stage {place}" if part.role == "stage" else part.role
        rows.append({"part": name, "ReLUs": relus, "MACs": macs})
    return pd.DataFrame(rows)


def steps(networks: Mapping[str, Network]) -> pd.DataFrame:
    """A row for each step of a redesign by its label: the network that it gives, ReLUs of each
    stage (the stem's with the first) and together, millions of MACs."""
    rows = []
    for step, network in networks.items():
        counted = cost(network)
        stages = {f"stage {k}": n for k, n in enumerate(counted.stage_relus, start=1)}
        rows.append(
            {"step": step, "network": network.name}
            | stages
            | {"ReLUs": counted.total_relus, "MACs (M)": counted.macs / 1e6}
        )
    return pd.DataFrame(rows)
