"""Tables 6 to 8 under two linear protocols."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.design import ReluPlan, cost
from deepreshape.paper.printed.protocols import (
    COUNTS,
    FREE,
    RUN,
    WAYS,
    WHOLE,
    Way,
    entries,
    front,
    gains,
    garbled_networks,
    tallies,
    timed,
    timed_networks,
    verdict,
)
from deepreshape.private import garbled_counts
from deepreshape.private.garbled_counts import Garbled
from deepreshape.private.latency import garbled_seconds
from deepreshape.private.measured import Element, Whole, measured, read
from deepreshape.private.packings import PACKINGS
from deepreshape.private.wire.link import WAN

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
        removed = cost(entry.network).total_relus - entry.relus
        if entry.method in ("SNL", "SENet"):
            assert run.truncations == removed
        elif "ConvNeXt-N" not in entry.label:  # whose HE is that of a narrower network
            assert 0 < run.truncations < removed


@pytest.mark.parametrize("packing", PACKINGS)
def test_seconds_and_bytes_count_truncations_as_run_here(packing: str) -> None:
    each = RECORD.elements[Element(packing, "truncate")]
    for entry in entries():
        free, run = (entry.measured(packing, RECORD, count) for count in COUNTS)
        more = entry.garbled(RUN).truncations
        assert run.gc_s - free.gc_s == pytest.approx(more * each.seconds)
        assert run.gc_bytes - free.gc_bytes == more * (each.offline_bytes + each.online_bytes)
        assert run.he_s == free.he_s


@pytest.mark.parametrize("packing", PACKINGS)
def test_the_record_has_every_layer(packing: str) -> None:
    for entry in entries():
        assert entry.measured(packing, RECORD).total_s > 0
    assert Whole(packing, WHOLE) in RECORD.wholes


def test_a_table_has_a_row_for_each_of_its_networks_and_budgets() -> None:
    for entry in entries():
        if entry.he_s is not None:
            found = timed(entry.table, entry.data, RECORD)
            assert list(found["network"]).count(entry.label) == 1


def test_gains_are_of_the_rows_in_order() -> None:
    found = gains(RECORD)
    assert len(found) == 29
    assert all((gain.ahead.side, gain.behind.side) == ("hrn", "sota") for gain in found)
    for gain in found:
        totals = [
            entry.he_s + garbled_seconds(entry.relus)
            for entry in (gain.behind, gain.ahead)
            if entry.he_s is not None
        ]
        assert gain.printed == pytest.approx(totals[0] / totals[1], abs=0.45)


def test_a_gain_is_of_both_networks_counted_alike() -> None:
    way = WAYS[-1]
    assert way.link == WAN
    gain = gains(RECORD)[5]
    for count in COUNTS:
        slow, fast = (
            measured(entry.network, "coefficients", RECORD, entry.garbled(count))
            for entry in (gain.behind, gain.ahead)
        )
        times = [took.total_s + 8e-8 * (took.he_bytes + took.gc_bytes) for took in (slow, fast)]
        assert gain.measured[way, count] == pytest.approx(times[0] / times[1])


def test_every_gain_has_a_verdict_in_every_way() -> None:
    found = gains(RECORD)
    counted = tallies(found)
    assert len(counted) == len(WAYS) * len(COUNTS)
    assert set(counted[["holds", "less", "gone"]].sum(axis=1)) == {len(found)}


@pytest.mark.parametrize("way", [way for way in WAYS if way.packing == "coefficients"], ids=repr)
def test_without_rotations_every_gain_holds_as_run_here_and_not_truncation_free(way: Way) -> None:
    found = gains(RECORD)
    assert {gain.verdict(way, RUN) for gain in found} == {"holds"}
    assert "less" in {gain.verdict(way, FREE) for gain in found}


@pytest.mark.parametrize(
    ("found", "expected"), [(2.0, "holds"), (1.8, "holds"), (1.79, "less"), (1.0, "gone")]
)
def test_a_gain_holds_to_within_a_tenth(found: float, expected: str) -> None:
    assert verdict(2.0, found) == expected


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=12))
def test_a_front_is_what_no_other_point_beats(points: list[tuple[int, int]]) -> None:
    kept = {points[at] for at in front(points)}
    assert kept == {
        (s, a)
        for s, a in points
        if not any((t <= s and b >= a and (t, b) != (s, a)) for t, b in points)
    }


def test_labels_tell_methods_and_budgets() -> None:
    labels = {entry.label for entry in entries()}
    assert {"SNL on ResNet18, 15K", "HRN-2x5x3x(m=8), 26K", "ConvNeXt-T, 1622K"} <= labels


def test_networks_are_timed_without_their_relus() -> None:
    found = timed_networks()
    assert len(set(found)) == len(found) == 27
    assert all(network.relus == ReluPlan() for network in found)
