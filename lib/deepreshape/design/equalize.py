"""Algorithm 1, ReLU equalization: widths or depths that put the stages' ReLUs in a given order.

Stage k of basic blocks has 2 m d^2 ReLUs (m base channels, d x d input) times

    phi_k lambda_1 ... lambda_(k-1) / 4^(k-1)

with phi_k blocks and the factor lambda_j between the widths of stages j and j + 1 (alpha, beta,
gamma of four stages). The stem does not count here. Line 5 of Algorithm 1 prints 2^(k-1), and line
4 loops while the order is right; section 4.1 works the inequality out with 4^(k-1), as here.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate, islice, pairwise
from math import ceil, floor
from operator import mul
from typing import Literal, get_args

from deepreshape.design import names
from deepreshape.design.architectures import DesignError, basic
from deepreshape.design.network import MOST_BLOCKS, MOST_STAGES
from deepreshape.design.regions import Region, equalizing

Rule = Literal["pareto", "paper", "all"]
"""Which solutions: those of which no number can be lowered without raising another, those that the
paper picks, or all with numbers up to a bound."""

BASE_CHANNELS = 16
"""The base channels m in a solution's name: those of the paper's HybReNets (Tables 16 and 17)."""
MOST_SOLUTIONS = 5_000
"""A bound on the solutions that are listed."""


@dataclass(frozen=True, slots=True)
class Solution:
    """Factors between the widths of the stages, and blocks of each stage.

    rules: those that select it. holds: do its ReLUs have the order? Those of the depths that
    Appendix D prints do not.
    """

    factors: tuple[int, ...]
    depths: tuple[int, ...]
    rules: frozenset[Rule]
    holds: bool

    @property
    def name(self) -> str:
        """The name of its network at m = 16, `HRN-5x5x3x(m=16)`, for `parse` to read."""
        return names.write(basic(BASE_CHANNELS, self.factors, self.depths))


@dataclass(frozen=True, slots=True)
class Equalization:
    """inequality: as the paper writes it. solutions: sorted by their factors, or depths."""

    inequality: str
    solutions: tuple[Solution, ...]


def relus(depths: Sequence[int], factors: Sequence[int]) -> tuple[Fraction, ...]:
    """ReLUs of each stage, without the stem, in units of 2 m d^2. Raises DesignError."""
    if len(factors) != len(depths) - 1:
        raise DesignError(
            f"{len(depths)} stages have {len(depths) - 1} factors between them, not {len(factors)}"
        )
    widths = accumulate(factors, mul, initial=1)
    return tuple(
        Fraction(depth * width, 4**halvings)
        for halvings, (depth, width) in enumerate(zip(depths, widths, strict=True))
    )


def inequality(order: Sequence[int]) -> str:
    """That the stages' ReLUs fall in an order, as the paper writes it in depths and factors.

    >>> inequality((3, 2, 4, 1))
    'ϕ3(αβ/16) > ϕ2(α/4) > ϕ4(αβγ/64) > ϕ1'
    """
    order = require_order(order)
    return " > ".join(_width_term(stage, len(order)) for stage in order)


def equalized(depths: Sequence[int], factors: Sequence[int], order: Sequence[int]) -> bool:
    """Do the stages' ReLUs fall strictly from each stage of `order` to the next?"""
    require_order(order)
    require_depths(depths, order)
    counts = relus(depths, factors)
    return all(counts[more - 1] > counts[less - 1] for more, less in pairwise(order))


