"""The runs that recipes for CIFAR-100 were chosen by.

For the short profile each recipe trains ResNet18(m=16) with ReLUs in stage 3 alone and in stage 2
alone, the two most critical stages. Table 10 has them 1.8 points apart without KD. A recipe is
worth its time if it tells them apart the right way, by validation accuracy.

For the full-width profile each trains ResNet18(m=12), which is no network of the paper: a recipe is
worth its time by the validation accuracy that it reaches in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from deepreshape.design import Network, resnet18
from deepreshape.design.criticality import alone
from deepreshape.learn.images.sets import DataSet
from deepreshape.learn.runs.run import Record, Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.training.recipe import Recipe
from deepreshape.paper.trained.accuracies import by_key, interval, mean
from deepreshape.paper.trained.profiles import PROFILES
from deepreshape.places import RECORDED

STAGES = (3, 2)
SEEDS = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Trial:
    """A recipe under trial, and what it differs in from the one that was chosen."""

    what: str
    recipe: Recipe

    def run(self, stage: int, seed: int) -> Run:
        """ResNet18(m=16) with ReLUs in one stage alone."""
        return self.of(alone(resnet18(16), stage), seed)

    def of(self, network: Network, seed: int) -> Run:
        return Run(network, DataSet("cifar100"), self.recipe, seed)

    @property
    def cost(self) -> float:
        """In epochs of whole images; one of half the side takes a quarter."""
        halved = self.recipe.halved
        return self.recipe.epochs - 0.75 * halved


CHOSEN = PROFILES["short"].recipe
_FOUR = replace(CHOSEN, epochs=4, smoothing=0.1)
TRIALS = (
    Trial("chosen", CHOSEN),
    Trial("4 epochs, labels smoothed by 0.1", _FOUR),
    Trial("the same, batches of 128 at half the rate", replace(_FOUR, batch=128, rate=0.2)),
    Trial("the same, half the epochs at 16 x 16 pixels", replace(_FOUR, small=0.5)),
    Trial("8 epochs, smoothed, half at 16 x 16", replace(_FOUR, epochs=8, small=0.5)),
)

_WIDE = PROFILES["full-width"].recipe
FULL_WIDTH_TRIALS = (
    Trial("chosen", _WIDE),
    Trial("3 in 10 of the epochs at 16 x 16 pixels", replace(_WIDE, small=0.3)),
    Trial("half of them at 16 x 16", replace(_WIDE, small=0.5)),
    Trial("15 epochs, none at 16 x 16", replace(_WIDE, epochs=15)),
)
(FULL_WIDTH_NETWORK,) = PROFILES["full-width"].chosen_networks


def trial_runs() -> list[Run]:
    """Every run that may have been recorded for the trials."""
    return [trial.run(stage, seed) for trial in TRIALS for stage in STAGES for seed in SEEDS]


def recorded_trials() -> Mapping[str, Record]:
    """The records of the trials that the repository has."""
    shelf = Store(RECORDED)
    return by_key(record for run in trial_runs() if (record := shelf.get(run)))


def recorded_full_width_trials() -> dict[Trial, Record]:
    """The records that the repository has of the trials for the full-width profile."""
    shelf, (seed,) = Store(RECORDED), PROFILES["full-width"].chosen_seeds
    found = {each: shelf.get(each.of(FULL_WIDTH_NETWORK, seed)) for each in FULL_WIDTH_TRIALS}
    return {each: record for each, record in found.items() if record is not None}


def full_width_table(records: Mapping[Trial, Record]) -> pd.DataFrame:
    """A row for each recipe: its cost, and the accuracies that one seed reached by it."""
    return pd.DataFrame(
        [
            {
                "recipe": trial.what,
                "cost (epochs at 32 x 32)": trial.cost,
                "validation (%)": f"{record.validation:.2f}",
                "test (%)": f"{record.test:.2f}",
            }
            for trial, record in records.items()
        ]
    )


def resized(records: Mapping[Trial, Record]) -> str:
    """What the trials say of images of half the side, in words; nothing while one is missing."""
    chosen, some, _, fewer = FULL_WIDTH_TRIALS
    if not {chosen, some, fewer} <= records.keys():
        return ""
    cut, whole, most = (records[each].validation or 0.0 for each in (some, fewer, chosen))
    small, saved = 100 * some.recipe.small, 100 * (1 - some.cost / chosen.cost)
    return (
        f"Images of half the side in {small:.0f} % of the epochs cost {most - cut:.1f} points and"
        f" save {saved:.0f} % of the time; for about as long, {fewer.recipe.epochs} epochs of whole"
        f" images are {whole - cut:+.1f} points from that."
    )


def trial_table(records: Mapping[str, Record]) -> pd.DataFrame:
    """A row for each recipe: its cost, validation accuracy with ReLUs in stage 3 and in stage 2
    alone, and how far stage 3 is ahead, means over the n seeds that have both; ± 95 % is half the
    interval of the last."""
    rows = []
    for trial in TRIALS:
        found = {
            (stage, seed): record
            for stage in STAGES
            for seed in SEEDS
            if (record := records.get(trial.run(stage, seed).key)) and record.status == "done"
        }
        seeds = [seed for seed in SEEDS if all((stage, seed) in found for stage in STAGES)]
        if not seeds:
            continue
        three, two = ([found[stage, seed].validation or 0.0 for seed in seeds] for stage in STAGES)
        gaps = [a - b for a, b in zip(three, two, strict=True)]
        rows.append(
            {
                "recipe": trial.what,
                "cost (epochs at 32 x 32)": trial.cost,
                "stage 3 (%)": mean(three),
                "stage 2 (%)": mean(two),
                "stage 3 ahead by": mean(gaps),
                "± 95 %": interval(gaps),
                "n": len(seeds),
            }
        )
    return pd.DataFrame(rows)
