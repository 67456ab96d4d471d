"""Every trained claim of the paper with the strongest evidence recorded for it, decided together.

A page decides each of its claims on its own, and of many such decisions some are wrong by chance.
Here Holm's correction is made over all that are tested in the repository.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import nan

import pandas as pd

from deepreshape.learn.runs.store import Store
from deepreshape.paper.reproduce import recorded
from deepreshape.paper.trained import statistics
from deepreshape.paper.trained.experiments import EXPERIMENTS, Experiment
from deepreshape.paper.trained.judgements import Judgement
from deepreshape.paper.trained.profiles import profile
from deepreshape.places import RECORDED

STRENGTH = ("paper", "short")
"""Profiles whose records are evidence, the strongest first."""
UNRECORDED = "not recorded"
TESTS = ("direction", "size")


@dataclass(frozen=True, slots=True)
class Evidence:
    """A claim, and its judgement by the strongest records that there are (None: by none).

    undecided: the word for it at their scale. adjusted: by test, its p-value after Holm's
    correction over all tests.
    """

    experiment: Experiment
    text: str
    profile: str = ""
    judgement: Judgement | None = None
    undecided: str = ""
    adjusted: Mapping[str, float] = field(default_factory=dict)

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
    claims = experiment.claims(experiment.drawn(profile("paper")))
    texts = dict.fromkeys([claim.text for claim in claims] + [*known])
    return [known.get(text, Evidence(experiment, text)) for text in texts]


# Tables


def table(found: Iterable[Evidence]) -> pd.DataFrame:
    """A row for each claim; p is adjusted."""
    return pd.DataFrame([_row(each) for each in found])


def _row(each: Evidence) -> dict[str, object]:
    row = each.judgement
    size = None if row is None else row.claim.size
    return {
        "page": each.experiment.name,
        "claim": each.text,
        "profile": each.profile,
        "n": 0 if row is None else row.n,
        "mean gain": nan if row is None else row.mean,
        "± 95 %": nan if row is None or row.found is None else row.found.half,
        "direction": each.outcome("direction"),
        "p": each.adjusted.get("direction", nan),
        "printed size": "" if size is None else str(size),
        "size": each.outcome("size") if size is not None else "",
        "p of size": each.adjusted.get("size", nan),
    }


def counted(found: Iterable[Evidence]) -> pd.DataFrame:
    """A row for each page: its claims, how many are recorded and tested, and their outcomes on the
    direction."""
    rows = []
    for each in found:
        outcome = each.outcome("direction") if each.adjusted else ""
        rows.append(
            {
                "page": each.experiment.name,
                "what": each.experiment.title,
                "claims": 1,
                "recorded": int(each.judgement is not None),
                "tested": int(bool(each.adjusted)),
                "agree": int(outcome.startswith("agrees")),
                "disagree": int(outcome.startswith("disagrees")),
                "undecided": int(outcome.startswith("undecided")),
            }
        )
    return pd.DataFrame(rows).groupby(["page", "what"], sort=False, as_index=False).sum()


def sentence(found: Iterable[Evidence]) -> str:
    """How many claims there are, how many tests were made, and what is decided."""
    listed = list(found)
    tests = [each.outcome(test) for each in listed for test in TESTS if test in each.adjusted]
    known = sum(each.judgement is not None for each in listed)
    text = (
        f"Of {len(listed)} claims about trained networks {known} have records here. {len(tests)}"
        " tests of directions and sizes are made, and decided together (Holm, 5 % for all of them)"
    )
    said = dict.fromkeys(tests)
    counts = ", ".join(f"{name}: {tests.count(name)}" for name in said)
    return f"{text}: {counts}." if counts else f"{text}."