def by_width(
    depths: Sequence[int], order: Sequence[int], rule: Rule = "pareto", most: int = 16
) -> Equalization:
    """Whole factors of at least 2 that equalize a network of these depths (section 4.1).

    order: the stages 1, 2, ... from the most to the least critical. most: bounds every factor under
    rule `all`, as there may be infinitely many solutions; the other rules have no bound.
    Raises DesignError, also where no factors satisfy the inequality or `rule` selects none.

    >>> found = by_width(depths=(2, 2, 2, 2), order=(3, 2, 4, 1))
    >>> [solution.factors for solution in found.solutions]
    [(5, 5, 3), (5, 7, 2), (6, 6, 2), (7, 5, 2)]
    """
    order = require_order(order)
    depths = require_depths(depths, order)
    _require_rule(rule, most, 2)
    written = inequality(order)
    region = equalizing(depths, order, f"{written} at depths {_listed(depths)}")
    if next(region.points(), None) is None:
        raise DesignError(f"no whole factors of at least 2 satisfy {region.what}")
    regions: dict[Rule, tuple[Region, ...]] = {
        "pareto": (region,),
        "paper": _paper_regions(region),
        "all": (region.upto(most),),
    }
    found = (factors for part in regions[rule] for factors in part.points())
    solutions = []
    for factors in _sorted(found, "factors", rule, most, region.what):
        selecting = (key for key in regions if any(factors in part for part in regions[key]))
        solutions.append(Solution(factors, depths, frozenset(selecting), holds=True))
    return Equalization(written, tuple(solutions))


def by_depth(order: Sequence[int], rule: Rule = "pareto", most: int = 16) -> Equalization:
    """Whole depths that equalize a network whose widths double from stage to stage (Appendix D).

    order, most: as in `by_width`, with depths in the place of factors. One solution is smallest in
    every depth, so `pareto` gives that one. `paper` gives the tuples that Appendix D prints: the
    width solutions for equal depths, copied into phi_2, phi_3, ... behind phi_1 = 1. The printed
    ones do not have the order that they are made for (`holds`).
    Raises DesignError, also where `rule` selects none.

    >>> by_depth(order=(3, 2, 4, 1)).solutions[0].name
    'HRN[1,3,7,9](m=16)'
    """
    order = require_order(order)
    _require_rule(rule, most, 1)
    written = " > ".join(f"ϕ{k}/{2 ** (k - 1)}" if k > 1 else "ϕ1" for k in order)
    doubling = (2,) * (len(order) - 1)
    smallest = _smallest_depths(order)
    copied = _paper_regions(equalizing((1,) * len(order), order, written))
    found: dict[Rule, Iterable[tuple[int, ...]]] = {
        "pareto": (smallest,),
        "paper": ((1, *factors) for part in copied for factors in part.points()),
        "all": _depths_upto(order, most),
    }
    solutions = []
    for depths in _sorted(found[rule], "depths", rule, most, written):
        holds = equalized(depths, doubling, order)
        selects: dict[Rule, bool] = {
            "pareto": depths == smallest,
            "paper": depths[0] == 1 and any(depths[1:] in part for part in copied),
            "all": holds and max(depths) <= most,
        }
        selecting = frozenset(key for key, does in selects.items() if does)
        solutions.append(Solution(doubling, depths, selecting, holds))
    return Equalization(written, tuple(solutions))


# By width


def _paper_regions(pareto: Region) -> tuple[Region, ...]:
    """What the paper picks of the solutions, case by case: no single rule gives all its sets.

    Where the inequality leaves finitely many tuples of the factors after the first, with the last
    of them below 4: each with the smallest first factor (section 4.1). Otherwise the smallest first
    factor of all, and for each last factor in {2, 3} the smallest factors between: Appendix C, and
    section 5, whose inequality lets gamma reach 7 but whose networks have gamma 2 and 3.
    """
    smallest = next(pareto.points(), None)
    if smallest is None:
        return ()
    last = pareto.size - 1
    bounded = {j for i, k in pareto.most for j in range(i, k)}
    if bounded >= set(range(1, pareto.size)) and (
        last == 0 or next(pareto.within(last, least=4).points(), None) is None
    ):
        return (replace(pareto, lowest=frozenset({0})),)
    first = replace(pareto, lowest=frozenset(range(1, last))).within(0, most=smallest[0])
    return tuple(first.within(last, gamma, gamma) for gamma in (2, 3))


