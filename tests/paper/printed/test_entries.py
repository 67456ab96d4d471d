"""The networks of Tables 6 to 8: which there are, and what each garbles."""

import pytest

from deepreshape.design import ReluPlan, cost
from deepreshape.paper.printed.entries import (
    COUNTS,
    FREE,
    RUN,
    entries,
    garbled_networks,
    timed_networks,
)
from deepreshape.paper.printed.latencies import plain
from deepreshape.private import garbled_counts
from deepreshape.private.garbled_counts import Garbled
from deepreshape.private.measured import Element, read
from deepreshape.private.packings import PACKINGS

RECORD = read()


def test_both_sides_of_every_row_are_entries() -> None:
    tables = [entry.table for entry in entries()]
    assert [tables.count(name) for name in ("table06", "table07", "table08")] == [7, 28, 30]


def test_only_searched_networks_have_other_relus_than_their_own() -> None:
    for entry in entries():
        own = entry.relus == cost(entry.listed).total_relus
        assert own == (entry.method in ("HybReNet", "ConvNeXt"))


def test_the_record_counts_what_every_network_garbles() -> None:
    assert set(garbled_counts.read()) == set(map(str, garbled_networks()))


def test_a_removed_relu_is_truncated_as_run_here_and_free_in_the_paper() -> None:
    for entry in entries():
        free, run = entry.garbled(FREE), entry.garbled(RUN)
        assert free == Garbled(entry.relus, 0)
        assert run.relus == entry.relus
        removed = cost(plain(entry.listed)).total_relus - entry.relus
        if entry.method in ("SNL", "SENet"):
            assert run.truncations >= removed
        else:
            assert run.truncations > removed / 2


@pytest.mark.parametrize("packing", PACKINGS)
def test_seconds_and_bytes_count_truncations_as_run_here(packing: str) -> None:
    each = RECORD.elements[Element(packing, "truncate")]
    for entry in entries():
        free, run = (entry.measured(packing, RECORD, count) for count in COUNTS)
        more = entry.garbled(RUN).truncations
        assert run.gc_s - free.gc_s == pytest.approx(more * each.seconds)
        assert run.gc_bytes - free.gc_bytes == more * (each.offline_bytes + each.online_bytes)
        assert run.he_s == free.he_s


def test_labels_tell_methods_and_budgets() -> None:
    labels = {entry.label for entry in entries()}
    assert {"SNL on ResNet18, 15K", "HRN-2x5x3x(m=8), 26K", "ConvNeXt-T, 1622K"} <= labels


def test_networks_are_timed_without_their_relus() -> None:
    found = timed_networks()
    assert len(set(found)) == len(found) == 27
    assert all(network.relus == ReluPlan() for network in found)
