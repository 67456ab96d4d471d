"""What the paper says of accuracies: claims, and the points that they are about."""

from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Literal

from deepreshape.paper.trained.experiments import sizes
from deepreshape.paper.trained.experiments.points import Point
from deepreshape.paper.trained.experiments.sizes import Size

Over = Literal["relus", "flops"]
Points = tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Claim:
    """What the paper says of the accuracies of `ahead` against those of `behind`.

    relation: `before`, more accurate; `like`, equal to within the margin; `not behind`, worse by
    no more than the margin. size: of the gain, where the paper prints one.

    Where `paired`, point by point, and the mean of the pairs counts; with `weights`, one for each
    pair, their weighted sum does, which needs them all. Otherwise as curves over ReLUs or FLOPs, at
    the places of the points in `at` (None: of both sides), and the mean of the places counts; with
    `widest` the one place alone where `ahead` is furthest before a curve, one of those `behind`.
    """

    text: str
    ahead: Points
    behind: Points
    paired: bool = False
    over: Over = "relus"
    relation: Literal["before", "like", "not behind"] = "before"
    margin: float = 0.0
    at: Points | None = None
    size: Size | None = None
    weights: tuple[float, ...] = ()
    widest: bool = False

    def __post_init__(self) -> None:
        if (self.relation == "before") != (self.margin == 0) or self.margin < 0:
            raise ValueError(f"{self.relation!r} does not go with a margin of {self.margin}")
        if self.weights and (not self.paired or len(self.weights) != len(self.ahead)):
            raise ValueError(f"weights are of pairs, one each, unlike {len(self.weights)}")
        if self.widest and self.paired:
            raise ValueError("pairs have no widest place")

    @property
    def range(self) -> tuple[float, float]:
        """Between which gains of `ahead`, in points, the claim is true."""
        return (0.0 - self.margin, self.margin if self.relation == "like" else inf)

    @property
    def is_drawn(self) -> bool:
        """Are there points on both sides, and a place to compare them at?"""
        return bool(self.ahead and self.behind) and self.at != ()


def pair(text: str, ahead: Point, behind: Point, size: Size | None = None) -> Claim:
    """One point before another."""
    return Claim(text, (ahead,), (behind,), paired=True, size=size)


def alike(text: str, ahead: Points, behind: Points, paired: bool = False) -> Claim:
    """Points that the paper calls similar, a match or on par (`similar`)."""
    return Claim(text, ahead, behind, paired, relation="like", margin=similar())


def not_behind(
    text: str, ahead: Points, behind: Points, paired: bool = False, over: Over = "relus"
) -> Claim:
    """Points that the paper calls similar to others, or better (`similar`)."""
    return Claim(text, ahead, behind, paired, over, "not behind", similar())


def series(found: Iterable[Point], name: str, panel: str | None = None) -> Points:
    """The points of a series, in a panel or in all."""
    return tuple(point for point in found if point.series == name and panel in (None, point.panel))


def few(found: Iterable[Point], relus: int) -> Points:
    """The points of at most so many ReLUs in the paper."""
    return tuple(point for point in found if point.paper_relus <= relus)


def many(found: Iterable[Point], relus: int) -> Points:
    """The points of more ReLUs than so many in the paper."""
    return tuple(point for point in found if point.paper_relus > relus)


def crossing(
    found: Iterable[Point], panel: str, method: str, narrow: str, wide: str, relus: int
) -> tuple[Claim, Claim]:
    """With few ReLUs, at most so many, a narrow network is ahead; with more the wide one."""
    ours, theirs = series(found, narrow, panel), series(found, wide, panel)
    both = ours + theirs
    low = f"{method}, few ReLUs: {narrow} before {wide}"
    high = f"{method}, many ReLUs: {wide} before {narrow}"
    return (
        Claim(low, ours, theirs, at=few(both, relus)),
        Claim(high, theirs, ours, at=many(both, relus)),
    )


def similar() -> float:
    """The margin of what the paper calls similar, a match or on par, in points: the widest gap that
    Figure 4 prints between two networks of "similar ReLU efficiency"."""
    gaps = [
        abs(wide - narrow)
        for panel in ("b (SNL)", "c (DeepReDuce)")
        for wide, narrow in zip(sizes.figure4(panel, 1), sizes.figure4(panel, 2), strict=True)
    ]
    return round(max(gaps), 2)
