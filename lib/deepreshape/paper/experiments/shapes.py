"""Section 3: how networks are widened, and which ReLUs they keep."""

from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

from deepreshape.design import (
    Network,
    cifar_resnet,
    deepreduce,
    hybrenet,
    optimize,
    parse,
    resnet18,
    scale,
    thin,
)
from deepreshape.paper import printed
from deepreshape.paper.experiments.points import Claim, Point, Setting, budgets, points

WIDTHS = (16, 32, 64, 128, 256)
"""Base channels m that BaseCh networks take (Appendix J)."""
FACTORS = range(2, 9)
"""alpha = beta = gamma of StageCh networks (Appendix J)."""
BUDGETS = (220_000, 180_000, 150_000, 120_000, 100_000, 80_000, 50_000)
"""ReLUs that SNL leaves in Table 5."""
LOW = (50_000, 25_000, 15_000)
ORDER = (1, 4, 2, 3)
"""Stages from least to most critical (Table 10); of a network with three, without the fourth."""


def base_channels(depth: int) -> list[Network]:
    """The BaseCh networks of ResNet18 or ResNet20: uniform channel scaling."""
    return [resnet18(m) if depth == 18 else cifar_resnet(depth, m) for m in WIDTHS]


def stage_channels(depth: int) -> list[Network]:
    """The StageCh networks of a ResNet with m = 16: homogeneous channel scaling."""
    name = "ResNet18(m=16)" if depth == 18 else f"ResNet{depth}"
    return [parse(f"{name}-{k}x{k}x{k}x") for k in FACTORS]


def reduced(network: Network) -> list[Network]:
    """DeepReDuce on a classical network: its candidates, each stage culled in its turn (D - 1
    iterations), thinned and scaled; with the most ReLUs first."""
    order = [stage for stage in ORDER if stage <= len(network.stages)]
    order += range(5, len(network.stages) + 1)
    found = deepreduce(network, order)
    return [net for name, net in found.items() if "thinned" in name and "resolution" not in name]


def candidates(setting: Setting, panel: str, name: str, network: Network) -> list[Point]:
    """A point for each of DeepReDuce's candidates on a classical network."""
    found = points(panel, name, reduced(network), setting.taught)
    return [replace(point, candidate=True) for point in found]


def redesigned(network: Network) -> list[Network]:
    """Coarse-grained optimization of a HybReNet (Algorithm 2): thinned, and culled where alpha is
    2, then scaled by 1, 1/2, 1/4 and 1/8."""
    narrow = network.widths[1] == 2 * network.widths[0]
    thinned = optimize(network, (1,) if narrow else ())
    return [scale(thinned, f"1/{factor}") for factor in (1, 2, 4, 8)]


def series(found: Iterable[Point], name: str, panel: str | None = None) -> tuple[Point, ...]:
    """The points of a series, in a panel or in all."""
    return tuple(point for point in found if point.series == name and panel in (None, point.panel))


def few(found: Iterable[Point], relus: int) -> tuple[Point, ...]:
    """The points of at most so many ReLUs in the paper."""
    return tuple(point for point in found if point.paper_relus <= relus)


def many(found: Iterable[Point], relus: int) -> tuple[Point, ...]:
    """The points of more ReLUs than so many in the paper."""
    return tuple(point for point in found if point.paper_relus > relus)


def similar() -> float:
    """The margin of what the paper calls similar, a match or on par, in points: the widest gap that
    Figure 4 prints between two networks of "similar ReLU efficiency"."""
    gaps = [
        abs(wide - narrow)
        for panel in ("b (SNL)", "c (DeepReDuce)")
        for wide, narrow in zip(_labels(panel, 1), _labels(panel, 2), strict=True)
    ]
    return round(max(gaps), 2)


# Figure 3


def fig3a(setting: Setting) -> list[Point]:
    found = []
    for depth in (18, 20):
        found += points("a", f"ResNet{depth}(StageCh)", stage_channels(depth), setting.plain)
        found += points("a", f"ResNet{depth}(BaseCh)", base_channels(depth), setting.plain)
    return found


def fig3a_claims(found: list[Point]) -> list[Claim]:
    return [
        Claim(
            f"StageCh is more ReLU-efficient than BaseCh ({name})",
            series(found, f"{name}(StageCh)"),
            series(found, f"{name}(BaseCh)"),
        )
        for name in ("ResNet18", "ResNet20")
    ]


def fig3b(setting: Setting) -> list[Point]:
    return [
        point
        for depth in (18, 20, 32, 56)
        for point in points("a", f"ResNet{depth}(StageCh)", stage_channels(depth), setting.plain)
    ]


SATURATION = {18: 4, 20: 5, 32: 5, 56: 6}
"""Where accuracy begins to saturate in StageCh networks (section 3.1)."""


