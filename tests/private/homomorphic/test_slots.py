import os
from functools import lru_cache
from math import log2, prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepreshape.private.homomorphic.ciphertexts import Client, Server
from deepreshape.private.homomorphic.contexts import CiphertextError, context
from deepreshape.private.homomorphic.flooding import PRIVACY
from deepreshape.private.homomorphic.layers import Convolution, clear
from deepreshape.private.homomorphic.slot_layout import DEGREE, layout
from deepreshape.private.homomorphic.slots import SLOTS, galois_bytes
from deepreshape.private.randomness import SystemRandomness, uniform
from deepreshape.private.rings import BINARY, PRIME, Integers, Words

SEEDED = bytes(range(32))
GALOIS = context(SLOTS.parameters(PRIME)).up_bytes
"""Where the Galois keys begin, behind the public key."""


@lru_cache
def client_and_keys() -> tuple[Client, bytes]:
    client = SLOTS.client(PRIME, SystemRandomness())
    return client, SLOTS.keys(client)


@lru_cache
def parties() -> tuple[Client, Server]:
    client, keys = client_and_keys()
    return client, SLOTS.server(keys, PRIME, SystemRandomness())


def drawn(layer: Convolution, most: int = 2000) -> tuple[Integers, Words, Words]:
    weights = np.random.default_rng(0).integers(1, most + 1, layer.weight_shape)
    source = SystemRandomness()
    share, mask = (
        uniform(source, PRIME, shape) for shape in (layer.input_shape, layer.output_shape)
    )
    return weights, share, mask


def run(layer: Convolution) -> tuple[int, int, int, int]:
    """A layer under encryption, checked; what it took, as `Operations` has it."""
    client, server = parties()
    weights, share, mask = drawn(layer)
    before = server.multiplications, server.key_switches
    sent = list(SLOTS.encrypt(client, layer, share))
    prepared = SLOTS.prepare(layer, weights, PRIME)
    answers = list(prepared.apply(server, mask, iter(sent)))
    expected = PRIME.subtract(clear(layer, weights, share, PRIME), mask)
    assert np.array_equal(SLOTS.decrypt(client, layer, iter(answers)), expected)
    done = server.multiplications - before[0], server.key_switches - before[1]
    return *done, len(sent), len(answers)


@settings(max_examples=12, deadline=None)
@given(
    st.builds(
        lambda groups, inputs, outputs, side, kernel, stride: Convolution(
            groups * inputs, groups * outputs, side, kernel, stride, groups
        ),
        st.sampled_from([1, 1, 2]),
        st.integers(1, 3),
        st.integers(1, 3),
        st.sampled_from([33, 40, 17, 32, 13]),
        st.sampled_from([1, 3]),
        st.integers(1, 3),
    )
)
def test_any_convolution_is_the_clear_one(layer: Convolution) -> None:
    run(layer)


# Layers without a diagonal of zeros, for which what is done is what the model counts.
@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(Convolution(16, 16, 16, 3), id="one row of inputs and of outputs"),
        pytest.param(Convolution(32, 4, 16, 1), id="both rows of inputs, few outputs"),
        pytest.param(Convolution(16, 8, 28, 1), id="several ciphertexts of inputs"),
        pytest.param(Convolution(4, 16, 32, 1), id="several ciphertexts of outputs"),
        pytest.param(Convolution(8, 9, 32, 1), id="a last ciphertext that is nearly empty"),
        pytest.param(Convolution(8, 12, 32, 1), id="a last ciphertext of one row"),
        pytest.param(Convolution(8, 8, 64, 1, 2), id="a strided 1x1 at its output's resolution"),
        pytest.param(Convolution(2, 2, 64, 3), id="a map that fills a row"),
        pytest.param(Convolution(512, 100, 1), id="eight diagonals"),
        pytest.param(Convolution(240, 100, 1), id="a fully connected layer as a program has it"),
        pytest.param(Convolution(10, 7, 1), id="one diagonal"),
        pytest.param(Convolution(5000, 3, 1), id="an input that fills both rows"),
        pytest.param(Convolution(9000, 3, 1), id="two ciphertexts of inputs"),
        pytest.param(Convolution(3, 9000, 1), id="two ciphertexts of outputs"),
    ],
)
def test_operations_are_those_of_the_latency_model(layer: Convolution) -> None:
    assert run(layer) == SLOTS.operations(layer, PRIME)


def test_diagonals_of_zeros_are_skipped() -> None:
    client, server = parties()
    layer = Convolution(8, 8, 16, 1)
    weights, share, mask = drawn(layer)
    before = server.multiplications
    prepared = SLOTS.prepare(layer, weights * 0, PRIME)
    answers = prepared.apply(server, mask, SLOTS.encrypt(client, layer, share))
    assert np.array_equal(SLOTS.decrypt(client, layer, answers), PRIME.negate(mask))
    assert server.multiplications == before


