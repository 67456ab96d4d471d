"""What the page of costs says follows from records, data sheets and counts."""

import json
import re
from collections import Counter
from dataclasses import replace
from math import nan

import pandas as pd
import pytest

from deepreshape.design import cost, parse
from deepreshape.learn.runs import price
from deepreshape.learn.runs.price import Speed
from deepreshape.paper import costs
from deepreshape.paper.costs import ALL, Training
from deepreshape.places import RECORDED

HERE = Speed(mac=2e-11, element=1e-9, layer=1e-3, param=1e-9)


@pytest.fixture(scope="module")
def found() -> list[Training]:
    return costs.trainings()


@pytest.fixture(scope="module")
def prices() -> pd.DataFrame:
    return costs.prices(HERE).set_index("page")


def training(name: str, batch: int, speed: Speed) -> Training:
    """A network trained at exactly some speed."""
    network = parse(name, 32, 100)
    taken = speed.seconds(price.Task(network, batch, batch))
    return Training(network, "cifar100", "labels", 1, batch, "here", taken, batch / taken, True)


def test_every_record_is_one_training_and_so_are_the_digits(found: list[Training]) -> None:
    assert len(found) == len([*RECORDED.glob("*.json")]) + 1
    assert sum(costs.recorded(found)["n"]) == len(found)
    assert [each.images for each in found].count("mnist5k") == 1


def test_networks_are_of_their_images(found: list[Training]) -> None:
    assert {(each.images, each.network.classes) for each in found} == {
        ("cifar100", 100),
        ("mnist5k", 10),
    }


def test_a_known_speed_is_found_again() -> None:
    names = ("ResNet18(m=16)", "HRN-2x5x3x(m=2)", "ResNet32", "VGG16", "WRN22x2", "ResNet18(m=4)")
    fitted = costs.fitted(training(name, 32 * n, HERE) for n, name in enumerate(names, start=1))
    for name in ("HRN-5x5x3x(m=8)", "ResNet34"):
        task = price.Task(parse(name, 32, 100), 1000, 100)
        assert fitted.seconds(task) == pytest.approx(HERE.seconds(task), rel=1e-6)


def test_what_is_not_even_from_epoch_to_epoch_is_not_fitted() -> None:
    one = training("ResNet18(m=16)", 32, HERE)
    odd = replace(one, pace=one.pace / 100, even=False)
    assert costs.fitted([one, odd]) == costs.fitted([one])


def test_the_usual_machine_is_that_of_most(found: list[Training]) -> None:
    usual = costs.usual(found)
    assert len({each.where for each in usual}) == 1
    counted = Counter(each.where for each in found)
    assert len(usual) == max(counted.values())


def test_processors_of_one_name_are_told_apart_by_their_units_for_matrices() -> None:
    fields = [json.loads(path.read_text("utf-8"))["record"] for path in RECORDED.glob("*.json")]
    said = {
        ("amx_bf16" in (of["environment"].get("instructions") or ""), costs.of(of).where)
        for of in fields
    }
    assert {amx for amx, _ in said} == {False, True}
    assert all(("AMX" in where) == amx for amx, where in said)


def test_runs_that_pages_share_are_priced_once(prices: pd.DataFrame) -> None:
    """On a GPU, where runs follow each other."""
    pages = prices.drop(index=ALL)
    for column in ("short, A100", "paper, H100"):
        assert pages[column].max() < prices.loc[ALL, column] < pages[column].sum()


def test_the_price_of_a_page_is_that_of_its_runs(prices: pd.DataFrame) -> None:
    runs = costs.wanted("short")["table9"]
    taken = sum(price.seconds(run, price.gpu("A100")) for run in runs)
    assert prices.loc["table9", "short, A100"] == pytest.approx(taken / 3600)


def test_the_smallest_networks_wait_for_launches_on_any_fast_gpu() -> None:
    runs = costs.once("quick")
    taken = [costs.hours(runs, gpu, HERE) for gpu in ("A100", "H100")]
    assert taken[0] == pytest.approx(taken[1], rel=1e-3)


@pytest.mark.parametrize(
    ("hours", "said"),
    [(0.001, "< 1 min"), (0.5, "30 min"), (1.99, "119 min"), (2, "2 h"), (3030.3, "3,030 h")],
)
def test_times_have_few_digits(hours: float, said: str) -> None:
    assert costs.lasting(hours) == said


def test_a_page_that_a_profile_lacks_has_no_time() -> None:
    assert costs.lasting(nan) == ""


def test_memory_is_weights_thrice_and_outputs_of_a_batch() -> None:
    (run,) = [run for run in costs.once("quick") if run.teacher is None][:1]
    outputs = price.size(run.network).elements * run.recipe.batch
    assert costs.held(run) == 4 * (3 * cost(run.network).params + outputs)


def test_what_is_said_of_prices_counts_recorded_runs(found: list[Training]) -> None:
    said = costs.agreement(costs.usual(found), HERE)
    (number,) = re.findall(r"Of the (\d+) recorded runs", said)
    assert 0 < int(number) <= len(found)


def test_the_set_up_wants_more_room_than_it_leaves_taken() -> None:
    taken, wanted = map(float, re.findall(r"([\d.]+) GB", costs.disk()))
    assert 0 < taken < wanted
