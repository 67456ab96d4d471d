"""Tables 6 to 8 under two linear protocols."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.design import cost, parse
from deepreshape.paper.protocols import (
    WHOLE,
    Gain,
    costed,
    entries,
    front,
    gains,
    timed,
    timed_networks,
)
from deepreshape.paper.versus import plain
from deepreshape.private.latency import garbled_seconds
from deepreshape.private.measured import PROTOCOLS, Whole, read

RECORD = read()


def test_both_sides_of_every_row_are_entries() -> None:
    tables = [entry.table for entry in entries()]
    assert [tables.count(name) for name in ("table06", "table07", "table08")] == [7, 28, 30]


def test_only_searched_networks_have_other_relus_than_their_own() -> None:
    for entry in entries():
        if entry.method in ("HybReNet", "ConvNeXt") and "ConvNeXt-N" not in entry.label:
            assert entry.relus == cost(entry.network).total_relus


def test_the_he_of_convnext_n_is_that_of_80_base_channels() -> None:
    listed = parse("ConvNeXt-N(m=96)@64/200")
    assert plain(costed(listed)) == parse("ConvNeXt-N@64/200")
    assert costed(parse("ConvNeXt-T@64/200")) == parse("ConvNeXt-T@64/200")


@pytest.mark.parametrize("packing", PROTOCOLS)
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


@pytest.mark.parametrize(
    ("found", "expected"), [(2.0, "holds"), (1.8, "holds"), (1.79, "less"), (1.0, "gone")]
)
def test_a_gain_holds_to_within_a_tenth(found: float, expected: str) -> None:
    entry = entries()[0]
    assert Gain(entry, entry, 2.0, ()).verdict(found) == expected


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
    assert all(network == replace(network, relus=plain(network).relus) for network in found)
