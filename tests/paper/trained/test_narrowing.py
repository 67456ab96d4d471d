"""One network at three widths: which of two stages comes first."""

import pytest

from deepreshape.design import cost
from deepreshape.paper.trained.narrowing import CHANNELS, SEEDS, STAGES, Gap, gaps, runs, sentence
from deepreshape.paper.trained.profiles import PROFILES
from tests.paper.records import record


def test_runs_differ_in_width_and_stage_alone() -> None:
    made = runs()
    assert set(made) == {(channels, stage) for channels in CHANNELS for stage in STAGES}
    others = {
        (str(run.data), run.recipe, run.seed, run.teacher) for each in made.values() for run in each
    }
    assert len(others) == len(SEEDS)
    assert all(run.teacher is not None for each in made.values() for run in each)


@pytest.mark.parametrize("stage", STAGES)
def test_relus_are_in_one_stage_alone_and_follow_the_width(stage: int) -> None:
    made = runs()
    relus = [cost(made[channels, stage][0].network).stage_relus for channels in CHANNELS]
    assert all(sum(each) == each[stage - 1] for each in relus)
    assert [relus[0][stage - 1] // each[stage - 1] for each in relus] == [1, 2, 4]


def test_no_seed_is_one_that_the_recipe_was_chosen_on() -> None:
    assert not set(SEEDS) & set(PROFILES["short"].chosen_seeds)


def test_a_seed_counts_where_it_has_both_stages() -> None:
    made = runs()
    second, fourth = made[8, 2], made[8, 4]
    pairs = [(second[0], 40.0), (fourth[0], 43.0), (second[1], 41.0)]
    found = {run.pinned().key: record(run.pinned(), test) for run, test in pairs}
    assert gaps(made, found) == [Gap(8, SEEDS[:1], (40.0,), (43.0,))]


WIDE = Gap(16, SEEDS, (46.0, 45.0, 47.0), (40.0, 39.5, 40.2))
TURNED = Gap(4, SEEDS, (30.0, 31.0, 30.5), (36.0, 36.5, 36.4))
LEVEL = Gap(4, SEEDS, (30.0, 31.0, 30.5), (30.5, 31.2, 30.3))
AHEAD = Gap(4, SEEDS, (33.0, 32.0, 32.5), (30.0, 29.5, 30.0))
SAME = Gap(4, SEEDS, (46.0, 45.0, 47.0), (40.0, 39.5, 40.2))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([WIDE, TURNED], "alone turn the order."),
        ([WIDE, LEVEL], "turn the order is undecided"),
        ([WIDE, AHEAD], "do not turn"),
        ([WIDE, SAME], "the reason is undecided"),
        ([TURNED, WIDE], "are not the reason"),
        ([WIDE], "Too little"),
        ([Gap(16, (2,), (46.0,), (40.0,)), Gap(4, (2,), (30.0,), (36.0,))], "Too little"),
    ],
)
def test_what_is_said_follows_from_the_intervals(found: list[Gap], said: str) -> None:
    assert said in sentence(found)
