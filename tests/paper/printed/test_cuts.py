"""What truncations cost beside ReLUs."""

import pytest

from deepreshape.paper.printed import cuts
from deepreshape.paper.printed.entries import FREE, RUN
from deepreshape.paper.printed.protocols import distinct
from deepreshape.private.garbled import circuits
from deepreshape.private.garbled.garbling import table_bytes
from deepreshape.private.measured import Element, read
from deepreshape.private.measuring import BITS, SHIFT
from deepreshape.private.packings import PACKINGS
from deepreshape.private.rings import BINARY

RECORD = read()


def test_a_truncation_by_one_transfer_is_nearly_free_and_a_garbled_one_is_not() -> None:
    time, octets = cuts.shares(RECORD, "coefficients")
    assert time < 0.2
    assert octets < 0.02
    assert cuts.garbled() > 50 * cuts.size(RECORD.elements[Element("coefficients", "truncate")])


def test_modulo_a_prime_a_truncation_is_about_as_dear_as_a_relu() -> None:
    time, octets = cuts.shares(RECORD, "slots")
    assert 0.5 < time < 2
    assert 0.5 < octets < 1


def test_a_garbled_truncation_sends_its_tables_and_labels() -> None:
    tables = table_bytes(circuits.truncate(BINARY, SHIFT, SHIFT + BITS))
    assert tables < cuts.garbled() < 2 * tables


@pytest.mark.parametrize("packing", PACKINGS)
def test_what_is_added_is_what_truncations_take(packing: str) -> None:
    seconds, octets = cuts.added(RECORD, packing)
    cut = RECORD.elements[Element(packing, "truncate")]
    for entry, time, size in zip(distinct(), seconds, octets, strict=True):
        free, count = entry.measured(packing, RECORD, FREE), entry.garbled(RUN).truncations
        assert time == pytest.approx(count * cut.seconds / free.total_s)
        assert size == pytest.approx(count * cuts.size(cut) / (free.he_bytes + free.gc_bytes))


def test_without_rotations_truncations_add_a_tenth_at_most() -> None:
    assert max(map(max, cuts.added(RECORD, "coefficients"))) < 0.1


def test_each_protocol_is_told() -> None:
    assert f"{cuts.garbled():,} bytes" in cuts.told(RECORD)
    assert cuts.told_added(RECORD).count("truncations add") == len(PACKINGS)
