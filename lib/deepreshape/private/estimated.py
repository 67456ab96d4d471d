"""Seconds of layers that were not timed, from those that were: the rotation-free packing alone.

Its products and ciphertexts are counted, and their bytes follow; the seconds of each are fitted to
the recorded layers (`data/latency/rotation_free.csv`). Pure Python.
"""

import csv
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from math import ceil

from deepreshape.design import AnyNetwork
from deepreshape.design.reduce import without_reuse
from deepreshape.places import DATA
from deepreshape.private.homomorphic.coefficient_counts import answer_sizes, layout
from deepreshape.private.homomorphic.linear import Convolution
from deepreshape.private.measured import LayerCost, Measurements, Shape, shapes

PACKING = "coefficients"
"""The packing whose layers are estimated."""


def completed(record: Measurements, network: AnyNetwork) -> Measurements:
    """The record with a row for each linear layer of a network: as timed, or else estimated, with a
    `share` of 0. So `measured` knows the network, and `Measured.run` is the timed share of its HE.

    ReLU-reuse is costed as the convolutions without groups (Appendix J). Raises ValueError for maps
    of which no row fits a polynomial.
    """
    listed = shapes(without_reuse(network), PACKING)
    missing = {each for each in listed if each not in record.layers}
    added: Mapping[Shape, LayerCost] = {each: estimate(each) for each in missing}
    return replace(record, layers={**record.layers, **added})


@lru_cache(maxsize=4096)
def estimate(shape: Shape) -> LayerCost:
    """A layer under the rotation-free packing, by how many polynomials it takes."""
    side = max(shape.side, 1)  # fully connected is a convolution of one position
    sizes = shape.inputs, shape.outputs, side, shape.kernel, shape.stride, shape.groups
    rate = _rates()
    found = layout(Convolution(*sizes), int(rate["degree"]))
    up, down = found.tiles * found.inputs, found.tiles * found.outputs
    products = rate["server_product"] * found.tiles * found.products
    return LayerCost(
        ready_s=rate["ready"] * found.products,
        server_s=products + rate["server_up"] * up + rate["server_down"] * down,
        client_s=rate["client_up"] * up + rate["client_down"] * down,
        up_bytes=int(rate["up"]) * up,
        down_bytes=sum(
            count * _down_bytes(rate, outputs) for outputs, count in answer_sizes(found)
        ),
        share=0.0,
    )


def _down_bytes(rate: Mapping[str, float], outputs: int) -> int:
    """Of a ciphertext with so many outputs, each in the bits that hold it."""
    return int(rate["down"]) + ceil(outputs * rate["down_output"] / 8)


@lru_cache
def _rates() -> dict[str, float]:
    path = DATA / "latency" / "rotation_free.csv"
    with path.open(newline="", encoding="utf-8") as file:
        return {row["quantity"]: float(row["value"]) for row in csv.DictReader(file)}
