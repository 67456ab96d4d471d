"""Table 14: HybReNets of ResNet34 by KD and by DKD."""

from dataclasses import replace

from deepreshape.paper.trained.experiments.experiment import Experiment, titled
from deepreshape.paper.trained.experiments.pareto import distillation_claims, pareto
from deepreshape.paper.trained.experiments.points import Point, Setting


def table14(setting: Setting) -> list[Point]:
    found = []
    for panel, dataset in (("a", "CIFAR-100"), ("b", "TinyImageNet")):
        here = replace(setting, on="cifar100" if panel == "a" else "tiny-imagenet")
        for family in ("HybReNet", "ConvNeXt"):
            for distilled in ("KD", "DKD"):
                found += pareto(here, panel, "table14", dataset, family, distilled)
    return found


EXPERIMENTS = (
    Experiment(
        "table14-trained",
        "KD and DKD, ResNet34",
        "G",
        table14,
        distillation_claims,
        titled("CIFAR-100", "TinyImageNet"),
        picture="rows",
    ),
)
