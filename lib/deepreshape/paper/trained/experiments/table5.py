"""Table 5: Thinning before SNL."""

from deepreshape.design import thin
from deepreshape.paper.printed import tables
from deepreshape.paper.trained.experiments import sizes
from deepreshape.paper.trained.experiments.claims import Claim, series
from deepreshape.paper.trained.experiments.experiment import Experiment
from deepreshape.paper.trained.experiments.networks import BUDGETS
from deepreshape.paper.trained.experiments.points import Point, Setting, budgets, points


def table5(setting: Setting) -> list[Point]:
    found = []
    for row, network in tables.with_networks("table05"):
        if row["variant"] == "delta":
            continue
        stages = range(1, len(network.stages) + 1)
        pool = thin(network, stages) if row["variant"] == "w/ Th." else network
        series_name = f"{row['network']}, {row['variant']}"
        baseline = [float(row["acc_baseline_pct"])]
        found += points("a", series_name, [pool], setting.plain, baseline)
        numbers = [float(row[f"acc_{relus // 1000}K_pct"]) for relus in BUDGETS]
        found += budgets("a", series_name, pool, BUDGETS, setting.snl, numbers)
    return found


def table5_claims(found: list[Point]) -> list[Claim]:
    """SNL gains by Thinning, although the thinned baseline is less accurate; by the printed
    differences, of SNL the mean over the counts that are drawn."""
    claims = []
    for row in tables.table("table05"):
        if row["variant"] != "delta":
            continue
        name = row["network"]
        thinned, vanilla = (series(found, f"{name}, {kind}") for kind in ("w/ Th.", "Vanilla"))
        ahead, behind = (
            tuple(point for point in side if point.budget) for side in (thinned, vanilla)
        )
        counts = {point.budget for point in ahead} & {point.budget for point in behind}
        columns = [f"acc_{relus // 1000}K_pct" for relus in BUDGETS if relus in counts]
        gain = sizes.mean(float(row[column]) for column in columns) if columns else None
        claims.append(Claim(f"{name}: SNL gains by Thinning", ahead, behind, size=gain))
        bases = [tuple(point for point in side if not point.budget) for side in (vanilla, thinned)]
        loss = sizes.one(-float(row["acc_baseline_pct"]))
        text = f"{name}: the thinned baseline is less accurate"
        if all(bases):
            claims.append(Claim(text, bases[0], bases[1], paired=True, size=loss))
    return claims


EXPERIMENTS = (Experiment("table5", "Thinning before SNL", "3.3", table5, table5_claims),)