def fig3b_claims(found: list[Point]) -> list[Claim]:
    claims = []
    for depth, factor in SATURATION.items():
        curve = {point.paper: point for point in series(found, f"ResNet{depth}(StageCh)")}
        wide = dict(zip(FACTORS, stage_channels(depth), strict=True))
        first, last = curve.get(wide[2]), curve.get(wide[factor])
        if first and last:
            text = f"ResNet{depth} gains until {factor}x{factor}x{factor}x"
            claims.append(Claim(text, (last,), (first,), paired=True))
    return claims


def _swept(setting: Setting) -> list[Point]:
    found = []
    for place, name in enumerate(("Alpha", "Beta", "Gamma")):
        networks = []
        for factor in FACTORS:
            alpha, beta, gamma = (factor if each == place else 2 for each in range(3))
            networks.append(hybrenet(alpha, beta, gamma, m=16))
        found += points("a", name, networks, setting.plain)
    return found


fig3e = fig3f = _swept


def fig3e_claims(found: list[Point]) -> list[Claim]:
    return [
        Claim(f"{ahead} is more ReLU-efficient than {behind}", first, series(found, behind))
        for ahead, behind in (("Alpha", "Gamma"), ("Beta", "Gamma"), ("Beta", "Alpha"))
        for first in [series(found, ahead)]
    ]


def fig3f_claims(found: list[Point]) -> list[Claim]:
    return [
        Claim(
            f"{ahead} is ahead of {behind} over FLOPs", first, series(found, behind), over="flops"
        )
        for ahead, behind in (("Alpha", "Beta"), ("Alpha", "Gamma"), ("Beta", "Gamma"))
        for first in [series(found, ahead)]
    ]


# Figure 4: FLOPs saved at the same ReLUs

FIG4 = {"5x5x5x(StageCh)": "5x5x5x", "5x5x3x(Proposed)": "HRN-5x5x3x"}


def _fig4_network(name: str) -> Network:
    return parse("ResNet18(m=16)-5x5x5x" if name == "5x5x5x" else f"{name}(m=16)")


def fig4b(setting: Setting) -> list[Point]:
    """The figure prints four accuracies for each network and no ReLU counts; 150K, 100K, 50K and
    25K fit its axis and the accuracies of Tables 5 and 12."""
    found = []
    for line, (name, network) in enumerate(FIG4.items(), start=1):
        numbers = _labels("b (SNL)", line)
        relus = (150_000, 100_000, 50_000, 25_000)
        found += budgets("a", name, _fig4_network(network), relus, setting.snl, numbers)
    return found


def fig4c(setting: Setting) -> list[Point]:
    found = []
    for line, (name, network) in enumerate(FIG4.items(), start=1):
        networks = [scale(thin(_fig4_network(network), (1, 2, 3, 4)), f"1/{k}") for k in (1, 2, 4)]
        found += points("a", name, networks, setting.taught, _labels("c (DeepReDuce)", line))
    return found


def fig4_claims(found: list[Point]) -> list[Claim]:
    wide, narrow = (series(found, name) for name in FIG4)
    text = "5x5x3x is as ReLU-efficient as 5x5x5x"
    return [Claim(text, narrow, wide, relation="like", margin=similar())]


def _labels(panel: str, line: int) -> list[float]:
    return [
        float(row["value"])
        for row in printed.table("figures")
        if row["panel"] == panel and row["item"].startswith(f"label line {line} ")
    ]


# Tables 3 and 4, Figures 5, 6, 7: networks for ReLU optimization


def table3(setting: Setting) -> list[Point]:
    return _baselines(setting, "table03")


def table4(setting: Setting) -> list[Point]:
    return _baselines(setting, "table04")


def _baselines(setting: Setting, name: str) -> list[Point]:
    found = []
    for number, row in enumerate(printed.table(name), start=1):
        network = printed.network(name, number)
        accuracy = [float(row["acc_cifar100_pct"])]
        found += points("a", "baseline", [network], setting.plain, accuracy)
    return found


def table4_claims(found: list[Point]) -> list[Claim]:
    """Both wide networks are ahead of the narrow one, and match."""
    by_name = {point.paper: point for point in found}
    narrow, wide, matching = (by_name.get(parse(name)) for name in CASE_STUDY.values())
    claims = [
        Claim(f"{ahead.paper.name} before {narrow.paper.name}", (ahead,), (narrow,), paired=True)
        for ahead in (wide, matching)
        if ahead and narrow
    ]
    if wide and matching:
        text = f"{matching.paper.name} matches {wide.paper.name}"
        claims.append(
            Claim(text, (matching,), (wide,), paired=True, relation="like", margin=similar())
        )
    return claims


def ranked_claims(found: list[Point]) -> list[Claim]:
    """Every network ahead of the next, in the order of the printed accuracies."""
    ranked = sorted(
        (point for point in found if point.printed is not None),
        key=lambda point: -(point.printed or 0.0),
    )
    return [
        Claim(f"{ahead.paper.name} before {behind.paper.name}", (ahead,), (behind,), paired=True)
        for ahead, behind in pairwise(ranked)
    ]


