"""The trials that the recipes of two profiles were chosen by."""

from deepreshape.learn.runs.store import Store
from deepreshape.paper.trained.experiments import EXPERIMENTS
from deepreshape.paper.trained.profiles import PROFILES
from deepreshape.paper.trained.trials import (
    FULL_WIDTH_NETWORK,
    FULL_WIDTH_TRIALS,
    SEEDS,
    STAGES,
    TRIALS,
    full_width_table,
    recorded_full_width_trials,
    resized,
    trial_runs,
    trial_table,
)
from deepreshape.places import RECORDED
from tests.paper.records import record


def test_the_chosen_recipe_is_that_of_the_profile() -> None:
    assert TRIALS[0].recipe == PROFILES["short"].recipe


def test_the_profile_leaves_out_the_networks_and_the_seed_of_the_trials() -> None:
    """The recipes that were not chosen have one seed, in the records that the repository keeps."""
    short, shelf = PROFILES["short"], Store(RECORDED)
    assert {run.network for run in trial_runs()} == set(short.chosen_networks)
    others = [trial.run(stage, seed) for trial in TRIALS[1:] for stage in STAGES for seed in SEEDS]
    assert {run.seed for run in others if shelf.get(run)} == set(short.chosen_seeds)


def test_trials_are_judged_by_validation_accuracy() -> None:
    found = {
        run.key: record(run, test=0.0, validation=validation)
        for stage, validation in zip(STAGES, (44.0, 42.5), strict=True)
        for run in [TRIALS[0].run(stage, SEEDS[0])]
    }
    (row,) = trial_table(found).to_dict("records")
    assert (row["stage 3 (%)"], row["stage 2 (%)"]) == ("44.00", "42.50")
    assert (row["n"], row["stage 3 ahead by"], row["± 95 %"]) == (1, "1.50", "")


def test_a_seed_counts_where_it_has_both_stages() -> None:
    run = TRIALS[0].run(STAGES[0], SEEDS[0])
    assert trial_table({run.key: record(run, 50.0)}).empty


def test_every_run_of_the_trials_is_listed_once() -> None:
    keys = [run.key for run in trial_runs()]
    assert len(set(keys)) == len(keys) == len(TRIALS) * len(STAGES) * len(SEEDS)


# The full-width profile


def test_the_chosen_recipe_is_that_of_the_full_width_profile() -> None:
    assert FULL_WIDTH_TRIALS[0].recipe == PROFILES["full-width"].recipe


def test_the_recorded_trials_have_no_better_recipe() -> None:
    found = recorded_full_width_trials()
    best = max(found, key=lambda trial: found[trial].validation or 0.0)
    assert best == FULL_WIDTH_TRIALS[0]


def test_the_network_of_the_trials_is_none_of_the_papers() -> None:
    full_width = PROFILES["full-width"]
    for name in ("fig3e", "fig12", "table6", "table10"):
        points = EXPERIMENTS[name].drawn(full_width)
        assert FULL_WIDTH_NETWORK not in {point.network for point in points}


def test_a_trial_has_its_cost_and_its_accuracies() -> None:
    trial = FULL_WIDTH_TRIALS[2]
    run = trial.of(FULL_WIDTH_NETWORK, 1)
    (row,) = full_width_table({trial: record(run, test=60.0, validation=61.0)}).to_dict("records")
    assert row["cost (epochs at 32 x 32)"] == 12.5
    assert (row["validation (%)"], row["test (%)"]) == ("61.00", "60.00")


def test_what_small_images_cost_and_save_is_said_of_the_records() -> None:
    accuracies = dict(zip(FULL_WIDTH_TRIALS, (62.0, 61.0, 60.0, 59.5), strict=True))
    found = {
        trial: record(trial.of(FULL_WIDTH_NETWORK, 1), test=0.0, validation=value)
        for trial, value in accuracies.items()
    }
    text = resized(found)
    assert "in 30 % of the epochs cost 1.0 points and save 22 % of the time" in text
    assert "15 epochs of whole images are -1.5 points from that" in text
    assert resized({}) == ""
