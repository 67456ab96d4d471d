"""Squares of shares: every product comes out, in either kind of ring."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deepreshape.private.garbled.three_halves import CHUNK, LABEL, Labels, draw_offset
from deepreshape.private.randomness import SystemRandomness, uniform
from deepreshape.private.rings import BINARY, PRIME, Ring, Words
from deepreshape.private.squares import Multiplicand, Multiplier

RINGS = [BINARY, PRIME, Ring(1 << 60), Ring((1 << 59) - 55), Ring(97)]
SOURCE = SystemRandomness(bytes(32))


def transferred(multiplicand: Multiplicand, count: int, offset: Labels) -> tuple[Labels, Labels]:
    """Zero labels of the client's bits, and those that the transfers give it."""
    bits = multiplicand.choices(slice(0, count))
    zero = SOURCE.bytes(LABEL * bits.size).view(np.uint64).reshape(*bits.shape, 2)
    return zero, zero ^ (bits[..., None] * offset)


def ends(ring: Ring, client: Words) -> tuple[Multiplier, Multiplicand]:
    multiplier, multiplicand = Multiplier(ring, client.size, SOURCE), Multiplicand(ring, client)
    multiplicand.nonce = multiplier.nonce
    return multiplier, multiplicand


def squared(ring: Ring, client: Words, server: Words) -> Words:
    """The square of what the shares say, by the protocol, in batches."""
    count, masks = client.size, uniform(SOURCE, ring, client.shape)
    multiplier, multiplicand = ends(ring, client)
    offset = draw_offset(SOURCE)
    zero, mine = transferred(multiplicand, count, offset)
    batches = [slice(at, min(at + CHUNK, count)) for at in range(0, count, CHUNK)]
    for batch in batches:
        offered = multiplier.prepare(batch, zero[batch], offset)
        assert offered.size == multiplicand.prepared_bytes(batch.stop - batch.start)
        multiplicand.take(batch, mine[batch], offered)
    closed = []
    for batch in batches:
        opened = multiplier.open(batch, server[batch])
        assert opened.size == multiplicand.opened_bytes(batch.stop - batch.start)
        answer = ring.subtract(multiplicand.answer(batch, opened.tobytes()), masks[batch])
        closed.append(multiplier.close(batch, server[batch], answer))
    return ring.add(np.concatenate(closed), masks)


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
    edges = st.sampled_from([0, 1, ring.modulus // 2, ring.modulus // 2 + 1, ring.modulus - 1])
    client, server = (np.array([data.draw(edges)], np.uint64) for _ in range(2))
    assert squared(ring, client, server).tolist() == exactly(ring, client, server)


@pytest.mark.parametrize("ring", [Ring(5), Ring(13), Ring(8), Ring(32)], ids=str)
def test_every_pair_of_shares_of_a_small_ring(ring: Ring) -> None:
    every = np.arange(ring.modulus, dtype=np.uint64)
    client, server = (axis.reshape(-1) for axis in np.meshgrid(every, every))
    assert squared(ring, client, server).tolist() == exactly(ring, client, server)


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_without_the_label_of_its_bit_a_client_gets_no_product(ring: Ring) -> None:
    """The other label gives the pad of another number: nothing of c r is left."""
    client, server = (uniform(SOURCE, ring, (50,)) for _ in range(2))
    multiplier, multiplicand = ends(ring, client)
    offset, whole = draw_offset(SOURCE), slice(0, 50)
    zero, mine = transferred(multiplicand, 50, offset)
    multiplicand.take(whole, mine ^ offset, multiplier.prepare(whole, zero, offset))
    answer = multiplicand.answer(whole, multiplier.open(whole, server))
    found = multiplier.close(whole, server, answer)
    matching = sum(map(int.__eq__, found.tolist(), exactly(ring, client, server)))
    assert matching < 10


def test_no_two_elements_or_preparations_share_a_pad() -> None:
    """With equal labels and shares, what the server offers and opens differs all the same."""
    ring, count = BINARY, 2 * CHUNK
    labels = np.zeros((CHUNK, ring.bits, 2), np.uint64)
    offered, opened = [], []
    for _ in range(2):
        multiplier = Multiplier(ring, count, SOURCE)
        offset = draw_offset(SOURCE)
        for start in (0, CHUNK):
            message = multiplier.prepare(slice(start, start + CHUNK), labels, offset)
            offered.append(ring.unpacked(message).reshape(CHUNK, ring.bits)[:, 0])
        message = multiplier.open(slice(0, count), np.zeros(count, np.uint64))
        opened.append(ring.unpacked(message))
    assert len(np.unique(np.concatenate(offered))) == 4 * CHUNK
    assert len(np.unique(np.concatenate(opened))) == 2 * count


@pytest.mark.parametrize("share", [0, 12])
def test_what_the_server_sends_is_uniform_whatever_its_share(share: int) -> None:
    """Chi-squared at 10^-5 of 12 degrees of freedom, of 4096 elements."""
    ring, count = Ring(13), 4096
    multiplier, multiplicand = ends(ring, np.zeros(count, np.uint64))
    offset, whole = draw_offset(SOURCE), slice(0, count)
    zero, _ = transferred(multiplicand, count, offset)
    offered = multiplier.prepare(whole, zero, offset)
    opened = multiplier.open(whole, np.full(count, share, np.uint64))
    for message in (offered, opened):
        numbers = ring.unpacked(message)
        mean = numbers.size / ring.modulus
        counts = np.bincount(numbers.astype(np.int64), minlength=ring.modulus)
        assert ((counts - mean) ** 2 / mean).sum() < 44


def test_numbers_outside_the_ring_are_refused() -> None:
    _, multiplicand = ends(Ring(13), np.zeros(1, np.uint64))
    outside = np.full(4, 13, np.uint8)
    with pytest.raises(ValueError, match="the peer sent numbers outside the ring"):
        multiplicand.take(slice(0, 1), np.zeros((1, 4, 2), np.uint64), outside)
    with pytest.raises(ValueError, match="the peer sent numbers outside the ring"):
        multiplicand.answer(slice(0, 1), outside[:1])


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
