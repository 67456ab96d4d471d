"""Tables 6, 13 and 14: HybReNets by KD and by DKD."""

from dataclasses import replace

from deepreshape.paper.trained.experiments.experiment import Experiment, titled
from deepreshape.paper.trained.experiments.pareto import distillation_claims, pareto
from deepreshape.paper.trained.experiments.points import Point, Setting


def _both(
    setting: Setting, panel: str, name: str, dataset: str, family: str | None = None
) -> list[Point]:
    return [
        point
        for distilled in ("KD", "DKD")
        for point in pareto(setting, panel, name, dataset, family, distilled)
    ]


def table6(setting: Setting) -> list[Point]:
    return _both(setting, "a", "table06", "CIFAR-100")


def table13(setting: Setting) -> list[Point]:
    return _both(replace(setting, on="tiny-imagenet"), "a", "table13", "TinyImageNet")


def table14(setting: Setting) -> list[Point]:
    tiny = replace(setting, on="tiny-imagenet")
    found = []
    for family in ("HybReNet", "ConvNeXt"):
        found += _both(setting, "a", "table14", "CIFAR-100", family)
    for family in ("HybReNet", "ConvNeXt"):
        found += _both(tiny, "b", "table14", "TinyImageNet", family)
    return found


BOTH = titled("CIFAR-100", "TinyImageNet")
EXPERIMENTS = tuple(
    Experiment(name, about, section, points, distillation_claims, panels, "rows")
    for name, about, section, points, panels in (
        ("table6", "KD and DKD", "5", table6, titled("")),
        ("table13", "KD and DKD, TinyImageNet", "G", table13, titled("")),
        ("table14", "KD and DKD, ResNet34", "G", table14, BOTH),
    )
)
