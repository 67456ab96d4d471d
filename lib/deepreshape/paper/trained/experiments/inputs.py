"""Sections 3.2 and 3.3: which network ReLU optimization starts from, and Thinning before it."""

from itertools import pairwise

from deepreshape.design import parse, thin
from deepreshape.paper.printed import tables
from deepreshape.paper.trained.experiments import sizes
from deepreshape.paper.trained.experiments.points import Claim, Point, Setting, budgets, points
from deepreshape.paper.trained.experiments.shapes import (
    BUDGETS,
    LOW,
    candidates,
    few,
    many,
    series,
    similar,
)

# Tables 3 and 4, Figures 5, 6, 7: networks for ReLU optimization


def table3(setting: Setting) -> list[Point]:
    return _baselines(setting, "table03")


def table4(setting: Setting) -> list[Point]:
    return _baselines(setting, "table04")


def _baselines(setting: Setting, name: str) -> list[Point]:
    found = []
    for number, row in enumerate(tables.table(name), start=1):
        network = tables.network(name, number)
        accuracy = [float(row["acc_cifar100_pct"])]
        found += points("a", "baseline", [network], setting.plain, accuracy)
    return found


def table4_claims(found: list[Point]) -> list[Claim]:
    """Both wide networks are ahead of the narrow one, and match."""
    by_name = {point.paper: point for point in found}
    narrow, wide, matching = (by_name.get(parse(name)) for name in CASE_STUDY.values())
    claims = [
        Claim(f"{ahead.paper.name} before {narrow.paper.name}", (ahead,), (narrow,), paired=True)
        for ahead in (wide, matching)
        if ahead and narrow
    ]
    if wide and matching:
        text = f"{matching.paper.name} matches {wide.paper.name}"
        claims.append(
            Claim(text, (matching,), (wide,), paired=True, relation="like", margin=similar())
        )
    return claims


def ranked_claims(found: list[Point]) -> list[Claim]:
    """Every network ahead of the next, in the order of the printed accuracies."""
    ranked = sorted(
        (point for point in found if point.printed is not None),
        key=lambda point: -(point.printed or 0.0),
    )
    return [
        Claim(f"{ahead.paper.name} before {behind.paper.name}", (ahead,), (behind,), paired=True)
        for ahead, behind in pairwise(ranked)
    ]


FIG5A = ("ResNet18", "ResNet32", "WRN22x8", "VGG16", "MobileNetV1", "MobileNetV2")
FIG5B = ("ResNet18", "WRN22x4", "WRN16x8")


def fig5(setting: Setting) -> list[Point]:
    found = []
    for name in FIG5A:
        found += candidates(setting, "a", name, parse(name))
    for name in FIG5B:
        relus = (220_000, 150_000, 100_000, *LOW)
        found += budgets("b", name, parse(name), relus, setting.snl)
    return found


def fig5_claims(found: list[Point]) -> list[Claim]:
    coarse = [
        Claim(f"DeepReDuce: ResNet18 before {name}", first, series(found, name, "a"))
        for first in [series(found, "ResNet18", "a")]
        for name in FIG5A[1:]
    ]
    third, last = (series(found, name, "a") for name in ("ResNet32", "VGG16"))
    coarse.append(Claim("DeepReDuce: ResNet32 before VGG16", third, last))
    best, others = series(found, "ResNet18", "a"), [p for p in found if p.series in FIG5A[1:]]
    others = [point for point in others if point.panel == "a"]
    for half, picked, place in (("more", many, "upper"), ("fewer", few, "lower")):
        text = f"DeepReDuce, {half} ReLUs than {MIDDLE // 1000}K: the widest gap behind ResNet18"
        gap = sizes.one(sizes.label("5", "a", f"Delta Acc. {place}"))
        at = picked((*best, *others), MIDDLE)
        coarse.append(Claim(text, best, tuple(others), at=at, size=gap, widest=True))
    wide, fine = [], []
    for name in FIG5B[1:]:
        ours, theirs = series(found, "ResNet18", "b"), series(found, name, "b")
        both = ours + theirs
        text = f"SNL, beyond 200K ReLUs: {name} before ResNet18"
        wide.append(Claim(text, theirs, ours, at=many(both, 200_000)))
        gaps = FIG5B_GAPS if name == "WRN16x8" else {}
        if not gaps:
            text = f"SNL, at most 25K ReLUs: ResNet18 before {name}"
            fine.append(Claim(text, ours, theirs, at=few(both, 25_000)))
        for relus, place in gaps.items():
            text = f"SNL, at {relus // 1000}K ReLUs: ResNet18 before {name}"
            gap = sizes.one(sizes.label("5", "b", f"Delta Acc. {place}"))
            at = tuple(point for point in both if point.budget == relus)
            fine.append(Claim(text, ours, theirs, at=at, size=gap))
    return coarse + wide + fine


