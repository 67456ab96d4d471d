"""The paper's tables as data: each printed value, how it was rounded, and the network it is of."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from functools import lru_cache

from deepreshape.design import Network, Stage, cull, hybrenet, resnet18, reuse, thin
from deepreshape.places import DATA

FOLDER = DATA / "paper"
"""The paper's tables as printed."""

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rounding:
    """How a printed value came from a computed one.

    rule: `rounded` or `cut` to the printed digits, `within` a relative tolerance, or `differs`.
    why: the explanation, for all but `rounded`.
    """

    rule: str = "rounded"
    tolerance: float = 0.0
    why: str = ""

    def __post_init__(self) -> None:
        if self.rule not in ("rounded", "cut", "within", "differs"):
            raise ValueError(f"unknown rounding rule {self.rule!r}")


@dataclass(frozen=True, slots=True)
class Printed:
    """One printed value: where it stands, its text, and its rounding."""

    table: str
    row: int
    column: str
    text: str
    rounding: Rounding

    @property
    def value(self) -> float:
        return float(self.text)

    def agrees(self, computed: float) -> bool:
        """Does a computed value, in the column's unit, print as this one?"""
        if self.rounding.rule == "within":
            return abs(computed - self.value) <= self.rounding.tolerance * abs(self.value)
        exact, digits = Decimal(repr(float(computed))), Decimal(self.text)
        mode = ROUND_DOWN if self.rounding.rule == "cut" else ROUND_HALF_UP
        same = exact.quantize(digits, rounding=mode) == digits
        return not same if self.rounding.rule == "differs" else same


@lru_cache
def table(name: str) -> tuple[Row, ...]:
    """The rows of `data/paper/NAME.csv`, as printed."""
    with (FOLDER / f"{name}.csv").open(newline="", encoding="utf-8") as file:
        return tuple(csv.DictReader(file))


def printed(name: str, columns: tuple[str, ...]) -> Iterator[Printed]:
    """The printed values of some columns of a table, row by row."""
    for number, row in enumerate(table(name), start=1):
        for column in columns:
            if row[column] not in ("", "NA"):
                rounding = _roundings().get((name, number, column), Rounding())
                yield Printed(name, number, column, row[column], rounding)


@lru_cache
def _roundings() -> dict[tuple[str, int, str], Rounding]:
    """Where a value is not simply rounded; `roundings.csv` says how, and why."""
    return {
        (row["table"], int(row["row"]), row["column"]): Rounding(
            row["rule"], float(row["tolerance"] or 0), row["why"]
        )
        for row in table("roundings")
    }


CONVNEXT_DEPTHS = {
    "T": (3, 3, 9, 3),
    "N": (2, 2, 8, 2),
    "P": (2, 2, 6, 2),
    "F": (2, 2, 6, 2),
    "A": (2, 2, 6, 2),
}


def network(name: str, row: Row) -> Network | None:
    """The network that a row of Tables 6, 13, 14, 16 or 17 describes; None for a WideResNet."""
    if name in ("table16", "table17"):
        return _by_channels(row)
    tiny = name == "table13" or row.get("dataset") == "TinyImageNet"
    shape = (64, 200) if tiny else (32, 100)
    m = int(row["m"])
    if row.get("family") == "ConvNeXt":
        depths = CONVNEXT_DEPTHS[row["net"]]
        stages = tuple(Stage(m * 2**number, depth) for number, depth in enumerate(depths))
        plain = Network(m, stages, *shape)
    else:
        alpha, beta, gamma = map(int, (row.get("hybrenet") or row["net"]).rstrip("x").split("x"))
        plain = hybrenet(alpha, beta, gamma, m, "34" if name == "table14" else "18", *shape)
    edited = thin(cull(plain, _stages(row["culled"])), _stages(row["thinned"]))
    return edited if row["re2"] == "NA" else reuse(edited, int(row["re2"]))


def _by_channels(row: Row) -> Network | None:
    if row["network"].startswith("WRN"):
        return None
    if row["network"] == "ResNet18":
        return resnet18()
    stages = tuple(
        Stage(int(row[f"stage{k}_channels"]), int(row[f"stage{k}_blocks"])) for k in range(1, 5)
    )
    return Network(int(row["stem_channels"]), stages)


def _stages(text: str) -> tuple[int, ...]:
    return () if text == "NA" else tuple(int(part.lstrip("S")) for part in text.split("+"))
