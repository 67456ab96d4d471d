"""Timing: what is run of a layer, and that nothing wrong is timed."""

import numpy as np
import pytest

from deepreshape.design import parse
from deepreshape.private import measuring
from deepreshape.private.garbled.three_halves import CHUNK, TABLE
from deepreshape.private.garbled.transfer import message_bytes
from deepreshape.private.homomorphic.contexts import context
from deepreshape.private.homomorphic.layers import Convolution
from deepreshape.private.homomorphic.slots import SLOTS
from deepreshape.private.joint import GarblerEnd
from deepreshape.private.measured import ELEMENTS, Element, Shape
from deepreshape.private.measuring import BITS, SHIFT, TOP, Bench, element, layer_of, whole
from deepreshape.private.packings import PACKINGS, packing
from deepreshape.private.rings import PRIME, Ring
from deepreshape.private.truncations import Divider


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
    assert found.down_bytes == sum(used.answer_bytes(layer_of(shape), used.ring))
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


def corrections(ring: Ring, outputs: int) -> int:
    """Bytes of an element's corrections: modulo 2^k the higher a bit, the fewer."""
    if not ring.binary:
        return outputs * ring.octets
    return sum(-(-(ring.bits - bit) // 8) for bit in range(outputs))


def transferred(bits: int) -> int:
    """Bytes that so many transfers of an element take, in a chunk of them."""
    return message_bytes(CHUNK * bits) // CHUNK


@pytest.mark.parametrize("which", ELEMENTS, ids=repr)
def test_bytes_of_an_element_are_those_of_its_messages(which: Element) -> None:
    """Tables of the gates, a correction for each output, the transfers; then a label for
    each bit of the server's, and a share."""
    found = element(which, count=1, rounds=1)
    ring, relu = packing(which.packing).ring, which.function == "relu"
    if ring.binary and not relu:
        # A product modulo 2^shift and one transfer; then one bit, which is no byte.
        offline, online = 2 + transferred(1), ring.octets
    elif ring.binary:
        gates, outputs = (BITS - 1) + (BITS - 1), TOP + 1
        offline = TABLE * gates + corrections(ring, outputs) + transferred(BITS)
        online = 16 * BITS + ring.octets
    else:
        gates = 3 * ring.bits - 2 - SHIFT if relu else 2 * ring.bits - 1
        outputs = TOP + 1 if relu else ring.bits - SHIFT
        offline = TABLE * gates + corrections(ring, outputs) + transferred(ring.bits)
        online = 16 * ring.bits + ring.octets
    assert (found.offline_bytes, found.online_bytes) == (offline, online)
    assert found.seconds == found.garble_s + found.evaluate_s + found.transfer_s


@pytest.mark.parametrize("which", ELEMENTS, ids=repr)
def test_a_wrong_element_is_not_timed(which: Element, monkeypatch: pytest.MonkeyPatch) -> None:
    for end in (GarblerEnd, Divider):
        monkeypatch.setattr(end, "close", lambda self, batch, share, answer: share)
    with pytest.raises(ArithmeticError, match="came out wrong"):
        element(which, count=1, rounds=1)


@pytest.mark.long
@pytest.mark.parametrize("name", PACKINGS)
def test_a_whole_inference_is_accounted_for(name: str) -> None:
    found = whole(parse("ResNet18(m=2)-C1", resolution=8, classes=4), name)
    assert min(found.he_s, found.he_client_s, found.gc_s, found.online_s) > 0
    assert found.offline_s > found.he_s
    assert found.images == 1
    assert min(found.client_peak, found.server_peak) > 1 << 20


def test_a_whole_inference_keeps_as_many_relus_as_it_is_asked_to() -> None:
    network = parse("ResNet18(m=2)-C1", resolution=8, classes=4)
    assert whole(network, "coefficients", 3).bytes < whole(network, "coefficients").bytes
    with pytest.raises(ValueError, match="ReLUs, not 1,000,000"):
        whole(network, "coefficients", 1_000_000)
