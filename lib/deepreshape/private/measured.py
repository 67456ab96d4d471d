"""The latency columns, measured: what layers and elements took on a machine, and their sums.

A record has a row for each shape of a linear layer under each packing, and for each garbled
function of an element (`measuring` makes them). A network's seconds are sums over its layers, one
thread at each end, without the wire; its bytes are counted.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from math import isclose
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from deepreshape.design import AnyNetwork, Layer, Network, cost, layers
from deepreshape.design.ops import IMAGE, Conv, FullyConnected
from deepreshape.design.reduce import without_reuse
from deepreshape.files import write_text
from deepreshape.places import DATA
from deepreshape.private.garbled_counts import Garbled
from deepreshape.private.packings import PACKINGS

MEASURED = DATA / "latency" / "measured.json"
"""The record that this repository keeps."""
DIGITS = 4
"""Of a number in a record, which is more than a clock means."""


class BadMeasurements(ValueError):
    """A file that holds no measurements; the message says where."""


@dataclass(frozen=True, slots=True, order=True)
class Shape:
    """A linear layer under a packing. side: of the input maps, 0 for a fully connected layer."""

    packing: str
    inputs: int
    outputs: int
    side: int
    kernel: int = 1
    stride: int = 1
    groups: int = 1


@dataclass(frozen=True, slots=True)
class LayerCost:
    """Seconds and bytes of a linear layer for one image.

    ready_s: the server makes the plaintexts of its weights, once for all images. server_s: it
    answers. client_s: the client encrypts its share and decrypts the answer. share: of the layer's
    homomorphic operations, how many were run; the seconds are those of all.
    """

    ready_s: float
    server_s: float
    client_s: float
    up_bytes: int
    down_bytes: int
    share: float


@dataclass(frozen=True, slots=True, order=True)
class Element:
    """A garbled function of one element, `relu` or `truncate`, in the ring of a packing."""

    packing: str
    function: str


ELEMENTS = tuple(Element(packing, name) for packing in PACKINGS for name in ("relu", "truncate"))


@dataclass(frozen=True, slots=True)
class ElementCost:
    """Seconds and bytes of one element.

    garble_s: at the server. evaluate_s: at the client, with the encoding and decoding at the
    server. transfer_s: oblivious transfer of the client's labels, at both. offline_bytes,
    online_bytes: both ways together.
    """

    garble_s: float
    evaluate_s: float
    transfer_s: float
    offline_bytes: int
    online_bytes: int

    @property
    def seconds(self) -> float:
        return self.garble_s + self.evaluate_s + self.transfer_s


@dataclass(frozen=True, slots=True, order=True)
class Whole:
    """A network, by its name, under a packing. relus: how many of its ReLUs are left, at random
    places; 0 for all."""

    packing: str
    network: str
    relus: int = 0


@dataclass(frozen=True, slots=True)
class WholeCost:
    """A whole inference between two processes, for one image: means, and medians of the phases.

    he_s: at the server; he_client_s: at the client. gc_s: garbled circuits and oblivious transfer,
    truncations included, at both. ready_s: once for all images. bytes: both ways. client_peak,
    server_peak: bytes resident at most.
    """

    he_s: float
    he_client_s: float
    gc_s: float
    ready_s: float
    offline_s: float
    online_s: float
    bytes: int
    images: int
    client_peak: int
    server_peak: int


@dataclass(frozen=True, slots=True)
class Measurements:
    """A record: the machine, and what was timed on it."""

    machine: str
    layers: Mapping[Shape, LayerCost]
    elements: Mapping[Element, ElementCost]
    wholes: Mapping[Whole, WholeCost]


@dataclass(frozen=True, slots=True)
class Measured:
    """One private inference by the measurements.

    he_s: at the server; he_client_s: at the client. gc_s: of what is garbled, at both, with the
    oblivious transfer. ready_s: once for all images. run: the share of he_s that was run and not
    inferred.
    """

    he_s: float
    he_client_s: float
    gc_s: float
    ready_s: float
    he_bytes: int
    gc_bytes: int
    run: float

    @property
    def total_s(self) -> float:
        """Homomorphic and garbled seconds at both ends, as the paper's Lat. adds them."""
        return self.he_s + self.he_client_s + self.gc_s

    def wire_s(self, bandwidth: float) -> float:
        """Seconds that the bytes of HE and GC take at so many bits a second."""
        return 8 * (self.he_bytes + self.gc_bytes) / bandwidth