def test_the_worst_layer_is_exact_under_flooding() -> None:
    client, server = parties()
    layer = Convolution(64, 16, 16, 1)
    weights = np.full(layer.weight_shape, PRIME.modulus // 2)
    share = np.full(layer.input_shape, PRIME.modulus - 1, np.uint64)
    mask = share[:16]
    prepared = SLOTS.prepare(layer, weights, PRIME)
    assert prepared.privacy > PRIVACY
    answers = list(prepared.apply(server, mask, SLOTS.encrypt(client, layer, share)))
    expected = PRIME.subtract(clear(layer, weights, share, PRIME), mask)
    assert np.array_equal(SLOTS.decrypt(client, layer, iter(answers)), expected)


@pytest.mark.parametrize("layer", [Convolution(16, 8, 16, 3), Convolution(512, 100, 1)], ids=str)
def test_the_noise_stays_below_its_bound(
    layer: Convolution, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, server = parties()
    weights, share, mask = drawn(layer, PRIME.modulus - 1)
    left = []

    def measured(total: Any, mask: Any) -> bytes:
        plain = client.context.evaluator.transform_from_ntt(total)
        left.append(client._decryptor.invariant_noise_budget(plain))
        return b""

    monkeypatch.setattr(server, "answer", measured)
    prepared = SLOTS.prepare(layer, weights, PRIME)
    list(prepared.apply(server, mask, SLOTS.encrypt(client, layer, share)))
    # SEAL's budget is the room above the largest coefficient of the noise, in whole bits. The mean
    # square of a coefficient's noise is estimated, with the part of the key switches.
    modulus = prod(prime.modulus for prime in client.context.primes)
    largest = (modulus // (2 * PRIME.modulus)).bit_length() - min(left)
    deviation = log2(prepared.squares / prepared.layout.outputs / DEGREE) / 2
    assert largest - 5 < deviation < largest + 5
    assert largest < log2(prepared.largest_noise)


@pytest.mark.parametrize("fill", [0, PRIME.modulus - 1])
@pytest.mark.parametrize("weight", [0, 1, -2000])
def test_what_the_client_decrypts_is_uniform_whatever_was_multiplied(
    fill: int, weight: int
) -> None:
    client, keys = client_and_keys()
    layer = Convolution(2, 3, 20, 1)
    weights, share, _ = drawn(layer)
    weights[...], share[...] = weight, fill
    server = SLOTS.server(keys, PRIME, SystemRandomness(SEEDED))
    mask = uniform(SystemRandomness(SEEDED[::-1]), PRIME, layer.output_shape)
    prepared = SLOTS.prepare(layer, weights, PRIME)
    (answer,) = prepared.apply(server, mask, SLOTS.encrypt(client, layer, share))
    slots = client.context.encoder.decode_uint64(client.context.plain(client.decrypt(answer)))
    # Chi-squared with 63 degrees of freedom, deviation 11.2: five of them above its mean.
    counts = np.bincount((slots * 64) // PRIME.modulus, minlength=64)
    expected = DEGREE / 64
    assert ((counts - expected) ** 2 / expected).sum() < 63 + 5 * 11.2


def test_keys_have_the_size_that_is_stated() -> None:
    client, keys = client_and_keys()
    assert len(keys) == client.context.up_bytes + galois_bytes(client.context)


@pytest.mark.parametrize(
    "damage",
    [
        lambda keys: keys[:-1],
        lambda keys: keys + b"\0",
        lambda keys: b"",
        lambda keys: keys[:GALOIS] + bytes(len(keys) - GALOIS),
        lambda keys: keys[:GALOIS] + os.urandom(len(keys) - GALOIS),
        lambda keys: keys[: GALOIS + 52] + b"\xff" * 100 + keys[GALOIS + 152 :],
        lambda keys: keys[: GALOIS + 48] + (1 << 40).to_bytes(8, "little") + keys[GALOIS + 56 :],
        lambda keys: keys[: GALOIS + 56] + (1 << 30).to_bytes(8, "little") + keys[GALOIS + 64 :],
        lambda keys: keys[:-8] + b"\xff" * 8,
        lambda keys: keys[:300_000] + b"\xff" * 8 + keys[300_008:],
    ],
    ids=[
        "short",
        "long",
        "empty",
        "zeros",
        "garbage",
        "a damaged index",
        "a huge index",
        "a huge key",
        "a large residue",
        "a damaged key",
    ],
)
def test_bytes_that_are_no_keys_are_refused(damage) -> None:  # type: ignore[no-untyped-def]
    _, keys = client_and_keys()
    with pytest.raises(CiphertextError):
        SLOTS.server(damage(keys), PRIME, SystemRandomness())


def test_too_few_ciphertexts_are_an_error_that_says_so() -> None:
    client, server = parties()
    layer = Convolution(2, 2, 4, 3)
    weights, share, mask = drawn(layer)
    sent = list(SLOTS.encrypt(client, layer, share))
    prepared = SLOTS.prepare(layer, weights, PRIME)
    with pytest.raises(CiphertextError, match="end too early"):
        list(prepared.apply(server, mask, iter(sent[:-1])))


def test_a_map_larger_than_a_row_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit a row of 4096 slots"):
        layout(Convolution(1, 1, 65))


def test_a_ring_without_slots_is_refused() -> None:
    client = Client(context(SLOTS.parameters(BINARY)), SystemRandomness())
    with pytest.raises(ValueError, match="has no slots"):
        SLOTS.encrypt(client, Convolution(1, 1, 1), np.zeros((1, 1, 1), np.uint64))
