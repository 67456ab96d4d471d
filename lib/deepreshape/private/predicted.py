"""Seconds of one private inference by a named model, for as many networks as are asked: what
`design.suggest` takes. The sums are those of `latency` and of `measured`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial

from deepreshape.design import DesignError, Network, ReluPlan, cost, parse
from deepreshape.design.blocks import Part, part_layers
from deepreshape.design.suggest import Timing
from deepreshape.private import garbled_counts, measured
from deepreshape.private.estimated import PACKING, estimate
from deepreshape.private.garbled_counts import Garbled
from deepreshape.private.latency import garbled_seconds, part_operations
from deepreshape.private.measured import Element, Measurements
from deepreshape.private.wire.link import LAN, WAN, Link


@dataclass(frozen=True, slots=True)
class Predictor:
    """title: as tables write it. timing: makes it."""

    title: str
    timing: Callable[[], Timing]


@lru_cache
def timing(protocol: str) -> Timing:
    """Of one of `PROTOCOLS`. Raises DesignError where there is none of the name.

    `delphi` is `latency`, the model of the paper's columns. `ours-lan` and `ours-wan` are this
    project's own protocol under the rotation-free packing: seconds of both ends, one after the
    other, truncations, and the wire at the bandwidth of the link. Layers that were not timed are
    estimated.
    """
    if protocol not in PROTOCOLS:
        raise DesignError(f"protocols are {', '.join(PROTOCOLS)}, not {protocol!r}")
    return PROTOCOLS[protocol].timing()


def _delphi() -> Timing:
    return Timing(lambda part: part_operations(part).seconds, garbled_seconds(1))


def _ours(link: Link) -> Timing:
    def linear(part: Part) -> float:
        seconds, octets = linear_cost(part)
        return seconds + link.seconds(octets, rounds=0)

    relu, truncation = (_element(name, link) for name in ("relu", "truncate"))
    counted = {parse(name): garbled.truncations for name, garbled in counts().items()}
    return Timing(linear, relu, truncation, counted)


PROTOCOLS: Mapping[str, Predictor] = {
    "delphi": Predictor("the paper's model", _delphi),
    "ours-lan": Predictor("ours over a LAN", partial(_ours, LAN)),
    "ours-wan": Predictor("ours over a WAN", partial(_ours, WAN)),
}


def truncated(network: Network) -> tuple[Garbled, bool]:
    """What a network's program garbles and truncates, and whether that was counted; else it is
    taken as all its ReLUs, and a truncation for every one that was removed."""
    if str(network) in counts():
        return counts()[str(network)], True
    left = cost(network).total_relus
    removed = cost(replace(network, relus=ReluPlan())).total_relus - left
    return Garbled(left, removed), removed == 0


@lru_cache
def record() -> Measurements:
    """The measurements that this repository keeps."""
    return measured.read()


@lru_cache
def counts() -> garbled_counts.Counts:
    """The counts of garbled elements that this repository keeps."""
    return garbled_counts.read()


@lru_cache(maxsize=2**16)
def linear_cost(part: Part) -> tuple[float, int]:
    """Seconds and bytes of the linear layers of a part."""
    seconds, octets = 0.0, 0
    for layer in part_layers(part):
        shape = measured.shape(layer, PACKING)
        if shape is not None:
            found = record().layers.get(shape) or _estimated(shape)
            seconds += found.server_s + found.client_s
            octets += found.up_bytes + found.down_bytes
    return seconds, octets


def _element(function: str, link: Link) -> float:
    found = record().elements[Element(PACKING, function)]
    return found.seconds + link.seconds(found.offline_bytes + found.online_bytes, rounds=0)


def _estimated(shape: measured.Shape) -> measured.LayerCost:
    try:
        return estimate(shape)
    except ValueError as error:
        raise DesignError(str(error)) from None
