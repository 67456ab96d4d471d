"""Tables 6 to 8 under two linear protocols."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.paper.printed.entries import (
    COUNTS,
    DATA_SETS,
    FREE,
    RUN,
    WHOLE,
    entries,
    timed_networks,
)
from deepreshape.paper.printed.protocols import (
    PAPER,
    WAYS,
    Way,
    claims,
    costs,
    distinct,
    front,
    gains,
    linear_layers,
    points,
    tallies,
    told,
    truncations,
    verdict,
)
from deepreshape.private.latency import garbled_seconds
from deepreshape.private.measured import Whole, measured, read
from deepreshape.private.packings import PACKINGS
from deepreshape.private.wire.link import WAN

RECORD = read()


@pytest.mark.parametrize("packing", PACKINGS)
def test_the_record_has_every_layer(packing: str) -> None:
    for entry in entries():
        assert entry.measured(packing, RECORD).total_s > 0
    assert Whole(packing, WHOLE) in RECORD.wholes


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
def test_without_rotations_truncations_move_no_gain_by_more_than_a_tenth(way: Way) -> None:
    for gain in gains(RECORD):
        assert gain.measured[way, RUN] == pytest.approx(gain.measured[way, FREE], rel=0.1)


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


def test_the_faster_rows_are_those_whose_gain_is_not_gone() -> None:
    for row in tallies(gains(RECORD)).to_dict("records"):
        assert row["faster"] == row["holds"] + row["less"]


def test_factors_are_told_by_way_with_a_word_where_they_do_not_hold() -> None:
    slow, fast = WAYS[:2]
    measured_ = {(slow, FREE): 2.0, (slow, RUN): 1.5, (fast, FREE): 0.9, (fast, RUN): 1.84}
    assert told(2.0, measured_) == {slow.name: "2.0x | 1.5x less", fast.name: "0.9x gone | 1.8x"}


def test_every_gain_is_a_claim_of_its_row() -> None:
    found = gains(RECORD)
    frame = claims(found)
    assert list(frame["printed"]) == [f"{gain.printed}x" for gain in found]
    assert list(frame["than"]) == [gain.behind.label for gain in found]
    assert set(frame.columns) == {"data", "faster", "than", "printed", *(w.name for w in WAYS)}


# Every network


def test_distinct_entries_cover_all() -> None:
    found = {(each.network, each.relus, each.accuracy) for each in distinct()}
    assert found == {(each.network, each.relus, each.accuracy) for each in entries()}
    assert len(found) == len(distinct())


def test_truncations_are_those_of_the_programs() -> None:
    frame = truncations().set_index(["data", "network"])
    for entry in entries():
        row = frame.loc[(entry.data, entry.label)]
        assert tuple(row[["ReLUs", "truncations"]]) == (
            entry.relus,
            entry.garbled(RUN).truncations,
        )
    assert truncations()["for each ReLU"].is_monotonic_increasing


def test_linear_layers_are_of_each_network_the_smallest_first() -> None:
    frame = linear_layers(timed_networks(), RECORD)
    assert set(frame["network"]) == set(map(str, timed_networks()))
    assert frame["MACs (M)"].is_monotonic_increasing
    assert (frame["times"] > 1).all()


def test_costs_are_of_every_entry_with_each_count_under_each_protocol() -> None:
    frame = costs(RECORD)
    assert len(frame) == len(distinct()) * len(COUNTS) * len(PACKINGS)
    share = frame["GC (s)"] / (frame["GC (s)"] + frame["HE (s)"])
    assert frame["GC (%)"].tolist() == pytest.approx((100 * share).tolist())
    middle = frame.groupby(["garbled", "protocol"])["GC bytes for one of HE"].median()
    assert (middle[RUN] > middle[FREE]).all()


def test_points_on_a_front_are_those_of_the_front() -> None:
    frame = points(RECORD)
    assert len(frame) == len(distinct()) * (1 + len(WAYS) * len(COUNTS))
    for _, of in frame.groupby(["data", "by", "garbled"]):
        found = list(zip(of["seconds"], of["accuracy (%)"], strict=True))
        kept = {found[at] for at in front(found)}
        assert {point for point, on in zip(found, of["front"], strict=True) if on} == kept
    assert set(frame["data"]) == set(DATA_SETS.values())
    assert set(frame[frame["by"] == PAPER]["garbled"]) == {FREE}
