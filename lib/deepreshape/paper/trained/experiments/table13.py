"""Table 13: HybReNets by KD and by DKD, on TinyImageNet."""

from dataclasses import replace

from deepreshape.paper.trained.experiments.experiment import Experiment
from deepreshape.paper.trained.experiments.pareto import distillation_claims, pareto
from deepreshape.paper.trained.experiments.points import Point, Setting


def table13(setting: Setting) -> list[Point]:
    tiny = replace(setting, on="tiny-imagenet")
    return [
        point
        for distilled in ("KD", "DKD")
        for point in pareto(tiny, "a", "table13", "TinyImageNet", None, distilled)
    ]


EXPERIMENTS = (
    Experiment(
        "table13-trained",
        "KD and DKD, TinyImageNet",
        "G",
        table13,
        distillation_claims,
        picture="rows",
    ),
)
