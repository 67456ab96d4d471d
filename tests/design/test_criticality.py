"""The metric C_k, and the order of the stages that follows from it."""

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.design import DesignError, cost, parse
from deepreshape.design.criticality import EXPONENT, alone, criticality, order
from deepreshape.paper.printed import tables
from tests.cells import cells

COLUMNS = tuple(f"stage{k}_Ck" for k in range(1, 5))
PRINTED = [value for name in ("table10", "table11") for value in cells(name, COLUMNS)]
TRAINED = st.lists(st.tuples(st.integers(1, 10**7), st.floats(0, 100)), min_size=1, max_size=9).map(
    lambda stages: tuple(zip(*stages, strict=True))
)
"""ReLU counts and accuracies of as many stages."""


def computed(value: tables.Printed) -> float:
    row = tables.table(value.table)[value.row - 1]
    accuracies = [float(row[f"stage{k}_acc_kd_pct"]) for k in range(1, 5)]
    of_stages = criticality(cost(parse(row["network"])).stage_relus, accuracies)
    return of_stages[COLUMNS.index(value.column)]


def test_the_paper_prints_144() -> None:
    assert len(PRINTED) == 144


@pytest.mark.parametrize(
    "value", PRINTED, ids=lambda value: f"{value.table}-{value.row}-{value.column}"
)
def test_a_printed_criticality_is_the_computed_one_rounded(value: tables.Printed) -> None:
    assert round(computed(value), 2) == value.value


@pytest.mark.parametrize("row", tables.table("table10"), ids=lambda row: row["network"])
def test_every_network_of_table_10_has_the_order_of_resnet18(row: tables.Row) -> None:
    assert order([float(row[column]) for column in COLUMNS]) == (3, 2, 4, 1)


@pytest.mark.parametrize("row", tables.table("table11"), ids=lambda row: row["network"])
def test_of_table_11_those_with_alpha_2_have_the_altered_order(row: tables.Row) -> None:
    altered = row["network"].startswith("HRN-2x")
    assert order([float(row[column]) for column in COLUMNS]) == (
        (3, 4, 2, 1) if altered else (3, 2, 4, 1)
    )


def test_a_thousand_relus_weigh_one() -> None:
    assert criticality([1000, 1000], [50, 62.5]) == (0, 12.5)


def test_2_to_the_100_over_7_times_the_relus_halve_it_twice_less() -> None:
    """(2^100)^0.07 is 2^7."""
    assert criticality([1000, 1000 * 2**100], [0, 100])[1] == pytest.approx(100 / 2**7)


@given(TRAINED)
def test_the_least_accurate_stage_has_none(
    drawn: tuple[tuple[int, ...], tuple[float, ...]],
) -> None:
    counts, accuracies = drawn
    lowest = accuracies.index(min(accuracies))
    assert criticality(counts, accuracies)[lowest] == 0 == min(criticality(counts, accuracies))


@given(TRAINED)
def test_it_is_accuracy_gained_when_multiplied_back(
    drawn: tuple[tuple[int, ...], tuple[float, ...]],
) -> None:
    counts, accuracies = drawn
    gained = [
        value * (relus / 1000) ** EXPONENT
        for value, relus in zip(criticality(counts, accuracies), counts, strict=True)
    ]
    assert gained == pytest.approx([accuracy - min(accuracies) for accuracy in accuracies])


def test_stages_are_counted_together() -> None:
    with pytest.raises(DesignError, match="4 stages have a ReLU count, but 3 an accuracy"):
        criticality([1] * 4, [50.0] * 3)


def test_no_stages_have_no_criticality() -> None:
    with pytest.raises(DesignError, match="at least one stage"):
        criticality([], [])


@pytest.mark.parametrize("relus", [0, -1])
def test_a_stage_has_relus(relus: int) -> None:
    with pytest.raises(DesignError, match=f"stage 2 must be positive, not {relus}"):
        criticality([1, relus], [50.0, 60.0])


@pytest.mark.parametrize("accuracy", [nan, inf, -inf, -0.1, 100.1])
def test_an_accuracy_is_in_percent(accuracy: float) -> None:
    with pytest.raises(DesignError, match=f"stage 2 is in percent, .* not {accuracy}"):
        criticality([1, 1], [50.0, accuracy])


# The order


def test_the_order_falls() -> None:
    assert order([0.0, 7.39, 9.84, 6.07]) == (3, 2, 4, 1)


def test_of_equal_stages_the_earlier_is_first() -> None:
    assert order([1.0, 2.0, 1.0, 2.0]) == (2, 4, 1, 3)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9))
def test_an_order_names_every_stage_once(values: list[float]) -> None:
    assert sorted(order(values)) == list(range(1, len(values) + 1))


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=9))
def test_along_an_order_criticality_falls(values: list[float]) -> None:
    along = [values[stage - 1] for stage in order(values)]
    assert along == sorted(values, reverse=True)


@pytest.mark.parametrize("value", [nan, inf, -inf])
def test_a_criticality_to_be_ordered_is_finite(value: float) -> None:
    with pytest.raises(DesignError, match=f"stage 2 must be finite, not {value}"):
        order([1.0, value])


def test_no_stages_have_no_order() -> None:
    with pytest.raises(DesignError, match="at least one stage"):
        order([])


@pytest.mark.parametrize("name", ["ResNet18(m=4)", "WRN16x2", "VGG16(m=4)", "MobileNetV2(m=8)"])
def test_the_stages_alone_have_the_relus_of_the_network_between_them(name: str) -> None:
    network = parse(name)
    whole = cost(network).stage_relus
    for stage in range(1, len(whole) + 1):
        relus = cost(alone(network, stage)).stage_relus
        assert relus[stage - 1] == whole[stage - 1]
        assert sum(relus) == whole[stage - 1]


def test_there_is_no_stage_0_to_stand_alone() -> None:
    with pytest.raises(DesignError, match="there is no stage 0"):
        alone(parse("ResNet18"), 0)
