"""Every trained claim of the paper with the strongest evidence recorded for it, decided together.

A page decides each of its claims on its own, and of many such decisions some are wrong by chance.
Here Holm's correction is made over all that are tested in the repository.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import nan

from deepreshape.learn.runs import price
from deepreshape.learn.runs.store import Store
from deepreshape.paper.reproduce import recorded
from deepreshape.paper.trained import statistics
from deepreshape.paper.trained.experiments import EXPERIMENTS, Claim, Experiment, runs_of
from deepreshape.paper.trained.judgements import Judgement
from deepreshape.paper.trained.profiles import EVIDENCE, profile
from deepreshape.places import RECORDED

STRENGTH = EVIDENCE[::-1]
"""The same profiles, the strongest first."""
UNRECORDED = "not recorded"
TESTS = ("direction", "size")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A claim, and its judgement by the strongest records that there are (None: by none).

    undecided: the word for it at their scale. adjusted: by test, its p-value after Holm's
    correction over all tests. whole: the claim with all that it compares at the paper's scale; None
    where that has no such claim. drawn: is it among what the smallest scale draws?
    """

    experiment: Experiment
    text: str
    profile: str = ""
    judgement: Judgement | None = None
    undecided: str = ""
    adjusted: Mapping[str, float] = field(default_factory=dict)
    whole: Claim | None = None
    drawn: bool = False

    @property
    def scale(self) -> str:
        """The profile of its records, or the smallest on the paper's data that would have them."""
        return self.profile or f"none; {EVIDENCE[0] if self.drawn else EVIDENCE[-1]} has it"

    @property
    def is_decided(self) -> bool:
        """Does its direction agree or disagree, after the correction?"""
        return bool(self.adjusted) and self.outcome("direction").startswith(("agrees", "disagrees"))

    def gpu_hours(self, pace: price.Pace) -> float:
        """Of training all that it compares at the paper's scale, one seed, teachers included."""
        if self.whole is None:
            return nan
        runs = price.with_teachers(runs_of(self.whole.ahead + self.whole.behind))
        return sum(price.seconds(run, pace) for run in runs) / 3600

    def outcome(self, test: str) -> str:
        """What a page says of the claim, undecided where the correction takes the decision back.
        Agreement in size rejects nothing, so there is nothing to correct."""
        if self.judgement is None:
            return UNRECORDED
        said: str = getattr(self.judgement, test)
        decided = self.judgement.decided.get(test)
        if decided is None or (test == "size" and decided.outcome == "agrees"):
            return said
        if self.adjusted[test] < statistics.DOUBT:
            return said
        return self.undecided


def evidence(experiments: Iterable[Experiment] = EXPERIMENTS.values()) -> list[Evidence]:
    """Of every claim at the paper's profile, in the order of the register."""
    seeds = sorted({int(record.run["seed"]) for record in Store(RECORDED).records()})
    found = [each for experiment in experiments for each in _of(experiment, seeds)]
    places = [
        (number, test, decided.p)
        for number, each in enumerate(found)
        if each.judgement is not None
        for test, decided in each.judgement.decided.items()
    ]
    ps = statistics.holm([p for _, _, p in places])
    adjusted: dict[int, dict[str, float]] = {}
    for (number, test, _), p in zip(places, ps, strict=True):
        adjusted.setdefault(number, {})[test] = p
    return [replace(each, adjusted=adjusted.get(number, {})) for number, each in enumerate(found)]


def _of(experiment: Experiment, seeds: Sequence[int]) -> list[Evidence]:
    known: dict[str, Evidence] = {}
    for size in reversed(STRENGTH if seeds else ()):
        page = recorded(experiment.name, size, seeds)
        if page.is_empty:
            continue
        judged = page.judged()
        for row in judged.rows:
            # A stronger profile that shows a claim untested does not hide one that tests it.
            if row.n and (row.decided or row.claim.text not in known):
                known[row.claim.text] = Evidence(
                    experiment, row.claim.text, size, row, judged.standing.worded("undecided")
                )
    whole, reduced = (
        {claim.text: claim for claim in experiment.claims(experiment.drawn(profile(size)))}
        for size in (EVIDENCE[-1], EVIDENCE[0])
    )
    found = {text: Evidence(experiment, text) for text in whole} | known
    return [
        replace(each, whole=whole.get(text), drawn=text in reduced) for text, each in found.items()
    ]
