from functools import lru_cache
from itertools import chain
from math import log2, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepreshape.private.homomorphic import ciphertexts
from deepreshape.private.homomorphic.ciphertexts import Client, Server
from deepreshape.private.homomorphic.coefficient_counts import layout
from deepreshape.private.homomorphic.coefficient_layout import places, taps
from deepreshape.private.homomorphic.coefficients import COEFFICIENTS, Kernels
from deepreshape.private.homomorphic.contexts import CiphertextError, Context
from deepreshape.private.homomorphic.layers import Convolution, clear
from deepreshape.private.randomness import SystemRandomness, uniform
from deepreshape.private.rings import BINARY, PRIME, Integers, Ring, Words

RINGS = (BINARY, PRIME, Ring(1 << 32), Ring(97), Ring(1 << 56))
SEEDED = bytes(range(32))


@lru_cache
def parties(ring: Ring) -> tuple[Client, Server]:
    source = SystemRandomness()
    client = COEFFICIENTS.client(ring, source)
    return client, COEFFICIENTS.server(COEFFICIENTS.keys(client), ring, source)


def private(layer: Convolution, weights: Integers, share: Words, mask: Words, ring: Ring) -> Words:
    client, server = parties(ring)
    prepared = COEFFICIENTS.prepare(layer, weights, ring)
    sent = COEFFICIENTS.encrypt(client, layer, share)
    answers = prepared.apply(server, mask, sent)
    return COEFFICIENTS.decrypt(client, layer, answers)


def drawn(layer: Convolution, ring: Ring, most: int = 2000) -> tuple[Integers, Words, Words]:
    weights = np.random.default_rng(0).integers(-most, most + 1, layer.weight_shape)
    source = SystemRandomness()
    share, mask = (
        uniform(source, ring, shape) for shape in (layer.input_shape, layer.output_shape)
    )
    return weights, share, mask


def assert_exact(layer: Convolution, ring: Ring) -> None:
    weights, share, mask = drawn(layer, ring)
    expected = ring.subtract(clear(layer, weights, share, ring), mask)
    assert np.array_equal(private(layer, weights, share, mask, ring), expected)


convolutions = st.builds(
    lambda groups, inputs, outputs, side, kernel, stride: Convolution(
        groups * inputs, groups * outputs, side, kernel, stride, groups
    ),
    st.sampled_from([1, 1, 2, 5]),
    st.integers(1, 4),
    st.integers(1, 4),
    st.integers(1, 14),
    st.sampled_from([1, 3, 5, 7, 11]),
    st.integers(1, 4),
)


@settings(max_examples=60, deadline=None)
@given(convolutions, st.sampled_from(RINGS))
def test_any_convolution_is_the_clear_one(layer: Convolution, ring: Ring) -> None:
    assert_exact(layer, ring)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 600), st.integers(1, 40), st.sampled_from(RINGS))
def test_any_fully_connected_layer_is_the_clear_one(inputs: int, outputs: int, ring: Ring) -> None:
    assert_exact(Convolution(inputs, outputs, 1), ring)


@pytest.mark.parametrize(
    "layer",
    [
        Convolution(2, 3, 70, 3),
        Convolution(1, 2, 66, 7, 1),
        Convolution(2, 2, 130, 3, 2, 2),
        Convolution(1, 1, 224, 11, 4),
        Convolution(9, 7, 33, 3, 1),
        Convolution(130, 130, 3, 3, 1, 130),
        Convolution(5000, 3, 1),
        Convolution(1, 1, 1),
    ],
    ids=str,
)
def test_layers_that_need_several_ciphertexts_are_exact(layer: Convolution) -> None:
    assert_exact(layer, BINARY)


@pytest.mark.parametrize(
    "layer", [Convolution(40, 24, 8, 3), Convolution(12, 12, 16, 3, 2, 4), Convolution(300, 90, 1)]
)
def test_operations_are_counted_as_they_are_done(layer: Convolution) -> None:
    client, server = parties(BINARY)
    weights, share, mask = drawn(layer, BINARY)
    before = server.multiplications
    sent = list(COEFFICIENTS.encrypt(client, layer, share))
    prepared = COEFFICIENTS.prepare(layer, weights, BINARY)
    answers = list(prepared.apply(server, mask, iter(sent)))
    done = (server.multiplications - before, server.key_switches, len(sent), len(answers))
    assert done == COEFFICIENTS.operations(layer, BINARY)


def test_zero_weights_are_skipped_and_still_exact() -> None:
    layer = Convolution(30, 30, 8, 3)
    weights, share, mask = drawn(layer, BINARY)
    weights[:] = 0
    _, server = parties(BINARY)
    before = server.multiplications
    result = private(layer, weights, share, mask, BINARY)
    assert server.multiplications == before
    assert np.array_equal(result, BINARY.negate(mask))


