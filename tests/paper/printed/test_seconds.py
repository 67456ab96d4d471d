"""Tables 7 and 8 as a page shows them: operations, deviations, seconds."""

import pytest

from deepreshape.design import parse
from deepreshape.paper.printed import tables
from deepreshape.paper.printed.entries import entries
from deepreshape.paper.printed.latencies import he_values
from deepreshape.paper.printed.seconds import agreement, deviations, modelled, operations, timed
from deepreshape.private.latency import garbled_seconds, latency
from deepreshape.private.measured import read

RECORD = read()
TABLES = ("table07", "table08")


@pytest.mark.parametrize("name", TABLES)
def test_operations_are_those_of_each_network_and_of_more(name: str) -> None:
    more = parse("ResNet18(m=16)")
    frame = operations(name, [more])
    assert list(frame["network"]) == [*map(str, he_values(name)), str(more)]
    assert frame["key switches"].iloc[-1] == latency(more).operations.key_switches
    assert frame["HE printed (s)"].iloc[-1] == ""


@pytest.mark.parametrize("name", TABLES)
def test_a_deviation_is_relative_to_the_printed_seconds(name: str) -> None:
    for (network, seconds), off in zip(
        he_values(name).items(), deviations(name).values(), strict=True
    ):
        assert latency(network).he_s == pytest.approx(seconds * (1 + off / 100))


def test_the_agreement_of_both_tables_is_of_all_their_values() -> None:
    one, other, both = agreement().to_dict("records")
    for what in ("HE latencies", "GC values", "of them equal"):
        assert both[what] == one[what] + other[what]
    most = max(map(abs, [*deviations("table07").values(), *deviations("table08").values()]))
    assert both["largest (%)"] == f"{most:.1f}"


@pytest.mark.parametrize("name", TABLES)
def test_modelled_seconds_come_two_by_two_in_the_tables_order(name: str) -> None:
    frame, rows = modelled(name), tables.table(name)
    assert len(frame) == 2 * len(rows)
    printed = [int(row[f"{side}_lat_s"]) for row in rows for side in ("sota", "hrn")]
    assert list(frame["printed"]) == printed
    for entry, gc in zip([e for e in entries() if e.table == name], frame["gc"], strict=True):
        assert gc == garbled_seconds(entry.relus)


@pytest.mark.long
def test_a_table_has_a_row_for_each_of_its_networks_and_budgets() -> None:
    for entry in entries():
        if entry.he_s is not None:
            found = timed(entry.table, RECORD)
            rows = list(zip(found["data"], found["network"], strict=True))
            assert rows.count((entry.data, entry.label)) == 1
