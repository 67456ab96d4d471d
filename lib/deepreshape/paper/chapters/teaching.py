"""The chapter on distillation: its losses on one image, in numpy, and what is said of its effect.

Logits are one-dimensional, a number for each class; results are in nats.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from deepreshape.design import Network
from deepreshape.paper.printed import tables

Numbers = npt.NDArray[np.float64]


def softmax(logits: Numbers, temperature: float = 1.0) -> Numbers:
    """Probabilities of the classes; the higher the temperature, the more even."""
    scaled = logits / temperature
    powers = np.exp(scaled - scaled.max())
    return np.asarray(powers / powers.sum(), np.float64)


def cross_entropy(student: Numbers, target: int) -> float:
    """How far a student's answer is from a label."""
    return float(-np.log(softmax(student)[target]))


def divergence(teacher: Numbers, student: Numbers) -> float:
    """KL(teacher || student) of probabilities."""
    return float(np.sum(teacher * np.log(teacher / student)))


class Parts(NamedTuple):
    """KL(teacher || student), and what it consists of: `whole` is target + (1 - sure) rest.

    target: target class against all others (TCKD). rest: among the others (NCKD). sure: the
    teacher's probability of the target.
    """

    whole: float
    target: float
    rest: float
    sure: float


def parts(teacher: Numbers, student: Numbers, target: int, temperature: float = 1.0) -> Parts:
    """The divergence of logits, and its decoupled parts (Zhao et al. 2022, equation 5)."""
    p, q = softmax(teacher, temperature), softmax(student, temperature)
    two_p, two_q = (np.array([each[target], 1 - each[target]]) for each in (p, q))
    others_p, others_q = (np.delete(each, target) / (1 - each[target]) for each in (p, q))
    return Parts(
        divergence(p, q),
        divergence(two_p, two_q),
        divergence(others_p, others_q),
        float(p[target]),
    )


def kd(
    teacher: Numbers, student: Numbers, target: int, temperature: float = 4.0, soft: float = 0.9
) -> float:
    """The loss of Hinton et al. (2015) on one image, as the paper weighs it (Appendix J)."""
    apart = parts(teacher, student, target, temperature).whole
    return (1 - soft) * cross_entropy(student, target) + soft * temperature**2 * apart


def dkd(
    teacher: Numbers,
    student: Numbers,
    target: int,
    beta: float,
    alpha: float = 1.0,
    temperature: float = 4.0,
) -> float:
    """The loss of Zhao et al. (2022) on one image, after its ramp."""
    found = parts(teacher, student, target, temperature)
    soft = alpha * found.target + beta * found.rest
    return cross_entropy(student, target) + temperature**2 * soft


# What the paper prints


def both_ways() -> dict[Network, tuple[float, float]]:
    """Accuracies in percent with KD and with DKD, of every network that has both in print."""
    found = {}
    for name in ("table06", "table13", "table14"):
        for number, row in enumerate(tables.table(name), start=1):
            accuracies = float(row["acc_kd_pct"]), float(row["acc_dkd_pct"])
            found[tables.network(name, number)] = accuracies
    return found


def leads() -> pd.DataFrame:
    """A row for each row of Table 7: by how many points its HybReNet is ahead of the other method,
    as printed, and if it too were taught by KD."""
    return pd.DataFrame(_leads(both_ways()))


def _leads(known: Mapping[Network, tuple[float, float]]) -> Iterator[dict[str, object]]:
    for number, row in enumerate(tables.table("table07"), start=1):
        with_kd, with_dkd = known[tables.network("table07", number, "hrn")]
        other = float(row["sota_acc_pct"])
        yield {
            "data": row["dataset"],
            "other": f"{row['sota_method']}, {row['sota_relus_K']}K",
            "its accuracy (%)": other,
            "HybReNet, DKD (%)": with_dkd,
            "lead": round(with_dkd - other, 2),
            "HybReNet, KD (%)": with_kd,
            "lead with KD": round(with_kd - other, 2),
            "FLOPs, times fewer": float(row["improv_flops_x"]),
        }
