"""The order of criticality of a network and images of one's own, as Tables 10 and 11 find theirs.

The network is trained with the ReLUs of one stage alone, stage by stage and seed by seed, and C_k
is taken of the mean test accuracies. Two stages next to each other in the order are separated where
the interval of their difference in C_k has no zero in it: the deviation over seeds is pooled over
these pairs, the shared test images add their variance, and the pairs are decided together (Holm).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import nan
from statistics import fmean

from deepreshape.design import AnyNetwork, DesignError, cost
from deepreshape.design.criticality import EXPONENT, alone, criticality, order
from deepreshape.learn.runs.record import Record
from deepreshape.learn.runs.run import Run
from deepreshape.paper.trained import statistics
from deepreshape.paper.trained.gains import NEAR_CHANCE, Sum, mean_of, shared, value
from deepreshape.paper.trained.statistics import DOUBT, Estimate, direction

Accuracies = Mapping[int, Sequence[Record]]
"""Of each stage, with its ReLUs alone, a record of each seed."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage with its ReLUs alone. relus: N_k. accuracies: percent of the test images, a seed
    each. half: half the 95 % interval of C_k, not a number where nothing is known of it, or for the
    stage that the others are measured from. near_chance: did training fail?"""

    number: int
    network: AnyNetwork
    relus: int
    accuracies: tuple[float, ...]
    criticality: float
    half: float
    near_chance: bool

    @property
    def accuracy(self) -> float:
        return fmean(self.accuracies)


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Two stages that follow each other in the order. gain: of C_k. half: of its 95 % interval, and
    p, by Holm's method over all pairs, of no gain; not numbers where one seed decides nothing."""

    more: int
    less: int
    gain: float
    half: float
    p: float

    @property
    def separated(self) -> bool:
        return self.p < DOUBT


@dataclass(frozen=True, slots=True)
class Ordering:
    """order: from the most to the least critical stage, as `design.suggest.Space` takes it."""

    order: tuple[int, ...]
    stages: tuple[Stage, ...]
    pairs: tuple[Neighbours, ...]


def alone_runs(run: Run, seeds: Sequence[int]) -> dict[int, tuple[Run, ...]]:
    """Of each stage the runs that have its ReLUs alone, like a run of the whole network.

    Raises DesignError for a network of one stage, and where a stage has no ReLU.
    """
    relus = cost(run.network).stage_relus
    if len(relus) < 2:
        raise DesignError(f"{run.network.name} has one stage: there is nothing to order")
    if 0 in relus:
        raise DesignError(f"stage {relus.index(0) + 1} of {run.network.name} has no ReLUs to judge")
    return {
        stage: tuple(replace(run, network=alone(run.network, stage), seed=seed) for seed in seeds)
        for stage in range(1, len(relus) + 1)
    }


def ordering(network: AnyNetwork, records: Accuracies, images: int) -> Ordering:
    """The order by records of `alone_runs`, each with an accuracy on so many test images."""
    relus = cost(network).stage_relus
    found = {stage: tuple(map(_test, records[stage])) for stage in sorted(records)}
    values = criticality(relus, [fmean(each) for each in found.values()])
    ranked = order(values)
    *others, last = ranked
    from_last = [(stage, last) for stage in others]
    halves = {
        stage: nan if each is None else each.half
        for stage, each in zip(
            others, _estimates(from_last, last, relus, records, images), strict=True
        )
    }
    stages = tuple(
        Stage(
            stage,
            alone(network, stage),
            relus[stage - 1],
            accuracies,
            values[stage - 1],
            halves.get(stage, nan),
            fmean(accuracies) < _learned(network.classes),
        )
        for stage, accuracies in found.items()
    )
    pairs = list(pairwise(ranked))
    estimates = _estimates(pairs, last, relus, records, images)
    ps = statistics.holm([1.0 if each is None else direction(each).p for each in estimates])
    neighbours = tuple(
        Neighbours(
            more,
            less,
            values[more - 1] - values[less - 1],
            nan if each is None else each.half,
            nan if each is None else p,
        )
        for (more, less), each, p in zip(pairs, estimates, ps, strict=True)
    )
    return Ordering(ranked, stages, neighbours)


def _learned(classes: int) -> float:
    """The accuracy from which on a network has learned something; of two or three classes that is
    half of the way from a guess to no fault, since twice a guess is all or most of it."""
    guess = 100 / classes
    return min(NEAR_CHANCE * guess, (guess + 100) / 2)


def _estimates(
    pairs: Sequence[tuple[int, int]],
    last: int,
    relus: Sequence[int],
    records: Accuracies,
    images: int,
) -> list[Estimate | None]:
    """Of each pair of stages how far the first is ahead in C_k, which is measured from the last
    stage; None for all where there are too few seeds."""
    known = {record.key: record for each in records.values() for record in each}
    gains = [_gains(more, less, last, relus, records) for more, less in pairs]
    by_seed = [[value(gain, known) for gain in each] for each in gains]
    pooled = statistics.pool(by_seed, 100 / images)
    if pooled is None:
        return [None] * len(pairs)
    return [
        statistics.estimate(values, pooled, shared(mean_of(each), known, images))
        for values, each in zip(by_seed, gains, strict=True)
    ]


def _gains(more: int, less: int, last: int, relus: Sequence[int], records: Accuracies) -> list[Sum]:
    """C_more - C_less of each seed as a sum of accuracies."""
    one, other = ((relus[stage - 1] / 1000) ** -EXPONENT for stage in (more, less))
    found: list[Sum] = []
    for ahead, behind, base in zip(records[more], records[less], records[last], strict=True):
        gain = {ahead.key: one, behind.key: 0.0, base.key: 0.0}
        gain[behind.key] -= other
        gain[base.key] += other - one
        found.append(gain)
    return found


def _test(record: Record) -> float:
    if record.test is None:
        raise ValueError(f"run {record.key} has no test accuracy")
    return record.test
