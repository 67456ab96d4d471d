"""The bound on what noise tells, against distances computed in full where floods are small."""

from dataclasses import replace
from math import inf, log2, sqrt

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.design import parse
from deepreshape.places import DATA
from deepreshape.private.homomorphic import flooding
from deepreshape.private.homomorphic.coefficients import COEFFICIENTS
from deepreshape.private.homomorphic.layers import Convolution, privacy
from deepreshape.private.homomorphic.slots import SLOTS
from deepreshape.private.packings import PACKINGS
from deepreshape.private.program.drawn import random_model
from deepreshape.private.program.model import read
from deepreshape.private.randomness import SystemRandomness
from deepreshape.private.rings import BINARY, PRIME
from deepreshape.private.server import service
from deepreshape.private.sessions import over

Floats = npt.NDArray[np.float64]
SEEDED = bytes(range(32))


def distribution(width: int) -> Floats:
    """Of a sum of four uniforms on 0 ... width - 1."""
    one = np.full(width, 1 / width)
    two = np.convolve(one, one)
    return np.convolve(two, two)


def moved(p: Floats, by: int) -> tuple[Floats, Floats]:
    return np.pad(p, (0, by)), np.pad(p, (by, 0))


def variation(p: Floats, by: int) -> float:
    left, right = moved(p, by)
    return float(np.abs(left - right).sum() / 2)


@pytest.mark.parametrize("bits", [10, 11, 13])
def test_roots_of_neighbours_differ_by_no_more_than_proven(bits: int) -> None:
    left, right = moved(distribution(1 << bits), 1)
    steps = ((np.sqrt(left) - np.sqrt(right)) ** 2).sum() * 4**bits
    assert steps < flooding.STEPS
    # The limit, a third of the way below the bound.
    assert steps == pytest.approx(0.7789, abs=0.001)