FIG5A = ("ResNet18", "ResNet32", "WRN22x8", "VGG16", "MobileNetV1", "MobileNetV2")
FIG5B = ("ResNet18", "WRN22x4", "WRN16x8")


def fig5(setting: Setting) -> list[Point]:
    found = []
    for name in FIG5A:
        found += candidates(setting, "a", name, parse(name))
    for name in FIG5B:
        relus = (220_000, 150_000, 100_000, *LOW)
        found += budgets("b", name, parse(name), relus, setting.snl)
    return found


def fig5_claims(found: list[Point]) -> list[Claim]:
    coarse = [
        Claim(f"DeepReDuce: ResNet18 before {name}", first, series(found, name, "a"))
        for first in [series(found, "ResNet18", "a")]
        for name in FIG5A[1:]
    ]
    third, last = (series(found, name, "a") for name in ("ResNet32", "VGG16"))
    coarse.append(Claim("DeepReDuce: ResNet32 before VGG16", third, last))
    wide, fine = [], []
    for name in FIG5B[1:]:
        ours, theirs = series(found, "ResNet18", "b"), series(found, name, "b")
        both = ours + theirs
        text = f"SNL, beyond 200K ReLUs: {name} before ResNet18"
        wide.append(Claim(text, theirs, ours, at=many(both, 200_000)))
        text = f"SNL, at most 25K ReLUs: ResNet18 before {name}"
        fine.append(Claim(text, ours, theirs, at=few(both, 25_000)))
    return coarse + wide + fine


CASE_STUDY = {
    "2x2x2x(m=32)": "ResNet18(m=32)",
    "4x4x4x(m=16)": "ResNet18(m=16)-4x4x4x",
    "3x7x2x(m=16)": "HRN-3x7x2x(m=16)",
}
"""The three networks of Table 4 with nearly equal ReLUs."""


def fig6(setting: Setting) -> list[Point]:
    found = []
    for name, network in CASE_STUDY.items():
        found += candidates(setting, "a", name, parse(network))
        found += budgets("b", name, parse(network), (150_000, 100_000, *LOW), setting.snl)
    return found


def fig6_claims(found: list[Point]) -> list[Claim]:
    claims = []
    for panel, method in (("a", "DeepReDuce"), ("b", "SNL")):
        for name in ("4x4x4x(m=16)", "3x7x2x(m=16)"):
            wide = series(found, name, panel)
            narrow = series(found, "2x2x2x(m=32)", panel)
            both = wide + narrow
            text = f"{method}, many ReLUs: {name} before 2x2x2x(m=32)"
            claims.append(Claim(text, wide, narrow, at=many(both, 30_000)))
            text = f"{method}, few ReLUs: 2x2x2x(m=32) before {name}"
            claims.append(Claim(text, narrow, wide, at=few(both, 30_000)))
    return claims


FIG7 = {"a": "4x4x4x(m=16)", "b": "3x7x2x(m=16)"}


def fig7(setting: Setting) -> list[Point]:
    found = []
    for panel, name in FIG7.items():
        network = parse(CASE_STUDY[name])
        relus = (120_000, 100_000, 80_000, 50_000)
        thinned = thin(network, (1, 2, 3, 4))
        found += budgets(panel, "SNL (vanilla)", network, relus, setting.snl)
        found += candidates(setting, panel, "DeepReDuce", network)
        found += budgets(panel, "Thinning+SNL", thinned, relus, setting.snl)
    return found


def fig7_claims(found: list[Point]) -> list[Claim]:
    return [
        Claim(f"{name}: {ahead} before SNL", series(found, ahead, panel), behind)
        for panel, name in FIG7.items()
        for behind in [series(found, "SNL (vanilla)", panel)]
        for ahead in ("DeepReDuce", "Thinning+SNL")
    ]


# Table 5: Thinning before SNL


def table5(setting: Setting) -> list[Point]:
    found = []
    for number, row in enumerate(printed.table("table05"), start=1):
        if row["variant"] == "delta":
            continue
        network = printed.network("table05", number)
        stages = range(1, len(network.stages) + 1)
        pool = thin(network, stages) if row["variant"] == "w/ Th." else network
        series_name = f"{row['network']}, {row['variant']}"
        baseline = [float(row["acc_baseline_pct"])]
        found += points("a", series_name, [pool], setting.plain, baseline)
        numbers = [float(row[f"acc_{relus // 1000}K_pct"]) for relus in BUDGETS]
        found += budgets("a", series_name, pool, BUDGETS, setting.snl, numbers)
    return found


def table5_claims(found: list[Point]) -> list[Claim]:
    return [
        Claim(
            f"{name}: SNL gains by Thinning",
            tuple(point for point in series(found, f"{name}, w/ Th.") if point.budget),
            tuple(point for point in series(found, f"{name}, Vanilla") if point.budget),
        )
        for name in ("ResNet18", "ResNet34", "WRN22x8")
    ]
