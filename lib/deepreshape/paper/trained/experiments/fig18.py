"""Figure 18: capacity against criticality in HybReNets."""

from deepreshape.design import hybrenet
from deepreshape.paper.trained.experiments.claims import Claim, crossing
from deepreshape.paper.trained.experiments.experiment import Experiment, titled
from deepreshape.paper.trained.experiments.networks import HRNS, LOW, hrn, redesigned
from deepreshape.paper.trained.experiments.points import Point, Setting, budgets, points

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
            found += points(coarse, hrn(factors), reduced, setting.taught)
    for (_, fine), networks in FIG18.items():
        for factors in networks:
            relus = (100_000, *LOW)
            found += budgets(fine, hrn(factors), hybrenet(*factors, 16), relus, setting.snl)
    return found


def fig18_claims(found: list[Point]) -> list[Claim]:
    claims: list[Claim] = []
    for panels, (narrow, *wider) in FIG18.items():
        for panel, method in zip(panels, ("DeepReDuce", "SNL"), strict=True):
            for factors in wider:
                claims += crossing(found, panel, method, hrn(narrow), hrn(factors), 45_000)
    return [claim for claim in claims if claim.ahead and claim.behind]


EXPERIMENTS = (
    Experiment(
        "fig18",
        "capacity against criticality in HybReNets",
        "E.1",
        fig18,
        fig18_claims,
        titled(*(f"{method}, {hrn(each)}" for method in ("DeepReDuce", "SNL") for each in HRNS)),
    ),
)
