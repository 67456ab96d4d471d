"""Figure 12: ReLU-reuse against channel scaling and SNL."""

from deepreshape.design import cost, hybrenet, optimize, resnet18, reuse
from deepreshape.paper.printed import tables
from deepreshape.paper.trained.experiments import sizes
from deepreshape.paper.trained.experiments.claims import Claim, alike, pair, series
from deepreshape.paper.trained.experiments.experiment import Experiment, titled
from deepreshape.paper.trained.experiments.networks import hrn
from deepreshape.paper.trained.experiments.pareto import rows
from deepreshape.paper.trained.experiments.points import Point, Setting, budgets, points

FIG12 = {
    "a": (2, 5, 2),
    "b": (2, 5, 3),
    "c": (2, 6, 2),
    "d": (2, 7, 2),
    "e": (2, 6, 3),
    "f": (2, 9, 2),
}
"""alpha, beta, gamma of the panels' networks, all of ResNet18: Table 11 lists these six, and the
ReLU axes of (e) and (f) fit no network of ResNet34."""
SCALED = (32, 16, 8, 4, 2)
REUSED = (4, 8, 16)


def fig12(setting: Setting) -> list[Point]:
    """SNL's curves start from ResNet18, and its budgets are the ReLUs of the panel's HybReNets."""
    accuracies = {
        tables.network("table06", number): float(row["acc_kd_pct"])
        for number, row in rows("table06", "CIFAR-100")
    }
    found = []
    for panel, factors in FIG12.items():
        scaled = [optimize(hybrenet(*factors, m)) for m in SCALED]
        reused = [reuse(optimize(hybrenet(*factors, 16)), factor) for factor in REUSED]
        for name, networks in (("HRN w/o Re2", scaled), ("HRN w/ Re2", reused)):
            numbers = [accuracies.get(network) for network in networks]
            found += points(panel, name, networks, setting.taught, numbers)
        relus = sorted({cost(network).total_relus for network in scaled + reused}, reverse=True)
        found += budgets(panel, "SNL(vanilla)", resnet18(), relus, setting.snl)
        found += budgets(panel, "SNL(channel)", resnet18(), relus, setting.snl_channels)
    return found


def fig12_claims(found: list[Point]) -> list[Claim]:
    claims, gain = [], sizes.prose("ReLU-reuse over scaling")
    for panel, factors in FIG12.items():
        scaled = {point.relus: point for point in series(found, "HRN w/o Re2", panel)}
        name = f"({panel}) {hrn(factors)}"
        for point in series(found, "HRN w/ Re2", panel):
            if point.relus in scaled:
                text = f"{name}: reuse by {point.network.relus.reuse} before scaling"
                claims.append(pair(text, point, scaled[point.relus], gain))
        ours = series(found, "HRN w/ Re2", panel)
        channels = series(found, "SNL(channel)", panel)
        claims.append(Claim(f"{name}: reuse before SNL by channel", ours, channels))
        pixels = series(found, "SNL(vanilla)", panel)
        claims.append(alike(f"{name}: reuse on par with SNL by pixel", ours, pixels))
    return [claim for claim in claims if claim.ahead and claim.behind]


EXPERIMENTS = (
    Experiment(
        "fig12",
        "ReLU-reuse against scaling and SNL",
        "5",
        fig12,
        fig12_claims,
        titled(*map(hrn, FIG12.values())),
    ),
)
