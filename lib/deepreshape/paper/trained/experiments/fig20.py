"""Figure 20: SNL on HybReNets."""

from deepreshape.design import hybrenet, resnet18, thin, wide_resnet
from deepreshape.paper.trained.experiments import sizes
from deepreshape.paper.trained.experiments.claims import Claim, alike, series
from deepreshape.paper.trained.experiments.experiment import Experiment, titled
from deepreshape.paper.trained.experiments.networks import BUDGETS, HRNS, LOW, hrn
from deepreshape.paper.trained.experiments.points import Point, Setting, budgets

FIG20_EXAMPLE = "b"
"""The panel of HRN-5x7x2x, of which Appendix F prints one gain."""


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
            text = f"{hrn(factors)}: {ahead} before HRN(w/o Th.)+SNL"
            size = sizes.prose("Thinning before SNL") if ahead.startswith("HRN") else None
            claims.append(Claim(text, series(found, ahead, panel), plain, size=size))
        thinned, vanilla = (
            series(found, name, panel) for name in ("HRN(w/ Th.)+SNL", "SNL(vanilla)")
        )
        text = f"{hrn(factors)}: HRN(w/ Th.)+SNL on par with SNL(vanilla)"
        claims.append(alike(text, thinned, vanilla))
    one = [point for point in found if point.panel == FIG20_EXAMPLE and point.budget == 50_000]
    ahead_of, behind = (series(one, f"HRN({kind} Th.)+SNL") for kind in ("w/", "w/o"))
    if ahead_of and behind:
        size = sizes.prose("Thinning before SNL at 50K ReLUs (HRN-5x7x2x)")
        text = "HRN-5x7x2x at 50K ReLUs: HRN(w/ Th.)+SNL before HRN(w/o Th.)+SNL"
        claims.append(Claim(text, ahead_of, behind, paired=True, size=size))
    return claims


EXPERIMENTS = (
    Experiment("fig20", "SNL on HybReNets", "F", fig20, fig20_claims, titled(*map(hrn, HRNS))),
)
