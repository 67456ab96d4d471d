"""All trained claims with their strongest recorded evidence, decided together."""

from collections.abc import Callable
from pathlib import Path

import pytest

from deepreshape.learn.runs.store import Store
from deepreshape.paper import reproduce, status
from deepreshape.paper.trained.experiments import find
from deepreshape.paper.trained.profiles import PROFILES
from tests.paper.records import record

FIG3E = [find("fig3e")]
SEEDS = (1, 2, 3, 4)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The repository's records, in a folder of the test."""
    for module in (reproduce, status):
        monkeypatch.setattr(module, "RECORDED", tmp_path)
    return Store(tmp_path)


def keep(store: Store, size: str, accuracy: Callable[[str, int], float]) -> None:
    for point in FIG3E[0].drawn(PROFILES[size], seeds=SEEDS):
        for run in point.runs:
            store.put(run, record(run, accuracy(point.series, run.seed)))


def ranked(series: str, seed: int) -> float:
    """Alpha far ahead of Gamma, Beta in between and ahead of it by a chance."""
    return 50 + {"Alpha": 20.0, "Beta": 1.8, "Gamma": 0.0}[series] + 0.1 * seed


def test_without_records_every_claim_is_unrecorded(kept: Store) -> None:
    found = status.evidence(FIG3E)
    assert {each.outcome("direction") for each in found} == {"not recorded"}
    claims = FIG3E[0].claims(FIG3E[0].drawn(PROFILES["paper"]))
    assert [each.text for each in found] == [claim.text for claim in claims]
    assert status.sentence(found).startswith("Of 3 claims about trained networks 0 have records")


def test_a_claim_has_the_verdict_of_its_recorded_runs(kept: Store) -> None:
    keep(kept, "short", ranked)
    found = status.evidence(FIG3E)
    assert {each.profile for each in found} == {"short"}
    verdicts = {each.text.split()[0]: each.outcome("direction") for each in found}
    assert verdicts["Alpha"] == "agrees at reduced scale"
    (row,) = status.counted(found).to_dict("records")
    assert (row["claims"], row["recorded"], row["tested"]) == (3, 3, 3)
    assert row["agree"] + row["disagree"] + row["undecided"] == 3


def test_the_correction_takes_back_what_one_test_alone_would_decide(kept: Store) -> None:
    keep(kept, "short", ranked)
    found = status.evidence(FIG3E)
    for each in found:
        assert each.judgement is not None
        p = each.judgement.decided["direction"].p
        assert p <= each.adjusted["direction"] <= 3 * p
    weak = min(found, key=lambda each: abs(each.judgement.mean if each.judgement else 0))
    again = status.Evidence(
        weak.experiment,
        weak.text,
        weak.profile,
        weak.judgement,
        "undecided at reduced scale",
        {"direction": 0.06},
    )
    assert again.outcome("direction") == "undecided at reduced scale"


def test_records_of_the_papers_profile_come_first(kept: Store) -> None:
    keep(kept, "short", ranked)
    keep(kept, "paper", lambda series, seed: 70 + 9.0 * (series == "Gamma") + 0.1 * seed)
    found = {each.text: each for each in status.evidence(FIG3E)}
    gamma = found["Alpha is more ReLU-efficient than Gamma"]
    assert (gamma.profile, gamma.outcome("direction")) == ("paper", "disagrees")


def test_the_table_has_a_row_for_each_claim(kept: Store) -> None:
    keep(kept, "short", ranked)
    found = status.evidence(FIG3E)
    table = status.table(found)
    assert list(table["claim"]) == [each.text for each in found]
    assert list(table["direction"]) == [each.outcome("direction") for each in found]
    assert set(table["n"]) == {3}
