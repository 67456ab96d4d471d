"""Figure 1: HybReNets against the state of the art."""

from deepreshape.design import resnet18
from deepreshape.paper.trained.experiments.claims import Claim, series
from deepreshape.paper.trained.experiments.experiment import RELUS_AND_FLOPS, Experiment
from deepreshape.paper.trained.experiments.pareto import against, pareto, state_of_the_art
from deepreshape.paper.trained.experiments.points import Point, Setting, candidates


def fig1(setting: Setting) -> list[Point]:
    found = []
    for panel in "ab":
        found += state_of_the_art(setting, panel, "table07", "CIFAR-100", ("SENet", "SNL"))
        if panel == "a":
            found += candidates(setting, panel, "DeepReDuce", resnet18())
        found += pareto(setting, panel, "table06", "CIFAR-100", None, "DKD")
    return found


def fig1_claims(found: list[Point]) -> list[Claim]:
    return [
        Claim(f"HybReNet before {name}", series(found, "HybReNet (DKD)", "a"), behind)
        for name in ("SENet", "SNL", "DeepReDuce")
        for behind in [series(found, name, "a")]
    ] + against(found, "a", "table07", "CIFAR-100")


EXPERIMENTS = (
    Experiment(
        "fig1", "HybReNets against the state of the art", "1", fig1, fig1_claims, RELUS_AND_FLOPS
    ),
)
