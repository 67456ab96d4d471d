"""The program in the clear: nothing wraps, what leaves the ring is told, halves are rounded up."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.private.garbled import circuits
from deepreshape.private.homomorphic.layers import Convolution
from deepreshape.private.program import reference
from deepreshape.private.program.steps import Linear, LinearWeights, Nonlinear, Program, Step, Sum
from deepreshape.private.rings import BINARY, PRIME, Ring

ONE = np.ones((1, 1, 1), np.uint8)
RINGS = [BINARY, PRIME, Ring(1 << 12), Ring(8191)]


def _program(ring: Ring, *steps: Step) -> Program:
    return Program(ring, (1, 1, 1), (0.0,), (1.0,), 1.0, steps, 1.0)


def _scaled_by(factor: int) -> tuple[Step, dict[str, LinearWeights]]:
    weights = LinearWeights(np.full((1, 1, 1, 1), factor), np.zeros(1, np.int64))
    return Step("fc", Linear(Convolution(1, 1, 1)), ("image",), (1, 1, 1)), {"fc": weights}


@pytest.mark.parametrize("ring", RINGS, ids=str)
@given(data=st.data())
def test_it_agrees_with_the_circuits_wherever_nothing_leaves_the_ring(
    ring: Ring, data: st.DataObject
) -> None:
    number = data.draw(st.integers(-(ring.modulus // 2), (ring.modulus - 1) // 2))
    shift = data.draw(st.integers(0, min(ring.bits - 2, 20)))
    top = data.draw(st.none() | st.integers(0, ring.bits - 2))
    relu = data.draw(st.booleans()) or shift == 0
    first, weights = _scaled_by(number)
    last = Step("cut", Nonlinear(relu, shift, top if relu else None), ("fc",), (1, 1, 1))
    found = reference.clear(_program(ring, first, last), weights, ONE)
    function = circuits.relu(ring, shift, top) if relu else circuits.truncate(ring, shift)
    half = np.full(1, (1 << shift) >> 1, np.uint64)
    share = ring.add(ring.residues(np.array([number])), half)
    zero = np.zeros(1, np.uint64)
    equal = found.logits[0] == ring.signed(function.evaluate(share, zero, zero))[0]
    assert equal == (found.left is None)


@pytest.mark.parametrize("ring", RINGS, ids=str)
@pytest.mark.parametrize(("past", "left"), [(0, None), (1, "fc")])
def test_a_number_beyond_half_the_ring_is_told_where_it_is_decoded(
    ring: Ring, past: int, left: str | None
) -> None:
    number = (ring.modulus - 1) // 2 + past
    first, weights = _scaled_by(number)
    for last in (Nonlinear(True, 0), Nonlinear(False, 0)):
        steps = (first, Step("cut", last, ("fc",), (1, 1, 1)))
        found = reference.clear(_program(ring, *steps), weights, ONE)
        assert (found.logits.tolist(), found.left) == ([number], left)
    found = reference.clear(_program(ring, first), weights, ONE)
    assert (found.logits.tolist(), found.left) == ([number], left)


def test_a_sum_that_is_not_decoded_may_leave_the_ring() -> None:
    """7 * 2^40 - 7 * 2^40 + 7: the terms are beyond the ring, and wrap in it without harm."""
    first, weights = _scaled_by(-1)
    steps = first, Step("sum", Sum((40, 40, 0)), ("image", "fc", "image"), (1, 1, 1))
    found = reference.clear(_program(BINARY, *steps), weights, np.full((1, 1, 1), 7, np.uint8))
    assert (found.logits.tolist(), found.left) == ([7], None)


def test_numbers_beyond_a_word_are_exact() -> None:
    """Four times by 2^40 and one more, which is 161 bits."""
    factor = (1 << 40) + 1
    layer, names = Linear(Convolution(1, 1, 1)), ["image", "a", "b", "c", "d"]
    steps = [Step(name, layer, (source,), (1, 1, 1)) for source, name in pairwise(names)]
    weights = LinearWeights(np.full((1, 1, 1, 1), factor), np.ones(1, np.int64))
    found = reference.clear(_program(BINARY, *steps), dict.fromkeys(names, weights), ONE)
    wanted = 1
    for _ in range(4):
        wanted = wanted * factor + 1
    assert found.logits.tolist() == [wanted]
    assert found.left == "d"


@pytest.mark.parametrize(
    ("number", "wanted", "topped"), [(-5, 0, 0), (7, 7, 0), (8, 8, 0), (9, 8, 1)]
)
def test_a_relu_gives_its_top_at_most_and_that_is_counted(
    number: int, wanted: int, topped: int
) -> None:
    first, weights = _scaled_by(number)
    last = Step("cut", Nonlinear(True, 0, 3), ("fc",), (1, 1, 1))
    found = reference.clear(_program(BINARY, first, last), weights, ONE)
    assert (found.logits.tolist(), found.topped) == ([wanted], topped)


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


@pytest.mark.parametrize("pixel", [0.5, np.nan, 300.0, 1e12])
def test_pixels_that_are_no_bytes_are_refused(pixel: float) -> None:
    step = Step("sum", Sum((0,)), ("image",), (1, 1, 1))
    pixels: Any = np.full((1, 1, 1), pixel)
    with pytest.raises(ValueError, match="the pixels are float64: they must be uint8, 0 to 255"):
        reference.logits(_program(BINARY, step), {}, pixels)
