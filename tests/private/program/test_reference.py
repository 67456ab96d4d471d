"""The program in the clear: nothing wraps, what leaves its bits is told, and shifts are rounded as
the client's shares have it, or to the nearest."""

from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.private.garbled import circuits
from deepreshape.private.homomorphic.layers import Convolution
from deepreshape.private.program import reference
from deepreshape.private.program.steps import (
    Linear,
    LinearWeights,
    Nonlinear,
    Program,
    Step,
    Sum,
    most_of,
)
from deepreshape.private.rings import BINARY, PRIME, Ring

ONE = np.ones((1, 1, 1), np.uint8)
RINGS = [BINARY, PRIME, Ring(1 << 12), Ring(8191)]


def _program(ring: Ring, *steps: Step) -> Program:
    return Program(ring, (1, 1, 1), (0.0,), (1.0,), 1.0, steps, 1.0)


def _scaled_by(factor: int) -> tuple[Step, dict[str, LinearWeights]]:
    weights = LinearWeights(np.full((1, 1, 1, 1), factor), np.zeros(1, np.int64))
    return Step("fc", Linear(Convolution(1, 1, 1)), ("image",), (1, 1, 1)), {"fc": weights}


def _cut(relu: bool, shift: int, bits: int, top: int | None = None) -> Step:
    return Step("cut", Nonlinear(relu, shift, bits, top), ("fc",), (1, 1, 1))


@pytest.mark.parametrize("ring", RINGS, ids=str)
@given(data=st.data())
def test_it_agrees_with_the_circuits_wherever_nothing_leaves_its_bits(
    ring: Ring, data: st.DataObject
) -> None:
    """Exact circuits, over numbers of the bits that a step says and a little beyond."""
    shift = data.draw(st.integers(0, min(ring.bits - 3, 20)))
    bits = data.draw(st.integers(shift + 2, ring.bits - 1))
    number = data.draw(st.integers(-(1 << bits - 1), 1 << bits - 1))
    top = data.draw(st.none() | st.integers(0, ring.bits - 2))
    relu = data.draw(st.booleans()) or shift == 0
    first, weights = _scaled_by(number)
    last = _cut(relu, shift, bits, top if relu else None)
    found = reference.clear(_program(ring, first, last), weights, ONE)
    used = bits if ring.binary else ring.bits
    make = circuits.relu(ring, shift, top, used) if relu else circuits.truncate(ring, shift, used)
    client = data.draw(st.integers(0, ring.modulus - 1))
    mine = np.array([client], np.uint64)
    theirs = ring.subtract(ring.residues(np.array([number])), mine)
    if found.left is None:
        assert found.logits[0] == ring.signed(make.evaluate(theirs, mine))[0]
    assert (found.left is None) == (abs(number) + (1 << shift) < 1 << bits - 1)


@pytest.mark.parametrize("ring", [BINARY, Ring(1 << 12)], ids=str)
@given(data=st.data())
def test_it_replays_what_cut_shares_give(ring: Ring, data: st.DataObject) -> None:
    """At the edges of a step's bits too, and whatever the client's share is."""
    shift = data.draw(st.integers(0, 8))
    bits = data.draw(st.integers(shift + 2, ring.bits - 1))
    most = most_of(Nonlinear(True, shift, bits), ring)
    number = data.draw(st.sampled_from([-most, most, 0]) | st.integers(-most, most))
    top = data.draw(st.none() | st.integers(0, ring.bits - 2))
    client = data.draw(st.sampled_from([0, ring.modulus - 1]) | st.integers(0, ring.modulus - 1))
    mine = np.array([client], np.uint64)
    theirs = ring.subtract(ring.residues(np.array([number])), mine)
    first, weights = _scaled_by(number)
    lows = {"cut": mine.reshape(1, 1, 1) & np.uint64((1 << shift) - 1)}
    found = reference.clear(_program(ring, first, _cut(True, shift, bits, top)), weights, ONE, lows)
    function = circuits.relu(ring, shift, top, bits, exact=False)
    assert found.left is None
    assert found.logits[0] == ring.signed(function.evaluate(theirs, mine))[0]
    unclipped = reference.logits(
        _program(ring, first, _cut(False, shift, bits)), weights, ONE, lows
    )
    assert abs(unclipped[0] - number / 2**shift) <= 1
    assert (unclipped[0] == number) or shift


