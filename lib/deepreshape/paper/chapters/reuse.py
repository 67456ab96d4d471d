"""The chapter on ReLU-reuse: the module in numbers, and what is recorded of it against scaling."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from statistics import fmean

import pandas as pd

from deepreshape.design import Layer, Network, cost, layers, optimize, reuse, scale
from deepreshape.design.cost import layer_macs
from deepreshape.design.reuse_module import Divisions
from deepreshape.paper.trained.accuracies import Records, accuracies
from deepreshape.paper.trained.experiments import Point
from deepreshape.paper.trained.statistics import half_interval

BLOCK = "stage3/block2"
"""Where the module is looked at: the second block of stage 3 changes neither channels nor size."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Channels of a ReLU-reuse module: that pass, are only convolved, and are activated."""

    passed: int
    linear: int
    active: int

    @property
    def channels(self) -> int:
        return self.passed + self.linear + self.active


def module(network: Network, factor: int, divisions: Divisions = "three") -> dict[str, Layer]:
    """The layers of the module in `BLOCK` by their short names, in order."""
    prefix = f"{BLOCK}/reuse/"
    found = layers(reuse(network, factor, divisions))
    return {it.name.removeprefix(prefix): it for it in found if it.name.startswith(prefix)}


def groups(network: Network, factor: int) -> Groups:
    """The three groups of the proposed module in `BLOCK`."""
    found = module(network, factor)
    return Groups(*(found[name].shape[0] for name in ("pass", "linear", "active")))


def share(network: Network, factor: int, divisions: Divisions = "three") -> Fraction:
    """Multiply-accumulates of the module, for each of the convolution that it replaces."""
    (replaced,) = (it for it in layers(network) if it.name == f"{BLOCK}/conv2")
    spent = sum(map(layer_macs, module(network, factor, divisions).values()))
    return Fraction(spent, layer_macs(replaced))


def kept(network: Network, factor: int) -> Fraction:
    """ReLUs of the module, for each of the block's before."""
    (relu,) = (it for it in layers(network) if it.name == f"{BLOCK}/relu2")
    return Fraction(prod(module(network, factor)["relu"].shape), prod(relu.shape))


def two_ways(network: Network, factors: Iterable[int]) -> pd.DataFrame:
    """A row for each factor and way to have as many ReLUs fewer: all channels divided by it, or the
    activated ones alone. network: a HybReNet before its ReLUs are optimized."""
    rows = []
    for factor in factors:
        narrow = optimize(scale(network, Fraction(1, factor)))
        for way, one in (("scaled", narrow), ("reused", reuse(optimize(network), factor))):
            spent = cost(one)
            rows.append(
                {
                    "N": factor,
                    "way": way,
                    "network": str(one),
                    "ReLUs": spent.total_relus,
                    "MACs (M)": spent.macs / 1e6,
                    "parameters (K)": spent.params / 1e3,
                }
            )
    return pd.DataFrame(rows)


def work(network: Network, factors: Iterable[int]) -> pd.DataFrame:
    """A row for each factor: the groups, and multiply-accumulates of the module and of one of N
    equal groups, both for each of the convolution's."""
    rows = []
    for factor in factors:
        found = groups(network, factor)
        rows.append(
            {
                "N": factor,
                "pass": found.passed,
                "convolved only": found.linear,
                "activated": found.active,
                "three groups": float(share(network, factor)),
                "N equal groups": float(share(network, factor, "chained")),
            }
        )
    return pd.DataFrame(rows)


def recorded_curve(points: Iterable[Point], records: Records) -> pd.DataFrame:
    """A row for each point: its network, thousands of ReLUs, and accuracy."""
    rows = []
    for point in points:
        found = accuracies(point, records)
        rows.append(
            {
                "series": point.series,
                "network": point.network.name,
                "ReLUs (K)": point.relus / 1000,
                "accuracy (%)": fmean(found),
                "± 95 %": half_interval(found),
                "n": len(found),
                "paper's (%)": point.printed,
            }
        )
    return pd.DataFrame(rows)