# By depth


def _smallest_depths(order: Sequence[int]) -> tuple[int, ...]:
    """From the least critical stage on, the smallest that has more ReLUs than the one before."""
    depths: dict[int, int] = {}
    for stage in reversed(order):
        depths = {stage: _above(depths, stage), **depths}
    return tuple(depths[stage] for stage in sorted(depths))


def _depths_upto(order: Sequence[int], most: int) -> Iterator[tuple[int, ...]]:
    """Every solution with depths up to `most`."""
    # From the most critical stage on: the largest that leaves it below the largest before it.
    largest = {order[0]: most}
    for more, less in pairwise(order):
        largest[less] = min(most, ceil(Fraction(largest[more] * 2**less, 2**more)) - 1)

    def extend(depths: dict[int, int], ahead: Sequence[int]) -> Iterator[tuple[int, ...]]:
        if not ahead:
            yield tuple(depths[stage] for stage in sorted(depths))
            return
        *ahead, stage = ahead
        for depth in range(_above(depths, stage), largest[stage] + 1):
            yield from extend({stage: depth, **depths}, ahead)

    return extend({}, order)


def _above(depths: Mapping[int, int], stage: int) -> int:
    """The least depth that gives a stage more ReLUs than the first of `depths` has, if any."""
    below = next(iter(depths.items()), None)
    return 1 if below is None else floor(Fraction(below[1] * 2**stage, 2 ** below[0])) + 1


# What is asked for, and what is answered


def require_order(order: Sequence[int]) -> tuple[int, ...]:
    """Raise DesignError unless an order names each of so many stages once."""
    stages = len(order)
    if not 2 <= stages <= MOST_STAGES:
        raise DesignError(f"an order is of 2 to {MOST_STAGES} stages, not {stages}")
    if sorted(order) != list(range(1, stages + 1)):
        raise DesignError(
            f"the order {_listed(order)} does not name each of the stages 1 to {stages} once"
        )
    return tuple(order)


def require_depths(depths: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    """Raise DesignError unless these are the depths of the stages of an order."""
    if len(depths) != len(order):
        raise DesignError(
            f"the order {_listed(order)} is of {len(order)} stages,"
            f" but {len(depths)} have a depth: {_listed(depths)}"
        )
    for number, depth in enumerate(depths, start=1):
        if not 1 <= depth <= MOST_BLOCKS:
            raise DesignError(f"stage {number} has 1 to {MOST_BLOCKS:,} blocks, not {depth}")
    return tuple(depths)


def _require_rule(rule: Rule, most: int, least: int) -> None:
    if rule not in get_args(Rule):
        raise DesignError(f"unknown rule {rule!r}; the rules are {', '.join(get_args(Rule))}")
    if most < least:
        raise DesignError(f"the largest number to try must be at least {least}, not {most}")


def _width_term(stage: int, stages: int) -> str:
    letters = "αβγ" if stages == 4 else [f"λ{j}" for j in range(1, stages)]
    product = "".join(letters[: stage - 1])
    return f"ϕ{stage}({product}/{4 ** (stage - 1)})" if product else f"ϕ{stage}"


def _sorted(
    found: Iterable[tuple[int, ...]], what: str, rule: Rule, most: int, inequality: str
) -> list[tuple[int, ...]]:
    """All that is found, if it is something, and not too much."""
    listed = sorted(islice(found, MOST_SOLUTIONS + 1))
    if len(listed) > MOST_SOLUTIONS:
        raise DesignError(f"more than {MOST_SOLUTIONS:,} {what} satisfy {inequality}")
    if not listed and rule == "paper":
        raise DesignError(f"the paper's rule gives no {what} for {inequality}")
    if not listed:
        raise DesignError(f"no whole {what} up to {most} satisfy {inequality}")
    return listed


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(map(str, numbers))
