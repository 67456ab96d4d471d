"""Table 12: SNL at few ReLUs."""

from deepreshape.paper.printed import tables
from deepreshape.paper.trained.experiments.claims import Claim, pair, series
from deepreshape.paper.trained.experiments.experiment import Experiment
from deepreshape.paper.trained.experiments.points import Point, Setting, budgets


def table12(setting: Setting) -> list[Point]:
    found = []
    relus = (180_000, 100_000, 50_000, 15_000)
    for row, network in tables.with_networks("table12"):
        numbers = [float(row[f"acc_snl_{each // 1000}K_pct"]) for each in relus]
        found += budgets("a", row["network"], network, relus, setting.snl, numbers)
    return found


def table12_claims(found: list[Point]) -> list[Claim]:
    claims = []
    for deep, wide in zip(series(found, "ResNet34"), series(found, "4x4x4x"), strict=False):
        ahead, behind = (deep, wide) if (deep.budget or 0) <= 50_000 else (wide, deep)
        text = f"SNL at {(deep.budget or 0) // 1000}K: {ahead.series} before {behind.series}"
        claims.append(pair(text, ahead, behind))
    return claims


EXPERIMENTS = (Experiment("table12", "SNL at few ReLUs", "E.2", table12, table12_claims),)
