"""The paper's tables as data, and every count in them that a network explains."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.design import Network, cost, parse, resnet18
from deepreshape.paper import printed
from deepreshape.paper.printed import FOLDER, Printed, Rounding
from deepreshape.paper.verdicts import COUNTED, computed

TABLES = ("table06", "table13", "table14", "table16", "table17")
"""The tables whose rows describe a network."""

ROWS = [(name, number) for name in TABLES for number in range(1, len(printed.table(name)) + 1)]
COUNTS = [
    value
    for name in TABLES
    for value in printed.printed(name, COUNTED)
    if printed.network(name, printed.table(name)[value.row - 1]) is not None
]
ROUNDINGS = printed.table("roundings")


def place(value: Printed) -> str:
    return f"{value.table}-{value.row}-{value.column}"


def described(name: str, number: int) -> Network | None:
    return printed.network(name, printed.table(name)[number - 1])


def exact(value: Printed) -> float:
    """The computed value of a count, in the column's unit."""
    network = described(value.table, value.row)
    assert network is not None
    return computed(network, value.column)


# Counts


@pytest.mark.parametrize("value", COUNTS, ids=place)
def test_a_printed_count_is_the_computed_one_by_its_rounding(value: Printed) -> None:
    assert value.agrees(exact(value))


@pytest.mark.parametrize(
    "value", [value for value in COUNTS if value.rounding.rule != "differs"], ids=place
)
@pytest.mark.parametrize("off_by", [0.97, 1.03])
def test_a_count_three_per_cent_off_would_not_agree(value: Printed, off_by: float) -> None:
    assert not value.agrees(off_by * exact(value))


@pytest.mark.parametrize(
    "value", [value for value in COUNTS if value.rounding.rule == "differs"], ids=place
)
def test_where_a_count_differs_the_printed_one_would_not_agree(value: Printed) -> None:
    assert not value.agrees(value.value)


def test_only_the_wideresnet_has_no_network() -> None:
    without = {
        printed.table(name)[number - 1].get("network")
        for name, number in ROWS
        if described(name, number) is None
    }
    assert without == {"WRN22x8"}


@pytest.mark.parametrize("name", TABLES)
def test_both_counts_of_every_row_are_compared(name: str) -> None:
    rows = [number for table, number in ROWS if table == name and described(name, number)]
    compared = [(value.row, value.column) for value in COUNTS if value.table == name]
    assert sorted(compared) == sorted((row, column) for row in rows for column in COUNTED)


# Networks


@pytest.mark.parametrize("name", ["table16", "table17"])
def test_a_network_listed_by_its_channels_has_the_listed_name(name: str) -> None:
    for row in printed.table(name):
        network = printed.network(name, row)
        assert network is None or network == parse(row["network"])


@pytest.mark.parametrize("name", ["table16", "table17"])
def test_a_network_listed_by_its_channels_has_the_listed_ones(name: str) -> None:
    for row in printed.table(name):
        network = printed.network(name, row)
        if network is not None:
            listed = [int(row[f"stage{number}_channels"]) for number in range(1, 5)]
            assert list(network.widths) == listed


@pytest.mark.parametrize("name", ["table06", "table13", "table14"])
def test_a_row_has_the_shape_of_its_data_set(name: str) -> None:
    datasets = {"table06": "CIFAR-100", "table13": "TinyImageNet"}
    for row in printed.table(name):
        network = printed.network(name, row)
        assert network is not None
        tiny = datasets.get(name) == "TinyImageNet" or row.get("dataset") == "TinyImageNet"
        assert (network.resolution, network.classes) == ((64, 200) if tiny else (32, 100))


@pytest.mark.parametrize("name", ["table06", "table13", "table14"])
def test_a_row_without_culling_or_reuse_has_none(name: str) -> None:
    for row in printed.table(name):
        network = printed.network(name, row)
        assert network is not None
        assert (row["culled"] == "NA") == (network.relus.culled == frozenset())
        assert (row["re2"] == "NA") == (network.relus.reuse == 1)


def test_table_14_is_on_resnet34_where_it_is_not_convnext() -> None:
    depths = {
        network.depths
        for row in printed.table("table14")
        if row["family"] != "ConvNeXt" and (network := printed.network("table14", row))
    }
    assert depths == {(3, 4, 6, 3)}


def test_a_convnext_doubles_its_channels_from_its_base() -> None:
    for row in printed.table("table14"):
        network = printed.network("table14", row)
        if row["family"] == "ConvNeXt":
            assert network is not None
            m = int(row["m"])
            assert network.stem == m
            assert network.widths == (m, 2 * m, 4 * m, 8 * m)


# Rounding


def value(text: str, rule: str = "rounded", tolerance: float = 0.0) -> Printed:
    return Printed("table", 1, "column", text, Rounding(rule, tolerance))


@pytest.mark.parametrize("computed", [2.75, 2.8, 2.8499])
def test_a_rounded_value_agrees_from_half_below_to_half_above(computed: float) -> None:
    assert value("2.8").agrees(computed)


@pytest.mark.parametrize("computed", [2.7499, 2.85])
def test_a_rounded_value_agrees_no_further(computed: float) -> None:
    assert not value("2.8").agrees(computed)


