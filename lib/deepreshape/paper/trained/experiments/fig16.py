"""Figure 16: HybReNets designed for another order of criticality."""

from dataclasses import replace

from deepreshape.design import hybrenet
from deepreshape.paper.trained.experiments.claims import Claim, alike, not_behind, series
from deepreshape.paper.trained.experiments.experiment import Experiment, titled
from deepreshape.paper.trained.experiments.networks import LOW, hrn, redesigned
from deepreshape.paper.trained.experiments.points import Point, Setting, budgets, points

FIG16 = {
    "a": ((2, 6, 3), (2, 9, 2), (2, 5, 3), (2, 7, 2)),
    "c": ((5, 6, 3), (5, 9, 2), (5, 5, 3), (5, 7, 2)),
}


def fig16(setting: Setting) -> list[Point]:
    tiny = replace(setting, on="tiny-imagenet")
    found = []
    for factors in FIG16["a"]:
        found += points("a", hrn(factors), redesigned(hybrenet(*factors, 16)), setting.taught)
    for factors in FIG16["a"]:
        relus = (100_000, *LOW)
        found += budgets("b", hrn(factors), hybrenet(*factors, 16), relus, setting.snl)
    for factors in FIG16["c"]:
        network = replace(hybrenet(*factors, 16), resolution=64, classes=200)
        found += points("c", hrn(factors), redesigned(network)[:3], tiny.taught)
    return found


def fig16_claims(found: list[Point]) -> list[Claim]:
    """By SNL (b) the networks for the prevalent order are ahead; by DeepReDuce both are similar,
    but for HRN-5x5x3x, which is ahead at some counts of (c)."""
    claims = []
    for panel, alpha in (("b", 2), ("a", 2), ("c", 5)):
        for prevalent in ((alpha, 5, 3), (alpha, 7, 2)):
            for altered in ((alpha, 6, 3), (alpha, 9, 2)):
                names = hrn(prevalent), hrn(altered)
                ahead, behind = (series(found, name, panel) for name in names)
                if panel == "b":
                    claims.append(Claim(f"SNL: {names[0]} before {names[1]}", ahead, behind))
                    continue
                text = f"({panel}) DeepReDuce: {names[0]} similar to {names[1]}"
                claim = not_behind if prevalent == (5, 5, 3) else alike
                claims.append(claim(text, ahead, behind))
    return claims


EXPERIMENTS = (
    Experiment(
        "fig16",
        "another criticality order",
        "C",
        fig16,
        fig16_claims,
        titled("DeepReDuce, CIFAR-100", "SNL, CIFAR-100", "DeepReDuce, TinyImageNet"),
    ),
)
