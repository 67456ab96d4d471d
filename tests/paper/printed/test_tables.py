"""The paper's tables as data: cells, places and roundings, and the network of every row."""

import re
from collections.abc import Iterator
from itertools import accumulate
from operator import mul
from pathlib import Path

import pytest

from deepreshape.design import Network, parse
from deepreshape.paper.printed import tables
from deepreshape.paper.printed.tables import FOLDER, TABLES, Rounding, Row
from tests.cells import cells

FILES = sorted(path.stem for path in FOLDER.glob("*.csv"))
NETWORKS = tables.table("networks")
ROUNDINGS = tables.table("roundings")
SIZES = {"CIFAR-100": (32, 100), "TinyImageNet": (64, 200)}


def place(row: Row) -> str:
    return "-".join(filter(None, (row["table"], row["row"], row.get("side") or row.get("column"))))


def of(row: Row) -> Network:
    return tables.network(row["table"], int(row["row"]), row["side"])


def described(*names: str, side: str = "") -> Iterator[tuple[str, Row, Network]]:
    """(Place, row, network) of every row of these tables."""
    for name in names:
        for number, row in enumerate(tables.table(name), start=1):
            yield f"{name}-{number}", row, tables.network(name, number, side)


# Files


@pytest.mark.parametrize("name", FILES)
def test_a_table_fills_every_column_of_every_row(name: str) -> None:
    rows = tables.table(name)
    assert rows
    for row in rows:
        assert None not in row
        assert None not in row.values()


@pytest.mark.parametrize("name", FILES)
def test_no_cell_has_blanks_around_it(name: str) -> None:
    cells = [cell for row in tables.table(name) for cell in row.values()]
    assert [cell for cell in cells if cell != cell.strip()] == []


def test_every_table_has_a_file() -> None:
    assert set(TABLES) <= set(FILES)


def test_a_table_stands_once_in_the_list() -> None:
    assert len(set(TABLES)) == len(TABLES)


def test_an_unknown_table_is_not_found() -> None:
    with pytest.raises(FileNotFoundError):
        tables.table("table99")


# Names of tables


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_found_by_its_own_name(name: str) -> None:
    assert tables.find(name) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("16", "table16"),
        ("Table 16", "table16"),
        ("TABLE16", "table16"),
        ("Tab. 16", "table16"),
        ("1", "table01"),
        ("01", "table01"),
        ("table1", "table01"),
        ("Table 1", "table01"),
        ("Figures", "figures"),
        ("Text_Claims", "text_claims"),
        ("Table 15_formulas", "table15_formulas"),
    ],
)
def test_a_table_is_found_by_what_a_reader_types(text: str, name: str) -> None:
    assert tables.find(text) == name


@pytest.mark.parametrize("text", ["", "table", "0", "18", "table99", "-1", "1.0", "²", "16\n17"])
def test_a_table_that_the_paper_does_not_have_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(
        ValueError, match=r"^the paper has no .* here; there are table01, "
    ) as error:
        tables.find(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "text", ["networks", "roundings", "table03_methods", "../table16", "x.csv"]
)
def test_a_file_that_holds_no_printed_values_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f"^the paper has no '{re.escape(text)}' here"):
        tables.find(text)


# Values


def test_a_value_knows_its_place_and_text() -> None:
    first = tables.value("table16", 1, "relus_K")
    row = tables.table("table16")[0]
    assert (first.table, first.row, first.column) == ("table16", 1, "relus_K")
    assert first.text == row["relus_K"]
    assert first.value == float(row["relus_K"])


def test_a_value_without_a_note_is_rounded() -> None:
    assert tables.value("table16", 1, "relus_K").rounding == Rounding("rounded", 0.0, "", "")


@pytest.mark.parametrize("row", ROUNDINGS, ids=place)
def test_a_value_with_a_note_has_it(row: Row) -> None:
    number = 1 if row["row"] == "*" else int(row["row"])
    found = tables.value(row["table"], number, row["column"]).rounding
    assert (found.rule, found.why, found.erratum) == (row["rule"], row["why"], row["erratum"])
    assert found.tolerance == float(row["tolerance"] or 0)


def test_empty_and_missing_cells_are_no_values() -> None:
    assert tables.table("table16")[0]["stage4_channels"] == ""
    assert 1 not in {value.row for value in cells("table16", ("stage4_channels",))}
    assert tables.table("table06")[0]["re2"] == "NA"
    assert 1 not in {value.row for value in cells("table06", ("re2",))}


def test_values_come_row_by_row() -> None:
    found = [(value.row, value.column) for value in cells("table03", ("relus_K",))]
    assert found == [(number, "relus_K") for number in range(1, len(tables.table("table03")) + 1)]


