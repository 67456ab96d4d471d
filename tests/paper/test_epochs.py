"""What fewer epochs leave of the distance to the printed accuracies."""

import pytest

from deepreshape.learn.runs.store import Store
from deepreshape.paper.epochs import Ended, ended, power_law, sentence, table
from deepreshape.paper.trained.experiments import Point, find
from deepreshape.paper.trained.profiles import PROFILES
from tests.paper.records import record

LABELS = Ended("a", "labels", 63.0, (2, 3), (60.0, 58.0), (51.0,))
TAUGHT = Ended("b", "KD", 70.0, (2,), (69.0,))


def test_errors_that_halve_with_ten_times_the_epochs_halve_again() -> None:
    assert power_law((20.0, 60.0), 2, 20, 200) == pytest.approx(80.0)


def test_what_more_epochs_do_not_change_stays() -> None:
    assert power_law((55.0, 55.0), 6, 20, 200) == pytest.approx(55.0)


def test_the_distance_is_that_of_the_mean() -> None:
    assert LABELS.distance == pytest.approx(-4.0)


def test_without_a_shorter_training_there_is_no_law() -> None:
    assert TAUGHT.rest is None
    assert LABELS.rest == pytest.approx(power_law((51.0, 59.0), 6, 20, 200))


def test_a_table_has_a_row_for_each() -> None:
    first, second = table([LABELS, TAUGHT]).to_dict("records")
    assert first["ours - paper"] == "-4.00"
    assert (first["6 epochs (%)"], first["20 epochs (%)"], first["seeds"]) == (
        "51.00",
        "59.00",
        "2, 3",
    )
    assert (second["6 epochs (%)"], second["200 epochs, by the law (%)"]) == ("", "")


def test_a_sentence_counts_those_that_end_close() -> None:
    far = Ended("c", "labels", 80.0, (2,), (60.0,))
    assert sentence([LABELS, TAUGHT, far]).startswith("After 20 epochs 2 of 3 networks")
    assert "-4.0 points." in sentence([LABELS, TAUGHT, far])
    assert f"would bring a to {LABELS.rest:.1f} %" in sentence([LABELS, far])
    assert "By the law" not in sentence([far])
    assert sentence([]).startswith("No network")


# What is recorded


def stage(number: int, size: str) -> Point:
    """Of Table 10: ResNet18(m=16) with ReLUs in one stage alone, on the labels, one seed."""
    points = find("table10").drawn(PROFILES[size], seeds=(2,))
    (point,) = (
        each
        for each in points
        if each.series == f"ResNet18(m=16) S{number}" and not each.runs[0].teacher
    )
    return point


def test_a_network_is_held_against_itself_after_fewer_epochs(kept: Store) -> None:
    for number, size, test in (
        (3, "full-width", 58.0),
        (3, "short", 45.0),
        (4, "full-width", 52.0),
    ):
        run = stage(number, size).runs[0].pinned()
        kept.put(run, record(run, test))
    third, fourth = ended(["table10"])
    assert (third.network, third.learns, third.printed) == ("ResNet18(m=16)-C124", "labels", 63.0)
    assert (third.found, third.fewer) == ((58.0,), (45.0,))
    assert (fourth.found, fourth.fewer) == ((52.0,), ())
    assert ended(["fig12"]) == []