@pytest.mark.parametrize(("computed", "agrees"), [(2.8, True), (2.8999, True), (2.7999, False)])
def test_a_cut_value_agrees_up_to_the_next(computed: float, agrees: bool) -> None:
    assert value("2.8", "cut").agrees(computed) == agrees


@pytest.mark.parametrize(("computed", "agrees"), [(101, True), (99, True), (101.1, False)])
def test_a_tolerance_is_relative(computed: float, agrees: bool) -> None:
    assert value("100", "within", 0.01).agrees(computed) == agrees


@pytest.mark.parametrize(("computed", "agrees"), [(2.8, False), (2.9, True)])
def test_a_value_that_differs_agrees_with_another(computed: float, agrees: bool) -> None:
    assert value("2.8", "differs").agrees(computed) == agrees


def test_the_digits_that_are_printed_count() -> None:
    assert value("2").agrees(2.04)
    assert not value("2.0").agrees(2.06)


@given(st.integers(0, 10**9))
def test_a_whole_number_agrees_with_itself(number: int) -> None:
    assert value(str(number)).agrees(number)


@given(st.decimals(0, 10**6, places=2))
def test_a_value_agrees_with_what_it_prints(number: object) -> None:
    assert value(str(number)).agrees(float(str(number)))


def test_value_is_the_printed_text_as_a_number() -> None:
    assert value("12.50").value == 12.5


# The data


def test_roundings_stand_once() -> None:
    places = [(row["table"], row["row"], row["column"]) for row in ROUNDINGS]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("row", ROUNDINGS, ids=lambda row: f"{row['table']}-{row['row']}")
def test_a_rounding_is_of_a_value_that_is_compared(row: printed.Row) -> None:
    assert (row["table"], int(row["row"]), row["column"]) in {
        (value.table, value.row, value.column) for value in COUNTS
    }


@pytest.mark.parametrize(
    "value", [value for value in COUNTS if value.rounding != Rounding()], ids=place
)
def test_a_rounding_is_needed(value: Printed) -> None:
    assert not replace(value, rounding=Rounding()).agrees(exact(value))


@pytest.mark.parametrize("row", ROUNDINGS, ids=lambda row: f"{row['table']}-{row['row']}")
def test_a_rounding_has_a_reason(row: printed.Row) -> None:
    assert row["why"].strip()


@pytest.mark.parametrize("row", ROUNDINGS, ids=lambda row: f"{row['table']}-{row['row']}")
def test_a_rounding_has_a_known_rule(row: printed.Row) -> None:
    assert row["rule"] in {"cut", "within", "differs"}


@pytest.mark.parametrize("row", ROUNDINGS, ids=lambda row: f"{row['table']}-{row['row']}")
def test_a_tolerance_belongs_to_within_and_is_small(row: printed.Row) -> None:
    if row["rule"] == "within":
        assert 0 < float(row["tolerance"]) < 0.02
    else:
        assert row["tolerance"] == ""


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.csv")))
def test_a_table_fills_every_column_of_every_row(name: str) -> None:
    rows = printed.table(name)
    assert rows
    for row in rows:
        assert None not in row
        assert None not in row.values()


def test_empty_and_missing_cells_are_no_values() -> None:
    wide = printed.table("table16")[0]
    assert wide["stage4_channels"] == ""
    assert 1 not in {value.row for value in printed.printed("table16", ("stage4_channels",))}


def test_an_unknown_table_is_not_found() -> None:
    with pytest.raises(FileNotFoundError):
        printed.table("table99")


# Tables that name a network in other ways


@pytest.mark.parametrize("name", ["table10", "table11"])
def test_stage_relus_are_the_computed_ones_with_the_stems_in_stage_1(name: str) -> None:
    columns = tuple(f"stage{number}_relus_K" for number in range(1, 5))
    for value in printed.printed(name, columns):
        stem, *stages = cost(parse(printed.table(name)[value.row - 1]["network"])).relus
        stages[0] += stem
        assert value.agrees(stages[columns.index(value.column)] / 1000), place(value)


def test_the_shares_of_table_4_are_the_computed_ones_with_the_stems_in_stage_1() -> None:
    columns = tuple(f"stage{number}_relu_pct" for number in range(1, 5))
    for value in printed.printed("table04", columns):
        row = printed.table("table04")[value.row - 1]
        stem, *stages = cost(parse(f"{row['model']}(m={row['m']})")).relus
        stages[0] += stem
        share = 100 * stages[columns.index(value.column)] / sum(stages)
        assert value.agrees(share), place(value)


def test_the_counts_of_table_4_are_the_computed_ones() -> None:
    for value in printed.printed("table04", COUNTED):
        row = printed.table("table04")[value.row - 1]
        network = parse(f"{row['model']}(m={row['m']})")
        assert value.agrees(computed(network, value.column)), place(value)


def test_the_relus_of_table_9_are_those_of_reuse_without_thinning() -> None:
    """The stem and the first ReLU of every block keep all of ResNet18's ReLUs."""
    stem, *stages = cost(resnet18()).relus
    for value in printed.printed("table09", ("relus_K",)):
        factor = int(printed.table("table09")[value.row - 1]["reduction_factor_N"])
        network = parse(f"ResNet18-Re{factor}")
        assert cost(network).total_relus == stem + sum(stages) // 2 + sum(stages) // 2 // factor
        assert value.agrees(computed(network, "relus_K")), place(value)
