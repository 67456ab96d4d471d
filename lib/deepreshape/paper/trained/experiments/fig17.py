"""Figure 17: equalization by depth."""

from deepreshape.design import hybrenet_by_depth
from deepreshape.paper.trained.experiments.claims import Claim, not_behind, series
from deepreshape.paper.trained.experiments.experiment import RELUS_AND_FLOPS, Experiment
from deepreshape.paper.trained.experiments.networks import WIDTHS, base_channels, stage_channels
from deepreshape.paper.trained.experiments.points import Point, Setting, points

FIG17 = ((1, 7, 5, 2), (1, 6, 6, 2), (1, 5, 7, 2), (1, 5, 5, 3))


def fig17(setting: Setting) -> list[Point]:
    found = []
    for panel in "ab":
        for depths in FIG17:
            name = f"HRN[{','.join(map(str, depths))}]"
            networks = [hybrenet_by_depth(depths, m) for m in WIDTHS]
            found += points(panel, name, networks, setting.plain)
        found += points(panel, "ResNet18(StageCh)", stage_channels(18), setting.plain)
        found += points(panel, "ResNet18(BaseCh)", base_channels(18), setting.plain)
    return found


def fig17_claims(found: list[Point]) -> list[Claim]:
    claims = []
    for panel, kind in RELUS_AND_FLOPS.items():
        base = series(found, "ResNet18(BaseCh)", panel)
        for depths in FIG17:
            name = f"HRN[{','.join(map(str, depths))}]"
            text = f"({panel}) {name} is no better than ResNet18(BaseCh)"
            claims.append(not_behind(text, base, series(found, name, panel), over=kind.over))
    return [claim for claim in claims if claim.ahead and claim.behind]


EXPERIMENTS = (
    Experiment("fig17", "equalization by depth", "D", fig17, fig17_claims, RELUS_AND_FLOPS),
)