def test_a_grouped_convolution_multiplies_less_than_a_dense_one() -> None:
    dense, grouped = (Convolution(256, 256, 8, 3, 1, groups) for groups in (1, 256))
    counts = [COEFFICIENTS.operations(layer, BINARY).multiplications for layer in (dense, grouped)]
    assert counts[1] * 10 < counts[0]


def test_a_stride_needs_no_more_ciphertexts_than_its_full_convolution() -> None:
    full, strided = (
        COEFFICIENTS.operations(Convolution(64, 64, 16, 3, stride), BINARY) for stride in (1, 2)
    )
    assert strided.up + strided.down <= full.up + full.down
    assert strided.multiplications <= 1.1 * full.multiplications


def test_a_strided_1x1_reads_one_phase_alone() -> None:
    strided, small = Convolution(64, 64, 16, 1, 2), Convolution(64, 64, 8, 1)
    assert COEFFICIENTS.operations(strided, BINARY) == COEFFICIENTS.operations(small, BINARY)


@given(convolutions)
def test_every_output_has_a_coefficient_of_its_own(layer: Convolution) -> None:
    found = layout(layer, 4096)
    indices = places(found).ravel()
    assert np.unique(indices).size == indices.size
    assert indices.max() < 4096


@given(convolutions)
def test_every_weight_has_a_coefficient_of_its_own(layer: Convolution) -> None:
    indices = taps(layout(layer, 4096)).ravel() % 4096
    assert np.unique(indices).size == indices.size


def test_a_row_wider_than_a_polynomial_is_refused() -> None:
    with pytest.raises(ValueError, match="a row does not fit a polynomial of 4096"):
        layout(Convolution(1, 1, 5000), 4096)


