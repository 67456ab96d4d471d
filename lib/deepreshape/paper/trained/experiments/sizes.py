"""How large the paper prints a gain to be: in prose (`gains.csv`), in figures, in tables."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isinf
from statistics import fmean

from deepreshape.paper.printed import tables


@dataclass(frozen=True, slots=True)
class Size:
    """A gain as it is printed, in points: from low to high, the same where it is one number."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if not self.low <= self.high or isinf(self.low) or isinf(self.high):
            raise ValueError(f"a size goes from a number to no smaller one, not {self}")

    def __str__(self) -> str:
        text = f"{self.low:.3g}"
        return text if self.low == self.high else f"{text} to {self.high:.3g}"


def prose(claim: str) -> Size:
    """A gain in the paper's prose: one number, `1 to 3`, or `up to 3`."""
    text = _value("gains", claim=claim)
    first, _, last = text.replace("up to", "0 to").rpartition(" to ")
    return Size(float(first or last), float(last))


def saturation(network: str) -> int:
    """The factor at which section 3.1 has the accuracy of StageCh networks begin to saturate."""
    return int(_value("gains", claim=f"saturation of {network}"))


def label(figure: str, panel: str, item: str) -> float:
    """A number inside a figure."""
    return float(_value("figures", figure=figure, panel=panel, item=item))


def labels(figure: str, panel: str, item: str = "") -> list[float]:
    """The numbers of items that begin so, in panels whose names begin so."""
    return [
        float(row["value"])
        for row in tables.table("figures")
        if row["figure"] == figure
        and row["panel"].startswith(panel)
        and row["item"].startswith(item)
    ]


def figure4(panel: str, line: int) -> list[float]:
    """The accuracies that Figure 4 writes along a line of a panel."""
    return labels("4", panel, f"label line {line} ")


def one(value: float) -> Size:
    """Of one printed number."""
    return Size(value, value)


def between(values: Sequence[float]) -> Size:
    """From the least of several printed numbers to the greatest."""
    return Size(min(values), max(values))


def mean(values: Iterable[float]) -> Size:
    """Of several printed numbers that are judged by their mean, to their second digit."""
    return one(round(fmean(values), 2))


def _value(name: str, **wanted: str) -> str:
    (found,) = [row["value"] for row in tables.table(name) if wanted.items() <= row.items()]
    return found
