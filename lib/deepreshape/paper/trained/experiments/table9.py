"""Table 9: what ReLU-reuse consists of."""

from deepreshape.design import resnet18, reuse
from deepreshape.design.reuse_module import Divisions
from deepreshape.paper.printed import tables
from deepreshape.paper.trained.experiments.claims import Claim, pair
from deepreshape.paper.trained.experiments.experiment import Experiment
from deepreshape.paper.trained.experiments.points import Point, Setting, points

SCHEMES: dict[str, tuple[Divisions, str]] = {
    "N divisions w/o reuse": ("apart", "acc_N_divisions_without_reuse_pct"),
    "N divisions w/ reuse": ("chained", "acc_N_divisions_with_reuse_pct"),
    "proposed": ("three", "acc_proposed_3_divisions_pct"),
}


def table9(setting: Setting) -> list[Point]:
    """Of ResNet18 with all its other ReLUs, as the printed counts have it."""
    found = []
    for name, (divisions, column) in SCHEMES.items():
        for row in tables.table("table09"):
            network = reuse(resnet18(), int(row["reduction_factor_N"]), divisions)
            found += points("a", name, [network], setting.plain, [float(row[column])])
    return found


def table9_claims(found: list[Point]) -> list[Claim]:
    claims = []
    for point in found:
        for other in found:
            if (
                point.relus == other.relus
                and point.printed is not None
                and other.printed is not None
                and point.printed > other.printed
            ):
                factor = point.network.relus.reuse
                text = f"N = {factor}: {point.series} before {other.series}"
                claims.append(pair(text, point, other))
    return claims


EXPERIMENTS = (Experiment("table9", "ReLU-reuse, an ablation", "5", table9, table9_claims),)
