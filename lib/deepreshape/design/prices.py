"""What networks of basic blocks cost, many of them at once: each stage is priced but once.

A stage's counts are polynomials in the channels that come in and go out, of degree one and two;
five samples give them exactly, so layers are listed for these alone. `cost` says the same of a
single network, and a test holds the two together.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from itertools import pairwise
from math import lcm
from typing import NamedTuple

from deepreshape.design.blocks import Kept, Part
from deepreshape.design.cost import part_cost
from deepreshape.design.layers import parts
from deepreshape.design.network import Network
from deepreshape.design.space import Edit

Option = tuple[Kept, int]
"""Which ReLUs a stage keeps, and its factor of ReLU-reuse, 1 for none."""


class Counts(NamedTuple):
    """ReLUs, MACs, BatchNorm elements and parameters."""

    relus: int
    macs: int
    batchnorm: int
    params: int


Row = tuple[Counts | None, ...]
"""The counts of a stage by option; None where its channels do not divide."""


class Prices:
    """What networks cost that differ from one of basic blocks in channels alone.

    edits: what is kept of each. linear: seconds of the linear layers of a part without edits.
    """

    def __init__(
        self, network: Network, edits: Iterable[Edit], linear: Callable[[Part], float] | None = None
    ) -> None:
        self._stem, *self._stages, self._head = parts(network)
        self._options: dict[Option, int] = {_WHOLE: 0}
        self._places = [
            (edit, tuple(self._place(kept, edit.plan.reuse) for kept in edit.kept))
            for edit in edits
        ]
        self._linear = linear
        self._first, self._later = cache(self._price_first), cache(self._price_later)
        self._polynomials = cache(self._sample)

    def _place(self, kept: Kept, factor: int) -> int:
        option = (kept, 1 if kept == "none" else factor)
        return self._options.setdefault(option, len(self._options))

    def relus(self, widths: Sequence[int]) -> int:
        """Of a network that keeps them all."""
        return sum(row[0].relus for row in self._rows(widths) if row[0])

    def edited(self, widths: Sequence[int], ranked: int) -> Iterator[tuple[Edit, Counts]]:
        """The counts of a network with each edit that its channels allow and that leaves ReLUs to
        so many stages at most."""
        rows, head = self._rows(widths), _counts(self._head._replace(inputs=widths[-1]))
        for edit, places in self._places:
            if edit.ranked <= ranked:
                found = [row[place] for row, place in zip(rows, places, strict=True)]
                if None not in found:
                    yield edit, Counts(*map(sum, zip(head, *found, strict=True)))

    def seconds(self, widths: Sequence[int]) -> float:
        """Of the linear layers of a network; 0 where nothing is said of them."""
        if self._linear is None:
            return 0.0
        inputs = (widths[0], *widths[:-1])
        stages = [
            stage._replace(inputs=x, width=width)
            for stage, x, width in zip(self._stages, inputs, widths, strict=True)
        ]
        stem, head = self._stem._replace(width=widths[0]), self._head._replace(inputs=widths[-1])
        return sum(map(self._linear, (stem, *stages, head)))

    def _rows(self, widths: Sequence[int]) -> list[Row]:
        later = enumerate(pairwise(widths), start=1)
        return [self._first(widths[0]), *(self._later(number, *sizes) for number, sizes in later)]

    def _price_first(self, m: int) -> Row:
        """The stem, which counts with stage 1, and that."""
        found: list[Counts | None] = []
        for kept, factor in self._options:
            stem = self._stem._replace(width=m, kept="all" if kept == "all" else "none")
            stage = self._stages[0]._replace(inputs=m, width=m, kept=kept, reuse=factor)
            found.append(None if m % _unit(factor) else _counts(stem, stage))
        return tuple(found)

    def _price_later(self, number: int, x: int, width: int) -> Row:
        """Stage `number`, counted from 0, behind x channels."""
        found: list[Counts | None] = []
        for option in self._options:
            y, rest = divmod(width, _unit(option[1]))
            each = self._polynomials(number, option)
            values = ((a * y + d) * x + (b * y + c) * y + e for a, b, c, d, e in each)
            found.append(None if rest else Counts(*values))
        return tuple(found)

    def _sample(self, number: int, option: Option) -> list[tuple[int, int, int, int, int]]:
        """Of each count a, b, c, d, e: it is a x y + b y^2 + c y + d x + e for x channels that come
        in and y units of channels that go out."""
        kept, factor = option
        stage = self._stages[number]._replace(kept=kept, reuse=factor)

        def at(x: int, y: int) -> Counts:
            return _counts(stage._replace(inputs=x, width=y * _unit(factor)))

        found = []
        for f11, f21, f12, f22, f13 in zip(
            at(1, 1), at(2, 1), at(1, 2), at(2, 2), at(1, 3), strict=True
        ):
            a, b = f22 - f12 - f21 + f11, (f13 - 2 * f12 + f11) // 2
            c, d = f12 - f11 - a - 3 * b, f21 - f11 - a
            found.append((a, b, c, d, f11 - a - b - c - d))
        return found


_WHOLE: Option = ("all", 1)


def _unit(factor: int) -> int:
    """Channels that a stage has a multiple of where ReLU-reuse by a factor divides them."""
    return 1 if factor == 1 else lcm(4, factor)


def _counts(*found: Part) -> Counts:
    return Counts(*map(sum, zip(*(part_cost(part)[:4] for part in found), strict=True)))
