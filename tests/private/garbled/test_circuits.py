"""Circuits of the nonlinear steps: every share of small rings, random ones of the real rings."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.private.garbled.circuits import Coding, Function, relu, truncate
from deepreshape.private.garbled.gates import Circuit, Gate, bit_words, evaluate, word_bits
from deepreshape.private.rings import BINARY, PRIME, Integers, Ring, Words

SMALL = [Ring(modulus) for modulus in (4, 8, 16, 32, 64, 3, 5, 7, 9, 13, 17, 31, 61)]
REAL = [BINARY, PRIME]
Make = Callable[[Ring, int], Function]
STEPS: tuple[Make, ...] = (relu, truncate)


def expected(make: Make, ring: Ring, shift: int, server: Words, client: Words) -> Words:
    """The step's function, by integers."""
    x = ring.signed(ring.add(server, client))
    y: Integers = np.maximum(x, 0) >> shift if make is relu else x >> shift
    return ring.residues(y)


def gave(make: Make, ring: Ring, shift: int, *shares: Words) -> bool:
    """Does the circuit give the function minus the mask?"""
    server, client, mask = shares
    wanted = ring.subtract(expected(make, ring, shift, server, client), mask)
    return np.array_equal(make(ring, shift).evaluate(server, client, mask), wanted)


def shares(ring: Ring, count: int, seed: int = 0) -> list[Words]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, ring.modulus, count, dtype=np.uint64) for _ in range(3)]


@pytest.mark.parametrize("make", STEPS)
@pytest.mark.parametrize("ring", SMALL, ids=str)
def test_every_share_and_mask_of_a_small_ring_at_every_shift(ring: Ring, make: Make) -> None:
    every = np.arange(ring.modulus, dtype=np.uint64)
    grid = [axis.reshape(-1) for axis in np.meshgrid(every, every, every)]
    assert all(gave(make, ring, shift, *grid) for shift in range(ring.bits - 1))


@pytest.mark.parametrize("make", STEPS)
@pytest.mark.parametrize(("ring", "shift"), [(BINARY, 12), (PRIME, 0)], ids=str)
def test_a_million_random_shares_of_the_real_rings(ring: Ring, shift: int, make: Make) -> None:
    assert gave(make, ring, shift, *shares(ring, 10**6))


