"""Figure 17: equalization by depth."""

from typing import Literal

from deepreshape.design import hybrenet_by_depth
from deepreshape.paper.trained.experiments.claims import Claim, series, similar
from deepreshape.paper.trained.experiments.experiment import Experiment, Panel
from deepreshape.paper.trained.experiments.networks import WIDTHS, base_channels, stage_channels
from deepreshape.paper.trained.experiments.points import Point, Setting, points

FIG17 = ((1, 7, 5, 2), (1, 6, 6, 2), (1, 5, 7, 2), (1, 5, 5, 3))
OVER: dict[str, Literal["relus", "flops"]] = {"a": "relus", "b": "flops"}
"""What the panels of Figure 17 count."""


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
    for panel, over in OVER.items():
        base = series(found, "ResNet18(BaseCh)", panel)
        for depths in FIG17:
            name = f"HRN[{','.join(map(str, depths))}]"
            claims.append(
                Claim(
                    f"({panel}) {name} is no better than ResNet18(BaseCh)",
                    base,
                    series(found, name, panel),
                    over=over,
                    relation="not behind",
                    margin=similar(),
                )
            )
    return [claim for claim in claims if claim.ahead and claim.behind]


EXPERIMENTS = (
    Experiment(
        "fig17",
        "equalization by depth",
        "D",
        fig17,
        fig17_claims,
        {"a": Panel("ReLUs"), "b": Panel("FLOPs", "flops")},
    ),
)
