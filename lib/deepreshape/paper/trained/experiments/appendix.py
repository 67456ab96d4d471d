"""The appendices: criticality, depth, the tradeoff with capacity, reuse on other networks."""

from dataclasses import replace
from itertools import pairwise
from typing import Literal

from deepreshape.design import (
    Network,
    cull,
    hybrenet,
    hybrenet_by_depth,
    resnet18,
    thin,
    wide_resnet,
)
from deepreshape.paper.printed import tables
from deepreshape.paper.trained.experiments import sizes
from deepreshape.paper.trained.experiments.points import Claim, Point, Setting, budgets, points
from deepreshape.paper.trained.experiments.results import HRNS
from deepreshape.paper.trained.experiments.shapes import (
    BUDGETS,
    LOW,
    WIDTHS,
    base_channels,
    few,
    many,
    redesigned,
    series,
    similar,
    stage_channels,
)


def _hrn(factors: tuple[int, int, int]) -> str:
    return f"HRN-{'x'.join(map(str, factors))}x"


# Figure 15: larger alpha

FIG15 = {
    "a": ((5, 5, 3), (6, 5, 3), (7, 5, 3)),
    "b": ((5, 7, 2), (6, 7, 2), (7, 7, 2)),
    "c": ((7, 5, 2), (8, 5, 2), (9, 5, 2)),
    "d": ((6, 6, 2), (7, 6, 2), (8, 6, 2)),
}


def fig15(setting: Setting) -> list[Point]:
    found = []
    for panel, networks in FIG15.items():
        for factors in networks:
            name = _hrn(factors).removeprefix("HRN-")
            network = hybrenet(*factors, 16)
            found += points(panel, f"{name} DeepReDuce", redesigned(network), setting.taught)
            relus = (180_000, 100_000, 50_000, 25_000)
            found += budgets(panel, f"{name} SNL", network, relus, setting.snl)
    return found


def fig15_claims(found: list[Point]) -> list[Claim]:
    claims = []
    for panel, (first, *wider) in FIG15.items():
        for method in ("DeepReDuce", "SNL"):
            names = [_hrn(factors).removeprefix("HRN-") for factors in (first, *wider)]
            ahead = series(found, f"{names[0]} {method}", panel)
            for name in names[1:]:
                behind = series(found, f"{name} {method}", panel)
                text = f"({panel}) {method}: {name} is no better than {names[0]}"
                claims.append(Claim(text, ahead, behind, relation="not behind", margin=similar()))
    return claims


# Tables 10 and 11: criticality


def only(network: Network, stage: int) -> Network:
    """With ReLUs in one stage alone; the first has the stem's, the last the head's."""
    return cull(network, [each for each in range(1, len(network.stages) + 1) if each != stage])


def _critical(setting: Setting, name: str) -> list[Point]:
    """Each stage alone, without and with a teacher, as DeepReDuce measures criticality."""
    found = []
    for number, row in enumerate(tables.table(name), start=1):
        network = tables.network(name, number)
        label = network.name
        for stage in range(1, 5):
            alone = [only(network, stage)]
            accuracy = [float(row[f"stage{stage}_acc_pct"])]
            found += points("a", f"{label} S{stage}", alone, setting.plain, accuracy)
            accuracy = [float(row[f"stage{stage}_acc_kd_pct"])]
            found += points("b", f"{label} S{stage}", alone, setting.taught, accuracy)
    return found


def table10(setting: Setting) -> list[Point]:
    return _critical(setting, "table10")


def table11(setting: Setting) -> list[Point]:
    return _critical(setting, "table11")


def criticality_claims(found: list[Point], panel: str = "b") -> list[Claim]:
    """Of each network, each stage ahead of the next in the order of the printed accuracies; with a
    teacher, as criticality is defined, or those of another panel."""
    claims = []
    here = [point for point in found if point.panel == panel]
    for label in dict.fromkeys(point.series[:-3] for point in here):
        stages = sorted(
            (point for point in here if point.series[:-3] == label),
            key=lambda point: -(point.printed or 0.0),
        )
        for ahead, behind in pairwise(stages):
            text = f"{label}: {ahead.series[-2:]} before {behind.series[-2:]}"
            claims.append(Claim(text, (ahead,), (behind,), paired=True))
    return claims


# Table 12, Figures 16, 17, 18


