"""Tables 7 and 8: whose ReLUs, whose seconds, and what is left when both are known."""

from dataclasses import replace

import pytest

from deepreshape.design import Network, ReluPlan, cost, parse
from deepreshape.paper.printed import latencies, tables
from deepreshape.paper.printed.latencies import SIDES, exact_relus, he_seconds, he_values, linear
from deepreshape.paper.printed.verdicts import verify
from deepreshape.private.latency import garbled_seconds, latency

TABLES = ("table07", "table08")
Place = tuple[str, int, str]
PLACES: list[Place] = [
    (name, number, side)
    for name in TABLES
    for number in range(1, len(tables.table(name)) + 1)
    for side in SIDES
]
every_network = pytest.mark.parametrize("place", PLACES, ids=str)


def cell(place: Place, quantity: str) -> str:
    name, number, side = place
    return tables.table(name)[number - 1][f"{side}_{quantity}"]


def searched(place: Place) -> bool:
    """Does a mask search end at this network's ReLUs?"""
    name, number, side = place
    return side == "sota" and tables.table(name)[number - 1]["sota_method"] != "ConvNeXt"


def plain(place: Place) -> Network:
    """The network without ReLU-reuse."""
    network = tables.network(*place)
    return replace(network, relus=replace(network.relus, reuse=1))


@pytest.mark.parametrize("place", [place for place in PLACES if searched(place)], ids=str)
def test_the_relus_of_a_mask_search_are_its_budget(place: Place) -> None:
    assert exact_relus(*place) == 1000 * int(cell(place, "relus_K"))


@pytest.mark.parametrize("place", [place for place in PLACES if not searched(place)], ids=str)
def test_the_relus_of_every_other_network_are_counted(place: Place) -> None:
    assert exact_relus(*place) == cost(tables.network(*place)).total_relus


@every_network
def test_hidden_decimals_round_to_the_printed_seconds(place: Place) -> None:
    seconds = he_seconds(tables.network(*place))
    assert abs(seconds - int(cell(place, "he_s"))) <= 0.5


@every_network
def test_hidden_decimals_do_not_depend_on_the_plan(place: Place) -> None:
    network = tables.network(*place)
    assert he_seconds(replace(network, relus=ReluPlan())) == he_seconds(network)


def test_hidden_decimals_explain_every_printed_sum_but_the_slips() -> None:
    """One number for each network, in all of its rows."""
    wrong = [
        place
        for place in PLACES
        if abs(
            he_seconds(tables.network(*place))
            + garbled_seconds(exact_relus(*place))
            - int(cell(place, "lat_s"))
        )
        > 0.5
    ]
    assert wrong == [("table07", 11, "hrn")]


def test_a_network_of_one_row_has_its_seconds_in_the_middle_of_what_the_row_allows() -> None:
    """The last row of Table 8: HE within half a second of the printed, and HE + GC too."""
    place = ("table08", 15, "sota")
    seconds, total = int(cell(place, "he_s")), int(cell(place, "lat_s"))
    left = total - garbled_seconds(exact_relus(*place))
    low, high = max(seconds, left) - 0.5, min(seconds, left) + 0.5
    assert low < high
    assert he_seconds(tables.network(*place)) == pytest.approx((low + high) / 2)


@pytest.mark.parametrize("name", TABLES)
def test_a_sum_is_of_the_hidden_decimals_and_not_of_the_models_seconds(name: str) -> None:
    found = {(number, column): value for number, column, value in latencies.values(name)}
    for place in PLACES:
        _, number, side = place
        if place[0] == name:
            seconds = he_seconds(tables.network(*place))
            assert found[number, f"{side}_lat_s"] == seconds + found[number, f"{side}_gc_s"]
            assert found[number, f"{side}_he_s"] == latency(plain(place)).he_s


@pytest.mark.parametrize("name", TABLES)
def test_reuse_is_costed_as_the_network_without_it(name: str) -> None:
    found = {(number, column): value for number, column, value in latencies.values(name)}
    for place in PLACES:
        _, number, side = place
        network = tables.network(*place)
        if place[0] == name and network.relus.reuse > 1:
            convention = "A" if network.resolution == 32 else "B"
            assert found[number, f"{side}_flops_M"] == cost(plain(place)).flops(convention) / 1e6
            assert found[number, f"{side}_relus_K"] == cost(network).total_relus / 1000


@pytest.mark.parametrize("name", TABLES)
def test_an_improvement_is_the_others_over_ours(name: str) -> None:
    found = {(number, column): value for number, column, value in latencies.values(name)}
    for number in range(1, len(tables.table(name)) + 1):
        for quantity, unit in (("flops", "M"), ("gc", "s"), ("lat", "s")):
            sota, hrn = (found[number, f"{side}_{quantity}_{unit}"] for side in SIDES)
            assert isinstance(sota, float) and isinstance(hrn, float)
            assert found[number, f"improv_{quantity}_x"] == sota / hrn


def test_an_accuracy_is_the_one_that_tables_6_13_and_14_print() -> None:
    found = {
        (name, verdict.printed.row, verdict.printed.column): verdict.kind
        for name in TABLES
        for verdict in verify(name)
        if verdict.printed.column.endswith("_acc_pct") and "improv" not in verdict.printed.column
    }
    rows = sum(len(tables.table(name)) for name in TABLES)
    rivals = sum(row["sota_method"] == "ConvNeXt" for row in tables.table("table08"))
    # ConvNeXt-N has no row of its own at 96 channels.
    assert len(found) == rows + rivals - 1
    assert [place for place, kind in found.items() if kind != "equal"] == [
        ("table08", 15, "sota_acc_pct")
    ]


def test_the_he_of_convnext_n_is_that_of_80_base_channels() -> None:
    assert linear(parse("ConvNeXt-N(m=96)-C1@64/200")) == parse("ConvNeXt-N@64/200")
    other = parse("ConvNeXt-T-C1@64/200")
    assert linear(other) == latencies.plain(other) == parse("ConvNeXt-T@64/200")


@pytest.mark.parametrize("name", TABLES)
def test_he_values_are_the_printed_ones(name: str) -> None:
    found = he_values(name)
    for place in PLACES:
        if place[0] == name:
            assert found[linear(tables.network(*place))] == int(cell(place, "he_s"))
