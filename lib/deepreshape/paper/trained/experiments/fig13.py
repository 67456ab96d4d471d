"""Figure 13: baselines."""

from deepreshape.design import hybrenet, wide_resnet
from deepreshape.paper.trained.experiments.claims import Claim, series
from deepreshape.paper.trained.experiments.experiment import Experiment
from deepreshape.paper.trained.experiments.networks import (
    HRNS,
    base_channels,
    baseline_accuracies,
    stage_channels,
)
from deepreshape.paper.trained.experiments.points import Point, Setting, points


def fig13(setting: Setting) -> list[Point]:
    known = baseline_accuracies()
    lines = {
        f"WideResNet-{depth}xk": [wide_resnet(depth, k) for k in (2, 4, 6, 8, 10, 12)]
        for depth in (22, 28)
    }
    lines["StageCh(ResNet18)"] = stage_channels(18)
    lines["BaseCh(ResNet18)"] = base_channels(18)
    lines["HRNs (Proposed)"] = [hybrenet(*factors, 16) for factors in HRNS]
    return [
        point
        for name, networks in lines.items()
        for numbers in [[known.get(network) for network in networks]]
        for point in points("a", name, networks, setting.plain, numbers)
    ]


def fig13_claims(found: list[Point]) -> list[Claim]:
    """Where StageCh saturates by section 3.1 it has fewer ReLUs than any WideResNet here; so it is
    held against them wherever both are."""
    pairs = [
        ("HybReNets", "HRNs (Proposed)", name)
        for name in ("WideResNet-22xk", "StageCh(ResNet18)", "BaseCh(ResNet18)")
    ]
    stage = "StageCh(ResNet18)"
    pairs += [(stage, stage, f"WideResNet-{depth}xk") for depth in (22, 28)]
    return [
        Claim(f"{label} before {behind}", series(found, ahead), series(found, behind))
        for label, ahead, behind in pairs
    ]


EXPERIMENTS = (Experiment("fig13", "baselines", "5", fig13, fig13_claims),)
