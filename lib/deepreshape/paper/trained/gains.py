"""What the gain of a claim is made of: of which accuracies, seed by seed, with which weights.

A gain is a sum of accuracies times numbers: of a pair +1 and -1, of interpolated curves more. Kept
as that sum it can be taken of every test image on its own, too.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from math import inf, log, sqrt

import numpy as np
from numpy.typing import NDArray

from deepreshape.learn.images.sources import KNOWN
from deepreshape.learn.runs.run import Record
from deepreshape.paper.trained.accuracies import Records, abscissa, accuracies, accuracy
from deepreshape.paper.trained.experiments import Claim, Point

Sum = Mapping[str, float]
"""Keys of runs, and the number that the accuracy of each is multiplied with."""
Place = tuple[str, float]
"""Where curves are compared: which of those behind, and the logarithm of the abscissa."""

NEAR_CHANCE = 2
"""A network that is right less than so many times as often as a guess has learned next to nothing:
its accuracy says that training failed, not how good it is."""


def value(gain: Sum, records: Records) -> float:
    """A gain in points."""
    return sum(weight * (records[key].test or 0.0) for key, weight in gain.items())


def mean_of(sums: Iterable[Sum]) -> Sum:
    """The mean of several sums, as one."""
    listed = list(sums)
    return _scaled(_added(listed), 1 / len(listed))


def _added(sums: Iterable[Sum]) -> Sum:
    found: dict[str, float] = {}
    for each in sums:
        for key, weight in each.items():
            found[key] = found.get(key, 0.0) + weight
    return found


def _scaled(gain: Sum, factor: float) -> Sum:
    return {key: factor * weight for key, weight in gain.items()}


# Which points take part


def without(claim: Claim, points: Iterable[Point], seeds: Iterable[int] = ()) -> Claim:
    """A claim without points, a pair without either of its two, and without runs of some seeds."""
    gone, seeds = set(points), set(seeds)

    def kept(point: Point) -> bool:
        return point not in gone and any(run.seed not in seeds for run in point.runs)

    def fewer(point: Point) -> Point:
        return replace(point, runs=tuple(run for run in point.runs if run.seed not in seeds))

    if claim.paired:
        pairs = zip(claim.ahead, claim.behind, strict=True)
        whole = [kept(one) and kept(other) for one, other in pairs]
        if claim.weights and not all(whole):
            whole = [False] * len(whole)
        ahead, behind = (
            tuple(fewer(point) for point, is_whole in zip(side, whole, strict=True) if is_whole)
            for side in (claim.ahead, claim.behind)
        )
        return replace(claim, ahead=ahead, behind=behind, weights=claim.weights if ahead else ())
    ahead, behind = (
        tuple(fewer(point) for point in side if kept(point)) for side in (claim.ahead, claim.behind)
    )
    return replace(claim, ahead=ahead, behind=behind)


def near_chance(point: Point, records: Records) -> bool:
    """Is a network, over its seeds, hardly better than a guess?"""
    found = accuracies(point, records)
    return bool(found) and sum(found) / len(found) < NEAR_CHANCE * 100 / point.network.classes


def arrived(point: Point, records: Records) -> bool:
    """Did the searches of a point's recorded runs come down to their budgets?"""
    return all(records[run.key].arrived for run in point.runs if run.key in records)


# The gain of each seed


def gains(claim: Claim, records: Records) -> dict[int, dict[Place, Sum]]:
    """Of each seed that has any: how far `ahead` is before `behind`, at each place that both can be
    compared at. Of pairs the place is their number."""
    points = claim.ahead + claim.behind
    seeds = dict.fromkeys(run.seed for point in points for run in point.runs)
    compare = _pairs if claim.paired else _curves
    found = {seed: compare(claim, seed, records) for seed in seeds}
    found = {seed: places for seed, places in found.items() if places}
    return _widest(found, records) if claim.widest else found


def _pairs(claim: Claim, seed: int, records: Records) -> dict[Place, Sum]:
    found: dict[Place, Sum] = {}
    weights = claim.weights or (1.0,) * len(claim.ahead)
    for number, (ahead, behind) in enumerate(zip(claim.ahead, claim.behind, strict=True)):
        keys = _of_seed(ahead, seed, records), _of_seed(behind, seed, records)
        if keys[0] is not None and keys[1] is not None:
            found["", number] = {keys[0]: weights[number], keys[1]: -weights[number]}
    if not claim.weights:
        return found
    if len(found) < len(claim.weights):
        return {}
    return {("", 0): _added(found.values())}


