"""Counts in the units of the paper's columns."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from deepreshape.design import Network, cost, parse
from deepreshape.design.equalize import by_width
from deepreshape.paper.printed.counts import count, difference, ranked, ranking, shares
from tests.networks import networks

cents = st.decimals(-10_000, 10_000, places=2)


@given(networks())
def test_relus_are_counted_in_thousands(network: Network) -> None:
    assert count(network, "relus_K") == cost(network).total_relus / 1000


@pytest.mark.parametrize("column", ["relus_K", "baseline_relus_K", "hrn_relus_K"])
def test_every_column_of_relus_holds_the_same(column: str) -> None:
    assert count(parse("ResNet18"), column) == 557.056


@pytest.mark.parametrize(
    ("name", "convention"),
    [
        ("ResNet18", "A"),
        ("WRN22x8", "A"),
        ("ResNet18@64/200", "B"),
        ("ResNet34", "B"),
        ("HRN-2x5x3x(m=16)-C1-T234", "A"),
        ("HRN-2x5x3x(m=16)-C1-T234-Re4", "B"),
        ("VGG16", "B"),
        # The paper prints no FLOPs of these.
        ("MobileNetV2", "B"),
        ("ResNet18@16/10", "B"),
    ],
)
def test_flops_are_counted_in_millions_by_the_papers_convention(name: str, convention: str) -> None:
    counted = cost(parse(name))
    assert count(parse(name), "flops_M") == counted.flops("A" if convention == "A" else "B") / 1e6
    assert counted.flops("A") > counted.flops("B")


def test_shares_by_hand() -> None:
    """Maps of 2 x 16 (stem), 2 x 2 x 16 and 2 x 4 x 4 numbers."""
    assert shares(parse("Net(2; 2x1, 4x1)@4/3")) == (75, 25)


def test_the_heads_relus_are_the_last_stages_and_the_stems_the_firsts() -> None:
    counted = cost(parse("VGG16"))
    first, *_, last = shares(parse("VGG16"))
    total = counted.total_relus
    assert first == 100 * (counted.relus[0] + counted.relus[1]) / total
    assert last == 100 * (counted.relus[-1] + counted.head_relus) / total
    assert counted.head_relus > 0


@given(networks())
def test_shares_add_up_to_100(network: Network) -> None:
    assume(cost(network).total_relus > 0)
    assert len(shares(network)) == len(network.stages)
    assert sum(shares(network)) == pytest.approx(100)


def test_a_difference_of_printed_numbers_has_no_binary_rounding() -> None:
    assert difference("80.86", "79.81") == 1.05
    assert 80.86 - 79.81 != 1.05


@given(cents, cents)
def test_a_difference_is_the_number_that_the_exact_one_is_written_as(
    one: Decimal, other: Decimal
) -> None:
    assert difference(str(one), str(other)) == float(str(one - other))


@given(cents, cents)
def test_a_difference_turns_its_sign_with_its_order(one: Decimal, other: Decimal) -> None:
    assert difference(str(one), str(other)) == -difference(str(other), str(one))


# Rankings


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ResNet18", "S1 > S2 > S3 > S4"),
        ("ResNet18(m=16)-4x4x4x", "S1 = S2 = S3 = S4"),
        ("Net(2; 2x1, 4x1, 32x1)@4/3", "S1 = S3 > S2"),
        ("Net(2; 2x1)@4/3", "S1"),
    ],
)
def test_a_ranking_goes_from_most_to_least_relus(name: str, expected: str) -> None:
    assert ranking(parse(name)) == expected


@pytest.mark.parametrize("order", [(3, 2, 4, 1), (3, 4, 2, 1), (4, 3, 2, 1)])
def test_an_equalized_network_has_the_ranking_that_it_is_made_for(order: tuple[int, ...]) -> None:
    for solution in by_width((2, 2, 2, 2), order).solutions:
        expected = " > ".join(f"S{stage}" for stage in order)
        assert ranking(parse(solution.name)) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [((0.5, 7, 9, 6), "S3 > S2 > S4 > S1"), ((2, 2), "S1 = S2"), ((1,), "S1")],
)
def test_stages_are_ranked_by_their_values(values: tuple[float, ...], expected: str) -> None:
    assert ranked(values) == expected
