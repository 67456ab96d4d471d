"""Circuits of the nonlinear steps: every share of small rings, random ones of the real rings."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.private.garbled.circuits import (
    Coding,
    Function,
    argmax,
    relu,
    rounded,
    truncate,
)
from deepreshape.private.garbled.gates import Circuit, Gate, bit_words, evaluate, word_bits
from deepreshape.private.rings import BINARY, PRIME, Integers, Ring, Words

SMALL = [Ring(modulus) for modulus in (4, 8, 16, 32, 64, 3, 5, 7, 9, 13, 17, 31, 61)]
REAL = [BINARY, PRIME]
SEVEN = Ring(1 << 7)
Make = Callable[[Ring, int], Function]
STEPS: tuple[Make, ...] = (relu, truncate)


def expected(make: Make, ring: Ring, shift: int, server: Words, client: Words) -> Words:
    """The step's function by integers: halves go up, and what wraps then is a negative number."""
    halves = np.full_like(server, (1 << shift) >> 1)
    x = ring.signed(ring.add(ring.add(server, client), halves))
    y: Integers = np.maximum(x, 0) >> shift if make is relu else x >> shift
    return ring.residues(y)


def gave(make: Make, ring: Ring, shift: int, server: Words, client: Words) -> bool:
    found = make(ring, shift).evaluate(server, client)
    return np.array_equal(found, expected(make, ring, shift, server, client))


def shares(ring: Ring, count: int, seed: int = 0) -> list[Words]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, ring.modulus, count, dtype=np.uint64) for _ in range(2)]


def every_pair(ring: Ring) -> list[Words]:
    every = np.arange(ring.modulus, dtype=np.uint64)
    return [axis.reshape(-1) for axis in np.meshgrid(every, every)]


@pytest.mark.parametrize("make", STEPS)
@pytest.mark.parametrize("ring", SMALL, ids=str)
def test_every_share_of_a_small_ring_at_every_shift(ring: Ring, make: Make) -> None:
    assert all(gave(make, ring, shift, *every_pair(ring)) for shift in range(ring.bits - 1))


@pytest.mark.parametrize("make", STEPS)
@pytest.mark.parametrize(("ring", "shift"), [(BINARY, 12), (PRIME, 0)], ids=str)
def test_a_million_random_shares_of_the_real_rings(ring: Ring, shift: int, make: Make) -> None:
    assert gave(make, ring, shift, *shares(ring, 10**6))


