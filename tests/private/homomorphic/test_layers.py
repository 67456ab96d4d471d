from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepreshape.private import packings
from deepreshape.private.homomorphic.ciphertexts import Client, Server
from deepreshape.private.homomorphic.layers import Convolution, Packing, clear
from deepreshape.private.randomness import SystemRandomness, uniform
from deepreshape.private.rings import BINARY, PRIME, Integers, Ring, Words

PACKINGS = [packings.packing(name) for name in packings.PACKINGS]


def directly(layer: Convolution, weights: Integers, share: Words, ring: Ring) -> Words:
    """A convolution by its definition, in Python's integers."""
    out, fan_in, k, _ = weights.shape
    side, fan_out = layer.output_side, out // layer.groups
    result = np.zeros(layer.output_shape, np.uint64)
    for m, y, x in np.ndindex(result.shape):
        total = 0
        for c, i, j in np.ndindex(fan_in, k, k):
            row, column = (at * layer.stride + d - k // 2 for at, d in ((y, i), (x, j)))
            if 0 <= row < layer.side and 0 <= column < layer.side:
                channel = m // fan_out * fan_in + c
                total += int(weights[m, c, i, j]) * int(share[channel, row, column])
        result[m, y, x] = total % ring.modulus
    assert result.shape[1] == side
    return result


def drawn(layer: Convolution, ring: Ring, most: int) -> tuple[Integers, Words]:
    weights = np.random.default_rng(0).integers(-most, most + 1, layer.weight_shape)
    return weights, uniform(SystemRandomness(), ring, layer.input_shape)


@settings(max_examples=60, deadline=None)
@given(
    st.builds(
        lambda groups, inputs, outputs, side, kernel, stride: Convolution(
            groups * inputs, groups * outputs, side, kernel, stride, groups
        ),
        st.integers(1, 3),
        st.integers(1, 2),
        st.integers(1, 2),
        st.integers(1, 6),
        st.sampled_from([1, 3, 5, 11]),
        st.integers(1, 4),
    ),
    st.sampled_from([BINARY, PRIME, Ring(1 << 60), Ring((1 << 60) - 93), Ring(97)]),
    st.integers(0, 62),
)
def test_clear_is_the_definition_for_weights_of_any_size(
    layer: Convolution, ring: Ring, bits: int
) -> None:
    weights, share = drawn(layer, ring, 1 << bits)
    expected = directly(layer, weights, share, ring)
    assert np.array_equal(clear(layer, weights, share, ring), expected)


@pytest.mark.parametrize("ring", [BINARY, PRIME, Ring(1 << 60)])
@pytest.mark.parametrize("bits", [1, 11, 12, 13, 20, 40])
def test_clear_is_exact_where_all_terms_are_largest(ring: Ring, bits: int) -> None:
    layer = Convolution(4096, 2, 1)
    weights = np.full(layer.weight_shape, (1 << bits) - 1)
    share = np.full(layer.input_shape, ring.modulus - 1, np.uint64)
    expected = 4096 * ((1 << bits) - 1) * (ring.modulus - 1) % ring.modulus
    assert clear(layer, weights, share, ring).ravel().tolist() == [expected] * 2


def test_clear_shares_add_up_to_the_layer_of_their_sum() -> None:
    layer = Convolution(3, 4, 9, 3, 2)
    weights, client = drawn(layer, BINARY, 500)
    _, server = drawn(layer, BINARY, 500)
    parts = (clear(layer, weights, share, BINARY) for share in (client, server))
    whole = clear(layer, weights, BINARY.add(client, server), BINARY)
    assert np.array_equal(BINARY.add(*parts), whole)


@pytest.mark.parametrize(
    "layer", [Convolution(3, 4, 9, 3, 2), Convolution(4, 4, 6, 3, 1, 4), Convolution(30, 7, 1)]
)
def test_both_packings_give_the_same_shares_for_the_same_mask(layer: Convolution) -> None:
    weights, share = drawn(layer, PRIME, 500)
    mask = uniform(SystemRandomness(), PRIME, layer.output_shape)
    results = []
    for packing in PACKINGS:
        client, server = parties(packing)
        prepared = packing.prepare(layer, weights, PRIME)
        answers = prepared.apply(server, mask, packing.encrypt(client, layer, share))
        results.append(packing.decrypt(client, layer, answers))
    assert np.array_equal(*results)
    assert np.array_equal(results[0], PRIME.subtract(clear(layer, weights, share, PRIME), mask))


@lru_cache
def parties(packing: Packing) -> tuple[Client, Server]:
    source = SystemRandomness()
    client = packing.client(PRIME, source)
    return client, packing.server(packing.keys(client), PRIME, source)


@pytest.mark.parametrize("packing", PACKINGS)
def test_both_shares_of_an_output_add_up_to_the_layer(packing: Packing) -> None:
    layer = Convolution(2, 3, 6, 3)
    weights, client_share = drawn(layer, PRIME, 500)
    image = uniform(SystemRandomness(), PRIME, layer.input_shape)
    mask = uniform(SystemRandomness(), PRIME, layer.output_shape)
    client, server = parties(packing)
    prepared = packing.prepare(layer, weights, PRIME)
    answers = prepared.apply(server, mask, packing.encrypt(client, layer, client_share))
    ours = packing.decrypt(client, layer, answers)
    theirs = PRIME.add(clear(layer, weights, PRIME.subtract(image, client_share), PRIME), mask)
    assert np.array_equal(PRIME.add(ours, theirs), clear(layer, weights, image, PRIME))


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ((3, 4, 8, 2), "an even kernel"),
        ((3, 4, 8, 3, 1, 2), "the groups do not divide"),
        ((0, 4, 8), "at least 1"),
        ((3, 4, 8, 3, 0), "at least 1"),
    ],
)
def test_layers_that_make_no_sense_are_refused(numbers: tuple[int, ...], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Convolution(*numbers)


def test_a_share_of_another_shape_is_refused() -> None:
    layer, share = Convolution(3, 2, 1), np.zeros(3, np.uint64)
    with pytest.raises(ValueError, match="it must be uint64 \\(3, 1, 1\\)"):
        clear(layer, np.ones((2, 3, 1, 1), np.int64), share, BINARY)
    for packing in PACKINGS:
        with pytest.raises(ValueError, match="it must be uint64 \\(3, 1, 1\\)"):
            packing.encrypt(parties(packing)[0], layer, share)


@pytest.mark.parametrize("packing", PACKINGS, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("layer", [Convolution(5, 20, 16, 3), Convolution(40, 9, 1)], ids=repr)
def test_what_is_made_ahead_is_all_that_an_answer_needs(
    packing: Packing, layer: Convolution, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = PRIME
    weights = np.ones(layer.weight_shape, np.int64)
    prepared = packing.prepare(layer, weights, ring, 1 << 28)
    prepared.make()
    monkeypatch.setattr(type(prepared), "_made", lambda *_: pytest.fail("made too late"))
    client, server = parties(packing)
    share, mask = (np.zeros(shape, np.uint64) for shape in (layer.input_shape, layer.output_shape))
    assert list(prepared.apply(server, mask, packing.encrypt(client, layer, share)))
