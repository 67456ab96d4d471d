"""The designs that a search goes through: networks whose kept ReLUs fall in a given order.

Culling takes the least critical stages first, and thinning those that are next, as far as either
goes; whole factors between the widths then put the ReLUs of the stages that were not culled in the
order (Algorithm 1). So one inequality gives both kinds of the paper's HybReNets: HRN-5x5x3x where
stage 1 keeps ReLUs, HRN-2x5x3x where it is culled (section 4.3).
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from deepreshape.design.architectures import DesignError, basic
from deepreshape.design.blocks import Kept
from deepreshape.design.equalize import require_depths, require_order
from deepreshape.design.network import MOST, Network, of_architecture, parse
from deepreshape.design.reduce import scale
from deepreshape.design.regions import equalizing
from deepreshape.design.relu_plan import ALL, ReluPlan

MOST_DESIGNS = 1_000_000
"""A bound on the designs of the same depths that are searched."""
CHANNELS = tuple(range(4, 65, 4))
"""The base channels m that are tried where nothing else is said."""
REUSE = (1, 2, 4, 8, 16)
"""The factors N of ReLU-reuse, likewise; 1 is none, and Algorithm 2 has 4, 8 and 16."""
LARGEST = 8
"""The largest factor between widths, likewise; the paper's is 7."""


class Edit(NamedTuple):
    """What a design keeps of its ReLUs, by stage and as a plan. ranked: how many stages keep any,
    from the most critical on."""

    kept: tuple[Kept, ...]
    plan: ReluPlan
    ranked: int

    def of(self, network: Network) -> Network:
        """The network with this plan. Raises DesignError where its channels do not divide."""
        return replace(network, relus=self.plan)


@dataclass(frozen=True, slots=True)
class Space:
    """Networks of basic blocks with every m of `channels`, depths of `depths` and whole factors
    from 2 to `largest`, and of each the edits that keep its ReLUs in the order.

    order: the stages 1, 2, ... from the most to the least critical. depths: blocks of each stage,
    for one kind of network or several; none for two in each stage. culled: how many stages may be
    culled; the paper culls one of a HybReNet's at most (Algorithm 2). reuse: factors of ReLU-reuse,
    1 for none. families: names of other networks to go through, such as `WRN22x8`, their widths
    scaled to each m; these are not equalized. Raises DesignError.
    """

    order: tuple[int, ...]
    depths: tuple[tuple[int, ...], ...] = ()
    resolution: int = 32
    classes: int = 100
    channels: tuple[int, ...] = CHANNELS
    largest: int = LARGEST
    culled: int = 1
    reuse: tuple[int, ...] = REUSE
    families: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require_order(self.order)
        depths = self.depths or ((2,) * len(self.order),)
        object.__setattr__(self, "depths", tuple(dict.fromkeys(depths)))
        for what, name in (("base channels m", "channels"), ("ReLU-reuse factors", "reuse")):
            numbers = tuple(sorted(set(getattr(self, name))))
            if not numbers or not 1 <= numbers[0] <= numbers[-1] <= MOST:
                raise DesignError(f"{what} are numbers from 1 to {MOST:,}")
            object.__setattr__(self, name, numbers)
        if self.largest < 2:
            raise DesignError(f"the largest factor must be at least 2, not {self.largest}")
        if not 0 <= self.culled < len(self.order):
            raise DesignError(
                f"of {len(self.order)} stages 0 to {len(self.order) - 1} may be culled,"
                f" not {self.culled}"
            )
        for each in self.depths:
            require_depths(each, self.order)
            self.network(1, (2,) * (len(self.order) - 1), each)
        for family in self.families:
            if parse(family, self.resolution, self.classes).relus != ALL:
                raise DesignError(f"{family} is a family only without its edits")

    def network(self, m: int, factors: tuple[int, ...], depths: tuple[int, ...]) -> Network:
        """A network of basic blocks with all its ReLUs. Raises DesignError."""
        return of_architecture(basic(m, factors, depths), self.resolution, self.classes)

    def edits(self) -> tuple[Edit, ...]:
        """All of them, from nothing removed on."""
        return tuple(_edits(self.order, self.culled, self.reuse))

    def factors(self, depths: tuple[int, ...]) -> dict[tuple[int, ...], int]:
        """The factors that equalize a network of these depths, each with how many stages, from the
        most critical on, may then keep ReLUs. Raises DesignError where they are too many."""
        if (self.largest - 1) ** (len(depths) - 1) > MOST_DESIGNS:
            raise self._too_large()
        found: dict[tuple[int, ...], int] = {}
        for ranked in _ranks(self.order, self.culled):
            stages = self.order[:ranked]
            for factors in equalizing(depths, stages, "the order").upto(self.largest).points():
                found.setdefault(factors, ranked)
        edits = [edit.ranked for edit in self.edits()]
        designs = sum(edit <= ranked for ranked in found.values() for edit in edits)
        if designs * len(self.channels) > MOST_DESIGNS:
            raise self._too_large()
        return dict(sorted(found.items()))

    def _too_large(self) -> DesignError:
        return DesignError(
            f"factors from 2 to {self.largest:,}, {len(self.channels):,} base channels and"
            f" {len(self.edits()):,} edits make more than the {MOST_DESIGNS:,} designs that are"
            " searched at most"
        )

    def others(self) -> Iterator[Network]:
        """The designs of `families` that are none of the equalized ones: each network whole and
        thinned, and those with as many stages as the order has also culled by it; with ReLU-reuse
        where they take it."""
        found: dict[Network, None] = {}
        bodies = {depths: self.factors(depths) for depths in self.depths}
        for family in self.families:
            usual = parse(family, self.resolution, self.classes)
            stages = len(usual.stages)
            if stages == len(self.order):
                edits = self.edits()
            else:
                every = tuple(range(1, stages + 1))
                edits = tuple(
                    edit
                    for edit in _edits(every, 0, self.reuse)
                    if len(edit.plan.thinned) in (0, stages)
                )
            for m in self.channels:
                for edit in edits:
                    with suppress(DesignError):  # channels that do not scale or divide
                        scaled = scale(usual, Fraction(m, usual.stem))
                        ranked = bodies.get(scaled.depths, {}).get(_factors(scaled), 0)
                        if edit.ranked > ranked:
                            found[edit.of(scaled)] = None
        return iter(found)


def _factors(network: Network) -> tuple[int, ...]:
    """Between the widths of basic blocks of the usual shape; none of other networks."""
    widths = network.widths
    factors = tuple(wide // narrow for narrow, wide in pairwise(widths))
    usual = network.architecture == basic(network.stem, factors, network.depths)
    return factors if usual else ()


def _ranks(order: tuple[int, ...], culled: int) -> range:
    """How many stages keep ReLUs where so many may be culled: all first."""
    return range(len(order), len(order) - culled - 1, -1)


def _edits(order: tuple[int, ...], culled: int, reuses: tuple[int, ...]) -> Iterator[Edit]:
    """Of stages from the most to the least critical."""
    for ranked in _ranks(order, culled):
        for whole in range(ranked, -1, -1):
            ranks = (order.index(stage) for stage in sorted(order))
            kept = tuple(_kept(rank, whole, ranked) for rank in ranks)
            stages = frozenset(order[ranked:]), frozenset(order[whole:ranked])
            for factor in reuses:
                yield Edit(kept, ReluPlan(*stages, factor), ranked)


def _kept(rank: int, whole: int, ranked: int) -> Kept:
    """Of the stage of a rank, where so many keep all their ReLUs, and so many keep any."""
    return "all" if rank < whole else "thinned" if rank < ranked else "none"
