"""Which designs are worth training: of all in a space that fit, those that no other one beats.

Nothing here knows an accuracy. Of the paper's HybReNets one with more ReLUs and more
multiply-accumulates is never behind, and where one has more of the first and another of the second,
either may be ahead (`paper.printed.capacity`); so a design is beaten where another has as many of
both in as few seconds.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from itertools import accumulate, groupby
from math import inf, lcm
from operator import mul
from typing import NamedTuple

from deepreshape.design.architectures import DesignError
from deepreshape.design.blocks import Part
from deepreshape.design.cost import BATCHNORM_FLOPS, cost, paper_convention
from deepreshape.design.layers import parts
from deepreshape.design.network import Network
from deepreshape.design.prices import Prices
from deepreshape.design.reduce import reuse
from deepreshape.design.relu_plan import ALL
from deepreshape.design.space import Edit, Space

DECIMALS = 6
"""Of seconds: a microsecond is no difference."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds of one private inference as a sum, by which many networks are priced at once.

    linear: of the linear layers of a part that keeps all its ReLUs. relu: of a ReLU. truncation: of
    one that is made where a ReLU was removed. truncations: how many networks have of these, where
    they were counted; elsewhere a network has one for each ReLU that was removed.
    """

    linear: Callable[[Part], float]
    relu: float
    truncation: float = 0.0
    truncations: Mapping[Network, int] = field(default_factory=dict)

    def seconds(self, network: Network) -> float:
        """Of a network. Raises DesignError where there are none for it."""
        whole, left = replace(network, relus=ALL), cost(network).total_relus
        removed = self.truncations.get(network, cost(whole).total_relus - left)
        return self.added(sum(map(self.linear, parts(whole))), left, removed)

    def added(self, linear: float, relus: int, truncations: int) -> float:
        """All of it: seconds of linear layers, and so many of the others."""
        return round(linear + self.relu * relus + self.truncation * truncations, DECIMALS)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a design may cost at most. flops: by `paper_convention`, or else A.
    seconds: of one private inference. Raises DesignError."""

    relus: float = inf
    flops: float = inf
    seconds: float = inf

    def __post_init__(self) -> None:
        for what, most in (("ReLUs", self.relus), ("FLOPs", self.flops), ("s", self.seconds)):
            if not most > 0:
                raise DesignError(f"a limit must be positive, not {most} {what}")


class Suggestion(NamedTuple):
    """A design and what it costs, as `cost` counts it. flops: as in `Limits`. seconds: of one
    private inference; None without a `Timing`."""

    network: Network
    relus: int
    macs: int
    flops: int
    params: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Suggestions:
    """front: from the fewest ReLUs on. searched: how many designs were priced; fitting: how many of
    them are within the limits."""

    front: tuple[Suggestion, ...]
    searched: int
    fitting: int

    @property
    def largest(self) -> tuple[Suggestion, ...]:
        """Of the front those that use the limits up: no other design has as many ReLUs and as many
        MACs, however slow."""
        found: list[Suggestion] = []
        for each in sorted(self.front, key=lambda it: (-it.relus, -it.macs, it.seconds or 0.0)):
            if not found or each.macs > found[-1].macs:
                found.append(each)
        return tuple(reversed(found))


def suggest(
    space: Space, limits: Limits | None = None, timing: Timing | None = None
) -> Suggestions:
    """The designs of a space within limits that no other such design beats: none has as many ReLUs
    and as many MACs in as few seconds, and one of these better. Without a timing seconds are not
    compared. No accuracy is predicted.

    Raises DesignError where the space is too large or empty, or the timing has no seconds for its
    input.

    >>> found = suggest(Space((3, 2, 4, 1), channels=(8, 16)), Limits(relus=60_000, flops=10**8))
    >>> found.searched, found.fitting
    (1657, 161)
    >>> for each in found.front:
    ...     print(each.network, each.relus, each.macs)
    HRN-3x5x3x(m=8)-C1-T24 54528 96714912
    HRN-3x6x2x(m=8)-C1-T24 58368 87593088
    HRN-2x5x2x(m=16)-C1-Re4 58880 82410752
    HRN-3x6x2x(m=8)-C1-Re2 59904 59226240
    """
    limits = limits or Limits()
    if timing is None and limits.seconds < inf:
        raise DesignError("a limit of seconds needs a model of them")
    fitting: list[_Priced] = []
    searched = 0
    for priced in _all(space, timing, limits):
        searched += 1
        if priced is not None:
            fitting.append(priced)
    if not searched:
        raise DesignError(
            f"no factors from 2 to {space.largest:,} make a design in the order with these depths,"
            " base channels and ReLU-reuse factors"
        )
    front = sorted(_unbeaten(fitting), key=lambda each: each[:5])
    said = tuple(each.said(timing is not None) for each in front)
    return Suggestions(said, searched, len(fitting))


