"""Whole factors whose products over runs are bounded, and a search for all of them.

This is the puzzle behind equalization by width: whichever of two stages has more ReLUs, the product
of the factors between them has a lower or an upper bound.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import combinations, count
from math import ceil, floor, prod

from deepreshape.design.architectures import DesignError

MOST_STEPS = 2_000_000
"""A bound on the factors that a search tries, so that it ends."""

Run = tuple[int, int]
"""The factors i, ..., k - 1, counted from 0: those between stages i + 1 and k + 1."""


@dataclass(frozen=True, slots=True)
class Region:
    """`size` whole factors whose products over runs are bounded, each factor from below at least.

    lowest: factors that are as low as the bounds let them. Any other has an upper bound. Lowering a
    factor can break lower bounds only: where no single factor can be lowered, no several can, so
    this is a matter of single steps.
    what: its name in a message.
    """

    size: int
    least: Mapping[Run, int]
    most: Mapping[Run, int]
    lowest: frozenset[int]
    what: str

    def within(self, number: int, least: int = 2, most: int | None = None) -> "Region":
        """Where factor `number` has these bounds, too."""
        run = (number, number + 1)
        lower = {**self.least, run: max(least, self.least[run])}
        if most is None:
            return replace(self, least=lower)
        return replace(
            self, least=lower, most={**self.most, run: min(most, self.most.get(run, most))}
        )

    def upto(self, most: int) -> "Region":
        """All its factors up to a number, not the lowest alone."""
        found = replace(self, lowest=frozenset())
        for number in range(self.size):
            found = found.within(number, most=most)
        return found

    def __contains__(self, factors: tuple[int, ...]) -> bool:
        return self._bounds(factors) and not any(
            self._bounds((*factors[:j], factors[j] - 1, *factors[j + 1 :])) for j in self.lowest
        )

    def _bounds(self, factors: tuple[int, ...]) -> bool:
        return all(prod(factors[i:k]) >= bound for (i, k), bound in self.least.items()) and all(
            prod(factors[i:k]) <= bound for (i, k), bound in self.most.items()
        )

    def points(self) -> Iterator[tuple[int, ...]]:
        """What it contains, in lexicographic order. Raises DesignError where that is too much."""
        least = _closed(self.size, self.least)
        # Where a run from i goes on behind factor j, what follows is at its least: that bounds the
        # part up to j from above, and lets a lower bound hold up factor j only so far.
        tops: list[list[tuple[int, int]]] = [[] for _ in range(self.size)]
        for (i, k), bound in self.most.items():
            for j in range(i, k):
                tops[j].append((i, bound // least[j + 1, k]))
        holds = [
            [
                max((least[i, k] - 1) // least[j + 1, k] for k in range(j + 1, self.size + 1))
                for i in range(j + 1)
            ]
            for j in range(self.size)
        ]
        steps = count(1)

        def extend(begun: tuple[int, ...], runs: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
            """runs: the products of begun[i:], for each i."""
            j = len(begun)
            if j == self.size:
                if begun in self:
                    yield begun
                return
            start = max(-(-least[i, j + 1] // run) for i, run in enumerate(runs))
            stops = [bound // runs[i] for i, bound in tops[j]]
            if j in self.lowest:
                stops.append(1 + max(bound // runs[i] for i, bound in enumerate(holds[j])))
            for factor in range(start, min(stops) + 1):
                if next(steps) > MOST_STEPS:
                    raise DesignError(f"{MOST_STEPS:,} steps are not enough to solve {self.what}")
                yield from extend((*begun, factor), (*(run * factor for run in runs), 1))

        return extend((), (1,))


def equalizing(depths: Sequence[int], order: Sequence[int], what: str) -> Region:
    """The lowest factors of at least 2 that give stages of these depths strictly fewer ReLUs from
    each of `order` to the next (Algorithm 1); stages that it does not name have any number.

    Stage k has phi_k lambda_1 ... lambda_(k-1) / 4^(k-1), so every pair is a bound of a product.
    """
    size = len(depths) - 1
    least = {(j, j + 1): 2 for j in range(size)}
    most: dict[Run, int] = {}
    for more, less in combinations(order, 2):
        # Larger for k = more than for k = less.
        ratio = Fraction(depths[less - 1], depths[more - 1]) * Fraction(4) ** (more - less)
        if more > less:
            run = (less - 1, more - 1)
            least[run] = max(floor(ratio) + 1, least.get(run, 1))
        else:
            most[more - 1, less - 1] = ceil(1 / ratio) - 1
    return Region(size, least, most, frozenset(range(size)), what)


def _closed(size: int, least: Mapping[Run, int]) -> dict[Run, int]:
    """A lower bound for every run, the bounds of its parts included."""
    closed = {(i, i): 1 for i in range(size + 1)}
    for length in range(1, size + 1):
        for i in range(size + 1 - length):
            k = i + length
            parts = [closed[i, c] * closed[c, k] for c in range(i + 1, k)]
            closed[i, k] = max([least.get((i, k), 1), *parts])
    return closed
