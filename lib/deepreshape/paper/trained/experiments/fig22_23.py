"""Figures 22 and 23: ReLU-reuse against scaling on classical networks and HybReNets."""

from dataclasses import replace
from itertools import pairwise

from deepreshape.design import Network, parse, reuse, scale, thin
from deepreshape.paper.trained.experiments.claims import Claim, pair, series
from deepreshape.paper.trained.experiments.experiment import Experiment, titled
from deepreshape.paper.trained.experiments.points import Point, Setting, points

FIG22 = {
    "a": "ResNet18(m=16)",
    "b": "ResNet18(m=32)",
    "c": "ResNet18(m=64)",
    "d": "ResNet18(m=128)",
    "e": "ResNet18(m=16)-4x4x4x",
    "f": "HRN-2x6x2x(m=16)",
    "g": "HRN-5x5x3x(m=16)",
    "h": "HRN-6x6x2x(m=16)",
}
CLASSICAL = "abcd"


def fig22(setting: Setting) -> list[Point]:
    return _reused(setting, thinned=False)


def fig23(setting: Setting) -> list[Point]:
    return _reused(setting, thinned=True)


def _reused(setting: Setting, thinned: bool) -> list[Point]:
    """ReLU-reuse against scaling by the same factor; by 2 in the naive way, as Appendix I says."""
    found = []
    for panel, name in FIG22.items():
        network = parse(name)
        if thinned:
            network = thin(network, (1, 2, 3, 4))
        reused = [
            reuse(network, factor, "chained" if factor == 2 else "three", everywhere=not thinned)
            for factor in (2, 4, 8, 16)
        ]
        scaled = [scale(network, f"1/{factor}") for factor in (2, 4, 8, 16)]
        found += points(panel, "ReLU-reuse", reused, setting.taught)
        found += points(panel, "Scaling", scaled, setting.taught)
    return found


def fig22_claims(found: list[Point]) -> list[Claim]:
    """Scaling is ahead on ResNet18 (panels a to d), the more the wider it is, and of reuse by 2;
    reuse by 8 and 16 is ahead on the others."""
    return _reuse_claims(found, scaling=(2,)) + _widening_claims(found)


def fig23_claims(found: list[Point]) -> list[Claim]:
    """The same but for reuse by 2 on the others and for the width, of which the paper says nothing;
    and reuse is better off than in Figure 22, whose runs are not made for it."""
    return _reuse_claims(found) + _improvement_claims(found)


def _twins(found: list[Point], panel: str) -> dict[int, tuple[Point, Point]]:
    """By factor: scaling and reuse that leave as many ReLUs."""
    scaled = {point.relus: point for point in series(found, "Scaling", panel)}
    return {
        point.paper.relus.reuse: (scaled[point.relus], point)
        for point in series(found, "ReLU-reuse", panel)
        if point.relus in scaled
    }


def _weighed(text: str, more: list[tuple[Point, Point]], less: list[tuple[Point, Point]]) -> Claim:
    """The mean gain of the pairs `more` is above that of as many others."""
    share = 1 / len(more)
    ahead, behind = zip(*more, *less, strict=True)
    weights = (share,) * len(more) + (-share,) * len(less)
    return Claim(text, ahead, behind, paired=True, weights=weights)


def _widening_claims(found: list[Point]) -> list[Claim]:
    """Over all factors that two widths have, scaling is further ahead of reuse on the wider one."""
    claims = []
    for narrow, wide in pairwise(CLASSICAL):
        less, more = (_twins(found, panel) for panel in (narrow, wide))
        common = [factor for factor in more if factor in less]
        if common:
            text = f"Scaling is further ahead on {FIG22[wide]} than on {FIG22[narrow]}"
            claims.append(_weighed(text, [more[n] for n in common], [less[n] for n in common]))
    return claims


def _improvement_claims(found: list[Point]) -> list[Claim]:
    """Over all factors, reuse compares better with scaling than on the same networks unthinned."""
    claims = []
    for panel, name in FIG22.items():
        here = [(reused, scaled) for scaled, reused in _twins(found, panel).values()]
        before = [(_unthinned(reused), _unthinned(scaled)) for reused, scaled in here]
        if here:
            text = f"({panel}) {name}: reuse gains on scaling by Thinning (Figure 22)"
            claims.append(_weighed(text, here, before))
    return claims


def _unthinned(point: Point) -> Point:
    """The point of Figure 22 in the place of one of Figure 23."""

    def whole(network: Network) -> Network:
        plan = network.relus
        kept = replace(plan, thinned=frozenset(), everywhere=plan.reuse > 1)
        return replace(network, relus=kept)

    runs = tuple(replace(run, network=whole(point.network)) for run in point.runs)
    return replace(point, paper=whole(point.paper), runs=runs)


def _reuse_claims(found: list[Point], scaling: tuple[int, ...] = ()) -> list[Claim]:
    """scaling: the factors at which it is ahead on the networks that are no ResNet18, too."""
    claims = []
    for panel in FIG22:
        for factor, (scaled, reused) in _twins(found, panel).items():
            behind = panel in CLASSICAL or factor in scaling
            if behind or factor >= 8:
                first, last = (scaled, reused) if behind else (reused, scaled)
                text = f"({panel}) by {factor}: {first.series} before {last.series}"
                claims.append(pair(text, first, last))
    return claims


EXPERIMENTS = (
    Experiment(
        "fig22", "ReLU-reuse in every layer", "I", fig22, fig22_claims, titled(*FIG22.values())
    ),
    Experiment(
        "fig23", "ReLU-reuse on thinned networks", "I", fig23, fig23_claims, titled(*FIG22.values())
    ),
)