def test_a_row_beyond_the_table_has_no_value() -> None:
    with pytest.raises(IndexError):
        tables.value("table03", 99, "relus_K")


def test_an_unknown_rule_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^unknown rounding rule 'guessed'$"):
        Rounding("guessed")


# Notes on roundings


def test_notes_stand_once() -> None:
    places = [(row["table"], row["row"], row["column"]) for row in ROUNDINGS]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("row", ROUNDINGS, ids=place)
def test_a_note_is_of_a_printed_value(row: Row) -> None:
    rows = tables.table(row["table"])
    numbers = range(1, len(rows) + 1) if row["row"] == "*" else [int(row["row"])]
    assert row["table"] in TABLES
    assert all(rows[number - 1][row["column"]] not in ("", "NA") for number in numbers)


@pytest.mark.parametrize("row", ROUNDINGS, ids=place)
def test_a_note_has_a_reason_or_an_erratum(row: Row) -> None:
    assert row["why"] or row["erratum"]


@pytest.mark.parametrize("row", ROUNDINGS, ids=place)
def test_only_what_is_within_has_a_tolerance_and_a_small_one(row: Row) -> None:
    if row["rule"] == "within":
        assert 0 < float(row["tolerance"]) < 0.06
    else:
        assert row["tolerance"] == ""


@pytest.mark.parametrize("row", ROUNDINGS, ids=place)
def test_only_the_latency_model_may_be_off_by_more_than_a_little(row: Row) -> None:
    if not row["column"].endswith("_he_s"):
        assert float(row["tolerance"] or 0) < 0.02


# Networks


def test_networks_stand_once() -> None:
    places = [(row["table"], row["row"], row["side"]) for row in NETWORKS]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("row", NETWORKS, ids=place)
def test_a_network_is_written_as_the_library_writes_it(row: Row) -> None:
    assert str(of(row)) == row["network"]


@pytest.mark.parametrize("row", NETWORKS, ids=place)
def test_a_network_is_of_a_row_that_is_printed(row: Row) -> None:
    assert 1 <= int(row["row"]) <= len(tables.table(row["table"]))


@pytest.mark.parametrize("name", sorted({row["table"] for row in NETWORKS}))
def test_every_row_of_a_table_with_networks_has_its_networks(name: str) -> None:
    sides = ("sota", "hrn") if name in ("table07", "table08") else ("",)
    found = [(int(row["row"]), row["side"]) for row in NETWORKS if row["table"] == name]
    rows = range(1, len(tables.table(name)) + 1)
    assert found == [(number, side) for number in rows for side in sides]


def test_a_row_without_a_network_has_none() -> None:
    with pytest.raises(KeyError):
        tables.network("table01", 1)
    with pytest.raises(KeyError):
        tables.network("table07", 1)


# Networks against the table's own columns: m, edits, channels, blocks, data set, names

ALONE = sorted({row["table"] for row in NETWORKS} - {"table07", "table08"})
"""The tables with one network a row."""


def rows_with(*columns: str) -> pytest.MarkDecorator:
    """The rows, with their networks, of all tables that have one of these columns."""
    found = [each for each in described(*ALONE) if not {*columns}.isdisjoint(each[1])]
    assert found
    return pytest.mark.parametrize(
        ("row", "network"), [each[1:] for each in found], ids=[each[0] for each in found]
    )


def stages(cell: str) -> frozenset[int]:
    """The stages of a cell such as `S2+S3+S4`."""
    return frozenset(int(stage.removeprefix("S")) for stage in cell.split("+") if cell != "NA")


@rows_with("m")
def test_base_channels_are_the_rows(row: Row, network: Network) -> None:
    assert network.stem == network.widths[0] == int(row["m"])


@rows_with("culled")
def test_edits_are_the_rows(row: Row, network: Network) -> None:
    plan = network.relus
    assert plan.culled == stages(row["culled"])
    assert plan.thinned == stages(row["thinned"])
    assert plan.reuse == (1 if row["re2"] == "NA" else int(row["re2"]))


@rows_with("stem_channels")
def test_channels_and_blocks_are_the_rows(row: Row, network: Network) -> None:
    listed = [(row[f"stage{k}_channels"], row[f"stage{k}_blocks"]) for k in range(1, 5)]
    assert network.stem == int(row["stem_channels"])
    assert list(zip(network.widths, network.depths, strict=True)) == [
        (int(width), int(depth)) for width, depth in listed if width
    ]


@rows_with("hybrenet", "model", "net", "network")
def test_a_rows_name_is_the_networks(row: Row, network: Network) -> None:
    """Factors alone leave base channels and depth to other columns and to the text."""
    name = next(row[key] for key in ("hybrenet", "model", "net", "network") if key in row)
    if factors := re.fullmatch(r"(\d)x(\d)x(\d)x", name):
        first, *others = network.widths
        assert others == list(accumulate(map(int, factors.groups()), mul, initial=first))[1:]
    elif row.get("family") == "ConvNeXt":
        assert network.name.startswith(f"ConvNeXt-{name}-")
    else:
        assert network == parse(name)


