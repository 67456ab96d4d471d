"""Every printed value that can be computed, beside the computed one, with a verdict."""

from collections import Counter
from collections.abc import Container, Iterable
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from math import ceil
from typing import Literal

from deepreshape.paper.printed.computed import values
from deepreshape.paper.printed.tables import Printed, table, value

Kind = Literal["equal", "equal when cut", "within", "differs"]
KINDS: tuple[Kind, ...] = ("equal", "equal when cut", "within", "differs")

TOLERANCE = 0.005
"""Relative deviation up to which a value is `within`, where `roundings.csv` names no other."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A printed value, the computed one, and how they agree."""

    printed: Printed
    computed: float | str
    kind: Kind

    @property
    def deviation(self) -> Decimal:
        """|computed - printed| / |printed|; 0 for equal values and for texts, infinite where 0 is
        printed."""
        if self.kind in ("equal", "equal when cut") or isinstance(self.computed, str):
            return Decimal(0)
        printed = Decimal(self.printed.text)
        return abs(_exact(self.computed) - printed) / abs(printed) if printed else Decimal("inf")

    @property
    def text(self) -> str:
        """The verdict in words: `within 0.3 %` for a deviation of at most that."""
        if self.kind != "within":
            return self.kind
        return f"within {ceil(1000 * self.deviation) / 10} %"

    @property
    def shown(self) -> str:
        """The computed value: a text or a whole number as it is, else two more digits than the
        printed one has."""
        if isinstance(self.computed, str | int):
            return str(self.computed)
        _, _, exponent = Decimal(self.printed.text).as_tuple()
        return f"{self.computed:.{max(0, -int(exponent)) + 2}f}"

    @property
    def explained(self) -> bool:
        """A value that differs must have an entry in the errata."""
        return self.kind != "differs" or bool(self.printed.rounding.erratum)


def judge(printed: Printed, exact: float | str) -> Verdict:
    """How a computed value, in the unit of its column, agrees with the printed one."""
    return Verdict(printed, exact, _kind(printed, exact))


def _kind(printed: Printed, exact: float | str) -> Kind:
    if isinstance(exact, str):
        return "equal" if exact == printed.text else "differs"
    digits, full = Decimal(printed.text), _exact(exact)
    if full.quantize(digits, ROUND_HALF_UP) == digits:
        return "equal"
    if full.quantize(digits, ROUND_DOWN) == digits:
        return "equal when cut"
    tolerance = printed.rounding.tolerance or TOLERANCE
    return "within" if abs(full - digits) <= Decimal(repr(tolerance)) * abs(digits) else "differs"


def _exact(computed: float) -> Decimal:
    """A number with the digits that identify its binary value, and no more."""
    return Decimal(repr(float(computed)))


def verify(
    name: str, columns: Container[str] | None = None, rows: Container[int] | None = None
) -> tuple[Verdict, ...]:
    """The verdicts on a table's values, row by row; see `tables.TABLES` for names. columns, rows
    (from 1): only of these."""
    return tuple(
        judge(value(name, row, column), exact)
        for row, column, exact in values(name)
        if table(name)[row - 1][column] not in ("", "NA")
        if (columns is None or column in columns) and (rows is None or row in rows)
    )


def totals(verdicts: Iterable[Verdict]) -> dict[Kind, int]:
    """How many verdicts there are of each kind."""
    counted = Counter(verdict.kind for verdict in verdicts)
    return {kind: counted[kind] for kind in KINDS}
