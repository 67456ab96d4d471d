"""Section 5: HybReNets against other networks and methods."""

from dataclasses import replace
from functools import partial

from deepreshape.design import (
    cost,
    hybrenet,
    optimize,
    regnet,
    resnet18,
    reuse,
    wide_resnet,
)
from deepreshape.design.architectures import REGNET_X
from deepreshape.design.reuse_module import Divisions
from deepreshape.learn.losses import DKD
from deepreshape.paper import printed
from deepreshape.paper.experiments.points import Claim, Point, Setting, budgets, points
from deepreshape.paper.experiments.shapes import (
    base_channels,
    reduced,
    series,
    stage_channels,
)

HRNS = ((5, 5, 3), (5, 7, 2), (6, 6, 2), (7, 5, 2))
"""alpha, beta, gamma of the four ReLU-equalized networks of ResNet18 (section 4.1)."""
BETAS = (0.8, 1.0, 2.0, 6.0)
"""Weights of DKD's non-target part that the paper tries for each network (Appendix J)."""


def _rows(name: str, dataset: str) -> list[tuple[int, printed.Row]]:
    """The rows of a table about a data set, with their numbers."""
    return [
        (number, row)
        for number, row in enumerate(printed.table(name), start=1)
        if row.get("dataset", dataset) == dataset
    ]


def _pareto(
    setting: Setting, panel: str, name: str, dataset: str, family: str | None, distilled: str
) -> list[Point]:
    """HybReNets (or ConvNeXt-like networks) of Tables 6, 13 and 14, by KD or by DKD."""
    found = []
    for number, row in _rows(name, dataset):
        if family is not None and row.get("family") != family:
            continue
        accuracy = [float(row[f"acc_{distilled.lower()}_pct"])]
        label = (family or "HybReNet") + f" ({distilled})"
        network = printed.network(name, number)
        way = None if distilled == "KD" else DKD()
        runs = partial(setting.taught, distillation=way)
        found += points(panel, label, [network], runs, accuracy)
    return found


def _state_of_the_art(
    setting: Setting, panel: str, name: str, dataset: str, methods: tuple[str, ...]
) -> list[Point]:
    """SNL and SENet at the ReLUs that Tables 7 and 8 compare with."""
    found: list[Point] = []
    for number, row in _rows(name, dataset):
        method = row["sota_method"]
        if method not in methods:
            continue
        network = printed.network(name, number, "sota")
        budget = int(float(row["sota_relus_K"]) * 1000)
        search = setting.snl if method == "SNL" else setting.senet
        known = {(point.series, point.budget) for point in found}
        if (method, budget) not in known:
            accuracy = [float(row["sota_acc_pct"])]
            found += budgets(panel, method, network, [budget], search, accuracy)
    return found


# Figure 1 and Table 6


def fig1(setting: Setting) -> list[Point]:
    found = []
    for panel in "ab":
        found += _state_of_the_art(setting, panel, "table07", "CIFAR-100", ("SENet", "SNL"))
        if panel == "a":
            found += points(panel, "DeepReDuce", reduced(resnet18()), setting.taught)
        found += _pareto(setting, panel, "table06", "CIFAR-100", None, "DKD")
    return found


def fig1_claims(found: list[Point]) -> list[Claim]:
    return [
        Claim(f"HybReNet before {name}", series(found, "HybReNet (DKD)", "a"), behind)
        for name in ("SENet", "SNL", "DeepReDuce")
        for behind in [series(found, name, "a")]
    ]


def table6(setting: Setting) -> list[Point]:
    return [
        point
        for distilled in ("KD", "DKD")
        for point in _pareto(setting, "a", "table06", "CIFAR-100", None, distilled)
    ]


def distillation_claims(found: list[Point]) -> list[Claim]:
    """DKD before KD, for each network."""
    claims = []
    for point in found:
        if point.series.endswith("(DKD)"):
            twin = point.series.replace("(DKD)", "(KD)")
            others = [p for p in series(found, twin, point.panel) if p.paper == point.paper]
            if others:
                text = f"{point.paper}: DKD before KD"
                claims.append(Claim(text, (point,), (others[0],), paired=True))
    return claims


# Figure 11, Tables 13 and 14


def fig11(setting: Setting) -> list[Point]:
    tiny = replace(setting, on="tiny-imagenet")
    found = _state_of_the_art(setting, "a", "table08", "CIFAR-100", ("SENet", "SNL"))
    found += _pareto(setting, "a", "table14", "CIFAR-100", "HybReNet", "DKD")
    found += _state_of_the_art(tiny, "b", "table08", "TinyImageNet", ("SNL",))
    found += _pareto(tiny, "b", "table14", "TinyImageNet", "ConvNeXt", "DKD")
    found += _pareto(tiny, "b", "table14", "TinyImageNet", "HybReNet", "DKD")
    found += points("c", "RegNet-X", [regnet(name) for name in REGNET_X], setting.plain)
    for factors in HRNS:
        networks = [hybrenet(*factors, m) for m in (16, 32, 64)]
        found += points("c", f"HRN-{'x'.join(map(str, factors))}x", networks, setting.plain)
    return found


def fig11_claims(found: list[Point]) -> list[Claim]:
    claims = [
        Claim(f"({panel}) HybReNet before {name}", series(found, "HybReNet (DKD)", panel), behind)
        for panel, names in {"a": ("SENet", "SNL"), "b": ("SNL", "ConvNeXt (DKD)")}.items()
        for name in names
        for behind in [series(found, name, panel)]
    ]
    for factors in HRNS:
        name = f"HRN-{'x'.join(map(str, factors))}x"
        regnets = series(found, "RegNet-X")
        claims.append(Claim(f"(c) {name} before RegNet-X", series(found, name), regnets))
    return claims


