"""Truncations by one transfer: every number, share, cut bit and choice of a small ring."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest

from deepreshape.private.garbled.circuits import rounded
from deepreshape.private.garbled.three_halves import CHUNK, LABEL, Labels, Octets, draw_offset
from deepreshape.private.protocol import Kind
from deepreshape.private.randomness import SEED, Randomness, SystemRandomness, uniform
from deepreshape.private.rings import BINARY, Integers, Ring, Words
from deepreshape.private.truncations import Dividend, Divider

SOURCE = SystemRandomness(bytes(32))
RINGS = [Ring(1 << 5), Ring(1 << 6)]
EVERY = [(ring, shift) for ring in RINGS for shift in range(1, ring.bits - 1)]
EVERY_ID = [f"{ring.bits} bits, shift {shift}" for ring, shift in EVERY]


@dataclass
class Chosen:
    """A source that gives a nonce, then one bit for all that the server draws."""

    bit: int

    def bytes(self, count: int) -> Octets:
        return np.full(count, self.bit, np.uint8)


class Run(NamedTuple):
    """What came of a truncation, and all that was said."""

    numbers: Integers
    prepared: bytes
    opened: bytes
    answer: Words


def batches(count: int) -> list[slice]:
    return [slice(at, min(at + CHUNK, count)) for at in range(0, count, CHUNK)]


def truncated(
    ring: Ring,
    shift: int,
    client: Words,
    server: Words,
    source: Randomness = SOURCE,
    wrong: bool = False,
) -> Run:
    """Both ends over as many batches as needed. wrong: with the labels of the other bits."""
    count, offset = client.size, draw_offset(SOURCE)
    divider, dividend = Divider(ring, shift, count, source), Dividend(ring, shift, client)
    dividend.nonce = divider.nonce
    masks = uniform(SOURCE, ring, (count,))
    prepared, opened, answers, new = [], [], [], []
    for batch in batches(count):
        bits = dividend.choices(batch)
        zero = SOURCE.bytes(LABEL * bits.size).view(np.uint64).reshape(*bits.shape, 2)
        message = divider.prepare(batch, zero, offset)
        assert message.size == dividend.prepared_bytes(batch.stop - batch.start)
        labels: Labels = zero ^ (bits ^ wrong)[..., None] * offset
        dividend.take(batch, labels, message)
        prepared.append(message.tobytes())
    for batch in batches(count):
        message = divider.open(batch, server[batch])
        assert message.size == dividend.opened_bytes(batch.stop - batch.start)
        answer = ring.subtract(dividend.answer(batch, message.tobytes()), masks[batch])
        new.append(divider.close(batch, server[batch], answer))
        opened.append(message.tobytes())
        answers.append(answer)
    numbers = ring.signed(ring.add(np.concatenate(new), masks))
    return Run(numbers, b"".join(prepared), b"".join(opened), np.concatenate(answers))


def every(ring: Ring) -> tuple[Integers, Words, Words]:
    """Each number that may be truncated with each share of the client: number, client, server."""
    most = ring.modulus // 4
    x = np.repeat(np.arange(-most, most, dtype=np.int64), ring.modulus)
    client = np.tile(np.arange(ring.modulus, dtype=np.uint64), 2 * most)
    return x, client, ring.subtract(ring.residues(x), client)


def wanted(x: Integers, client: Words, shift: int) -> Integers:
    return rounded(client & np.uint64((1 << shift) - 1), x, shift)


@pytest.mark.parametrize("chosen", [0, 1])
@pytest.mark.parametrize(("ring", "shift"), EVERY, ids=EVERY_ID)
def test_every_number_and_share_of_a_small_ring(ring: Ring, shift: int, chosen: int) -> None:
    x, client, server = every(ring)
    found = truncated(ring, shift, client, server, Chosen(chosen)).numbers
    assert np.array_equal(found, wanted(x, client, shift))


@pytest.mark.parametrize(("ring", "shift"), EVERY, ids=EVERY_ID)
def test_the_error_is_one_unit_at_most(ring: Ring, shift: int) -> None:
    x, client, server = every(ring)
    found = truncated(ring, shift, client, server).numbers
    assert np.abs((found << shift) - x).max() <= 1 << shift


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_numbers_beyond_the_half_around_zero_go_wrong_for_some_share(ring: Ring) -> None:
    """So the bound of the module is nearly the largest."""
    most = ring.modulus // 4
    client = np.arange(ring.modulus, dtype=np.uint64)
    for number in (most, -most - 2):
        x = np.full(ring.modulus, number, np.int64)
        server = ring.subtract(ring.residues(x), client)
        found = truncated(ring, 1, client, server).numbers
        assert not np.array_equal(found, wanted(x, client, 1))


@pytest.mark.parametrize("shift", [1, 2, 12, 20, 36])
def test_edges_of_the_real_ring(shift: int) -> None:
    m, unit, most = BINARY.modulus, 1 << shift, 1 << (BINARY.bits - 2)
    middles = (-most + 1, -unit, 0, unit, most - 2)
    numbers = sorted({v + d for v in middles for d in (-1, 0, 1) if -most <= v + d < most})
    spots = [0, 1, unit - 1, unit, m // 4, m // 2 - 1, m // 2, m - unit, m - 1]
    x = np.repeat(np.array(numbers, np.int64), len(spots))
    client = np.tile(np.array(spots, np.uint64), len(numbers))
    server = BINARY.subtract(BINARY.residues(x), client)
    found = truncated(BINARY, shift, client, server).numbers
    assert np.array_equal(found, wanted(x, client, shift))


@pytest.mark.parametrize("ring", [BINARY, Ring(1 << 60)], ids=str)
def test_many_batches_of_random_numbers(ring: Ring) -> None:
    x = ring.signed(uniform(SOURCE, ring, (2 * CHUNK + 9,))) >> 1
    client = uniform(SOURCE, ring, x.shape)
    server = ring.subtract(ring.residues(x), client)
    found = truncated(ring, 17, client, server).numbers
    assert np.array_equal(found, wanted(x, client, 17))


def test_without_the_label_of_its_bit_a_client_gets_no_product() -> None:
    """Of 2^20 numbers that the wrap may then be off by, hardly ever the right one."""
    x = BINARY.signed(uniform(SOURCE, BINARY, (500,))) >> 1
    client = uniform(SOURCE, BINARY, x.shape)
    server = BINARY.subtract(BINARY.residues(x), client)
    found = truncated(BINARY, 20, client, server, wrong=True).numbers
    assert (found == wanted(x, client, 20)).sum() < 5


def test_one_bit_down_and_one_share_of_cut_bits_ahead() -> None:
    zeros = np.zeros(1000, np.uint64)
    run = truncated(BINARY, 20, zeros, zeros)
    assert len(run.opened) == 125
    assert len(run.prepared) == 1000 * 3
    assert Divider.bits == Dividend.bits == 1
    assert Divider.kinds == Dividend.kinds == (Kind.PRODUCTS, Kind.DIFFERENCES)


@pytest.mark.parametrize("server", [0, BINARY.modulus // 2])
@pytest.mark.parametrize("client", [0, BINARY.modulus // 2])
def test_what_the_server_sends_is_uniform_whatever_the_shares(client: int, server: int) -> None:
    shares = (np.full(4096, share, np.uint64) for share in (client, server))
    run = truncated(BINARY, 8, *shares)
    for said in (run.prepared, run.opened):
        ones = np.unpackbits(np.frombuffer(said, np.uint8))
        assert abs(ones.mean() - 0.5) < 4 * 0.5 / ones.size**0.5


def test_no_two_elements_or_preparations_share_a_pad_or_a_bit() -> None:
    """With equal labels, what is offered differs all the same."""
    labels, offset = np.zeros((CHUNK, 1, 2), np.uint64), draw_offset(SOURCE)
    offered = []
    for _ in range(2):
        divider = Divider(BINARY, 36, 2 * CHUNK, SOURCE)
        for start in (0, CHUNK):
            message = divider.prepare(slice(start, start + CHUNK), labels, offset)
            offered.append(Ring(1 << 36).unpacked(message))
    differences = [each.tobytes() for each in offered]
    assert len(set(differences)) == 4


def test_one_source_makes_one_transcript_and_another_another() -> None:
    def said(key: int) -> tuple[bytes, bytes, bytes]:
        labels = np.zeros((300, 1, 2), np.uint64)
        divider = Divider(BINARY, 12, 300, SystemRandomness(bytes([key]) * 32))
        whole, offset = slice(0, 300), np.ones(2, np.uint64)
        prepared = divider.prepare(whole, labels, offset).tobytes()
        return divider.nonce, prepared, divider.open(whole, np.zeros(300, np.uint64)).tobytes()

    assert said(1) == said(1)
    assert all(one != other for one, other in zip(said(1), said(2), strict=True))
    assert len(said(1)[0]) == SEED


def test_numbers_beyond_the_cut_bits_are_refused() -> None:
    dividend = Dividend(BINARY, 12, np.zeros(1, np.uint64))
    dividend.nonce = bytes(SEED)
    with pytest.raises(ValueError, match="the peer sent numbers outside the ring"):
        dividend.take(slice(0, 1), np.zeros((1, 1, 2), np.uint64), np.full(2, 255, np.uint8))