@pytest.mark.parametrize("width", [2, 3, 16, 100, 1024])
def test_the_parts_of_the_proof_hold(width: int) -> None:
    p, w = distribution(width), width
    left, right = moved(p, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        terms = np.nan_to_num((left - right) ** 2 / (np.sqrt(left) + np.sqrt(right)) ** 2)
    assert terms[:w].sum() <= (3 / 16 + 9 / (16 * w) + 1 / (4 * w * w)) / w**2 * (1 + 1e-9)
    assert terms[w : 2 * w - 1].sum() <= 17 / 40 / w**2 * (1 + 1e-9)
    assert p[w - 1] >= 1 / (6 * w)
    squares = ((left - right)[w : 2 * w - 1] ** 2).sum() * w**8
    exact = 17 * w**5 / 60 - w**4 / 4 - w**3 / 12 - w**2 / 4 + 3 * w / 10
    assert squares == pytest.approx(exact)
    assert np.allclose(terms, terms[::-1])


@pytest.mark.parametrize("bits", [10, 12])
@pytest.mark.parametrize("by", [1, 7, 100])
def test_one_coefficient_is_within_the_bound_and_not_far_below(bits: int, by: int) -> None:
    exact = variation(distribution(1 << bits), by)
    bound = flooding.distance(by**2, bits)
    assert exact <= bound < 2 * exact


@pytest.mark.parametrize("count", [2, 4, 8])
def test_many_coefficients_are_within_the_bound_that_grows_with_their_root(count: int) -> None:
    """Coefficients that are moved alike: their likelihoods multiply, so the distribution of the
    logarithm of their ratio convolves, on a fine grid; a bound from both sides of it."""
    bits, by, grid = 10, 40, 1e-4
    left, right = moved(distribution(1 << bits), by)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.log(right) - np.log(left)
    both = (left > 0) & (right > 0)
    index = np.round(ratio[both] / grid).astype(np.int64)
    low = index.min()
    mass = np.bincount(index - low, weights=left[both])
    size = count * (mass.size - 1) + 1
    total = np.fft.irfft(np.fft.rfft(mass, 2 * size) ** count, 2 * size)[:size]
    values = (np.arange(size) + count * low) * grid
    exact = float((total * np.maximum(0, 1 - np.exp(values))).sum() + 1 - total.sum())
    bound = flooding.distance(count * by**2, bits)
    assert exact <= bound + count * grid
    assert bound < 2.5 * exact
    assert bound == pytest.approx(sqrt(count) * flooding.distance(by**2, bits))


@given(st.floats(0, 1e30), st.floats(0, 1e30), st.integers(1, 130))
def test_the_bound_grows_with_the_noise_and_falls_with_the_flood(
    some: float, more: float, bits: int
) -> None:
    some, more = sorted((some, more))
    assert flooding.distance(some, bits) <= flooding.distance(more, bits) <= 1
    assert flooding.distance(some, bits + 1) <= flooding.distance(some, bits)


def test_floods_are_sums_of_four_uniforms() -> None:
    bits, count = 67, 20_000
    limbs = flooding.drawn(SystemRandomness(SEEDED), bits, count)
    values = [
        sum(int(limb) << flooding.LIMB * index for index, limb in enumerate(each))
        for each in zip(*limbs, strict=True)
    ]
    assert min(values) >= 0 and max(values) <= 4 * (2**bits - 1)
    scaled = np.array([value / 2**bits for value in values])
    assert scaled.mean() == pytest.approx(2, abs=0.02)
    assert scaled.var() == pytest.approx(1 / 3, rel=0.05)
    # Irwin-Hall: a quarter of the way, 1/24 of them lie below.
    assert (scaled < 1).mean() == pytest.approx(1 / 24, abs=0.007)


def test_the_least_bits_of_a_flood_are_uniform() -> None:
    (limb,) = flooding.drawn(SystemRandomness(SEEDED), 8, 100_000)
    counts = np.bincount(limb.astype(int), minlength=1021)
    expected = distribution(256) * 100_000
    often = expected > 20
    assert (((counts - expected) ** 2 / expected)[often]).mean() == pytest.approx(1, abs=0.2)


def test_a_layer_sums_its_squares_over_the_coefficients_that_it_sends() -> None:
    layer = Convolution(2, 3, 4, 1)
    weights = np.arange(6).reshape(3, 2, 1, 1)
    prepared = COEFFICIENTS.prepare(layer, weights, BINARY)
    assert prepared.layout.outgoing == 3
    squares = 0 + 1 + 4 + 9 + 16 + 25
    each = 10.75 * squares + 4096 * 10.5 * 11.5 + 1
    assert prepared.squares == pytest.approx(3 * 16 * each)
    assert prepared.largest_noise - 2 == pytest.approx(22 * 15 + 4096 * 21 * 22, abs=1)
    assert prepared.privacy == pytest.approx(67 - log2(5 / 4 * 48 * each) / 2)


def test_an_image_tells_of_all_layers_by_the_root_of_their_squares() -> None:
    layer = Convolution(4, 4, 4, 3)
    weights = np.ones(layer.weight_shape, np.int64)
    one = COEFFICIENTS.prepare(layer, weights, BINARY)
    assert privacy([one] * 4) == pytest.approx(one.privacy - 1)
    assert privacy([]) == inf


def test_larger_weights_have_less_privacy_until_a_packing_hides_them_no_more() -> None:
    layer = Convolution(64, 64, 8, 3)
    weights = np.ones(layer.weight_shape, np.int64)
    found = [COEFFICIENTS.prepare(layer, w * weights, BINARY).privacy for w in (1, 100, 10_000)]
    assert found == sorted(found, reverse=True)
    assert COEFFICIENTS.hides(layer, 100 * weights, BINARY, found[1])
    assert not COEFFICIENTS.hides(layer, 101 * weights, BINARY, found[1])


def test_slots_have_far_more_privacy_whatever_the_weights() -> None:
    layer = Convolution(64, 64, 16, 3)
    weights = np.full(layer.weight_shape, PRIME.modulus // 2)
    assert SLOTS.prepare(layer, weights, PRIME).privacy > flooding.PRIVACY + 20


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("name", ["cifar100", "digits"])
def test_the_nets_of_the_repository_are_hidden(name: str, packing: str) -> None:
    model = read(DATA / "models" / f"{name}.safetensors")
    ready = service(over(model, packing), model.weights, packing, 0)
    assert privacy(ready.prepared.values()) >= flooding.PRIVACY


def test_a_service_that_would_tell_more_is_refused_in_a_line_that_names_the_worst_layer() -> None:
    model = random_model(parse("ResNet18(m=2)-C1", 8, 4), np.random.default_rng(0), images=2)
    name = list(model.weights)[3]
    heavy = replace(model.weights[name], weights=model.weights[name].weights << 16)
    weights = {**model.weights, name: heavy}
    says = rf"^an image's answers have 3\d\.\d bits of circuit privacy, .*; {name} tells the most"
    with pytest.raises(ValueError, match=says) as error:
        service(over(model, "coefficients"), weights, "coefficients", 0)
    assert "\n" not in str(error.value)