@rows_with("dataset")
def test_a_rows_data_set_gives_input_and_classes(row: Row, network: Network) -> None:
    assert (network.resolution, network.classes) == SIZES[row["dataset"]]


@pytest.mark.parametrize(
    ("name", "size"),
    [
        (row["table"], "TinyImageNet" if row["table"] == "table13" else "CIFAR-100")
        for row in NETWORKS
        if row["row"] == "1" and row["table"] not in ("table07", "table08", "table14")
    ],
)
def test_a_table_of_one_data_set_has_its_input_and_classes(name: str, size: str) -> None:
    assert {(net.resolution, net.classes) for _, _, net in described(name)} == {SIZES[size]}


def test_table_14_is_on_resnet34_where_it_is_not_convnext() -> None:
    rows = [(row["family"], network.depths) for _, row, network in described("table14")]
    assert {depths for family, depths in rows if family == "HybReNet"} == {(3, 4, 6, 3)}


def test_table_9_reduces_relus_by_the_rows_factor_and_thins_nothing() -> None:
    for _, row, network in described("table09"):
        assert network == parse(f"ResNet18-Re{row['reduction_factor_N']}")


@pytest.mark.parametrize("side", ["sota", "hrn"])
@pytest.mark.parametrize("name", ["table07", "table08"])
def test_both_networks_of_a_row_are_on_its_data_set(name: str, side: str) -> None:
    for where, row, network in described(name, side=side):
        assert (network.resolution, network.classes) == SIZES[row["dataset"]], where


def test_a_hybrenet_of_tables_7_and_8_is_one_of_tables_6_13_and_14() -> None:
    known = {network for _, _, network in described("table06", "table13", "table14")}
    for where, _, network in described("table07", "table08", side="hrn"):
        assert network in known, where


def test_a_convnext_of_table_8_is_one_of_table_14_but_for_the_one_whose_counts_are_of_96() -> None:
    known = {network for _, _, network in described("table14")}
    unknown = [
        str(network)
        for _, row, network in described("table08", side="sota")
        if row["sota_method"] == "ConvNeXt" and network not in known
    ]
    assert unknown == ["ConvNeXt-N(m=96)-C1-T234@64/200"]


def test_other_methods_start_from_the_networks_of_table_3_methods_and_resnet34() -> None:
    for name, expected in (("table07", {"ResNet18", "WRN22x8"}), ("table08", {"ResNet34"})):
        found = {
            network.name
            for _, row, network in described(name, side="sota")
            if row["sota_method"] != "ConvNeXt"
        }
        assert found == expected


def test_only_known_files_lie_among_the_tables() -> None:
    others = {"networks", "roundings", "table03_methods", "errata", "gains", "quotes"}
    assert {path.stem for path in Path(FOLDER).glob("*.csv")} - set(TABLES) <= others


# Rows and networks by what they are


def test_rows_are_found_by_their_cells() -> None:
    found = tables.rows("table08", dataset="CIFAR-100", sota_method="SNL")
    assert [row["sota_relus_K"] for row in found.values()] == ["30", "25", "15"]
    assert all(tables.table("table08")[number - 1] is row for number, row in found.items())
    assert len(tables.rows("table08")) == len(tables.table("table08"))


def test_a_row_is_the_first_with_its_cells() -> None:
    assert tables.row("table16", network="ResNet18") is tables.table("table16")[1]
    with pytest.raises(LookupError, match=r"no row of table16 has .*ResNet50"):
        tables.row("table16", network="ResNet50")


def test_columns_of_the_four_stages() -> None:
    assert tables.by_stage("Ck") == ["stage1_Ck", "stage2_Ck", "stage3_Ck", "stage4_Ck"]


def test_networks_of_a_table_are_those_of_its_rows() -> None:
    found = tables.networks("table04")
    assert found == {number: tables.network("table04", number) for number in (1, 2, 3)}


def test_rows_of_networks_are_their_numbers() -> None:
    wanted = tables.named("HRN-5x5x3x; ResNet18").values()
    assert tables.rows_of("table16", wanted) == [2, 3]


@pytest.mark.parametrize("text", ["WRN22x8; HRN-5x5x3x", " WRN22x8 ;; HRN-5x5x3x(m=16);"])
def test_networks_are_named_in_a_text(text: str) -> None:
    assert tables.named(text) == {
        "WRN22x8": parse("WRN22x8"),
        "HRN-5x5x3x(m=16)": parse("HRN-5x5x3x"),
    }


def test_a_text_may_name_no_network() -> None:
    assert tables.named("") == {}
