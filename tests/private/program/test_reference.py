"""The program in the clear wraps as shares do, and rounds to the nearest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.private.garbled import circuits
from deepreshape.private.homomorphic.layers import Convolution
from deepreshape.private.program import reference
from deepreshape.private.program.steps import Linear, LinearWeights, Nonlinear, Program, Step, Sum
from deepreshape.private.rings import BINARY, PRIME, Ring

RINGS = [BINARY, PRIME, Ring(1 << 12), Ring(8191)]


def _program(ring: Ring, *steps: Step) -> Program:
    return Program(ring, (1, 1, 1), (0.0,), (1.0,), 1.0, steps, 1.0)


def _scaled_by(factor: int) -> tuple[Step, dict[str, LinearWeights]]:
    weights = LinearWeights(np.full((1, 1, 1, 1), factor), np.zeros(1, np.int64))
    return Step("fc", Linear(Convolution(1, 1, 1)), ("image",), (1, 1, 1)), {"fc": weights}


@pytest.mark.parametrize("ring", RINGS, ids=str)
@given(data=st.data())
def test_it_agrees_with_the_circuits_in_all_of_the_ring(ring: Ring, data: st.DataObject) -> None:
    """Even where a number wraps around, which no calibrated net reaches."""
    number = data.draw(st.integers(-(ring.modulus // 2), (ring.modulus - 1) // 2))
    shift = data.draw(st.integers(0, min(ring.bits - 2, 20)))
    relu = data.draw(st.booleans()) or shift == 0
    first, weights = _scaled_by(number)
    last = Step("cut", Nonlinear(relu, shift), ("fc",), (1, 1, 1))
    pixel = np.ones((1, 1, 1), np.uint8)
    found = reference.logits(_program(ring, first, last), weights, pixel)
    function = (circuits.relu if relu else circuits.truncate)(ring, shift)
    half = np.full(1, (1 << shift) >> 1, np.uint64)
    share = ring.add(ring.residues(np.array([number])), half)
    zero = np.zeros(1, np.uint64)
    assert found[0] == ring.signed(function.evaluate(share, zero, zero))[0]


@pytest.mark.parametrize(
    ("number", "relu", "wanted"),
    [(5, False, 3), (-5, False, -2), (-7, False, -3), (6, False, 3), (5, True, 3), (-5, True, 0)],
)
def test_halves_are_rounded_up(number: int, relu: bool, wanted: int) -> None:
    first, weights = _scaled_by(number)
    last = Step("cut", Nonlinear(relu, 1), ("fc",), (1, 1, 1))
    found = reference.logits(_program(BINARY, first, last), weights, np.ones((1, 1, 1), np.uint8))
    assert found.tolist() == [wanted]


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_lifts_multiply_by_powers_of_two(ring: Ring) -> None:
    step = Step("sum", Sum((3, 0)), ("image", "image"), (1, 1, 1))
    found = reference.logits(_program(ring, step), {}, np.full((1, 1, 1), 7, np.uint8))
    assert found.tolist() == [7 * 9]


def test_an_image_of_another_size_is_refused() -> None:
    step = Step("sum", Sum((0,)), ("image",), (1, 1, 1))
    with pytest.raises(ValueError, match="1 x 1 pixels and 1 channels, not 2 x 1 x 1"):
        reference.logits(_program(BINARY, step), {}, np.zeros((2, 1, 1), np.uint8))