class _Priced(NamedTuple):
    """A design that fits. network: makes it."""

    relus: int
    macs: int
    flops: int
    params: int
    seconds: float
    network: Callable[[], Network]

    def said(self, timed: bool) -> Suggestion:
        relus, macs, flops, params, seconds, network = self
        return Suggestion(network(), relus, macs, flops, params, seconds if timed else None)


@dataclass(frozen=True, slots=True)
class _Body:
    """A network of basic blocks with all its ReLUs, from which designs are made by edits."""

    space: Space
    m: int
    factors: tuple[int, ...]
    depths: tuple[int, ...]

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(accumulate(self.factors, mul, initial=self.m))

    def edited(self, edit: Edit) -> Network:
        return edit.of(self.space.network(self.m, self.factors, self.depths))


def _all(space: Space, timing: Timing | None, limits: Limits) -> Iterator[_Priced | None]:
    """Every design of a space; None for one that does not fit."""
    for depths in space.depths:
        yield from _equalized(space, depths, timing, limits)
    for network in space.others():
        counted = cost(network)
        flops = counted.flops(paper_convention(network) or "A")
        costs = counted.total_relus, counted.macs, flops, counted.params
        seconds = partial(timing.seconds, network) if timing else float
        yield _fitting(costs, seconds, partial(replace, network), limits)


def _equalized(
    space: Space, depths: tuple[int, ...], timing: Timing | None, limits: Limits
) -> Iterator[_Priced | None]:
    """The equalized networks of these depths, with all edits of each."""
    charges = {factor: _charge(space, depths, factor) for factor in space.reuse}
    plain = space.network(1, (2,) * (len(depths) - 1), depths)
    prices = Prices(plain, space.edits(), timing.linear if timing else None)
    counted = {network.widths for network in timing.truncations} if timing else set()
    for factors, ranked in space.factors(depths).items():
        for m in space.channels:
            body = _Body(space, m, factors, depths)
            seconds = _clock(body, prices, timing, body.widths in counted)
            for edit, counts in prices.edited(body.widths, ranked):
                flops = counts.macs + charges[edit.plan.reuse] * counts.batchnorm
                costs = counts.relus, counts.macs, flops, counts.params
                yield _fitting(
                    costs, partial(seconds, edit, counts.relus), partial(body.edited, edit), limits
                )


def _charge(space: Space, depths: tuple[int, ...], factor: int) -> int:
    """FLOPs of a BatchNorm element by the convention for networks of these depths."""
    network = space.network(lcm(4, factor), (2,) * (len(depths) - 1), depths)
    edited = network if factor == 1 else reuse(network, factor)
    return BATCHNORM_FLOPS[paper_convention(edited) or "A"]


def _clock(
    body: _Body, prices: Prices, timing: Timing | None, counted: bool
) -> Callable[[Edit, int], float]:
    """What tells the seconds of a network with an edit that leaves it so many ReLUs. counted: were
    the truncations of some of its designs counted?"""
    if timing is None:
        return lambda edit, relus: 0.0
    whole, linear = prices.relus(body.widths), cache(partial(prices.seconds, body.widths))

    def seconds(edit: Edit, relus: int) -> float:
        removed = whole - relus
        if counted:
            removed = timing.truncations.get(body.edited(edit), removed)
        return timing.added(linear(), relus, removed)

    return seconds


def _fitting(
    costs: tuple[int, int, int, int],
    seconds: Callable[[], float],
    network: Callable[[], Network],
    limits: Limits,
) -> _Priced | None:
    """The design, or None if it does not fit; seconds are asked for where the others fit."""
    relus, _, flops, _ = costs
    if relus > limits.relus or flops > limits.flops:
        return None
    time = seconds()
    return None if time > limits.seconds else _Priced(*costs, time, network)


def _unbeaten(designs: Iterable[_Priced]) -> Iterator[_Priced]:
    """Those that no other one beats; of designs with equal ReLUs, MACs and seconds all."""

    def gains(each: _Priced) -> tuple[float, int, int]:
        return each.seconds, -each.relus, -each.macs

    # Of the designs so far, all as fast, those with the most MACs at their ReLUs or more: the
    # ReLUs rise, the MACs fall.
    relus: list[int] = []
    macs: list[int] = []
    for (_, fewer, less), equal in groupby(sorted(designs, key=gains), gains):
        place = bisect_left(relus, -fewer)
        if place < len(macs) and macs[place] >= -less:
            continue
        yield from equal
        stay = place
        while stay and macs[stay - 1] <= -less:
            stay -= 1
        relus[stay:place], macs[stay:place] = [-fewer], [-less]