def table13(setting: Setting) -> list[Point]:
    tiny = replace(setting, on="tiny-imagenet")
    return [
        point
        for distilled in ("KD", "DKD")
        for point in _pareto(tiny, "a", "table13", "TinyImageNet", None, distilled)
    ]


def table14(setting: Setting) -> list[Point]:
    found = []
    for panel, dataset in (("a", "CIFAR-100"), ("b", "TinyImageNet")):
        here = replace(setting, on="cifar100" if panel == "a" else "tiny-imagenet")
        for family in ("HybReNet", "ConvNeXt"):
            for distilled in ("KD", "DKD"):
                found += _pareto(here, panel, "table14", dataset, family, distilled)
    return found


# Figure 12: ReLU-reuse against channel scaling and SNL

FIG12 = {
    "a": ("18", (2, 5, 2)),
    "b": ("18", (2, 5, 3)),
    "c": ("18", (2, 6, 2)),
    "d": ("18", (2, 7, 2)),
    "e": ("34", (2, 6, 3)),
    "f": ("34", (2, 9, 2)),
}
"""The panels: the ResNet that an HRN starts from, and its alpha, beta, gamma."""
SCALED = (32, 16, 8, 4, 2)
REUSED = (4, 8, 16)


def fig12(setting: Setting) -> list[Point]:
    """SNL's curves start from ResNet18, and its budgets are the ReLUs of the panel's HybReNets."""
    accuracies = {
        printed.network(name, number): float(row["acc_kd_pct"])
        for name in ("table06", "table14")
        for number, row in _rows(name, "CIFAR-100")
    }
    found = []
    for panel, (base, factors) in FIG12.items():
        scaled = [optimize(hybrenet(*factors, m, base)) for m in SCALED]
        reused = [reuse(optimize(hybrenet(*factors, 16, base)), factor) for factor in REUSED]
        for name, networks in (("HRN w/o Re2", scaled), ("HRN w/ Re2", reused)):
            numbers = [accuracies.get(network) for network in networks]
            found += points(panel, name, networks, setting.taught, numbers)
        relus = sorted({cost(network).total_relus for network in scaled + reused}, reverse=True)
        found += budgets(panel, "SNL(vanilla)", resnet18(), relus, setting.snl)
        found += budgets(panel, "SNL(channel)", resnet18(), relus, setting.snl_channels)
    return found


def fig12_claims(found: list[Point]) -> list[Claim]:
    claims = []
    for panel, (_, factors) in FIG12.items():
        scaled = {point.relus: point for point in series(found, "HRN w/o Re2", panel)}
        name = f"({panel}) HRN-{'x'.join(map(str, factors))}x"
        for point in series(found, "HRN w/ Re2", panel):
            if point.relus in scaled:
                text = f"{name}: reuse by {point.network.relus.reuse} before scaling"
                claims.append(Claim(text, (point,), (scaled[point.relus],), paired=True))
        ours = series(found, "HRN w/ Re2", panel)
        claims.append(
            Claim(
                f"{name}: reuse before SNL by channel", ours, series(found, "SNL(channel)", panel)
            )
        )
    return [claim for claim in claims if claim.ahead and claim.behind]


# Figure 13: baselines


def fig13(setting: Setting) -> list[Point]:
    found = []
    for depth in (22, 28):
        networks = [wide_resnet(depth, k) for k in (2, 4, 6, 8, 10, 12)]
        found += points("a", f"WideResNet-{depth}xk", networks, setting.plain)
    found += points("a", "StageCh(ResNet18)", stage_channels(18), setting.plain)
    found += points("a", "BaseCh(ResNet18)", base_channels(18), setting.plain)
    found += points("a", "HRNs (Proposed)", [hybrenet(*f, 16) for f in HRNS], setting.plain)
    return found


def fig13_claims(found: list[Point]) -> list[Claim]:
    return [
        Claim(f"HybReNets before {name}", series(found, "HRNs (Proposed)"), series(found, name))
        for name in ("WideResNet-22xk", "WideResNet-28xk", "StageCh(ResNet18)", "BaseCh(ResNet18)")
    ]


# Table 9: what ReLU-reuse consists of

SCHEMES: dict[str, tuple[Divisions, str]] = {
    "N divisions w/o reuse": ("apart", "acc_N_divisions_without_reuse_pct"),
    "N divisions w/ reuse": ("chained", "acc_N_divisions_with_reuse_pct"),
    "proposed": ("three", "acc_proposed_3_divisions_pct"),
}


def table9(setting: Setting) -> list[Point]:
    """Of ResNet18 with all its other ReLUs, as the printed counts have it."""
    found = []
    for name, (divisions, column) in SCHEMES.items():
        for row in printed.table("table09"):
            network = reuse(resnet18(), int(row["reduction_factor_N"]), divisions)
            found += points("a", name, [network], setting.plain, [float(row[column])])
    return found


def table9_claims(found: list[Point]) -> list[Claim]:
    claims = []
    for point in found:
        for other in found:
            if (
                point.relus == other.relus
                and point.printed is not None
                and other.printed is not None
                and point.printed > other.printed
            ):
                factor = point.network.relus.reuse
                text = f"N = {factor}: {point.series} before {other.series}"
                claims.append(Claim(text, (point,), (other,), paired=True))
    return claims