def table12(setting: Setting) -> list[Point]:
    found = []
    relus = (180_000, 100_000, 50_000, 15_000)
    for number, row in enumerate(tables.table("table12"), start=1):
        network = tables.network("table12", number)
        numbers = [float(row[f"acc_snl_{each // 1000}K_pct"]) for each in relus]
        found += budgets("a", row["network"], network, relus, setting.snl, numbers)
    return found


def table12_claims(found: list[Point]) -> list[Claim]:
    claims = []
    for deep, wide in zip(series(found, "ResNet34"), series(found, "4x4x4x"), strict=False):
        ahead, behind = (deep, wide) if (deep.budget or 0) <= 50_000 else (wide, deep)
        text = f"SNL at {(deep.budget or 0) // 1000}K: {ahead.series} before {behind.series}"
        claims.append(Claim(text, (ahead,), (behind,), paired=True))
    return claims


FIG16 = {
    "a": ((2, 6, 3), (2, 9, 2), (2, 5, 3), (2, 7, 2)),
    "c": ((5, 6, 3), (5, 9, 2), (5, 5, 3), (5, 7, 2)),
}


def fig16(setting: Setting) -> list[Point]:
    tiny = replace(setting, on="tiny-imagenet")
    found = []
    for factors in FIG16["a"]:
        found += points("a", _hrn(factors), redesigned(hybrenet(*factors, 16)), setting.taught)
    for factors in FIG16["a"]:
        relus = (100_000, *LOW)
        found += budgets("b", _hrn(factors), hybrenet(*factors, 16), relus, setting.snl)
    for factors in FIG16["c"]:
        network = replace(hybrenet(*factors, 16), resolution=64, classes=200)
        found += points("c", _hrn(factors), redesigned(network)[:3], tiny.taught)
    return found


def fig16_claims(found: list[Point]) -> list[Claim]:
    """By SNL (b) the networks for the prevalent order are ahead; by DeepReDuce both are similar,
    but for HRN-5x5x3x, which is ahead at some counts of (c)."""
    claims = []
    for panel, alpha in (("b", 2), ("a", 2), ("c", 5)):
        for prevalent in ((alpha, 5, 3), (alpha, 7, 2)):
            for altered in ((alpha, 6, 3), (alpha, 9, 2)):
                names = _hrn(prevalent), _hrn(altered)
                ahead, behind = (series(found, name, panel) for name in names)
                if panel == "b":
                    claims.append(Claim(f"SNL: {names[0]} before {names[1]}", ahead, behind))
                    continue
                text = f"({panel}) DeepReDuce: {names[0]} similar to {names[1]}"
                relation = _alike(prevalent)
                claims.append(Claim(text, ahead, behind, relation=relation, margin=similar()))
    return claims


def _alike(factors: tuple[int, int, int]) -> Literal["like", "not behind"]:
    return "not behind" if factors == (5, 5, 3) else "like"


FIG17 = ((1, 7, 5, 2), (1, 6, 6, 2), (1, 5, 7, 2), (1, 5, 5, 3))


def fig17(setting: Setting) -> list[Point]:
    found = []
    for panel in "ab":
        for depths in FIG17:
            name = f"HRN[{','.join(map(str, depths))}]"
            networks = [hybrenet_by_depth(depths, m) for m in WIDTHS]
            found += points(panel, name, networks, setting.plain)
        found += points(panel, "ResNet18(StageCh)", stage_channels(18), setting.plain)
        found += points(panel, "ResNet18(BaseCh)", base_channels(18), setting.plain)
    return found


def fig17_claims(found: list[Point]) -> list[Claim]:
    claims = []
    for panel, over in OVER.items():
        base = series(found, "ResNet18(BaseCh)", panel)
        for depths in FIG17:
            name = f"HRN[{','.join(map(str, depths))}]"
            claims.append(
                Claim(
                    f"({panel}) {name} is no better than ResNet18(BaseCh)",
                    base,
                    series(found, name, panel),
                    over=over,
                    relation="not behind",
                    margin=similar(),
                )
            )
    return [claim for claim in claims if claim.ahead and claim.behind]


OVER: dict[str, Literal["relus", "flops"]] = {"a": "relus", "b": "flops"}
"""What the panels of Figure 17 count."""


