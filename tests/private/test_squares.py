"""Squares of shares: every product comes out, in either kind of ring."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepreshape.private.garbled.half_gates import CHUNK, LABEL, Labels, draw_offset
from deepreshape.private.randomness import SystemRandomness, uniform
from deepreshape.private.rings import BINARY, PRIME, Ring, Words
from deepreshape.private.squares import Multiplicand, Multiplier

RINGS = [BINARY, PRIME, Ring(1 << 60), Ring((1 << 59) - 55), Ring(97)]
SOURCE = SystemRandomness()


def transferred(multiplicand: Multiplicand, count: int, offset: Labels) -> tuple[Labels, Labels]:
    """Zero labels of the client's bits, and those that the transfers give it."""
    bits = multiplicand.bits(slice(0, count))
    zero = SOURCE.bytes(LABEL * bits.size).view(np.uint64).reshape(*bits.shape, 2)
    return zero, zero ^ (bits[..., None] * offset)


def squared(ring: Ring, client: Words, server: Words) -> Words:
    """The square of what the shares say, by the protocol."""
    count, mask = client.size, uniform(SOURCE, ring, client.shape)
    multiplier = Multiplier(ring, count, SOURCE)
    multiplicand = Multiplicand(ring, client, mask)
    multiplicand.nonce, offset = multiplier.nonce, draw_offset(SOURCE)
    zero, mine = transferred(multiplicand, count, offset)
    for start in range(0, count, CHUNK):
        batch = slice(start, min(start + CHUNK, count))
        multiplicand.take(batch, mine[batch], multiplier.offer(batch, zero[batch], offset))
    answer = multiplicand.answer(multiplier.open(server))
    return ring.add(multiplier.close(server, answer), mask)


def exactly(ring: Ring, client: Words, server: Words) -> list[int]:
    pairs = zip(client.tolist(), server.tolist(), strict=True)
    return [(c + s) ** 2 % ring.modulus for c, s in pairs]


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_shares_of_a_square_add_up_to_it(ring: Ring) -> None:
    client, server = (uniform(SOURCE, ring, (CHUNK + 7,)) for _ in range(2))
    assert squared(ring, client, server).tolist() == exactly(ring, client, server)


@settings(max_examples=20)
@given(st.sampled_from(RINGS), st.data())
def test_extreme_shares_are_squared_too(ring: Ring, data: st.DataObject) -> None:
    ends = st.sampled_from([0, 1, ring.modulus // 2, ring.modulus // 2 + 1, ring.modulus - 1])
    client, server = (np.array([data.draw(ends)], np.uint64) for _ in range(2))
    assert squared(ring, client, server).tolist() == exactly(ring, client, server)


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_without_the_label_of_its_bit_a_client_gets_no_product(ring: Ring) -> None:
    """The other label gives the pad of another number: nothing of c r is left."""
    client, server = (uniform(SOURCE, ring, (50,)) for _ in range(2))
    multiplier = Multiplier(ring, 50, SOURCE)
    multiplicand = Multiplicand(ring, client, uniform(SOURCE, ring, (50,)))
    multiplicand.nonce, offset, whole = multiplier.nonce, draw_offset(SOURCE), slice(0, 50)
    zero, mine = transferred(multiplicand, 50, offset)
    multiplicand.take(whole, mine ^ offset, multiplier.offer(whole, zero, offset))
    found = multiplier.close(server, multiplicand.answer(multiplier.open(server)))
    matching = sum(map(int.__eq__, found.tolist(), exactly(ring, client, server)))
    assert matching < 10


def test_no_two_elements_or_preparations_share_a_pad() -> None:
    """With equal labels and shares, what the server offers and opens differs all the same."""
    ring, count = BINARY, 2 * CHUNK
    labels = np.zeros((count, ring.bits, 2), np.uint64)
    offered, opened = [], []
    for _ in range(2):
        multiplier = Multiplier(ring, count, SOURCE)
        offset = draw_offset(SOURCE)
        for start in (0, CHUNK):
            batch = slice(start, start + CHUNK)
            offered.append(multiplier.offer(batch, labels[batch], offset))
        opened.append(multiplier.open(np.zeros(count, np.uint64)))
    assert len(np.unique(np.concatenate(offered)[:, 0])) == 4 * CHUNK
    assert len(np.unique(np.concatenate(opened))) == 2 * count


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_a_product_in_a_ring_is_that_of_integers(ring: Ring) -> None:
    left, right = (uniform(SOURCE, ring, (100,)) for _ in range(2))
    expected = [int(a) * int(b) % ring.modulus for a, b in zip(left, right, strict=True)]
    assert ring.multiply(left, right).tolist() == expected


@pytest.mark.parametrize("modulus", [3, 97, PRIME.modulus, 1 << 41, (1 << 56) - 5, 1 << 60])
def test_a_product_with_a_number_is_that_of_integers(modulus: int) -> None:
    ring = Ring(modulus)
    words = uniform(SOURCE, ring, (100,))
    for number in (0, 1, 2, modulus - 1, modulus // 3):
        expected = [int(word) * number % modulus for word in words]
        assert ring.multiply(words, number).tolist() == expected
