"""Section 5: HybReNets against other networks and methods."""

from dataclasses import replace
from functools import partial

from deepreshape.design import (
    Network,
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
from deepreshape.learn.training.losses import DKD
from deepreshape.paper.printed import tables
from deepreshape.paper.trained.experiments import sizes
from deepreshape.paper.trained.experiments.points import Claim, Point, Setting, budgets, points
from deepreshape.paper.trained.experiments.shapes import (
    base_channels,
    candidates,
    series,
    similar,
    stage_channels,
)

HRNS = ((5, 5, 3), (5, 7, 2), (6, 6, 2), (7, 5, 2))
"""alpha, beta, gamma of the four ReLU-equalized networks of ResNet18 (section 4.1)."""
BETAS = (0.8, 1.0, 2.0, 6.0)
"""Weights of DKD's non-target part that the paper tries for each network (Appendix J)."""


def _rows(name: str, dataset: str) -> list[tuple[int, tables.Row]]:
    """The rows of a table about a data set, with their numbers."""
    return [
        (number, row)
        for number, row in enumerate(tables.table(name), start=1)
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
        network = tables.network(name, number)
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
        network = tables.network(name, number, "sota")
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
            found += candidates(setting, panel, "DeepReDuce", resnet18())
        found += _pareto(setting, panel, "table06", "CIFAR-100", None, "DKD")
    return found


def fig1_claims(found: list[Point]) -> list[Claim]:
    return [
        Claim(f"HybReNet before {name}", series(found, "HybReNet (DKD)", "a"), behind)
        for name in ("SENet", "SNL", "DeepReDuce")
        for behind in [series(found, name, "a")]
    ] + _against(found, "a", "table07", "CIFAR-100")


def _against(found: list[Point], panel: str, name: str, dataset: str) -> list[Claim]:
    """The rows of Table 7 or 8: a HybReNet ahead of a network of others, with fewer ReLUs or FLOPs;
    as accurate where no gain is printed. Of Table 7 the gain at 25K is the label of Figure 1b."""
    claims = []
    for number, row in _rows(name, dataset):
        budget = int(float(row["sota_relus_K"]) * 1000)
        sides = (tables.network(name, number, side) for side in ("hrn", "sota"))
        ours, theirs = (
            [point for point in found if point.panel == panel and point.paper == network]
            for network in sides
        )
        label = row["sota_method"]
        ahead = series(ours, "HybReNet (DKD)")
        behind = series(theirs, f"{label} (DKD)") or tuple(
            point for point in series(theirs, label) if point.budget == budget
        )
        if not ahead or not behind:
            continue
        pair = f"{ahead[0].paper.name} {{}} {label} with {row['sota_relus_K']}K ReLUs"
        text = f"({panel}) {pair}"
        gain = float(row["improv_acc_pct"])
        if gain > 0:
            size = sizes.one(gain)
            claims.append(Claim(text.format("before"), ahead, behind, paired=True, size=size))
        else:
            claims.append(
                Claim(
                    text.format("not behind"),
                    ahead,
                    behind,
                    paired=True,
                    relation="not behind",
                    margin=similar(),
                )
            )
    return claims


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
    regnets = [regnet(name) for name in REGNET_X]
    thousands = [round(cost(network).total_relus / 1000) for network in regnets]
    numbers = [_regnet_accuracies().get(relus) for relus in thousands]
    found += points("c", "RegNet-X", regnets, setting.plain, numbers)
    known = _baseline_accuracies()
    for factors in HRNS:
        networks = [hybrenet(*factors, m) for m in (16, 32, 64)]
        numbers = [known.get(network) for network in networks]
        name = f"HRN-{'x'.join(map(str, factors))}x"
        found += points("c", name, networks, setting.plain, numbers)
    return found


def fig11_claims(found: list[Point]) -> list[Claim]:
    claims = [
        Claim(f"({panel}) HybReNet before {name}", series(found, "HybReNet (DKD)", panel), behind)
        for panel, names in {"a": ("SENet", "SNL"), "b": ("SNL", "ConvNeXt (DKD)")}.items()
        for name in names
        for behind in [series(found, name, panel)]
    ]
    claims += _against(found, "a", "table08", "CIFAR-100")
    claims += _against(found, "b", "table08", "TinyImageNet")
    regnets = {point.paper.name: point for point in series(found, "RegNet-X")}
    ours = {point.paper: point for point in found if point.panel == "c"}
    for m, name in REGNET_PAIRS.items():
        ahead, behind = ours.get(hybrenet(*HRNS[0], m)), regnets.get(name)
        if ahead and behind:
            text = f"(c) {ahead.paper.name} not behind {name}, which has more ReLUs"
            margin = similar()
            claims.append(
                Claim(text, (ahead,), (behind,), True, relation="not behind", margin=margin)
            )
    return claims


REGNET_PAIRS = {16: "RegNetX-200MF", 64: "RegNetX-1.6GF"}
"""Base channels m of HRN-5x5x3x -> the RegNet of the accuracy that section 5 compares it at."""


def _regnet_accuracies() -> dict[int, float]:
    """The accuracies that section 5 prints for RegNets, by their thousands of ReLUs."""
    claims = [row for row in tables.table("text_claims") if row["section"] == "5"]
    return {
        int(row["value"]): float(row["claim"].removeprefix(REGNET_CLAIM).removesuffix("%"))
        for row in claims
        if row["claim"].startswith(REGNET_CLAIM)
    }


REGNET_CLAIM = "RegNet ReLUs at "


def _baseline_accuracies() -> dict[Network, float]:
    """The accuracies of Table 16, of networks that keep all their ReLUs."""
    return {
        tables.network("table16", number): float(row["acc_cifar100_pct"])
        for number, row in enumerate(tables.table("table16"), start=1)
    }


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
        for number, row in _rows("table06", "CIFAR-100")
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
        name = f"({panel}) HRN-{'x'.join(map(str, factors))}x"
        for point in series(found, "HRN w/ Re2", panel):
            if point.relus in scaled:
                text = f"{name}: reuse by {point.network.relus.reuse} before scaling"
                twin = scaled[point.relus]
                claims.append(Claim(text, (point,), (twin,), paired=True, size=gain))
        ours = series(found, "HRN w/ Re2", panel)
        channels = series(found, "SNL(channel)", panel)
        claims.append(Claim(f"{name}: reuse before SNL by channel", ours, channels))
        pixels = series(found, "SNL(vanilla)", panel)
        claims.append(
            Claim(
                f"{name}: reuse on par with SNL by pixel",
                ours,
                pixels,
                relation="like",
                margin=similar(),
            )
        )
    return [claim for claim in claims if claim.ahead and claim.behind]


# Figure 13: baselines


def fig13(setting: Setting) -> list[Point]:
    known = _baseline_accuracies()
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
        for row in tables.table("table09"):
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
