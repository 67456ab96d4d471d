import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.private.rings import BINARY, PRIME, Ring

RINGS = [BINARY, PRIME, Ring(97), Ring((1 << 60) - 93)]
LARGE = st.integers(-(2**63), 2**63 - 1)


@pytest.mark.parametrize("ring", RINGS, ids=str)
@given(st.data())
def test_residues_are_the_remainders(ring: Ring, data: st.DataObject) -> None:
    m = ring.modulus
    near = st.integers(-2 * m, 2 * m) | st.sampled_from([-m - 1, -m, 1 - m, -1, 0, m - 1, m])
    numbers = data.draw(st.lists(near, max_size=5) | st.lists(LARGE, max_size=5))
    found = ring.residues(np.array(numbers, np.int64))
    assert found.tolist() == [number % m for number in numbers]


@pytest.mark.parametrize("ring", RINGS, ids=str)
@given(st.data())
def test_products_are_those_of_integers_whatever_the_bits_of_a_factor(
    ring: Ring, data: st.DataObject
) -> None:
    left = data.draw(st.integers(0, ring.modulus - 1))
    right = data.draw(st.integers(0, 2**63 - 1) if not ring.binary else st.just(3))
    found = ring.multiply(np.array([left], np.uint64), np.array([right, 0], np.uint64))
    assert found.tolist() == [left * right % ring.modulus, 0]
