"""Figure 3: how networks are widened, and what each factor brings."""

from deepreshape.design import hybrenet
from deepreshape.paper.trained.experiments import sizes
from deepreshape.paper.trained.experiments.claims import Claim, pair, series
from deepreshape.paper.trained.experiments.experiment import Experiment, Panel
from deepreshape.paper.trained.experiments.networks import FACTORS, base_channels, stage_channels
from deepreshape.paper.trained.experiments.points import Point, Setting, points


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
            claims.append(pair(text, bend, first))
        if first and bend and last:
            text = f"ResNet{depth} gains less from {factor}x{factor}x{factor}x on than until there"
            steps = (1 / (factor - 2), -1 / (FACTORS[-1] - factor))
            claims.append(Claim(text, (bend, last), (first, bend), paired=True, weights=steps))
    return claims


def swept(setting: Setting) -> list[Point]:
    found = []
    for place, name in enumerate(("Alpha", "Beta", "Gamma")):
        networks = []
        for factor in FACTORS:
            alpha, beta, gamma = (factor if each == place else 2 for each in range(3))
            networks.append(hybrenet(alpha, beta, gamma, m=16))
        found += points("a", name, networks, setting.plain)
    return found


def fig3e_claims(found: list[Point]) -> list[Claim]:
    claims = []
    for one, other in (("Alpha", "Gamma"), ("Beta", "Gamma"), ("Beta", "Alpha")):
        text = f"{one} is more ReLU-efficient than {other}"
        claims.append(Claim(text, series(found, one), series(found, other)))
    return claims


def fig3f_claims(found: list[Point]) -> list[Claim]:
    claims = []
    for one, other in (("Alpha", "Beta"), ("Alpha", "Gamma"), ("Beta", "Gamma")):
        text = f"{one} is ahead of {other} over FLOPs"
        claims.append(Claim(text, series(found, one), series(found, other), over="flops"))
    return claims


EXPERIMENTS = (
    Experiment("fig3a", "StageCh against BaseCh", "3.1", fig3a, fig3a_claims),
    Experiment("fig3b", "saturation of StageCh", "3.1", fig3b, fig3b_claims),
    Experiment("fig3e", "ReLU efficiency by stage", "3.1", swept, fig3e_claims),
    Experiment(
        "fig3f", "FLOPs efficiency by stage", "3.1", swept, fig3f_claims, {"a": Panel("", "flops")}
    ),
)