MIDDLE = 90_000
"""The middle of Figure 5a's axis, from 16 to 512 thousand ReLUs by doublings: below it counts are
taken for the lower ones, of which the text does not say where they begin."""
FIG5B_GAPS = {25_000: "upper", 15_000: "lower"}
"""The ReLUs at which the text has the gaps between ResNet18 and WideResNet16x8."""


CASE_STUDY = {
    "2x2x2x(m=32)": "ResNet18(m=32)",
    "4x4x4x(m=16)": "ResNet18(m=16)-4x4x4x",
    "3x7x2x(m=16)": "HRN-3x7x2x(m=16)",
}
"""The three networks of Table 4 with nearly equal ReLUs."""


def fig6(setting: Setting) -> list[Point]:
    found = []
    for name, network in CASE_STUDY.items():
        found += candidates(setting, "a", name, parse(network))
        found += budgets("b", name, parse(network), (150_000, 100_000, *LOW), setting.snl)
    return found


def fig6_claims(found: list[Point]) -> list[Claim]:
    claims = []
    for panel, method in (("a", "DeepReDuce"), ("b", "SNL")):
        for name in ("4x4x4x(m=16)", "3x7x2x(m=16)"):
            wide = series(found, name, panel)
            narrow = series(found, "2x2x2x(m=32)", panel)
            both = wide + narrow
            text = f"{method}, many ReLUs: {name} before 2x2x2x(m=32)"
            claims.append(Claim(text, wide, narrow, at=many(both, 30_000)))
            text = f"{method}, few ReLUs: 2x2x2x(m=32) before {name}"
            claims.append(Claim(text, narrow, wide, at=few(both, 30_000)))
    return claims


FIG7 = {"a": "4x4x4x(m=16)", "b": "3x7x2x(m=16)"}


def fig7(setting: Setting) -> list[Point]:
    found = []
    for panel, name in FIG7.items():
        network = parse(CASE_STUDY[name])
        relus = (120_000, 100_000, 80_000, 50_000)
        thinned = thin(network, (1, 2, 3, 4))
        found += budgets(panel, "SNL (vanilla)", network, relus, setting.snl)
        found += candidates(setting, panel, "DeepReDuce", network)
        found += budgets(panel, "Thinning+SNL", thinned, relus, setting.snl)
    return found


def fig7_claims(found: list[Point]) -> list[Claim]:
    """The four gaps of a panel reach the 4 % of the caption, so they are DeepReDuce's; at how many
    ReLUs is not printed, so their mean is held against that at SNL's counts."""
    claims = []
    for panel, name in FIG7.items():
        behind = series(found, "SNL (vanilla)", panel)
        for ahead in ("DeepReDuce", "Thinning+SNL"):
            claims.append(Claim(f"{name}: {ahead} before SNL", series(found, ahead, panel), behind))
        text = f"{name}: DeepReDuce before SNL, at the counts of SNL"
        gap = sizes.mean(sizes.labels("7", f"{panel} "))
        ahead_of = series(found, "DeepReDuce", panel)
        claims.append(Claim(text, ahead_of, behind, at=behind, size=gap))
    return claims


# Table 5: Thinning before SNL


def table5(setting: Setting) -> list[Point]:
    found = []
    for number, row in enumerate(tables.table("table05"), start=1):
        if row["variant"] == "delta":
            continue
        network = tables.network("table05", number)
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
