"""All trained claims with their strongest recorded evidence, decided together."""

import re
from base64 import b64decode
from collections.abc import Callable

import pandas as pd
import pytest

from deepreshape.learn.runs import price
from deepreshape.learn.runs.store import Store
from deepreshape.paper import status, status_tables
from deepreshape.paper.printed import tables
from deepreshape.paper.printed.tables import TABLES
from deepreshape.paper.printed.verdicts import verify
from deepreshape.paper.trained.experiments import EXPERIMENTS, find
from deepreshape.paper.trained.profiles import PROFILES
from tests.paper.records import record

FIG3E = [find("fig3e")]
SEEDS = (1, 2, 3, 4)


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
    assert status_tables.sentence(found).startswith(
        "Of 3 claims about trained networks 0 have records"
    )


def test_a_claim_has_the_verdict_of_its_recorded_runs(kept: Store) -> None:
    keep(kept, "short", ranked)
    found = status.evidence(FIG3E)
    assert {each.profile for each in found} == {"short"}
    verdicts = {each.text.split()[0]: each.outcome("direction") for each in found}
    assert verdicts["Alpha"] == "agrees at reduced scale"
    (row,) = status_tables.counted(found).to_dict("records")
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
    table = status_tables.claims(found)
    assert list(table["claim"]) == [each.text for each in found]
    assert list(table["direction"]) == [each.outcome("direction") for each in found]
    assert set(table["n"]) == {3}


def test_every_experiment_is_quoted_once() -> None:
    quotes = tables.table("quotes")
    assert [row["page"] for row in quotes] == list(EXPERIMENTS)
    assert all(row["quote"] and row["place"] for row in quotes)


def test_hours_at_the_papers_scale_are_those_of_its_runs(kept: Store) -> None:
    pace = price.gpu("A100")
    for each in status.evidence(FIG3E):
        assert each.whole is not None
        points = each.whole.ahead + each.whole.behind
        alone = {run for point in points for run in point.runs}
        taught = {run.teacher for run in alone if run.teacher}
        seconds = sum(price.seconds(run, pace) for run in alone | taught)
        assert each.gpu_hours(pace) == pytest.approx(seconds / 3600)


def test_a_claim_without_records_names_the_smallest_profile_that_has_it(kept: Store) -> None:
    found = status.evidence([find("fig4b")])
    drawn = find("fig4b").claims(find("fig4b").drawn(PROFILES["short"]))
    texts = {claim.text for claim in drawn}
    assert found
    for each in found:
        assert each.scale == f"none; {'short' if each.text in texts else 'paper'} has it"


def test_every_printed_value_of_a_figure_or_table_is_counted_on_a_page(kept: Store) -> None:
    text = status_tables.pages([]).data
    counts = [int(number) for number in re.findall(r"(\d+) (?:equal|within|differs)", text)]
    verdicts = [verdict for name in TABLES for verdict in verify(name)]
    assert sum(counts) == sum(verdict.printed.table != "text_claims" for verdict in verdicts)


def test_what_a_filter_goes_by_are_columns_by_their_places() -> None:
    table = pd.DataFrame({"a": ["x"], "b": ["y"], "c": ["<b>z</b>"]})
    shown = status_tables.filterable(table, "some", ["a", "c"]).data
    assert 'data-columns="0,2"' in shown
    assert "<b>z</b>" in shown


def test_a_page_holds_its_csv() -> None:
    table = pd.DataFrame({"a": [1, 2]})
    (data,) = re.findall(r"base64,([^\"]+)", status_tables.download(table, "some").data)
    assert b64decode(data).decode() == "a\n1\n2\n"
