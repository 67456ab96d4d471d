"""Seconds for many networks at once, held against the models of a single one."""

from dataclasses import replace

import pytest

from deepreshape.design import DesignError, Limits, Network, ReluPlan, Space, cost, parse, suggest
from deepreshape.private import measured
from deepreshape.private.estimated import PACKING, completed
from deepreshape.private.latency import latency
from deepreshape.private.predicted import PROTOCOLS, record, timing, truncated
from deepreshape.private.wire.link import LAN, WAN

NETWORKS = (
    *("HRN-2x5x3x(m=8)-C1-T234", "HRN-2x5x3x(m=16)-C1-T234-Re4", "HRN-3x5x2x(m=20)-T4-Re4"),
    *("ResNet18@64/200", "WRN16x4-T123", "VGG16(m=16)", "MobileNetV2-C1", "RegNetX-200MF"),
)
"""Two of which truncations were counted, and others."""


def reference(network: Network, protocol: str) -> float:
    if protocol == "delphi":
        return latency(network).total_s
    plain = replace(network, relus=ReluPlan())
    garbled, _ = truncated(network)
    run = measured.measured(plain, PACKING, completed(record(), network), garbled)
    return run.total_s + run.wire_s({"ours-lan": LAN, "ours-wan": WAN}[protocol].bandwidth)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", NETWORKS)
def test_seconds_are_those_of_one_network_to_a_microsecond(name: str, protocol: str) -> None:
    network = parse(name)
    assert timing(protocol).seconds(network) == pytest.approx(
        reference(network, protocol), rel=1e-9, abs=1e-6
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_search_says_the_seconds_of_each_design_to_a_microsecond(protocol: str) -> None:
    """Among them one whose truncations were counted."""
    space = Space((3, 2, 4, 1), channels=(8, 12), reuse=(1, 4), largest=6, families=("ResNet18",))
    found = suggest(space, Limits(relus=60_000), timing(protocol))
    assert len(found.front) > 20
    for each in found.front:
        network = parse(each.network.name)
        assert each.seconds == pytest.approx(reference(network, protocol), rel=1e-9, abs=1e-6)
    assert protocol == "delphi" or any(truncated(each.network)[1] for each in found.front)


def test_the_fastest_first() -> None:
    """As a rotation-free packing has fewer operations, and a slow wire costs more."""
    network = parse("HRN-2x5x3x(m=8)-C1-T234")
    delphi, lan, wan = (timing(protocol).seconds(network) for protocol in PROTOCOLS)
    assert lan < wan < delphi


def test_what_was_not_counted_is_taken_as_a_truncation_for_each_relu_that_is_gone() -> None:
    whole, part = parse("HRN-5x5x3x(m=20)"), parse("HRN-5x5x3x(m=20)-C1")
    garbled, counted = truncated(part)
    removed = cost(whole).total_relus - cost(part).total_relus
    assert (garbled.truncations, counted) == (removed, False)
    garbled, counted = truncated(whole)
    assert (garbled.truncations, counted) == (0, True)


def test_what_was_counted_is_taken() -> None:
    garbled, counted = truncated(parse("HRN-2x5x3x(m=16)-C1-T234-Re4"))
    assert counted
    assert garbled.truncations != garbled.relus


@pytest.mark.parametrize(
    ("protocol", "resolution", "said"),
    [("delphi", 128, "does not fit a ciphertext's row"), ("ours-lan", 8192, "does not fit")],
)
def test_maps_that_no_packing_holds_are_refused(protocol: str, resolution: int, said: str) -> None:
    space = Space((2, 1), resolution=resolution, channels=(4,))
    with pytest.raises(DesignError, match=said):
        suggest(space, timing=timing(protocol))


def test_there_is_no_other_protocol() -> None:
    with pytest.raises(
        DesignError, match="protocols are delphi, ours-lan, ours-wan, not 'gazelle'"
    ):
        timing("gazelle")
