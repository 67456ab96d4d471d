"""Figure 11: HybReNets of ResNet34, on TinyImageNet, and against RegNets."""

from dataclasses import replace

from deepreshape.design import cost, hybrenet, regnet
from deepreshape.design.architectures import REGNET_X
from deepreshape.paper.printed import tables
from deepreshape.paper.trained.experiments.claims import Claim, not_behind, series
from deepreshape.paper.trained.experiments.experiment import Experiment, titled
from deepreshape.paper.trained.experiments.networks import HRNS, baseline_accuracies, hrn
from deepreshape.paper.trained.experiments.pareto import against, pareto, state_of_the_art
from deepreshape.paper.trained.experiments.points import Point, Setting, points

REGNET_PAIRS = {16: "RegNetX-200MF", 64: "RegNetX-1.6GF"}
"""Base channels m of HRN-5x5x3x -> the RegNet of the accuracy that section 5 compares it at."""
REGNET_CLAIM = "RegNet ReLUs at "


def fig11(setting: Setting) -> list[Point]:
    tiny = replace(setting, on="tiny-imagenet")
    found = state_of_the_art(setting, "a", "table08", "CIFAR-100", ("SENet", "SNL"))
    found += pareto(setting, "a", "table14", "CIFAR-100", "HybReNet", "DKD")
    found += state_of_the_art(tiny, "b", "table08", "TinyImageNet", ("SNL",))
    found += pareto(tiny, "b", "table14", "TinyImageNet", "ConvNeXt", "DKD")
    found += pareto(tiny, "b", "table14", "TinyImageNet", "HybReNet", "DKD")
    regnets = [regnet(name) for name in REGNET_X]
    thousands = [round(cost(network).total_relus / 1000) for network in regnets]
    numbers = [_regnet_accuracies().get(relus) for relus in thousands]
    found += points("c", "RegNet-X", regnets, setting.plain, numbers)
    known = baseline_accuracies()
    for factors in HRNS:
        networks = [hybrenet(*factors, m) for m in (16, 32, 64)]
        numbers = [known.get(network) for network in networks]
        found += points("c", hrn(factors), networks, setting.plain, numbers)
    return found


def fig11_claims(found: list[Point]) -> list[Claim]:
    claims = [
        Claim(f"({panel}) HybReNet before {name}", series(found, "HybReNet (DKD)", panel), behind)
        for panel, names in {"a": ("SENet", "SNL"), "b": ("SNL", "ConvNeXt (DKD)")}.items()
        for name in names
        for behind in [series(found, name, panel)]
    ]
    claims += against(found, "a", "table08", "CIFAR-100")
    claims += against(found, "b", "table08", "TinyImageNet")
    regnets = {point.paper.name: point for point in series(found, "RegNet-X")}
    ours = {point.paper: point for point in found if point.panel == "c"}
    for m, name in REGNET_PAIRS.items():
        ahead, behind = ours.get(hybrenet(*HRNS[0], m)), regnets.get(name)
        if ahead and behind:
            text = f"(c) {ahead.paper.name} not behind {name}, which has more ReLUs"
            claims.append(not_behind(text, (ahead,), (behind,), paired=True))
    return claims


def _regnet_accuracies() -> dict[int, float]:
    """The accuracies that section 5 prints for RegNets, by their thousands of ReLUs."""
    claims = [row for row in tables.table("text_claims") if row["section"] == "5"]
    return {
        int(row["value"]): float(row["claim"].removeprefix(REGNET_CLAIM).removesuffix("%"))
        for row in claims
        if row["claim"].startswith(REGNET_CLAIM)
    }


EXPERIMENTS = (
    Experiment(
        "fig11",
        "ResNet34, TinyImageNet, RegNet",
        "5",
        fig11,
        fig11_claims,
        titled("ResNet34, CIFAR-100", "ResNet34, TinyImageNet", "RegNet-X, CIFAR-100"),
    ),
)
