"""HybReNets of Tables 6, 13 and 14, and what Tables 7 and 8 compare them with."""

from functools import partial

from deepreshape.learn.training.losses import DKD
from deepreshape.paper.printed import tables
from deepreshape.paper.trained.experiments import sizes
from deepreshape.paper.trained.experiments.claims import Claim, not_behind, pair, series
from deepreshape.paper.trained.experiments.points import Point, Setting, budgets, points


def rows(name: str, dataset: str) -> list[tuple[int, tables.Row]]:
    """The rows of a table about a data set, with their numbers."""
    return [
        (number, row)
        for number, row in enumerate(tables.table(name), start=1)
        if row.get("dataset", dataset) == dataset
    ]


def pareto(
    setting: Setting, panel: str, name: str, dataset: str, family: str | None, distilled: str
) -> list[Point]:
    """HybReNets (or ConvNeXt-like networks) of Tables 6, 13 and 14, by KD or by DKD."""
    found = []
    for number, row in rows(name, dataset):
        if family is not None and row.get("family") != family:
            continue
        accuracy = [float(row[f"acc_{distilled.lower()}_pct"])]
        label = (family or "HybReNet") + f" ({distilled})"
        network = tables.network(name, number)
        way = None if distilled == "KD" else DKD()
        runs = partial(setting.taught, distillation=way)
        found += points(panel, label, [network], runs, accuracy)
    return found


def state_of_the_art(
    setting: Setting, panel: str, name: str, dataset: str, methods: tuple[str, ...]
) -> list[Point]:
    """SNL and SENet at the ReLUs that Tables 7 and 8 compare with."""
    found: list[Point] = []
    for number, row in rows(name, dataset):
        method = row["sota_method"]
        if method not in methods:
            continue
        network = tables.network(name, number, "sota")
        budget = int(float(row["sota_relus_K"]) * 1000)
        search = setting.snl if method == "SNL" else setting.senet
        known = {(point.series, point.budget) for point in found}
        if (method, budget) not in known:
            accuracy = [float(row["sota_acc_pct"])]
            found += budgets(panel, method, network, [budget], search, accuracy)
    return found


def against(found: list[Point], panel: str, name: str, dataset: str) -> list[Claim]:
    """The rows of Table 7 or 8: a HybReNet ahead of a network of others, with fewer ReLUs or FLOPs;
    as accurate where no gain is printed. Of Table 7 the gain at 25K is the label of Figure 1b."""
    claims = []
    for number, row in rows(name, dataset):
        budget = int(float(row["sota_relus_K"]) * 1000)
        sides = (tables.network(name, number, side) for side in ("hrn", "sota"))
        ours, theirs = (
            [point for point in found if point.panel == panel and point.paper == network]
            for network in sides
        )
        label = row["sota_method"]
        ahead = series(ours, "HybReNet (DKD)")
        behind = series(theirs, f"{label} (DKD)") or tuple(
            point for point in series(theirs, label) if point.budget == budget
        )
        if not ahead or not behind:
            continue
        text = f"({panel}) {ahead[0].paper.name} {{}} {label} with {row['sota_relus_K']}K ReLUs"
        gain = float(row["improv_acc_pct"])
        if gain > 0:
            size = sizes.one(gain)
            claims.append(Claim(text.format("before"), ahead, behind, paired=True, size=size))
        else:
            claims.append(not_behind(text.format("not behind"), ahead, behind, paired=True))
    return claims


def distillation_claims(found: list[Point]) -> list[Claim]:
    """DKD before KD, for each network."""
    claims = []
    for point in found:
        if point.series.endswith("(DKD)"):
            twin = point.series.replace("(DKD)", "(KD)")
            others = [p for p in series(found, twin, point.panel) if p.paper == point.paper]
            if others:
                claims.append(pair(f"{point.paper}: DKD before KD", point, others[0]))
    return claims
