"""Projections: output bits of either label become shares of the number that they make."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.private.garbled.gates import Bits
from deepreshape.private.garbled.pads import residues
from deepreshape.private.garbled.projections import Projection
from deepreshape.private.garbled.three_halves import Labels, Octets, chunk_keys, draw_offset, hashed
from deepreshape.private.randomness import SystemRandomness
from deepreshape.private.rings import BINARY, PRIME, Ring, Words

BITS = tuple(1 << bit for bit in range(5))
SOURCE = SystemRandomness(bytes(32))
OFFSET = draw_offset(SOURCE)


def zeros(outputs: int, colours: Bits) -> Labels:
    """Zero labels of these colours, (outputs, elements, 2)."""
    labels = SOURCE.bytes(outputs * len(colours) * 16).view(np.uint64)
    labels = labels.reshape(outputs, len(colours), 2)
    labels[..., 0] = labels[..., 0] & ~np.uint64(1) | colours.T
    return labels


def every(outputs: int) -> tuple[Bits, Bits]:
    """All bits of so many wires with all colours of their zero labels."""
    grid = np.indices((2,) * (2 * outputs)).reshape(2 * outputs, -1).T.astype(np.bool_)
    return grid[:, :outputs], grid[:, outputs:]


def made(projection: Projection, wires: Bits, colours: Bits) -> tuple[Words, Words, Labels, Octets]:
    """Shares of the garbler and of the evaluator, the evaluator's labels, the corrections."""
    count, outputs = wires.shape
    keys, zero = chunk_keys(bytes(16), 0, outputs), zeros(outputs, colours)
    corrections = np.empty(count * projection.bytes, np.uint8)
    mine = projection.garble(zero, OFFSET, keys, corrections)
    labels = zero ^ wires.T[..., None] * OFFSET
    return mine, projection.evaluate(labels, keys, corrections), labels, corrections


@pytest.mark.parametrize("inverted", [(False,) * 3, (True, False, True)], ids=str)
@pytest.mark.parametrize(
    ("modulus", "values"),
    [(8, (1, 2, 4)), (16, (3, 8, 12)), (64, (0, 1, 63)), (13, (1, 2, 4)), (13, (12, 0, 7))],
)
def test_shares_are_of_the_sum_for_every_bit_and_colour(
    modulus: int, values: tuple[int, ...], inverted: tuple[bool, ...]
) -> None:
    ring = Ring(modulus)
    wires, colours = every(3)
    mine, theirs, *_ = made(Projection(ring, values, inverted), wires, colours)
    wanted = ((wires ^ np.array(inverted)) * np.array(values)).sum(axis=1) % modulus
    assert ring.add(mine, theirs).tolist() == wanted.tolist()


@given(st.sampled_from([BINARY, PRIME, Ring(1 << 60), Ring((1 << 60) - 93)]), st.data())
def test_any_values_of_the_real_rings(ring: Ring, data: st.DataObject) -> None:
    values = tuple(data.draw(st.lists(st.integers(0, ring.modulus - 1), min_size=2, max_size=2)))
    wires, colours = every(2)
    mine, theirs, *_ = made(Projection(ring, values, (False, True)), wires, colours)
    bits = wires ^ np.array([False, True])
    wanted = [sum(v for v, bit in zip(values, row, strict=True) if bit) for row in bits.tolist()]
    assert ring.add(mine, theirs).tolist() == [total % ring.modulus for total in wanted]


@pytest.mark.parametrize("ring", [Ring(32), Ring(31)], ids=str)
def test_a_correction_by_hand(ring: Ring) -> None:
    """v (1 - 2 t) + h - h', for t what colour 0 means."""
    colours = np.array([[False], [True]])
    value, key = 5, chunk_keys(bytes(16), 0, 1)
    mine, _, labels, corrections = made(Projection(ring, (value,), (False,)), colours, colours)
    # These bits are the colours of the zero labels, so the labels here are all of colour 0.
    first = residues(hashed(key[0], np.ascontiguousarray(labels[0])), ring).astype(int)
    second = residues(hashed(key[0], labels[0] ^ OFFSET), ring).astype(int)
    means = np.array([0, 1])
    assert np.array_equal(mine, (value * means - first) % ring.modulus)
    wanted = (value * (1 - 2 * means) + first - second) % ring.modulus
    assert ring.unpacked(corrections).tolist() == wanted.tolist()


@pytest.mark.parametrize("ring", [Ring(32), Ring(31)], ids=str)
def test_a_correction_is_added_for_colour_1_alone(ring: Ring) -> None:
    projection = Projection(ring, (1,), (False,))
    wires, colours = every(1)
    _, theirs, labels, corrections = made(projection, wires, colours)
    other = ring.packed(ring.add(ring.unpacked(corrections), np.full(len(wires), 3, np.uint64)))
    changed = projection.evaluate(labels, chunk_keys(bytes(16), 0, 1), other)
    coloured = labels[0, :, 0] & np.uint64(1)
    assert ring.subtract(changed, theirs).tolist() == (3 * coloured).tolist()


def test_a_bit_of_weight_2_to_the_j_takes_bytes_for_the_bits_above() -> None:
    count = len(BITS)
    assert Projection(Ring(1 << 17), BITS, (False,) * count).bytes == 3 + 4 * 2
    assert Projection(BINARY, BITS, (False,) * count).bytes == 5 * 5
    assert Projection(BINARY, (1 << 30, 1 << 31, 1 << 37), (False,) * 3).bytes == 3
    assert Projection(PRIME, BITS, (False,) * count).bytes == 6 * 5


@pytest.mark.parametrize("wire", [False, True])
@pytest.mark.parametrize("ring", [Ring(16), Ring(13)], ids=str)
def test_shares_and_corrections_are_uniform_whatever_the_bits(ring: Ring, wire: bool) -> None:
    """Chi-squared at 10^-5 of 15 degrees of freedom, of 4096 elements."""
    colours = SOURCE.bytes(4096)[:, None] & 1 == 1
    found = made(Projection(ring, (3,), (False,)), np.full((4096, 1), wire), colours)
    for numbers in (found[0], found[1], ring.unpacked(found[3])):
        counts = np.bincount(numbers.astype(np.int64), minlength=ring.modulus)
        mean = 4096 / ring.modulus
        assert ((counts - mean) ** 2 / mean).sum() < 48


def test_a_correction_outside_the_ring_is_refused() -> None:
    projection = Projection(Ring(13), (1,), (False,))
    labels = zeros(1, np.zeros((1, 1), np.bool_))
    with pytest.raises(ValueError, match="the peer sent numbers outside the ring"):
        projection.evaluate(labels, chunk_keys(bytes(16), 0, 1), np.array([13], np.uint8))
