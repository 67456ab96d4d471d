"""The real encryption and circuits on three pixels: shares that add up to what they should."""

import numpy as np
import pytest

from deepreshape.paper.chapters import three_pixels
from deepreshape.private.garbled.three_halves import LABEL, TABLE
from deepreshape.private.measuring import BITS, SHIFT
from deepreshape.private.rings import BINARY, Ring

WEIGHTS = np.array([[2, -3, 1], [1, 2, -1]])


@pytest.mark.parametrize("modulus", [128, BINARY.modulus])
def test_a_layer_and_its_relus_are_computed_on_shares(modulus: int) -> None:
    pixels = three_pixels.split([3, 8, 5], modulus)
    assert pixels.joined() == [3, 8, 5]
    outputs = three_pixels.linear(WEIGHTS, pixels)
    assert outputs.joined() == [-13, 14]
    assert three_pixels.rectified(outputs).joined() == [0, 14]


def test_shares_are_others_each_time() -> None:
    drawn = {tuple(three_pixels.split([3, 8, 5], 128).client.tolist()) for _ in range(8)}
    assert len(drawn) > 1


@pytest.mark.parametrize(("ring", "cut", "matter"), [(Ring(128), 0, 7), (BINARY, 0, 38)])
def test_a_relu_has_two_and_gates_a_bit_less_two(ring: Ring, cut: int, matter: int) -> None:
    """A correction for each bit that comes out has as many bytes as what it counts needs."""
    corrections = sum(-(-bits // 8) for bits in range(2, matter + 1))
    gates = 2 * matter - 2
    assert three_pixels.relu_gates(ring, cut) == (gates, TABLE * gates + corrections)


def test_on_the_bits_that_matter_a_relu_takes_more_than_a_kilobyte_and_half_of_all() -> None:
    gates, size = three_pixels.relu_gates(BINARY, SHIFT, BITS)
    assert gates == 2 * BITS - 2
    assert size + LABEL * BITS > 1000
    assert size < three_pixels.relu_gates(BINARY)[1] / 2