@pytest.mark.parametrize("make", STEPS)
@pytest.mark.parametrize("shift", [0, 1, 15, 39])
@pytest.mark.parametrize("ring", [*REAL, Ring(1 << 60), Ring((1 << 60) - 93)], ids=str)
def test_numbers_and_shares_at_the_edges_of_a_ring(ring: Ring, shift: int, make: Make) -> None:
    m = ring.modulus
    middles = (0, m // 4, m // 2, m - 1, 1 << shift, 1 << ring.bits - 1)
    edges = np.array(sorted({(v + d) % m for v in middles for d in (-1, 0, 1)}), np.uint64)
    x, client, mask = (axis.reshape(-1) for axis in np.meshgrid(edges, edges, edges))
    assert gave(make, ring, shift, ring.subtract(x, client), client, mask)


@given(
    st.integers(3, 1 << 60).filter(lambda m: m % 2 == 1),
    st.sampled_from(STEPS),
    st.data(),
)
def test_any_odd_modulus(modulus: int, make: Make, data: st.DataObject) -> None:
    ring = Ring(modulus)
    shift = data.draw(st.integers(0, ring.bits - 2))
    assert gave(make, ring, shift, *shares(ring, 64, modulus))


@pytest.mark.parametrize("bits", [2, 5, 32, 41, 60])
def test_a_relu_modulo_a_power_of_two_is_two_sums_and_the_bits_it_keeps(bits: int) -> None:
    for shift in range(bits - 1):
        ands = relu(Ring(1 << bits), shift).circuit.and_gates
        assert ands == (bits - 1) + (bits - 1 - shift) + (bits - 1)


@pytest.mark.parametrize("ring", SMALL, ids=str)
def test_a_top_is_the_most_that_a_relu_gives_at_every_shift(ring: Ring) -> None:
    every = np.arange(ring.modulus, dtype=np.uint64)
    server, client, mask = (axis.reshape(-1) for axis in np.meshgrid(every, every, every))
    numbers = ring.signed(ring.add(server, client))
    for shift in range(ring.bits - 1):
        for top in range(ring.bits - 1):
            wanted = ring.residues(np.minimum(np.maximum(numbers, 0) >> shift, 1 << top))
            found = relu(ring, shift, top).evaluate(server, client, mask)
            np.testing.assert_array_equal(ring.add(found, mask), wanted)


@pytest.mark.parametrize("ring", [*REAL, Ring(1 << 20), Ring(8191)], ids=str)
def test_a_top_costs_no_gate(ring: Ring) -> None:
    for shift in (0, ring.bits // 3, ring.bits - 2):
        plain = relu(ring, shift).circuit.and_gates
        ands = [relu(ring, shift, top).circuit.and_gates for top in range(0, ring.bits - 1, 4)]
        assert max(ands) == plain


@pytest.mark.parametrize("modulus", [5, 13, 61, PRIME.modulus])
def test_a_relu_modulo_a_prime_is_four_chains_and_the_bits_it_keeps(modulus: int) -> None:
    ring = Ring(modulus)
    for shift in range(ring.bits - 1):
        chains = 2 * (ring.bits + ring.bits - 1)
        assert relu(ring, shift).circuit.and_gates == chains + (ring.bits - 1 - shift)


@pytest.mark.parametrize(("ring", "ands"), [(BINARY, 80), (PRIME, 162)], ids=str)
@pytest.mark.parametrize("shift", [0, 1, 12, 30])
def test_a_truncation_is_two_sums(ring: Ring, ands: int, shift: int) -> None:
    assert truncate(ring, shift).circuit.and_gates == ands


def test_the_circuits_of_the_two_protocols_have_these_many_and_gates() -> None:
    assert [relu(ring, 0).circuit.and_gates for ring in REAL] == [120, 202]


@pytest.mark.parametrize("make", STEPS)
@pytest.mark.parametrize("shift", [-1, 40])
def test_a_shift_that_leaves_no_bit_is_one_clear_error(make: Make, shift: int) -> None:
    with pytest.raises(ValueError, match=rf"a shift of {shift} is not in 0 ... 39"):
        make(BINARY, shift)


def test_a_step_is_built_once() -> None:
    assert relu(PRIME, 3) is relu(PRIME, 3)


@pytest.mark.parametrize("ring", SMALL, ids=str)
@pytest.mark.parametrize("make", STEPS)
def test_what_a_side_puts_in_is_a_permutation_of_its_residues(ring: Ring, make: Make) -> None:
    """So a uniform share stays uniform, and no two shares are taken for one."""
    step, every = make(ring, 0), np.arange(ring.modulus, dtype=np.uint64)
    for coding in (step.server, step.client, step.mask):
        words = coding.words(ring, every)
        assert len(set(words.tolist())) == ring.modulus
        assert int(words.max()) < 1 << ring.bits


def test_a_share_outside_the_ring_is_one_clear_error() -> None:
    with pytest.raises(ValueError, match="a share is not below the modulus 13"):
        Coding().words(Ring(13), np.array([13], np.uint64))


def test_an_output_outside_the_ring_is_one_clear_error() -> None:
    step = relu(Ring(13), 0)
    assert step.result(word_bits(np.array([12], np.uint64), 4)).tolist() == [12]
    with pytest.raises(ValueError, match="an output is not below the modulus 13"):
        step.result(word_bits(np.array([13], np.uint64), 4))


@pytest.mark.parametrize("make", STEPS)
@pytest.mark.parametrize("ring", REAL, ids=str)
def test_no_elements_are_no_error(ring: Ring, make: Make) -> None:
    none = np.empty(0, np.uint64)
    assert make(ring, 0).evaluate(none, none, none).shape == (0,)


# Circuits

XOR, AND = False, True


def test_a_gate_by_its_truth_table() -> None:
    """Of bits a and b: a xor b, not (a xor b), a and b, a and not b, not (not a and not b)."""
    gates = (Gate(XOR, 0, 2), Gate(AND, 0, 2), Gate(AND, 0, 3), Gate(AND, 1, 3))
    circuit = Circuit(1, 1, gates, (4, 5, 6, 8, 11))
    a, b = (np.array(bits, np.bool_)[:, None] for bits in ([0, 0, 1, 1], [0, 1, 0, 1]))
    wanted = [[0, 1, 0, 0, 0], [1, 0, 0, 0, 1], [1, 0, 0, 1, 1], [0, 1, 1, 0, 1]]
    assert evaluate(circuit, a, b).astype(int).tolist() == wanted


@given(st.lists(st.integers(0, 2**60 - 1), max_size=9), st.integers(60, 64))
def test_words_are_their_bits(numbers: list[int], width: int) -> None:
    words = np.array(numbers, np.uint64)
    bits = word_bits(words, width)
    assert bits.shape == (len(numbers), width)
    assert bit_words(bits).tolist() == numbers
    for row, number in zip(bits, numbers, strict=True):
        assert sum(int(bit) << i for i, bit in enumerate(row)) == number


@pytest.mark.parametrize(
    ("inputs", "gates", "outputs", "message"),
    [
        ((0, 0), (), (0,), r"0 \+ 0 input bits"),
        ((-1, 2), (), (0,), r"-1 \+ 2 input bits"),
        ((1, 1), (), (), "a circuit without outputs"),
        ((1, 1), (), (4,), "an output takes literal 4, which no wire before it has"),
        ((1, 1), (), (-1,), "an output takes literal -1"),
        ((1, 1), (Gate(AND, 0, 4),), (4,), "gate 0 takes literal 4, which no wire before it has"),
        ((1, 1), (Gate(XOR, 0, 0),), (4,), "gate 0 is constant"),
        ((1, 1), (Gate(XOR, 1, 2),), (4,), "gate 0 is an XOR of an inverted wire"),
        ((1, 1), (Gate(AND, 0, 1),), (4,), "gate 0 takes the AND of one value with itself"),
        # The same value on two wires: a, and (a xor b) xor b.
        ((1, 1), (Gate(XOR, 0, 2), Gate(XOR, 2, 4)), (6,), None),
        ((1, 1), (Gate(XOR, 0, 2), Gate(XOR, 2, 4), Gate(AND, 0, 6)), (8,), "gate 2 takes the AND"),
        ((1, 1), (Gate(XOR, 0, 2), Gate(XOR, 2, 4), Gate(XOR, 0, 6)), (8,), "gate 2 is constant"),
    ],
)
def test_a_circuit_that_would_betray_a_secret_or_is_none_is_refused(
    inputs: tuple[int, int], gates: tuple[Gate, ...], outputs: tuple[int, ...], message: str | None
) -> None:
    if message is None:
        Circuit(*inputs, gates, outputs)
    else:
        with pytest.raises(ValueError, match=message):
            Circuit(*inputs, gates, outputs)


def test_wrong_inputs_are_clear_errors() -> None:
    circuit = relu(Ring(16), 0).circuit
    good = np.zeros((3, 4), np.bool_), np.zeros((3, 8), np.bool_)
    assert evaluate(circuit, *good).shape == (3, 4)
    with pytest.raises(ValueError, match="bits for 12 inputs"):
        evaluate(circuit, good[1], good[1])
    with pytest.raises(ValueError, match="2 elements of the garbler, 3 of the other"):
        evaluate(circuit, good[0][:2], good[1])
