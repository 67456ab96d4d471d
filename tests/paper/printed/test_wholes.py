"""Networks of the tables run whole."""

from dataclasses import replace

import pytest

from deepreshape.paper.printed import protocols, wholes
from deepreshape.paper.printed.entries import RUN, entries, printed_wholes
from deepreshape.paper.printed.protocols import WAYS
from deepreshape.private.measured import Measurements, WholeCost, read

COST = WholeCost(1.0, 0.5, 0.5, 1.0, 2.0, 0.5, 10_000_000, 1, 300_000_000, 700_000_000)
GAIN = protocols.gains(read())[0]


@pytest.fixture
def record() -> Measurements:
    """The first gain's networks were run, the slower one four times as long with as many bytes."""
    slow = replace(COST, offline_s=9.0, online_s=1.0)
    return replace(read(), wholes={GAIN.behind.whole: slow, GAIN.ahead.whole: COST})


def test_each_network_that_was_run_has_a_row(record: Measurements) -> None:
    frame = wholes.table(record)
    assert set(frame["network"]) == {GAIN.behind.label, GAIN.ahead.label}
    ours = frame[frame["network"] == GAIN.ahead.label].iloc[0]
    assert tuple(ours.iloc[2:]) == (2.0, 0.5, 10.0, 300.0, 700.0)


def test_every_entry_is_run_once_were_all_run() -> None:
    every = replace(read(), wholes=dict.fromkeys(printed_wholes(), COST))
    assert {each.whole for each in wholes.run(every)} == {each.whole for each in entries()}
    assert len(wholes.table(every)) == len(printed_wholes())
    assert len(wholes.gains(every)) == len(protocols.gains(every))


def test_a_gain_is_of_both_networks_with_the_seconds_of_their_bytes(record: Measurements) -> None:
    found = next(each for each in wholes.gains(record) if each.gain.ahead == GAIN.ahead)
    assert found.measured["on one machine"] == pytest.approx(10 / 2.5)
    assert found.measured["over a WAN"] == pytest.approx((10 + 0.8) / (2.5 + 0.8))


def test_a_row_of_which_one_network_was_not_run_has_no_gain(record: Measurements) -> None:
    alone = replace(record, wholes={GAIN.ahead.whole: COST})
    assert wholes.gains(alone) == []
    assert "In 0 of the 29 rows" in wholes.sentence(alone)


def test_the_end_counts_where_the_hybrenet_is_faster(record: Measurements) -> None:
    cost = record.wholes
    turned = {GAIN.behind.whole: cost[GAIN.ahead.whole], GAIN.ahead.whole: cost[GAIN.behind.whole]}
    pairs = len(wholes.gains(record))
    assert f"in at least {pairs} of {pairs} pairs" in wholes.conclusion(record)
    assert f"in at least 0 of {pairs} pairs" in wholes.conclusion(replace(record, wholes=turned))


def test_every_gain_has_one_verdict_on_each_wire(record: Measurements) -> None:
    found = wholes.gains(record)
    frame = wholes.claims(found)
    assert len(frame) == len(found)
    for name in wholes.WIRES:
        for cell, each in zip(frame[name], found, strict=True):
            word = protocols.verdict(each.gain.printed, each.measured[name])
            assert cell.endswith(("less", "gone")) == (word != "holds")


def test_runs_and_sums_agree_where_both_give_the_same_verdict() -> None:
    sums = {name: GAIN.measured[way, RUN] for name, way in zip(wholes.WIRES, WAYS[1:], strict=True)}
    assert wholes.alike(wholes.WholeGain(GAIN, sums)) == len(wholes.WIRES)
    gone = dict.fromkeys(wholes.WIRES, 0.5)
    held = dict.fromkeys(wholes.WIRES, 2 * GAIN.printed)
    assert wholes.alike(wholes.WholeGain(GAIN, gone)) + wholes.alike(
        wholes.WholeGain(GAIN, held)
    ) <= len(wholes.WIRES)


@pytest.mark.parametrize(
    ("times", "said"), [(9.0, "1 holds"), (2.0, "1 is less"), (0.5, "1 is gone")]
)
def test_verdicts_are_counted_in_words(times: float, said: str) -> None:
    gain = replace(GAIN, printed=3.0)
    found = wholes.verdicts([wholes.WholeGain(gain, dict.fromkeys(wholes.WIRES, times))])
    assert all(said in each for each in found.values())
    assert all("0 are" in each or "0 hold" in each for each in found.values())
