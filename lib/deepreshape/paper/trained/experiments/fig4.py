"""Figures 4b and 4c: FLOPs saved at the same ReLUs."""

from deepreshape.design import Network, parse, scale, thin
from deepreshape.paper.trained.experiments import sizes
from deepreshape.paper.trained.experiments.claims import Claim, alike, series
from deepreshape.paper.trained.experiments.experiment import Experiment
from deepreshape.paper.trained.experiments.points import Point, Setting, budgets, points

FIG4 = {"5x5x5x(StageCh)": "5x5x5x", "5x5x3x(Proposed)": "HRN-5x5x3x"}


def _network(name: str) -> Network:
    return parse("ResNet18(m=16)-5x5x5x" if name == "5x5x5x" else f"{name}(m=16)")


def fig4b(setting: Setting) -> list[Point]:
    """The figure prints four accuracies for each network and no ReLU counts; 150K, 100K, 50K and
    25K fit its axis and the accuracies of Tables 5 and 12."""
    found = []
    for line, (name, network) in enumerate(FIG4.items(), start=1):
        numbers = sizes.figure4("b (SNL)", line)
        relus = (150_000, 100_000, 50_000, 25_000)
        found += budgets("a", name, _network(network), relus, setting.snl, numbers)
    return found


def fig4c(setting: Setting) -> list[Point]:
    found = []
    for line, (name, network) in enumerate(FIG4.items(), start=1):
        networks = [scale(thin(_network(network), (1, 2, 3, 4)), f"1/{k}") for k in (1, 2, 4)]
        found += points("a", name, networks, setting.taught, sizes.figure4("c (DeepReDuce)", line))
    return found


def fig4_claims(found: list[Point]) -> list[Claim]:
    wide, narrow = (series(found, name) for name in FIG4)
    return [alike("5x5x3x is as ReLU-efficient as 5x5x5x", narrow, wide)]


EXPERIMENTS = (
    Experiment("fig4b", "FLOPs saved under SNL", "3.1", fig4b, fig4_claims),
    Experiment("fig4c", "the same under DeepReDuce", "3.1", fig4c, fig4_claims),
)
