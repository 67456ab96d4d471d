"""Figure 15: HybReNets with a larger alpha than equalizes their ReLUs."""

from deepreshape.design import hybrenet
from deepreshape.paper.trained.experiments.claims import Claim, not_behind, series
from deepreshape.paper.trained.experiments.experiment import Experiment, titled
from deepreshape.paper.trained.experiments.networks import hrn, redesigned
from deepreshape.paper.trained.experiments.points import Point, Setting, budgets, points

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
            name = hrn(factors).removeprefix("HRN-")
            network = hybrenet(*factors, 16)
            found += points(panel, f"{name} DeepReDuce", redesigned(network), setting.taught)
            relus = (180_000, 100_000, 50_000, 25_000)
            found += budgets(panel, f"{name} SNL", network, relus, setting.snl)
    return found


def fig15_claims(found: list[Point]) -> list[Claim]:
    claims = []
    for panel, (first, *wider) in FIG15.items():
        for method in ("DeepReDuce", "SNL"):
            names = [hrn(factors).removeprefix("HRN-") for factors in (first, *wider)]
            ahead = series(found, f"{names[0]} {method}", panel)
            for name in names[1:]:
                behind = series(found, f"{name} {method}", panel)
                text = f"({panel}) {method}: {name} is no better than {names[0]}"
                claims.append(not_behind(text, ahead, behind))
    return claims


EXPERIMENTS = (
    Experiment(
        "fig15",
        "larger alpha",
        "A",
        fig15,
        fig15_claims,
        titled(*(hrn(networks[0]) for networks in FIG15.values())),
    ),
)