def measured(
    network: AnyNetwork, packing: str, record: Measurements, garbled: Garbled | None = None
) -> Measured:
    """A network under a packing. garbled: in place of the ReLUs that it has, and no truncation.

    ReLU-reuse is costed as the convolutions without groups (Appendix J). Raises LookupError for a
    layer that is not in the record, and for squares, of which none has any.
    """
    if isinstance(network, Network) and network.relus.quadratic:
        raise LookupError(f"{network} has squares, which are not timed")
    listed = shapes(without_reuse(network), packing)
    found = [record.layers[_known(each, record)] for each in listed]
    garbled = garbled or Garbled(cost(network).total_relus)
    elements = [
        (garbled.relus, record.elements[Element(packing, "relu")]),
        (garbled.truncations, record.elements[Element(packing, "truncate")]),
    ]
    he = sum(each.server_s for each in found)
    return Measured(
        he,
        sum(each.client_s for each in found),
        sum(count * each.seconds for count, each in elements),
        sum(each.ready_s for each in found),
        sum(each.up_bytes + each.down_bytes for each in found),
        sum(count * (each.offline_bytes + each.online_bytes) for count, each in elements),
        sum(each.server_s * each.share for each in found) / he,
    )


def shapes(network: AnyNetwork, packing: str) -> list[Shape]:
    """The shapes of a network's linear layers, in order."""
    side = {layer.name: layer.shape[1] for layer in layers(network)} | {IMAGE: network.resolution}
    found = (shape(layer, packing, side[layer.inputs[0]]) for layer in layers(network))
    return [each for each in found if each is not None]


def shape(layer: Layer, packing: str, side: int | None = None) -> Shape | None:
    """Of a layer; None where it is not a linear one with weights.

    side: of its input in pixels; without it that of a convolution whose stride divides it.
    """
    match layer.op:
        case Conv(inputs, outputs, kernel, stride, groups):
            entered = layer.shape[1] * stride if side is None else side
            return Shape(packing, inputs, outputs, entered, kernel, stride, groups)
        case FullyConnected(inputs, outputs):
            return Shape(packing, inputs, outputs, 0)
        case _:
            return None


def _known(asked: Shape, record: Measurements) -> Shape:
    if asked not in record.layers:
        raise LookupError(f"{asked} was not timed; `deepreshape measure` does it")
    return asked


Cost = TypeVar("Cost", LayerCost, ElementCost, WholeCost)


def least(one: Cost, other: Cost) -> Cost:
    """Field by field the lesser of two timings: what else a machine does only adds to a time.

    Of a layer of which different shares were run, the timing of the larger share.
    """
    if isinstance(one, LayerCost) and not isclose(
        one.share, other.share, rel_tol=10 ** (1 - DIGITS)
    ):
        return max(one, other, key=attrgetter("share"))
    lesser = {name: min(seconds, asdict(other)[name]) for name, seconds in asdict(one).items()}
    return replace(one, **lesser)


# On disk


def read(path: Path = MEASURED) -> Measurements:
    """The record of a file. Raises BadMeasurements, or FileNotFoundError."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Measurements(
            found["machine"],
            {_taken(Shape, row): _taken(LayerCost, row) for row in found["layers"]},
            {_taken(Element, row): _taken(ElementCost, row) for row in found["elements"]},
            {_taken(Whole, row): _taken(WholeCost, row) for row in found["wholes"]},
        )
    except (ValueError, LookupError, TypeError) as error:
        raise BadMeasurements(f"{path} holds no measurements ({type(error).__name__})") from None


def write(path: Path, record: Measurements) -> None:
    """Write a record whole, or leave what was there. Raises OSError."""
    parts = [
        f'"machine": {json.dumps(record.machine)}',
        _listed("layers", record.layers),
        _listed("elements", record.elements),
        _listed("wholes", record.wholes),
    ]
    write_text(path, "{\n" + ",\n".join(parts) + "\n}\n")


def _listed(name: str, table: Mapping[Any, Any]) -> str:
    """A row a line."""
    rows = (asdict(key) | asdict(table[key]) for key in sorted(table))
    lines = [json.dumps({key: _rounded(cell) for key, cell in row.items()}) for row in rows]
    return f'"{name}": [\n' + ",\n".join(lines) + "\n]"


def _rounded(cell: object) -> object:
    return float(f"{cell:.{DIGITS}g}") if isinstance(cell, float) else cell


_Row = TypeVar("_Row", Shape, LayerCost, Element, ElementCost, Whole, WholeCost)


def _taken(kind: type[_Row], row: Mapping[str, Any]) -> _Row:
    return kind(**{field.name: row[field.name] for field in fields(kind)})
