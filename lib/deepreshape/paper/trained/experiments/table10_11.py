"""Tables 10 and 11: criticality, each stage with its ReLUs alone."""

from itertools import pairwise

from deepreshape.design.criticality import alone
from deepreshape.paper.printed import tables
from deepreshape.paper.trained.experiments.claims import Claim, pair
from deepreshape.paper.trained.experiments.experiment import Experiment, titled
from deepreshape.paper.trained.experiments.points import Point, Setting, points


def _critical(setting: Setting, name: str) -> list[Point]:
    """Each stage alone, without and with a teacher, as DeepReDuce measures criticality."""
    found = []
    for row, network in tables.with_networks(name):
        label = network.name
        for stage in range(1, 5):
            networks = [alone(network, stage)]
            accuracy = [float(row[f"stage{stage}_acc_pct"])]
            found += points("a", f"{label} S{stage}", networks, setting.plain, accuracy)
            accuracy = [float(row[f"stage{stage}_acc_kd_pct"])]
            found += points("b", f"{label} S{stage}", networks, setting.taught, accuracy)
    return found


def table10(setting: Setting) -> list[Point]:
    return _critical(setting, "table10")


def table11(setting: Setting) -> list[Point]:
    return _critical(setting, "table11")


def criticality_claims(found: list[Point], panel: str = "b") -> list[Claim]:
    """Of each network, each stage ahead of the next in the order of the printed accuracies; with a
    teacher, as criticality is defined, or those of another panel."""
    claims = []
    here = [point for point in found if point.panel == panel]
    for label in dict.fromkeys(point.series[:-3] for point in here):
        stages = sorted(
            (point for point in here if point.series[:-3] == label),
            key=lambda point: -(point.printed or 0.0),
        )
        for ahead, behind in pairwise(stages):
            text = f"{label}: {ahead.series[-2:]} before {behind.series[-2:]}"
            claims.append(pair(text, ahead, behind))
    return claims


EXPERIMENTS = (
    Experiment(
        "table10",
        "criticality in ResNet18",
        "B",
        table10,
        criticality_claims,
        titled("labels", "KD"),
        picture="stages",
    ),
    Experiment(
        "table11",
        "criticality in HybReNets",
        "B",
        table11,
        criticality_claims,
        titled("labels", "KD"),
        picture="stages",
    ),
)