def test_one_number_more_than_a_step_takes_is_wrong_in_its_circuit() -> None:
    """The rounding up of the largest number would reach the sign: so a step's bits are strict."""
    ring, shift, bits = Ring(1 << 12), 3, 8
    most = most_of(Nonlinear(True, shift, bits), ring)
    function = circuits.relu(ring, shift, None, bits, exact=False)
    zero = np.zeros(1, np.uint64)
    values = [
        int(function.evaluate(np.array([number], np.uint64), zero)[0])
        for number in (most, most + 1)
    ]
    assert values == [(most >> shift) + 1, 0]


@pytest.mark.parametrize("ring", RINGS, ids=str)
@pytest.mark.parametrize(("past", "left"), [(0, None), (1, "fc")])
def test_a_number_beyond_its_step_is_told_where_it_is_decoded(
    ring: Ring, past: int, left: str | None
) -> None:
    for bits in (6, ring.bits - 1, ring.bits + 5):
        for relu in (True, False):
            last = _cut(relu, 0, bits)
            number = (1 << min(bits, ring.bits - 1) - 1) - 2 + past
            first, weights = _scaled_by(number)
            found = reference.clear(_program(ring, first, last), weights, ONE)
            assert (found.logits.tolist(), found.left) == ([number], left)
            first, weights = _scaled_by(-number)
            found = reference.clear(_program(ring, first, last), weights, ONE)
            assert found.left == left


@pytest.mark.parametrize("ring", RINGS, ids=str)
@pytest.mark.parametrize(("past", "left"), [(0, None), (1, "fc")])
def test_logits_beyond_half_the_ring_are_told(ring: Ring, past: int, left: str | None) -> None:
    number = (ring.modulus - 1) // 2 + past
    first, weights = _scaled_by(number)
    found = reference.clear(_program(ring, first), weights, ONE)
    assert (found.logits.tolist(), found.left) == ([number], left)


def test_the_first_step_that_leaves_its_bits_is_told() -> None:
    first, weights = _scaled_by(100)
    steps = first, Step("one", Nonlinear(True, 0, 12), ("fc",), (1, 1, 1))
    later = [
        Step(name, Nonlinear(True, 0, bits), (source,), (1, 1, 1))
        for name, source, bits in (("two", "one", 7), ("three", "two", 6))
    ]
    assert reference.clear(_program(BINARY, *steps, *later), weights, ONE).left == "one"


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
    last = _cut(True, 0, 20, 3)
    found = reference.clear(_program(BINARY, first, last), weights, ONE)
    assert (found.logits.tolist(), found.topped) == ([wanted], topped)


@pytest.mark.parametrize(
    ("number", "relu", "wanted"),
    [(5, False, 3), (-5, False, -2), (-7, False, -3), (6, False, 3), (5, True, 3), (-5, True, 0)],
)
def test_without_shares_halves_are_rounded_up(number: int, relu: bool, wanted: int) -> None:
    first, weights = _scaled_by(number)
    found = reference.logits(_program(BINARY, first, _cut(relu, 1, 10)), weights, ONE)
    assert found.tolist() == [wanted]


@pytest.mark.parametrize(
    ("number", "wanted"),
    [(20, [3, 3, 3, 3, 3, 2, 2, 2]), (-3, [0] * 6 + [-1] * 2), (16, [3] + [2] * 7)],
)
def test_with_shares_a_number_is_rounded_up_where_their_cut_bits_are_at_most_its_own(
    number: int, wanted: list[int]
) -> None:
    first, weights = _scaled_by(number)
    program = _program(BINARY, first, _cut(False, 3, 10))
    found = [
        reference.logits(program, weights, ONE, {"cut": np.full((1, 1, 1), low, np.uint64)})[0]
        for low in range(8)
    ]
    assert found == wanted


def test_a_step_that_is_exact_has_no_shares_to_round_by() -> None:
    first, weights = _scaled_by(5)
    exact = Step("cut", Nonlinear(False, 1, 10, exact=True), ("fc",), (1, 1, 1))
    assert reference.logits(_program(BINARY, first, exact), weights, ONE, {}).tolist() == [3]


def test_a_step_rounds_to_the_nearest_if_it_or_its_program_is_exact_or_its_ring_is_no_power() -> (
    None
):
    first, _ = _scaled_by(5)
    for ring, whole, one in product((BINARY, PRIME), (False, True), (False, True)):
        program = replace(_program(ring, first), exact=whole)
        found = program.rounds(Nonlinear(False, 1, 10, exact=one))
        assert found == (whole or one or ring == PRIME)


def test_shares_of_other_steps_change_nothing() -> None:
    first, weights = _scaled_by(5)
    program = _program(BINARY, first, _cut(False, 1, 10))
    lows = {"elsewhere": np.ones((1, 1, 1), np.uint64)}
    assert reference.logits(program, weights, ONE, lows).tolist() == [3]


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
