"""The real encryption and circuits on three pixels: shares that add up to what they should."""

import numpy as np
import pytest

from deepreshape.paper.chapters import three_pixels
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


@pytest.mark.parametrize(("ring", "gates"), [(Ring(128), 18), (BINARY, 120)])
def test_a_relu_has_three_and_gates_a_bit_less_three(ring: Ring, gates: int) -> None:
    assert three_pixels.relu_gates(ring) == (gates, 32 * gates)
