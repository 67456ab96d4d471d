"""Toys: what they compute is right, and has the properties that a chapter names."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.paper.chapters import toys

numbers = st.integers(0, toys.MODULUS - 1)
seeds = st.integers(0, 2**32)


@given(st.integers(-64, 63), seeds)
def test_shares_add_up_to_the_number(number: int, seed: int) -> None:
    one, other = toys.shares(number, Random(seed))
    assert {one, other} <= set(range(toys.MODULUS))
    assert toys.signed(one + other) == number


@given(numbers, seeds)
def test_what_is_encrypted_is_decrypted(message: int, seed: int) -> None:
    drawn = Random(seed)
    key = toys.draw_key(drawn)
    assert toys.decrypt(key, toys.encrypt(key, message, drawn)) == message


@given(numbers, seeds)
def test_fresh_noise_is_small(message: int, seed: int) -> None:
    drawn = Random(seed)
    key = toys.draw_key(drawn)
    noise = toys.opened(key, toys.encrypt(key, message, drawn)) - toys.SCALE * message
    assert (noise + toys.NOISE) % toys.CIPHER <= 2 * toys.NOISE


@given(
    st.lists(st.tuples(st.integers(-5, 5), numbers), min_size=1, max_size=3),
    numbers,
    seeds,
)
def test_a_weighted_sum_is_computed_without_the_key(
    terms: list[tuple[int, int]], minus: int, seed: int
) -> None:
    """Weights of 15 in all leave the noise below half of the scale."""
    drawn = Random(seed)
    key = toys.draw_key(drawn)
    weights = [weight for weight, _ in terms]
    hidden = [toys.encrypt(key, message, drawn) for _, message in terms]
    expected = sum(weight * message for weight, message in terms) - minus
    found = toys.decrypt(key, toys.weighted_sum(weights, hidden, minus))
    assert found == expected % toys.MODULUS


def test_heavy_weights_drown_the_message_in_noise() -> None:
    drawn = Random(0)
    key = toys.draw_key(drawn)
    ones = [toys.encrypt(key, 1, drawn) for _ in range(40)]
    assert {toys.decrypt(key, toys.weighted_sum([100], [each])) for each in ones} != {100}


@given(seeds)
def test_a_garbled_and_gives_the_label_of_the_conjunction(seed: int) -> None:
    gate = toys.garble(Random(seed))
    for a in (0, 1):
        for b in (0, 1):
            found = toys.evaluate(gate.rows, gate.left.label(a), gate.right.label(b))
            assert found == gate.output.label(a & b)


@given(seeds)
def test_rows_stand_in_the_order_of_colours(seed: int) -> None:
    gate = toys.garble(Random(seed))
    assert list(gate.rows) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for wire in (gate.left, gate.right, gate.output):
        assert toys.colour(wire.zero) != toys.colour(wire.one)


@pytest.mark.parametrize(("residue", "number"), [(0, 0), (63, 63), (64, -64), (127, -1), (128, 0)])
def test_residues_are_signed_around_zero(residue: int, number: int) -> None:
    assert toys.signed(residue) == number
