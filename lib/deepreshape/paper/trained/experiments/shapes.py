"""Section 3: how networks are widened, and which ReLUs they keep."""

from collections.abc import Iterable
from dataclasses import replace

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
from deepreshape.paper.trained.experiments import sizes
from deepreshape.paper.trained.experiments.points import Claim, Point, Setting, budgets, points

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
    """The figure marks two gaps and does not say whose: the widest of each network is held against
    both."""
    gap = sizes.between(sizes.labels("3", "a"))
    claims = []
    for name in ("ResNet18", "ResNet20"):
        stage, base = (series(found, f"{name}({kind})") for kind in ("StageCh", "BaseCh"))
        claims.append(Claim(f"StageCh is more ReLU-efficient than BaseCh ({name})", stage, base))
        text = f"The widest gap between StageCh and BaseCh ({name})"
        claims.append(Claim(text, stage, base, size=gap, widest=True))
    return claims


def fig3b(setting: Setting) -> list[Point]:
    return [
        point
        for depth in (18, 20, 32, 56)
        for point in points("a", f"ResNet{depth}(StageCh)", stage_channels(depth), setting.plain)
    ]


def fig3b_claims(found: list[Point]) -> list[Claim]:
    """Each network gains until it saturates, and a step from there on brings less: the mean gain of
    a factor more, from the first to there, against that from there to the last."""
    claims = []
    for depth in (18, 20, 32, 56):
        factor = sizes.saturation(f"ResNet{depth}")
        curve = {point.paper: point for point in series(found, f"ResNet{depth}(StageCh)")}
        wide = dict(zip(FACTORS, stage_channels(depth), strict=True))
        first, bend, last = (curve.get(wide[each]) for each in (2, factor, FACTORS[-1]))
        if first and bend:
            text = f"ResNet{depth} gains until {factor}x{factor}x{factor}x"
            claims.append(Claim(text, (bend,), (first,), paired=True))
        if first and bend and last:
            text = f"ResNet{depth} gains less from {factor}x{factor}x{factor}x on than until there"
            steps = (1 / (factor - 2), -1 / (FACTORS[-1] - factor))
            claims.append(Claim(text, (bend, last), (first, bend), paired=True, weights=steps))
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
    return sizes.labels("4", panel, f"label line {line} ")
