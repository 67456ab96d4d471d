"""Tables 3 and 4: networks that ReLU optimization may start from."""

from itertools import pairwise

from deepreshape.design import parse
from deepreshape.paper.printed import tables
from deepreshape.paper.trained.experiments.claims import Claim, alike, pair
from deepreshape.paper.trained.experiments.experiment import Experiment
from deepreshape.paper.trained.experiments.networks import CASE_STUDY
from deepreshape.paper.trained.experiments.points import Point, Setting, points


def table3(setting: Setting) -> list[Point]:
    return _baselines(setting, "table03")


def table4(setting: Setting) -> list[Point]:
    return _baselines(setting, "table04")


def _baselines(setting: Setting, name: str) -> list[Point]:
    found = []
    for row, network in tables.with_networks(name):
        accuracy = [float(row["acc_cifar100_pct"])]
        found += points("a", "baseline", [network], setting.plain, accuracy)
    return found


def table4_claims(found: list[Point]) -> list[Claim]:
    """Both wide networks are ahead of the narrow one, and match."""
    by_name = {point.paper: point for point in found}
    narrow, wide, matching = (by_name.get(parse(name)) for name in CASE_STUDY.values())
    claims = [
        pair(f"{ahead.paper.name} before {narrow.paper.name}", ahead, narrow)
        for ahead in (wide, matching)
        if ahead and narrow
    ]
    if wide and matching:
        text = f"{matching.paper.name} matches {wide.paper.name}"
        claims.append(alike(text, (matching,), (wide,), paired=True))
    return claims


def ranked_claims(found: list[Point]) -> list[Claim]:
    """Every network ahead of the next, in the order of the printed accuracies."""
    ranked = sorted(
        (point for point in found if point.printed is not None),
        key=lambda point: -(point.printed or 0.0),
    )
    return [
        pair(f"{ahead.paper.name} before {behind.paper.name}", ahead, behind)
        for ahead, behind in pairwise(ranked)
    ]


EXPERIMENTS = (
    Experiment("table3", "baselines", "3.2", table3, ranked_claims, picture="rows"),
    Experiment("table4", "the case study", "3.2", table4, table4_claims, picture="rows"),
)
