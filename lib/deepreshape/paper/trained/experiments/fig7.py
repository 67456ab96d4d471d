"""Figure 7: SNL, DeepReDuce, and Thinning before SNL."""

from deepreshape.design import parse, thin
from deepreshape.paper.trained.experiments import sizes
from deepreshape.paper.trained.experiments.claims import Claim, series
from deepreshape.paper.trained.experiments.experiment import Experiment, titled
from deepreshape.paper.trained.experiments.networks import CASE_STUDY
from deepreshape.paper.trained.experiments.points import Point, Setting, budgets, candidates

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
    """The four gaps of a panel reach the 4 % of the caption, so they are DeepReDuce's; at how many
    ReLUs is not printed, so their mean is held against that at SNL's counts."""
    claims = []
    for panel, name in FIG7.items():
        behind = series(found, "SNL (vanilla)", panel)
        for ahead in ("DeepReDuce", "Thinning+SNL"):
            claims.append(Claim(f"{name}: {ahead} before SNL", series(found, ahead, panel), behind))
        text = f"{name}: DeepReDuce before SNL, at the counts of SNL"
        gap = sizes.mean(sizes.labels("7", f"{panel} "))
        ahead_of = series(found, "DeepReDuce", panel)
        claims.append(Claim(text, ahead_of, behind, at=behind, size=gap))
    return claims


EXPERIMENTS = (
    Experiment(
        "fig7",
        "SNL, DeepReDuce, and Thinning before SNL",
        "3.3",
        fig7,
        fig7_claims,
        titled(*FIG7.values()),
    ),
)
