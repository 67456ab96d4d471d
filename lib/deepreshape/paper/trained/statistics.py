"""What an interval is made of, and what it decides.

All numbers are points of accuracy. Two things make the mean gain of some seeds uncertain: the
seeds, by a deviation that is pooled over the paired comparisons of a page (Student's t), and the
images of the test set, which all seeds share. Their variances are added, and degrees of freedom
follow Welch and Satterthwaite.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf, nan, sqrt
from statistics import fmean, stdev
from typing import Literal

from scipy.stats import t as student

Outcome = Literal["agrees", "disagrees", "undecided"]

DOUBT = 0.05
"""What is said with 95 % confidence is wrong in this share of cases."""
LEAST_DEGREES = 2
"""A deviation with one degree of freedom may be wrong by any factor: t is 12.7 there, 4.3 at 2."""


def half_interval(values: Sequence[float]) -> float:
    """Half the width of the 95 % interval of the mean, by the values' own deviation; not a number
    for fewer than two values, nor for equal ones, which have no deviation."""
    if len(values) < 2 or min(values) == max(values):
        return nan
    return _quantile(len(values) - 1) * stdev(values) / sqrt(len(values))


def _quantile(degrees: float) -> float:
    return float(student.ppf(1 - DOUBT / 2, degrees))


# Pooled over comparisons


@dataclass(frozen=True, slots=True)
class Pool:
    """A deviation over seeds, its degrees of freedom, and how many comparisons it is pooled of."""

    deviation: float
    degrees: int
    comparisons: int


def pool(groups: Iterable[Sequence[float]], least: float) -> Pool | None:
    """The deviation within groups of gains, each about its own mean.

    least: the smallest that is believed, one image of the test set: gains that happen to be equal
    are not certain. None with fewer than `LEAST_DEGREES` degrees of freedom.
    """
    several = [group for group in groups if len(group) > 1]
    degrees = sum(len(group) - 1 for group in several)
    if degrees < LEAST_DEGREES:
        return None
    squares = sum((len(group) - 1) * stdev(group) ** 2 for group in several)
    return Pool(max(sqrt(squares / degrees), least), degrees, len(several))


# What an interval decides


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean, its standard error, and the degrees of freedom of that."""

    mean: float
    error: float
    degrees: float

    @property
    def half(self) -> float:
        """Half the width of the 95 % interval."""
        return _quantile(self.degrees) * self.error

    def above(self, value: float) -> float:
        """How probable a mean as high as this one or higher is, if the truth is `value`."""
        return float(student.sf((self.mean - value) / self.error, self.degrees))

    def below(self, value: float) -> float:
        """How probable a mean as low as this one or lower is, if the truth is `value`."""
        return float(student.cdf((self.mean - value) / self.error, self.degrees))


def estimate(gains: Sequence[float], pooled: Pool, shared: float, scale: float = 1.0) -> Estimate:
    """Of the mean of gains, one a seed. shared: the variance that the test set's images give it,
    however many seeds there are. scale: the deviation of these gains over the pooled one."""
    seeds = (scale * pooled.deviation) ** 2 / len(gains)
    whole = seeds + shared
    return Estimate(fmean(gains), sqrt(whole), whole**2 / (seeds**2 / pooled.degrees))


@dataclass(frozen=True, slots=True)
class Decision:
    """An outcome, and the two-sided p-value of what it rejects: below 0.05 where it is decided."""

    outcome: Outcome
    p: float


def direction(found: Estimate, low: float = 0.0, high: float = inf) -> Decision:
    """Does the truth lie between low and high? `agrees` where the whole interval does, `disagrees`
    where none of it does."""
    inside, outside = _inside(found, low, high), _outside(found, low, high)
    if inside < DOUBT:
        return Decision("agrees", inside)
    return Decision("disagrees" if outside < DOUBT else "undecided", min(inside, outside))


def size(found: Estimate, low: float, high: float) -> Decision:
    """Is the truth as large as is printed, from low to high, or one number?

    `disagrees` where the interval has nothing in common with what is printed; p is of that.
    `agrees` where it has, and its half width is at most half of the printed size, of the upper end
    of a range: around that size it reaches neither nothing nor twice as much. Else `undecided`.
    """
    outside = _outside(found, low, high)
    if outside < DOUBT:
        return Decision("disagrees", outside)
    narrow = found.half <= max(abs(low), abs(high)) / 2
    return Decision("agrees" if narrow else "undecided", outside)


def _inside(found: Estimate, low: float, high: float) -> float:
    return min(1.0, 2 * max(found.above(low), found.below(high)))


def _outside(found: Estimate, low: float, high: float) -> float:
    return min(1.0, 2 * min(found.below(low), found.above(high)))


def holm(ps: Sequence[float]) -> list[float]:
    """P-values adjusted by Holm's step-down method, in their order: of all that stay below 0.05 the
    chance that even one is wrong is below 0.05."""
    adjusted, least = [1.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=lambda place: ps[place])):
        least = max(least, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = least
    return adjusted
