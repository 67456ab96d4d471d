"""Claims that are not decided, and the runs that would test them."""

from collections.abc import Callable

import pytest

from deepreshape.learn.runs.price import with_teachers
from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from deepreshape.paper import status
from deepreshape.paper.open_claims import FEW, MORE, OpenClaim, open_claims
from deepreshape.paper.trained.experiments import find
from deepreshape.paper.trained.profiles import PROFILES
from tests.paper.records import record

FIG3E = [find("fig3e")]
SHORT = PROFILES["short"]


def keep(store: Store, size: str, accuracy: Callable[[str, int], float]) -> None:
    profile = PROFILES[size]
    for point in FIG3E[0].drawn(profile, seeds=profile.fair_seeds(FEW)):
        for run in point.runs:
            store.put(run, record(run, accuracy(point.series, run.seed)))


def far_apart(series: str, seed: int) -> float:
    return {"Alpha": 80.0, "Beta": 60.0, "Gamma": 40.0}[series] + 0.1 * seed


def close(series: str, seed: int) -> float:
    return 50.0 + {"Alpha": seed, "Beta": -seed, "Gamma": seed % 2}[series]


def of_store(store: Store) -> list[OpenClaim]:
    return open_claims(SHORT, status.evidence(FIG3E), lambda run: store.get(run) is None)


def test_without_records_every_claim_is_open(kept: Store) -> None:
    found = of_store(kept)
    assert [each.text for each in found] == [each.text for each in status.evidence(FIG3E)]
    assert {each.outcome for each in found} == {"not recorded"}
    assert {each.seeds for each in found} == {SHORT.fair_seeds(FEW)}


def test_the_runs_of_an_open_claim_are_all_that_it_compares(kept: Store) -> None:
    points = FIG3E[0].drawn(SHORT, seeds=SHORT.fair_seeds(FEW))
    claims = {claim.text: claim for claim in FIG3E[0].claims(points)}
    for each in of_store(kept):
        claim = claims[each.text]
        runs = [run.pinned() for point in claim.ahead + claim.behind for run in point.runs]
        assert {*each.runs} == {*with_teachers(runs)}


def test_a_decided_claim_is_not_open(kept: Store) -> None:
    keep(kept, "short", far_apart)
    assert of_store(kept) == []


def test_what_a_few_seeds_left_undecided_takes_more(kept: Store) -> None:
    keep(kept, "short", close)
    found = of_store(kept)
    assert found
    assert {each.outcome for each in found} == {"undecided at reduced scale"}
    assert {each.seeds for each in found} == {SHORT.fair_seeds(MORE)}


def test_a_claim_that_is_decided_at_a_small_scale_is_open_at_the_papers(kept: Store) -> None:
    keep(kept, "short", far_apart)
    found = open_claims(PROFILES["paper"], status.evidence(FIG3E), lambda run: True)
    small = {"agrees at reduced scale", "disagrees at reduced scale"}
    assert {each.outcome for each in found} <= small
    assert {run.recipe.epochs for each in found for run in each.runs} == {200}


def test_seeds_may_be_chosen(kept: Store) -> None:
    found = open_claims(SHORT, status.evidence(FIG3E), lambda run: True, (7, 8))
    assert {run.seed for each in found for run in each.runs} == {7, 8}


def test_what_a_profile_does_not_draw_has_no_runs(kept: Store) -> None:
    fig4b = find("fig4b")
    drawn = {claim.text for claim in fig4b.claims(fig4b.drawn(SHORT)) if claim.is_drawn}
    for each in open_claims(SHORT, status.evidence([fig4b]), lambda run: True):
        assert bool(each.runs) == (each.text in drawn)


def test_no_claim_waits_for_a_network_on_which_the_recipe_was_chosen(kept: Store) -> None:
    def of_chosen(run: Run) -> bool:
        return run.network in SHORT.chosen_networks

    found = open_claims(SHORT, status.evidence([find("table10")]), lambda run: True)
    assert any(not each.runs for each in found)
    assert not any(of_chosen(run) for each in found for run in each.runs)


@pytest.mark.parametrize("name", ["smoke", "quick"])
def test_digits_decide_nothing(name: str, kept: Store) -> None:
    with pytest.raises(ValueError, match=f"profile {name} decides nothing"):
        open_claims(PROFILES[name], status.evidence(FIG3E), lambda run: True)
