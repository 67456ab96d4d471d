"""Figure 6: capacity against criticality."""

from deepreshape.design import parse
from deepreshape.paper.trained.experiments.claims import Claim, crossing
from deepreshape.paper.trained.experiments.experiment import Experiment, titled
from deepreshape.paper.trained.experiments.networks import CASE_STUDY, LOW
from deepreshape.paper.trained.experiments.points import Point, Setting, budgets, candidates


def fig6(setting: Setting) -> list[Point]:
    found = []
    for name, network in CASE_STUDY.items():
        found += candidates(setting, "a", name, parse(network))
        found += budgets("b", name, parse(network), (150_000, 100_000, *LOW), setting.snl)
    return found


def fig6_claims(found: list[Point]) -> list[Claim]:
    claims: list[Claim] = []
    for panel, method in (("a", "DeepReDuce"), ("b", "SNL")):
        for name in ("4x4x4x(m=16)", "3x7x2x(m=16)"):
            claims += reversed(crossing(found, panel, method, "2x2x2x(m=32)", name, 30_000))
    return claims


EXPERIMENTS = (
    Experiment(
        "fig6",
        "capacity against criticality",
        "3.2",
        fig6,
        fig6_claims,
        titled("DeepReDuce", "SNL"),
    ),
)
