"""Timing: what is run of a layer, and that nothing wrong is timed."""

from typing import Any

import numpy as np
import pytest

from deepreshape.design import parse
from deepreshape.private import measuring
from deepreshape.private.homomorphic.contexts import context
from deepreshape.private.homomorphic.layers import Convolution
from deepreshape.private.homomorphic.slots import SLOTS
from deepreshape.private.measured import ELEMENTS, Element, Shape
from deepreshape.private.measuring import Bench, element, layer_of, whole
from deepreshape.private.packings import PACKINGS, packing
from deepreshape.private.rings import PRIME


def weight(layer: Convolution) -> float:
    return SLOTS.operations(layer, PRIME).seconds


def test_a_light_layer_is_run_whole() -> None:
    layer = Convolution(64, 64, 16, 3)
    assert SLOTS.lighter(layer, weight(layer)) == layer


@pytest.mark.parametrize("limit", [0.5, 2.0, 20.0])
def test_of_a_heavy_layer_whole_ciphertexts_are_run_as_far_as_the_limit_goes(limit: float) -> None:
    layer = Convolution(400, 1200, 16, 3, 2)
    part = SLOTS.lighter(layer, limit)
    assert isinstance(part, Convolution)
    assert weight(part) <= limit or (part.inputs, part.outputs) == (32, 32)
    assert (part.inputs % 32, part.outputs % 32) == (0, 0)
    assert abs(part.inputs - part.outputs) <= 32
    assert (part.side, part.kernel, part.stride) == (16, 3, 2)


def test_at_least_a_pair_of_ciphertexts_is_run() -> None:
    layer = Convolution(1200, 1200, 8, 3)
    assert SLOTS.lighter(layer, 1e-6) == Convolution(128, 128, 8, 3)


def test_a_vector_is_run_whole() -> None:
    assert SLOTS.lighter(Convolution(512, 100, 1), 1e-6) == Convolution(512, 100, 1)
    assert layer_of(Shape("slots", 512, 100, 0)) == Convolution(512, 100, 1)


@pytest.mark.parametrize("name", PACKINGS)
def test_bytes_are_those_of_all_ciphertexts(name: str) -> None:
    shape, used = Shape(name, 4, 8, 8, 3, 2), packing(name)
    found = Bench(name, 1.0).layer(shape, rounds=1)
    operations = used.operations(layer_of(shape), used.ring)
    made = context(used.parameters(used.ring))
    assert found.up_bytes == operations.up * made.up_bytes
    assert found.down_bytes == operations.down * made.down_bytes
    assert found.share == 1
    assert min(found.ready_s, found.server_s, found.client_s) > 0


def test_of_a_heavy_layer_the_share_that_was_run_is_told() -> None:
    shape = Shape("slots", 16, 16, 32, 3)
    found = Bench("slots", 1e-6).layer(shape, rounds=1)
    assert found.share == weight(Convolution(8, 8, 32, 3)) / weight(Convolution(16, 16, 32, 3))
    assert found.up_bytes == 2 * 9 * context(SLOTS.parameters(PRIME)).up_bytes


def test_a_wrong_answer_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench("coefficients", 1.0)
    monkeypatch.setattr(
        measuring, "clear", lambda layer, *_: np.zeros(layer.output_shape, np.uint64)
    )
    with pytest.raises(ArithmeticError, match="came out wrong under coefficients"):
        bench.layer(Shape("coefficients", 2, 2, 4, 3))


@pytest.mark.parametrize("which", ELEMENTS, ids=repr)
def test_bytes_of_an_element_are_tables_choices_labels_and_colours(which: Element) -> None:
    found = element(which, count=1, rounds=1)
    ring = packing(which.packing).ring
    make: Any = {"relu": measuring.circuits.relu, "truncate": measuring.circuits.truncate}
    gates = make[which.function](ring, measuring.SHIFT).circuit.and_gates
    assert found.offline_bytes == 32 * gates + 16 * 2 * ring.bits
    assert found.online_bytes == 16 * ring.bits + -(-ring.bits // 8)
    assert found.seconds == found.garble_s + found.evaluate_s + found.transfer_s


def test_a_wrong_element_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = measuring.circuits.Function
    monkeypatch.setattr(wrong, "evaluate", lambda self, server, *_: server)
    with pytest.raises(ArithmeticError, match="came out wrong"):
        element(ELEMENTS[0], count=1, rounds=1)


@pytest.mark.parametrize("name", PACKINGS)
def test_a_whole_inference_is_accounted_for(name: str) -> None:
    found = whole(parse("ResNet18(m=2)-C1", resolution=8, classes=4), name)
    assert min(found.he_s, found.he_client_s, found.gc_s, found.online_s) > 0
    assert found.offline_s > found.he_s
    assert found.images == 1
