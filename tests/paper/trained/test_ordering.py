"""The order of the stages of a network, and which of them are separated."""

from collections.abc import Callable
from dataclasses import replace
from math import isnan
from statistics import fmean

import numpy as np
import pytest

from deepreshape.design import DesignError, cost, cull, parse
from deepreshape.design.criticality import criticality, order
from deepreshape.learn.images.sets import parse as parse_data
from deepreshape.learn.runs.record import Record, packed
from deepreshape.learn.runs.run import Run
from deepreshape.learn.training.recipe import Recipe
from deepreshape.paper.printed import tables
from deepreshape.paper.trained.ordering import Ordering, alone_runs, ordering
from tests.paper.records import record

DATA = parse_data("mnist5k[per_class=8,size=8]")
RUN = Run(parse("ResNet18(m=4)", 8, 10), DATA, Recipe(epochs=1))
IMAGES = 1000
MEANS = {1: 40.0, 2: 60.0, 3: 70.0, 4: 50.0}


def found(accuracy: Callable[[int, int], float], seeds: int = 3, run: Run = RUN) -> Ordering:
    """The order if a stage and a seed have such accuracies."""
    runs = alone_runs(run, range(1, seeds + 1))
    records = {
        stage: [record(each, accuracy(stage, each.seed)) for each in listed]
        for stage, listed in runs.items()
    }
    return ordering(run.network, records, IMAGES)


def near(stage: int, seed: int) -> float:
    """Far apart, and the same again within a point."""
    return MEANS[stage] + 0.3 * ((seed * stage) % 3 - 1)


def test_each_stage_has_its_relus_alone_with_every_seed() -> None:
    runs = alone_runs(RUN, (1, 5))
    assert list(runs) == [1, 2, 3, 4]
    assert [run.network.name for run in runs[3]] == ["ResNet18(m=4)-C124"] * 2
    assert [replace(run, network=RUN.network, seed=1) for run in runs[2]] == [RUN, RUN]
    assert [run.seed for run in runs[1]] == [1, 5]


@pytest.mark.parametrize("name", ["table10", "table11"])
def test_the_criticality_of_the_printed_accuracies_is_the_printed_one(name: str) -> None:
    for row, network in tables.with_networks(name):
        run = replace(RUN, network=replace(network, resolution=8, classes=10))
        printed = [float(row[f"stage{k}_acc_kd_pct"]) for k in range(1, 5)]
        of_stages = found(lambda stage, _, printed=printed: printed[stage - 1], 1, run)
        assert of_stages.order == order([float(row[f"stage{k}_Ck"]) for k in range(1, 5)])


def test_the_order_is_that_of_the_mean_accuracies() -> None:
    by_seed = found(near)
    means = [fmean(near(stage, seed) for seed in (1, 2, 3)) for stage in range(1, 5)]
    expected = criticality(cost(RUN.network).stage_relus, means)
    assert by_seed.order == order(expected) == (3, 2, 4, 1)
    assert [each.criticality for each in by_seed.stages] == pytest.approx(expected)
    assert [each.accuracy for each in by_seed.stages] == pytest.approx(means)


def test_stages_far_apart_are_separated() -> None:
    pairs = found(near).pairs
    assert [(pair.more, pair.less) for pair in pairs] == [(3, 2), (2, 4), (4, 1)]
    assert all(pair.separated and 0 < pair.half < pair.gain for pair in pairs)


def test_gains_add_up_to_the_criticality_of_the_first() -> None:
    by_seed = found(near)
    assert sum(pair.gain for pair in by_seed.pairs) == pytest.approx(by_seed.stages[2].criticality)


def test_stages_that_seeds_exchange_are_not_separated() -> None:
    def accuracy(stage: int, seed: int) -> float:
        return near(stage, seed) + {2: 8.0, 3: -2.0}.get(stage, 0) * (seed != 2)

    (pair,) = (pair for pair in found(accuracy).pairs if {pair.more, pair.less} == {2, 3})
    assert not pair.separated
    assert pair.half > pair.gain


def test_a_larger_difference_has_the_same_interval_and_a_smaller_p() -> None:
    small, large = (
        found(lambda stage, seed, step=step: near(stage, seed) + step * (stage == 3)).pairs[0]
        for step in (-9.0, 0.0)
    )
    assert small.p > large.p
    assert small.gain < large.gain


def test_one_seed_separates_nothing() -> None:
    by_seed = found(near, seeds=1)
    assert by_seed.order == (3, 2, 4, 1)
    assert all(isnan(pair.half) and isnan(pair.p) for pair in by_seed.pairs)
    assert not any(pair.separated for pair in by_seed.pairs)
    assert all(isnan(stage.half) for stage in by_seed.stages)


def test_the_least_critical_has_no_interval_as_the_others_are_measured_from_it() -> None:
    halves = [stage.half for stage in found(near).stages]
    assert isnan(halves[0])
    assert all(half > 0 for half in halves[1:])


def answers(right: int, shift: int) -> str:
    return packed(np.roll(np.arange(IMAGES) < right, shift))


def test_nets_that_are_right_about_other_images_are_less_certain() -> None:
    """Of the same accuracies: McNemar's variance, where records say which images are right."""

    def half(apart: int) -> float:
        records: dict[int, list[Record]] = {}
        for stage, runs in alone_runs(RUN, (1, 2, 3)).items():
            right = int(10 * MEANS[stage])
            records[stage] = [
                replace(
                    record(run, MEANS[stage]), tested=IMAGES, right=answers(right, apart * stage)
                )
                for run in runs
            ]
        return ordering(RUN.network, records, IMAGES).pairs[0].half

    assert half(0) < half(100)


def test_a_network_near_chance_is_marked() -> None:
    by_seed = found(lambda stage, seed: 19.0 if stage == 4 else near(stage, seed))
    assert [stage.near_chance for stage in by_seed.stages] == [False, False, False, True]


@pytest.mark.parametrize(("classes", "least"), [(2, 75.0), (4, 50.0), (10, 20.0), (100, 2.0)])
def test_near_chance_is_twice_a_guess_or_half_of_the_way_from_it(
    classes: int, least: float
) -> None:
    means = {1: least - 0.1, 2: least, 3: least + 1, 4: least + 2}
    records = {
        stage: [record(run, means[stage]) for run in runs]
        for stage, runs in alone_runs(RUN, (1, 2)).items()
    }
    stages = ordering(replace(RUN.network, classes=classes), records, IMAGES).stages
    assert [stage.near_chance for stage in stages] == [True, False, False, False]


def test_a_stage_without_relus_is_refused() -> None:
    run = replace(RUN, network=cull(RUN.network, [2]))
    with pytest.raises(DesignError, match=r"stage 2 of ResNet18\(m=4\)-C2 has no ReLUs to judge"):
        alone_runs(run, (1,))


def test_one_stage_has_no_order() -> None:
    run = replace(RUN, network=parse("Net(4; 4x1)", 8, 10))
    with pytest.raises(DesignError, match="there is nothing to order"):
        alone_runs(run, (1,))


def test_a_record_without_accuracy_is_refused() -> None:
    runs = alone_runs(RUN, (1,))
    records = {stage: [record(each, None) for each in listed] for stage, listed in runs.items()}
    with pytest.raises(ValueError, match="has no test accuracy"):
        ordering(RUN.network, records, IMAGES)