FIG18 = {
    ("a", "e"): ((2, 5, 3), (4, 5, 3), (5, 5, 3)),
    ("b", "f"): ((2, 7, 2), (4, 7, 2), (5, 7, 2)),
    ("c", "g"): ((2, 6, 2), (4, 6, 2), (6, 6, 2)),
    ("d", "h"): ((2, 5, 2), (4, 5, 2), (7, 5, 2)),
}
"""By the panels for DeepReDuce and for SNL: networks with the same beta and gamma."""


def fig18(setting: Setting) -> list[Point]:
    found = []
    for (coarse, _), networks in FIG18.items():
        for factors in networks:
            reduced = redesigned(hybrenet(*factors, 16))
            found += points(coarse, _hrn(factors), reduced, setting.taught)
    for (_, fine), networks in FIG18.items():
        for factors in networks:
            relus = (100_000, *LOW)
            found += budgets(fine, _hrn(factors), hybrenet(*factors, 16), relus, setting.snl)
    return found


def fig18_claims(found: list[Point]) -> list[Claim]:
    claims = []
    for panels, (narrow, *wider) in FIG18.items():
        for panel, method in zip(panels, ("DeepReDuce", "SNL"), strict=True):
            name = _hrn(narrow)
            for factors in wider:
                other = _hrn(factors)
                ours, theirs = series(found, name, panel), series(found, other, panel)
                both = ours + theirs
                text = f"{method}, few ReLUs: {name} before {other}"
                claims.append(Claim(text, ours, theirs, at=few(both, 45_000)))
                text = f"{method}, many ReLUs: {other} before {name}"
                claims.append(Claim(text, theirs, ours, at=many(both, 45_000)))
    return [claim for claim in claims if claim.ahead and claim.behind]


# Figure 20: SNL on HybReNets


def fig20(setting: Setting) -> list[Point]:
    """SNL (vanilla) starts from WRN22x8 above 100K ReLUs and from ResNet18 below."""
    found = []
    relus = (*BUDGETS, *LOW[1:])
    for panel, factors in zip("abcd", HRNS, strict=True):
        network = hybrenet(*factors, 16)
        thinned = thin(network, (1, 2, 3, 4))
        found += budgets(panel, "HRN(w/o Th.)+SNL", network, relus, setting.snl)
        found += budgets(panel, "HRN(w/ Th.)+SNL", thinned, relus, setting.snl)
        high = [each for each in relus if each > 100_000]
        low = [each for each in relus if each <= 100_000]
        found += budgets(panel, "SNL(vanilla)", wide_resnet(22, 8), high, setting.snl)
        found += budgets(panel, "SNL(vanilla)", resnet18(), low, setting.snl)
    return found


def fig20_claims(found: list[Point]) -> list[Claim]:
    claims = []
    for panel, factors in zip("abcd", HRNS, strict=True):
        plain = series(found, "HRN(w/o Th.)+SNL", panel)
        for ahead in ("HRN(w/ Th.)+SNL", "SNL(vanilla)"):
            text = f"{_hrn(factors)}: {ahead} before HRN(w/o Th.)+SNL"
            size = sizes.prose("Thinning before SNL") if ahead.startswith("HRN") else None
            claims.append(Claim(text, series(found, ahead, panel), plain, size=size))
        thinned, vanilla = (
            series(found, name, panel) for name in ("HRN(w/ Th.)+SNL", "SNL(vanilla)")
        )
        text = f"{_hrn(factors)}: HRN(w/ Th.)+SNL on par with SNL(vanilla)"
        claims.append(Claim(text, thinned, vanilla, relation="like", margin=similar()))
    one = [point for point in found if point.panel == FIG20_EXAMPLE and point.budget == 50_000]
    ahead_of, behind = (series(one, f"HRN({kind} Th.)+SNL") for kind in ("w/", "w/o"))
    if ahead_of and behind:
        size = sizes.prose("Thinning before SNL at 50K ReLUs (HRN-5x7x2x)")
        text = "HRN-5x7x2x at 50K ReLUs: HRN(w/ Th.)+SNL before HRN(w/o Th.)+SNL"
        claims.append(Claim(text, ahead_of, behind, paired=True, size=size))
    return claims


FIG20_EXAMPLE = "b"
"""The panel of HRN-5x7x2x, of which Appendix F prints one gain."""