@pytest.mark.parametrize("make", STEPS)
@pytest.mark.parametrize("shift", [0, 1, 15, 36])
@pytest.mark.parametrize("ring", [*REAL, Ring(1 << 60), Ring((1 << 60) - 93)], ids=str)
def test_numbers_and_shares_at_the_edges_of_a_ring(ring: Ring, shift: int, make: Make) -> None:
    m = ring.modulus
    middles = (0, m // 4, m // 2, m - 1, 1 << shift, 1 << ring.bits - 1)
    edges = np.array(sorted({(v + d) % m for v in middles for d in (-1, 0, 1)}), np.uint64)
    x, client = (axis.reshape(-1) for axis in np.meshgrid(edges, edges))
    assert gave(make, ring, shift, ring.subtract(x, client), client)


@given(
    st.integers(3, 1 << 60).filter(lambda m: m % 2 == 1),
    st.sampled_from(STEPS),
    st.data(),
)
def test_any_odd_modulus(modulus: int, make: Make, data: st.DataObject) -> None:
    ring = Ring(modulus)
    shift = data.draw(st.integers(0, ring.bits - 2))
    assert gave(make, ring, shift, *shares(ring, 64, modulus))


# Fewer bits than the ring has, and shares that are cut


def numbers_of(bits: int, shift: int) -> Integers:
    """Every number that a circuit of so many bits takes: one unit stays free above them."""
    return np.arange(-(1 << (bits - 1)), (1 << (bits - 1)) - (1 << shift), dtype=np.int64)


def every_split(ring: Ring, numbers: Integers) -> tuple[Integers, Words, Words]:
    """Each number with each share of the client: number, server, client."""
    x = np.repeat(numbers, ring.modulus)
    client = np.tile(np.arange(ring.modulus, dtype=np.uint64), len(numbers))
    return x, ring.subtract(ring.residues(x), client), client


@pytest.mark.parametrize("bits", [2, 3, 6, 7])
def test_cut_shares_are_rounded_as_the_clients_low_bits_have_it(bits: int) -> None:
    """Every number and share of a ring of 7 bits, at every shift."""
    for shift in range(bits - 1):
        x, server, client = every_split(SEVEN, numbers_of(bits, shift))
        lows = client & np.uint64((1 << shift) - 1)
        wanted = np.maximum(rounded(lows, x, shift), 0)
        found = relu(SEVEN, shift, None, bits, exact=False).evaluate(server, client)
        np.testing.assert_array_equal(SEVEN.signed(found), wanted)


@pytest.mark.parametrize("bits", [4, 7])
def test_cut_shares_have_a_top_too(bits: int) -> None:
    for shift in range(bits - 1):
        x, server, client = every_split(SEVEN, numbers_of(bits, shift))
        near = rounded(client & np.uint64((1 << shift) - 1), x, shift)
        for top in range(bits - shift - 1):
            found = relu(SEVEN, shift, top, bits, exact=False).evaluate(server, client)
            np.testing.assert_array_equal(SEVEN.signed(found), np.clip(near, 0, 1 << top))


@pytest.mark.parametrize("bits", [3, 5, 7])
def test_exact_steps_of_fewer_bits_have_a_top_too(bits: int) -> None:
    for shift in range(bits - 1):
        x, server, client = every_split(SEVEN, numbers_of(bits, shift))
        near = (x + ((1 << shift) >> 1)) >> shift
        for top in range(bits - shift - 1):
            found = relu(SEVEN, shift, top, bits).evaluate(server, client)
            np.testing.assert_array_equal(SEVEN.signed(found), np.clip(near, 0, 1 << top))


@pytest.mark.parametrize("make", STEPS)
@pytest.mark.parametrize("bits", [2, 3, 6])
def test_exact_steps_of_fewer_bits_than_the_ring_has(bits: int, make: Make) -> None:
    for shift in range(bits - 1):
        x, server, client = every_split(SEVEN, numbers_of(bits, shift))
        near = (x + ((1 << shift) >> 1)) >> shift
        wanted = np.maximum(near, 0) if make is relu else near
        found = make(SEVEN, shift, bits=bits).evaluate(server, client)  # type: ignore[call-arg]
        np.testing.assert_array_equal(SEVEN.signed(found), wanted)


@pytest.mark.parametrize("shift", [1, 15, 20])
@pytest.mark.parametrize("bits", [24, 36, 38])
def test_cut_shares_at_the_edges_of_the_real_ring(bits: int, shift: int) -> None:
    unit, most = 1 << shift, 1 << (bits - 1)
    middles = (-most + 1, -unit, 0, unit, 1 << (shift + 2), most - unit - 2)
    numbers = np.array(sorted({v + d for v in middles for d in (-1, 0, 1)}), np.int64)
    m = BINARY.modulus
    spots = (0, 1, unit - 1, unit, m // 2 - 1, m // 2, m - unit, m - 1)
    x, client = np.repeat(numbers, len(spots)), np.tile(np.array(spots, np.uint64), len(numbers))
    server = BINARY.subtract(BINARY.residues(x), client)
    wanted = np.clip(rounded(client & np.uint64(unit - 1), x, shift), 0, 4)
    found = relu(BINARY, shift, 2, bits, exact=False).evaluate(server, client)
    np.testing.assert_array_equal(BINARY.signed(found), wanted)


def test_what_is_rounded_by_a_share_is_off_by_one_unit_at_most() -> None:
    for shift in range(6):
        x, _, client = every_split(SEVEN, np.arange(-64, 64, dtype=np.int64))
        found = rounded(client & np.uint64((1 << shift) - 1), x, shift)
        assert np.abs((found << shift) - x).max() <= (1 << shift if shift else 0)


@pytest.mark.parametrize("shift", range(1, 7))
def test_the_mean_over_all_shares_is_the_number_and_a_last_bit(shift: int) -> None:
    lows = np.arange(1 << shift, dtype=np.uint64)
    for x in range(-64, 64):
        sums = rounded(lows, np.full(len(lows), x, np.int64), shift).sum()
        assert sums == x + 1  # of 2^shift shares: (x + 1) / 2^shift on average


def test_a_shift_of_none_rounds_nothing() -> None:
    x, _, client = every_split(SEVEN, np.arange(-64, 64, dtype=np.int64))
    np.testing.assert_array_equal(rounded(np.zeros_like(client), x, 0), x)


@pytest.mark.parametrize("ring", SMALL, ids=str)
def test_a_top_is_the_most_that_a_relu_gives_at_every_shift(ring: Ring) -> None:
    server, client = every_pair(ring)
    for shift in range(ring.bits - 1):
        for top in range(ring.bits - 1):
            plain = ring.signed(expected(relu, ring, shift, server, client))
            found = relu(ring, shift, top).evaluate(server, client)
            np.testing.assert_array_equal(ring.signed(found), np.minimum(plain, 1 << top))


# What a circuit costs


@pytest.mark.parametrize("bits", [2, 5, 32, 38, 60])
def test_a_relu_modulo_a_power_of_two_is_a_sum_and_the_bits_it_keeps(bits: int) -> None:
    for shift in range(bits - 1):
        ring = Ring(1 << bits)
        assert relu(ring, shift).circuit.and_gates == (bits - 1) + (bits - 1 - shift)
        assert relu(ring, shift, exact=False).circuit.and_gates == 2 * (bits - shift - 1)


def test_the_cost_is_that_of_the_bits_that_matter() -> None:
    cut, whole = relu(BINARY, 20, 12, 36, exact=False), relu(Ring(1 << 16), 0, 12)
    assert cut.circuit == whole.circuit
    assert cut.circuit.and_gates == 30
    assert cut.circuit.evaluator == 16


@pytest.mark.parametrize("ring", [*REAL, Ring(1 << 20), Ring(8191)], ids=str)
def test_a_top_costs_no_gate(ring: Ring) -> None:
    for shift in (0, ring.bits // 3, ring.bits - 2):
        plain = relu(ring, shift).circuit.and_gates
        ands = [relu(ring, shift, top).circuit.and_gates for top in range(0, ring.bits - 1, 4)]
        assert max(ands) == plain


@pytest.mark.parametrize("modulus", [5, 13, 61, PRIME.modulus])
def test_a_relu_modulo_a_prime_is_two_chains_and_the_bits_it_keeps(modulus: int) -> None:
    ring = Ring(modulus)
    for shift in range(ring.bits - 1):
        chains = ring.bits + ring.bits - 1
        assert relu(ring, shift).circuit.and_gates == chains + (ring.bits - 1 - shift)


@pytest.mark.parametrize(("ring", "ands"), [(BINARY, 37), (PRIME, 81)], ids=str)
@pytest.mark.parametrize("shift", [0, 1, 12, 30])
def test_a_truncation_is_a_sum(ring: Ring, ands: int, shift: int) -> None:
    assert truncate(ring, shift).circuit.and_gates == ands


@pytest.mark.parametrize("bits", [2, 20, 37])
def test_a_truncation_of_fewer_bits_is_their_sum(bits: int) -> None:
    for shift in range(bits - 1):
        assert truncate(BINARY, shift, bits).circuit.and_gates == bits - 1


@pytest.mark.parametrize("modulus", range(3, 70, 2))
def test_a_truncation_modulo_a_prime_is_two_chains(modulus: int) -> None:
    ring = Ring(modulus)
    for shift in range(ring.bits - 1):
        assert truncate(ring, shift).circuit.and_gates == 2 * ring.bits - 1


def test_the_circuits_of_the_two_protocols_have_these_many_and_gates() -> None:
    assert [relu(ring, 0).circuit.and_gates for ring in REAL] == [74, 121]


# What goes in


@pytest.mark.parametrize("make", STEPS)
@pytest.mark.parametrize("shift", [-1, 37])
def test_a_shift_that_leaves_no_bit_is_one_clear_error(make: Make, shift: int) -> None:
    with pytest.raises(ValueError, match=rf"a shift of {shift} of 38 bits is not in 0 ... 36"):
        make(BINARY, shift)


@pytest.mark.parametrize("make", STEPS)
def test_more_bits_than_the_ring_has_are_one_clear_error(make: Make) -> None:
    with pytest.raises(ValueError, match="39 bits of a ring of 38"):
        make(BINARY, 0, bits=39)  # type: ignore[call-arg]


def test_a_step_is_built_once() -> None:
    assert relu(PRIME, 3) is relu(PRIME, 3)


@pytest.mark.parametrize("ring", SMALL, ids=str)
@pytest.mark.parametrize("make", STEPS)
def test_what_a_side_puts_in_is_a_permutation_of_its_residues(ring: Ring, make: Make) -> None:
    """So a uniform share stays uniform, and no two shares are taken for one."""
    step, every = make(ring, 0), np.arange(ring.modulus, dtype=np.uint64)
    for bits in (step.garbler_bits(every), step.evaluator_bits(every)):
        assert len(set(bit_words(bits).tolist())) == ring.modulus


@pytest.mark.parametrize("shift", range(5))
def test_what_a_side_puts_in_of_a_cut_share_is_uniform(shift: int) -> None:
    """Each number of the bits that stay is put in for as many shares."""
    step, every = relu(SEVEN, shift, None, 6, exact=False), np.arange(128, dtype=np.uint64)
    for bits in (step.garbler_bits(every), step.evaluator_bits(every)):
        counts = np.bincount(bit_words(bits).astype(np.int64), minlength=1 << (6 - shift))
        assert counts.tolist() == [2 << shift] * (1 << (6 - shift))


def test_a_share_outside_the_ring_is_one_clear_error() -> None:
    with pytest.raises(ValueError, match="a share is not below the modulus 13"):
        Coding(4).encoded(Ring(13), np.array([13], np.uint64))


@pytest.mark.parametrize("make", STEPS)
@pytest.mark.parametrize("ring", REAL, ids=str)
def test_no_elements_are_no_error(ring: Ring, make: Make) -> None:
    none = np.empty(0, np.uint64)
    assert make(ring, 0).evaluate(none, none).shape == (0,)


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
    good = np.zeros((3, 4), np.bool_), np.zeros((3, 4), np.bool_)
    assert evaluate(circuit, *good).shape == (3, 3)
    with pytest.raises(ValueError, match="bits for 8 inputs"):
        evaluate(circuit, good[0], np.zeros((3, 5), np.bool_))
    with pytest.raises(ValueError, match="2 elements of the garbler, 3 of the other"):
        evaluate(circuit, good[0][:2], good[1])


# The number of the largest


@pytest.mark.parametrize(("count", "bits"), [(2, 3), (3, 2), (4, 2), (5, 2)])
def test_the_largest_of_all_numbers_is_found_and_the_first_of_equal_ones(
    count: int, bits: int
) -> None:
    """Every tuple of numbers of so many bits, the most negative among them, in shares that wrap."""
    numbers = np.stack(np.meshgrid(*[np.arange(1 << bits)] * count), axis=-1).reshape(-1, count)
    signed = numbers - (1 << bits - 1)
    client = np.random.default_rng(0).integers(0, 1 << bits, signed.shape).astype(np.uint64)
    function = argmax(Ring(1 << max(bits, 4)), count, bits)
    server = function.ring.subtract(function.ring.residues(signed), client)
    found = function.evaluate(server.reshape(-1), client.reshape(-1))
    np.testing.assert_array_equal(found.astype(np.int64), signed.argmax(axis=1))


def test_a_largest_of_one_number_or_modulo_a_prime_is_an_error() -> None:
    for ring, count in ((BINARY, 1), (PRIME, 2)):
        with pytest.raises(ValueError, match="a largest number"):
            argmax(ring, count, 8)
