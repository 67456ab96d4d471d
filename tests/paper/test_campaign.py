"""What the page about all of the paper says follows from its runs."""

from dataclasses import replace

import pandas as pd
import pytest

from deepreshape.design import cost
from deepreshape.learn.runs import price
from deepreshape.learn.runs.run import Run
from deepreshape.learn.training.losses import DKD
from deepreshape.paper import campaign, costs
from tests.learn.tiny import RUN, SEARCHED, SENSED, TAUGHT, TEACHER

FIVE = [TEACHER, RUN, TAUGHT, replace(TAUGHT, seed=2), SEARCHED]
HOURS = pd.DataFrame({"share (%)": [1.0, 2.0, 4.0, 10.0, 20.0, 40.0, 60.0, 100.0]})


def test_all_runs_are_those_of_the_prices_of_pages() -> None:
    assert campaign.runs() == costs.once("paper")
    assert len(campaign.runs(3)) > len(campaign.runs())


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (RUN, "labels"),
        (TAUGHT, "KD"),
        (replace(TAUGHT, recipe=replace(TAUGHT.recipe, distillation=DKD())), "DKD"),
        (SEARCHED, "search: SNL"),
        (SENSED, "search: SENet"),
    ],
)
def test_a_run_learns_in_one_way(run: Run, said: str) -> None:
    assert campaign.kind(run) == said


def test_the_work_of_all_is_that_of_each_kind() -> None:
    runs = campaign.runs()
    table = campaign.work(runs)
    *kinds, everything = table.to_dict("records")
    assert sum(row["runs"] for row in kinds) == everything["runs"] == len(runs)
    assert everything["petaMACs"] == round(sum(map(price.macs, runs)) / 1e15)
    assert sum(row["share (%)"] for row in kinds) == pytest.approx(100, abs=0.5)
    assert list(table["petaMACs"][:-1]) == sorted(table["petaMACs"][:-1], reverse=True)


def test_one_machine_takes_all_hours_and_many_no_less_than_a_chain() -> None:
    table = campaign.prices(campaign.runs())
    for row in table.to_dict("records"):
        hours, chain = row["hours of one"], row["longest chain (h)"]
        assert 24 * row["days on 1"] == pytest.approx(hours, rel=0.01, abs=2)
        for many in (8, 64):
            least = max(hours / many, chain)
            assert least * 0.98 - 1.3 <= 24 * row[f"days on {many}"] <= hours / many + chain + 1.3


def test_every_gpu_with_a_price_is_there_and_a_core() -> None:
    names = set(campaign.paces())
    assert {"A100", "H100", campaign.CORE} <= names


def test_a_chain_is_a_teacher_and_its_longest_student() -> None:
    took = {TEACHER: 5.0, RUN: 6.0, TAUGHT: 2.0, replace(TAUGHT, seed=2): 3.0, SEARCHED: 1.0}
    assert campaign.longest(FIVE, took.__getitem__) == 8.0
    assert campaign.longest([], took.__getitem__) == 0.0


def test_weights_take_four_bytes_a_number() -> None:
    assert campaign.weight(RUN) == 4 * cost(RUN.network).params


def test_who_is_shown_the_same_images_shares_a_teachers_answers() -> None:
    """Another seed is shown others; a search and its tuning the same as a plain student."""
    kept = campaign.lessons(FIVE)
    assert len(kept) == 2
    epochs = TAUGHT.recipe.epochs
    assert set(kept.values()) == {2 * epochs * TAUGHT.data.train_images * 10}


def test_answers_that_are_too_many_are_not_kept() -> None:
    endless = replace(TAUGHT, recipe=replace(TAUGHT.recipe, epochs=10**6))
    assert campaign.lessons([endless]) == {}


def test_a_store_has_a_record_and_weights_for_each_run() -> None:
    table = campaign.storage(FIVE).set_index("kept")
    assert table.loc["records", "at most"] == table.loc["weights", "at most"] == 5
    assert table.loc["masks", "at most"] == table.loc["states of searches", "at most"] == 1


def test_pages_come_by_the_hours_that_they_add() -> None:
    wanted = costs.wanted("paper")
    table = campaign.order(wanted)
    assert len(table) == len(wanted)
    assert sum(table["runs more"]) == len(costs.once("paper"))
    assert list(table["together"]) == sorted(table["together"])
    assert table["share (%)"].iloc[-1] == 100


def test_the_first_page_is_the_cheapest() -> None:
    wanted = {"fig12": [TEACHER, TAUGHT], "table4": [TEACHER]}
    table = campaign.order(wanted)
    assert [row["runs more"] for row in table.to_dict("records")] == [1, 1]
    assert "table4" in table["page"][0]


def test_the_halves_are_counted() -> None:
    said = campaign.half(HOURS)
    assert said == "The first 4 of the 8 pages take 10 % of the hours, the last five 96 %."


def test_more_gpus_take_no_longer() -> None:
    table = campaign.scaling()
    for _, days in table.groupby("seeds")["days"]:
        assert list(days) == sorted(days, reverse=True)


def test_the_summary_names_what_it_counts() -> None:
    said = campaign.summary()
    assert f"has {len(campaign.runs()):,} runs with one seed" in said
    assert f" {len(campaign.runs(3)):,} runs and takes" in said