@pytest.mark.parametrize("worst", [1, -1])
@pytest.mark.parametrize("far", [1, -1])
def test_the_worst_layer_and_flood_that_there_is_room_for_are_exact(
    worst: int, far: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All shares and masks at their largest, noise of encryption all of one sign and as large as it
    can be, and the flood at its end."""
    layer, most = Convolution(512, 64, 4, 3), 100_000
    client = COEFFICIENTS.client(BINARY, SystemRandomness())
    server = COEFFICIENTS.server(COEFFICIENTS.keys(client), BINARY, SystemRandomness())
    weights = np.full(layer.weight_shape, worst * most)
    share = np.full(layer.input_shape, BINARY.modulus - 1, np.uint64)
    mask = np.full(layer.output_shape, BINARY.modulus - 1, np.uint64)
    prepared = COEFFICIENTS.prepare(layer, weights, BINARY)
    used = prepared.context
    end = far * (used.room - prepared.largest_noise)
    assert abs(end) > 2 << used.flood_bits
    floods = np.array([[end % prime.modulus] for prime in used.primes], np.uint64)
    monkeypatch.setattr(server, "_flood", lambda count: np.tile(floods, count))
    monkeypatch.setattr(ciphertexts, "noise", lambda source, shape: np.full(shape, far * 21))
    answers = list(prepared.apply(server, mask, COEFFICIENTS.encrypt(client, layer, share)))
    expected = BINARY.subtract(clear(layer, weights, share, BINARY), mask)
    assert np.array_equal(COEFFICIENTS.decrypt(client, layer, iter(answers)), expected)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_noise_is_as_large_as_its_mean_square_says(sign: int) -> None:
    """Also where all weights have one sign, which would sum what rounding had of a mean."""
    layer = Convolution(64, 16, 8, 3)
    client, server = parties(BINARY)
    prepared = COEFFICIENTS.prepare(layer, np.full(layer.weight_shape, sign * 127), BINARY)
    share = uniform(SystemRandomness(), BINARY, layer.input_shape)
    total = None
    for block, sent in enumerate(COEFFICIENTS.encrypt(client, layer, share)):
        kernel = prepared.get(block, 0)
        assert kernel is not None
        total = server.add_product(total, server.read(sent), kernel)
    measured = client.context.evaluator.transform_from_ntt(total)
    # SEAL's budget is the room above the largest coefficient of the noise, in whole bits.
    modulus = prod(prime.modulus for prime in client.context.primes)
    room = (modulus // (2 * BINARY.modulus)).bit_length()
    largest = room - client._decryptor.invariant_noise_budget(measured)
    weights = 127**2 * 9 * 64 * prepared.layout.outgoing
    # Of 4,096 noises the largest has 3 to 6 deviations.
    deviation = log2(10.75 * weights) / 2
    assert deviation + 0.5 < largest < deviation + 4
    assert largest < log2(prepared.largest_noise)


def test_weights_whose_noise_leaves_too_little_room_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer = Convolution(100, 10, 1)
    weights = np.ones(layer.weight_shape, np.int64)
    largest = COEFFICIENTS.prepare(layer, weights, BINARY).largest_noise
    monkeypatch.setattr(Context, "noise_room", largest)
    COEFFICIENTS.prepare(layer, weights, BINARY)
    with pytest.raises(ValueError, match="bits of noise, and there is room for 21"):
        COEFFICIENTS.prepare(layer, 2 * weights, BINARY)


def _decrypted(share: Words, layer: Convolution, weights: Integers, mask: Words) -> Words:
    """All that the client decrypts, the server's randomness being a known one."""
    client, _ = parties(BINARY)
    server = COEFFICIENTS.server(COEFFICIENTS.keys(client), BINARY, SystemRandomness(SEEDED))
    prepared = COEFFICIENTS.prepare(layer, weights, BINARY)
    answers = prepared.apply(server, mask, COEFFICIENTS.encrypt(client, layer, share))
    return COEFFICIENTS.decrypt(client, layer, answers)


@pytest.mark.parametrize("fill", [0, 1, BINARY.modulus - 1])
@pytest.mark.parametrize("weight", [0, 1, -2000])
def test_what_the_client_decrypts_is_uniform_whatever_was_multiplied(
    fill: int, weight: int
) -> None:
    layer = Convolution(6, 120, 11, 3)
    weights, share, _ = drawn(layer, BINARY)
    weights[...], share[...] = weight, fill
    mask = uniform(SystemRandomness(SEEDED[::-1]), BINARY, layer.output_shape)
    seen = _decrypted(share, layer, weights, mask).ravel()
    # Chi-squared with 255 degrees of freedom, deviation 22.6: five of them above its mean.
    for shift in (30, 16, 0):
        counts = np.bincount(seen >> np.uint64(shift) & np.uint64(255), minlength=256)
        expected = seen.size / 256
        assert ((counts - expected) ** 2 / expected).sum() < 255 + 5 * 22.6


@pytest.mark.parametrize(
    "layer", [Convolution(2, 3, 5, 3), Convolution(2, 3, 70, 3), Convolution(40, 90, 1)], ids=str
)
def test_of_the_first_polynomial_the_outputs_alone_are_sent(layer: Convolution) -> None:
    client, server = parties(BINARY)
    weights, share, mask = drawn(layer, BINARY)
    prepared = COEFFICIENTS.prepare(layer, weights, BINARY)
    answers = list(prepared.apply(server, mask, COEFFICIENTS.encrypt(client, layer, share)))
    sizes = COEFFICIENTS.answer_bytes(layer, BINARY)
    assert [len(answer) for answer in answers] == sizes
    outputs = mask.size * 51 / 8
    assert 0 <= sum(sizes) - len(sizes) * (8 + 4096 * 51 // 8) - outputs < len(sizes)


def test_kernels_are_kept_as_far_as_the_allowance_goes() -> None:
    layer = Convolution(64, 64, 8, 3)
    weights, _, _ = drawn(layer, BINARY)
    size = 8 * 2 * 4096
    prepared = Kernels(layer, weights, BINARY, allowance=3 * size)
    pairs = [(block, output) for block, many in enumerate(prepared.layout.pairs) for output in many]
    first, second = ([prepared.get(*pair) for pair in pairs] for _ in range(2))
    assert [a is b for a, b in zip(first, second, strict=True)].count(True) == 3


def test_too_few_ciphertexts_are_an_error_that_says_so() -> None:
    client, server = parties(BINARY)
    layer = Convolution(30, 30, 16, 3)
    weights, share, mask = drawn(layer, BINARY)
    prepared = COEFFICIENTS.prepare(layer, weights, BINARY)
    sent = list(COEFFICIENTS.encrypt(client, layer, share))
    with pytest.raises(CiphertextError, match="end too early"):
        list(prepared.apply(server, mask, iter(sent[:-1])))
    with pytest.raises(CiphertextError, match="end too early"):
        COEFFICIENTS.decrypt(client, layer, iter(()))


def test_ciphertexts_are_read_only_as_far_as_the_layer_goes() -> None:
    client, server = parties(BINARY)
    layer = Convolution(3, 3, 4, 3)
    weights, share, mask = drawn(layer, BINARY)
    prepared = COEFFICIENTS.prepare(layer, weights, BINARY)
    stream = chain(COEFFICIENTS.encrypt(client, layer, share), [b"next"])
    list(prepared.apply(server, mask, stream))
    assert next(stream) == b"next"


@pytest.mark.parametrize("shape", [(3, 2, 3), (2, 3, 3, 3), (0,)])
def test_weights_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="they must be int64"):
        COEFFICIENTS.prepare(Convolution(2, 2, 4, 3), np.zeros(shape, np.int64), BINARY)
