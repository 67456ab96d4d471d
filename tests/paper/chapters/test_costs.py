"""Seconds and speed-ups of the chapter on cost."""

import re

import pytest

from deepreshape.paper.chapters import costs
from deepreshape.paper.printed import protocols
from deepreshape.paper.printed.entries import COUNTS, FREE, RUN
from deepreshape.private.measured import read

RECORD = read()
OTHER, OURS = costs.pair("table07", 5)


def test_a_pair_is_both_networks_of_a_row() -> None:
    assert (OTHER.is_hybrenet, OURS.is_hybrenet) == (False, True)
    assert (OTHER.relus, OURS.relus) == (25000, 26112)


@pytest.mark.parametrize("count", COUNTS)
def test_seconds_are_the_sum_of_their_parts(count: str) -> None:
    frame = costs.by_part((OTHER, OURS), RECORD, count)
    assert frame["seconds"].tolist() == pytest.approx(frame[list(costs.PARTS)].sum(axis=1).tolist())


def test_each_network_is_told_in_five_ways() -> None:
    ways = costs.by_part((OURS,), RECORD, FREE)["by"].tolist()
    assert ways == [
        "the paper's model",
        "Delphi's packing",
        "rotation-free",
        "rotation-free, LAN",
        "rotation-free, WAN",
    ]


def test_a_slower_wire_takes_in_proportion_longer() -> None:
    wire = costs.by_part((OURS,), RECORD, RUN).set_index("by")["bytes on the wire"]
    assert wire["rotation-free, WAN"] == pytest.approx(10 * wire["rotation-free, LAN"])


def test_every_speed_up_is_told_in_every_way() -> None:
    found = protocols.gains(RECORD)
    frame = costs.gains(found)
    assert len(frame) == len(found) * len(protocols.WAYS) * len(COUNTS)
    tallied = protocols.tallies(found)
    for row in tallied.to_dict("records"):
        of = frame[(frame["by"] == row["seconds"]) & (frame["garbled"] == row["garbled"])]
        assert (of["verdict"] == "holds").sum() == row["holds"]


def test_what_is_told_counts_every_speed_up() -> None:
    frame = costs.gains(protocols.gains(RECORD))
    first = costs.told(frame).splitlines()[0]
    numbers = map(int, re.findall(r"\b\d+\b", first))
    assert sum(numbers) == len(protocols.gains(RECORD)) * len(protocols.WAYS)


def count(by: str, garbled: str, word: str) -> int:
    """How many speed-ups have a verdict."""
    rows = protocols.tallies(protocols.gains(RECORD)).set_index(["seconds", "garbled"])
    return int(rows.loc[(by, garbled), word])


def test_what_the_chapter_concludes_holds_of_the_measurements() -> None:
    """Its last paragraph on speed-ups and its box, sentence by sentence."""
    found = protocols.gains(RECORD)
    assert count("over a WAN", RUN, "holds") < count("over a LAN", RUN, "holds")
    ways = protocols.WAYS[1:]
    assert all(
        gain.measured[way, RUN] == pytest.approx(gain.measured[way, FREE], rel=0.1)
        for gain in found
        for way in ways
    )
    lan, wan = protocols.LAN_WAY, protocols.WAN_WAY
    slower = [gain.measured[wan, RUN] < gain.measured[lan, RUN] for gain in found]
    assert sum(slower) > len(found) / 2


def test_delphis_packing_takes_seconds_of_the_printed_order() -> None:
    for entry in (OTHER, OURS):
        assert entry.he_s is not None
        assert 0.5 < entry.measured("slots", RECORD, FREE).he_s / entry.he_s < 5


def test_every_element_has_a_row() -> None:
    frame = costs.elements(RECORD)
    assert len(frame) == len(RECORD.elements)
    assert (frame[["µs", "bytes"]] > 0).all(axis=None)


def test_the_answers_of_the_chapter_hold() -> None:
    """Which of the two networks is faster where."""
    lan, wan = (
        way.seconds(OTHER.measured(way.packing, RECORD, RUN))
        / way.seconds(OURS.measured(way.packing, RECORD, RUN))
        for way in (protocols.LAN_WAY, protocols.WAN_WAY)
    )
    assert 1 < wan < lan
