"""Table 6: HybReNets by KD and by DKD."""

from deepreshape.paper.trained.experiments.experiment import Experiment
from deepreshape.paper.trained.experiments.pareto import distillation_claims, pareto
from deepreshape.paper.trained.experiments.points import Point, Setting


def table6(setting: Setting) -> list[Point]:
    return [
        point
        for distilled in ("KD", "DKD")
        for point in pareto(setting, "a", "table06", "CIFAR-100", None, distilled)
    ]


EXPERIMENTS = (
    Experiment("table6", "KD and DKD", "5", table6, distillation_claims, picture="rows"),
)
