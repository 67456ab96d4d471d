"""Figure 5: which network ReLU optimization starts from."""

from deepreshape.design import parse
from deepreshape.paper.trained.experiments import sizes
from deepreshape.paper.trained.experiments.claims import Claim, few, many, series
from deepreshape.paper.trained.experiments.experiment import Experiment, titled
from deepreshape.paper.trained.experiments.networks import LOW
from deepreshape.paper.trained.experiments.points import Point, Setting, budgets, candidates

FIG5A = ("ResNet18", "ResNet32", "WRN22x8", "VGG16", "MobileNetV1", "MobileNetV2")
FIG5B = ("ResNet18", "WRN22x4", "WRN16x8")
MIDDLE = 90_000
"""The middle of Figure 5a's axis, from 16 to 512 thousand ReLUs by doublings: below it counts are
taken for the lower ones, of which the text does not say where they begin."""
FIG5B_GAPS = {25_000: "upper", 15_000: "lower"}
"""The ReLUs at which the text has the gaps between ResNet18 and WideResNet16x8."""


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


EXPERIMENTS = (
    Experiment(
        "fig5",
        "input networks of ReLU optimization",
        "3.2",
        fig5,
        fig5_claims,
        titled("DeepReDuce", "SNL"),
    ),
)
