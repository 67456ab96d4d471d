"""What of the paper's claims is not decided, and the runs that would test it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache

from deepreshape.learn.runs import price
from deepreshape.learn.runs.run import Run
from deepreshape.paper.status import STRENGTH, Evidence
from deepreshape.paper.trained.experiments import Claim, Experiment, find, runs_of
from deepreshape.paper.trained.gains import without
from deepreshape.paper.trained.profiles import Profile

FEW, MORE = 3, 5
"""Seeds of a claim: as a rule, and where so many have left it undecided."""


@dataclass(frozen=True, slots=True)
class OpenClaim:
    """A claim that is not decided at a profile's scale or a larger one.

    page: that makes it. outcome: what is known of it. seeds: of all that it compares there; runs:
    these, with what they learn or start from. Both are empty where the profile does not draw it, or
    its recipe was chosen on its networks.
    """

    page: str
    text: str
    outcome: str
    seeds: tuple[int, ...]
    runs: tuple[Run, ...]


def open_claims(
    size: Profile,
    known: Iterable[Evidence],
    lacks: Callable[[Run], bool],
    seeds: tuple[int, ...] = (),
) -> list[OpenClaim]:
    """Of some claims, by what is known of each, those that are open, in their order.

    lacks: is a run to be made? seeds: of the runs; none for the first `FEW` that count, and the
    first `MORE` where nothing of those is lacking. Raises ValueError for a profile whose records
    are no evidence.
    """
    if size.name not in STRENGTH:
        raise ValueError(
            f"profile {size.name} decides nothing: claims are tested by"
            f" {' or '.join(reversed(STRENGTH))}"
        )
    enough = STRENGTH[: STRENGTH.index(size.name) + 1]
    tries = [seeds] if seeds else [size.fair_seeds(FEW), size.fair_seeds(MORE)]
    claims = cache(lambda name, numbers: _claims(find(name), size, numbers))
    found = []
    for each in known:
        if each.profile in enough and each.is_decided:
            continue
        name, outcome = each.experiment.name, each.outcome("direction")
        open_one = OpenClaim(name, each.text, outcome, (), ())
        for numbers in tries:
            runs = _runs(claims(name, numbers).get(each.text), size)
            open_one = replace(open_one, seeds=numbers if runs else (), runs=runs)
            if any(map(lacks, runs)):
                break
        found.append(open_one)
    return found


def _claims(experiment: Experiment, size: Profile, seeds: Sequence[int]) -> dict[str, Claim]:
    points = experiment.drawn(size, seeds=seeds)
    return {claim.text: claim for claim in experiment.claims(points)}


def _runs(claim: Claim | None, size: Profile) -> tuple[Run, ...]:
    if claim is None or not claim.is_drawn:
        return ()
    points = claim.ahead + claim.behind
    fair = without(claim, [point for point in points if point.network in size.chosen_networks])
    if not (fair.ahead and fair.behind):
        return ()
    runs = [run.pinned() for run in runs_of(fair.ahead + fair.behind)]
    return tuple(price.with_teachers(runs))