def _curves(claim: Claim, seed: int, records: Records) -> dict[Place, Sum]:
    """At each abscissa that a point of either has in the range of both, the other being
    interpolated linearly in the logarithm; curves are whole where only some places count. Where
    both have the same run nothing is compared: a gain of nothing would say that they are alike."""
    names = dict.fromkeys(point.series for point in claim.behind) if claim.widest else [""]
    ours = _curve(claim.ahead, seed, claim.over, records)
    wanted = None if claim.at is None else {_place(point, claim.over) for point in claim.at}
    found = {}
    for name in names:
        side = [point for point in claim.behind if not claim.widest or point.series == name]
        theirs = _curve(side, seed, claim.over, records)
        if ours and theirs:
            first, last = max(min(ours), min(theirs)), min(max(ours), max(theirs))
            for place in sorted({*ours, *theirs}):
                if first <= place <= last and (wanted is None or place in wanted):
                    behind = _scaled(_between(theirs, place), -1)
                    gain = _added([_between(ours, place), behind])
                    if any(gain.values()):  # not a run that both curves have
                        found[name, place] = gain
    return found


def _widest(found: dict[int, dict[Place, Sum]], records: Records) -> dict[int, dict[Place, Sum]]:
    """The one place, of those that all seeds have, with the greatest mean gain."""
    common = set.intersection(*(set(places) for places in found.values())) if found else set()
    if not common:
        return {}

    def gain(place: Place) -> float:
        return sum(value(places[place], records) for places in found.values())

    place = max(sorted(common), key=gain)
    return {seed: {place: places[place]} for seed, places in found.items()}


def _between(curve: dict[float, Sum], place: float) -> Sum:
    places = list(curve)
    right = bisect_left(places, place)
    if places[right] == place:
        return curve[place]
    share = (place - places[right - 1]) / (places[right] - places[right - 1])
    ends = ((places[right - 1], 1 - share), (places[right], share))
    return _added(_scaled(curve[end], weight) for end, weight in ends)


def _place(point: Point, over: str) -> float:
    return log(abscissa(point, over))


def _curve(points: Iterable[Point], seed: int, over: str, records: Records) -> dict[float, Sum]:
    """By the logarithm of the abscissa, in order; the mean where several are equal; with
    DeepReDuce's candidates that of the chosen."""
    known = [(point, key) for point in points if (key := _of_seed(point, seed, records))]
    found: dict[float, list[Sum]] = {}
    for point, key in _chosen(known, over, records):
        found.setdefault(_place(point, over), []).append({key: 1.0})
    return {place: mean_of(found[place]) for place in sorted(found)}


def _chosen(
    known: list[tuple[Point, str]], over: str, records: Records
) -> Iterator[tuple[Point, str]]:
    """At each of DeepReDuce's candidates the one that it would choose there: of all with no greater
    abscissa the best by validation accuracy. Other points keep their own."""
    found = [
        (_place(point, over), -(records[key].validation or 0.0), point, key) for point, key in known
    ]
    best = (inf, "")
    for _, loss, point, key in sorted(found, key=lambda each: each[:2]):
        if point.candidate:
            best = min(best, (loss, key), key=lambda each: each[0])
        yield point, best[1] if point.candidate else key


def _of_seed(point: Point, seed: int, records: Records) -> str | None:
    """The key of a point's run with a seed, where it has an accuracy."""
    found = [run for run in point.runs if run.seed == seed]
    return found[0].key if found and accuracy(found[0], records) is not None else None


def alike(gain: Sum, records: Records) -> bool:
    """Were the nets of a gain trained in one number format, and those that have a teacher in common
    by the same weights of it? A teacher that is trained again, elsewhere, has others."""
    known = [records[key] for key in gain]
    formats = {record.precision for record in known}
    teachers = [record.run["teacher"] for record in known]
    weights = [record.teacher_digest for record in known]
    return len(formats) < 2 and all(
        weights[place] == weights[teachers.index(teacher)] for place, teacher in enumerate(teachers)
    )


# The images of the test set


def tested(point: Point) -> int:
    """Images of the test set that a point's accuracies are of."""
    return KNOWN[point.runs[0].data.name].test


def knows_images(gain: Sum, records: Records) -> bool:
    """Do all records of a gain say of each test image whether it was right?"""
    return all(_correct(records[key]) is not None for key in gain)


def _correct(record: Record) -> NDArray[np.bool_] | None:
    """Records that say nothing of single images have no such field, or an empty one."""
    found: NDArray[np.bool_] | None = getattr(record, "correct", None)
    return found


def shared(gain: Sum, records: Records, images: int) -> float:
    """The variance that the choice of test images gives a gain, the mean over seeds.

    Where every record says which images are right, that of the gain's mean over the images (of a
    pair and one seed: McNemar's). Else a bound, which holds if nets tend to be right about the same
    images: binomial deviations add on each side, and the squares of both sides.
    """
    answers = [_correct(records[key]) for key in gain]
    if all(answer is not None for answer in answers):
        weights = np.array(list(gain.values()))
        return float(np.var(100 * weights @ np.array(answers, float), ddof=1)) / images
    sides = [0.0, 0.0]
    for key, weight in gain.items():
        share = (records[key].test or 0.0) / 100
        sides[weight < 0] += abs(weight) * 100 * sqrt(share * (1 - share))
    return (sides[0] ** 2 + sides[1] ** 2) / images
