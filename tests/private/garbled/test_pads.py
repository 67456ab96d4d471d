"""Pads: the hashes of labels, in a ring, under a key for each place of a chunk."""

import numpy as np
import pytest

from deepreshape.private.garbled.pads import pads, residues
from deepreshape.private.garbled.three_halves import CHUNK, Labels, chunk_keys, hashed
from deepreshape.private.randomness import SystemRandomness
from deepreshape.private.rings import BINARY, PRIME, Ring

RINGS = [BINARY, PRIME, Ring(16), Ring(13), Ring(1 << 60), Ring((1 << 60) - 93)]
NONCE = bytes(range(16))


def labels(count: int, bits: int, key: int = 0) -> Labels:
    octets = SystemRandomness(key.to_bytes(32, "little")).bytes(count * bits * 16)
    return octets.view(np.uint64).reshape(count, bits, 2)


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_residues_are_those_of_numbers_of_128_bits(ring: Ring) -> None:
    ends = np.array([[0, 0], [2**64 - 1, 2**64 - 1], [ring.modulus, 0], [0, 1]], np.uint64)
    numbers = np.concatenate([labels(200, 1).reshape(-1, 2), ends])
    wanted = [(int(low) + (int(high) << 64)) % ring.modulus for low, high in numbers]
    assert residues(numbers, ring).tolist() == wanted


@pytest.mark.parametrize("ring", RINGS, ids=str)
def test_a_pad_is_its_labels_hash_under_the_key_of_its_place(ring: Ring) -> None:
    given = labels(CHUNK + 3, 2)
    found = pads(given, NONCE, 0, ring)
    for element, bit in ((0, 0), (5, 1), (CHUNK - 1, 1), (CHUNK, 0), (CHUNK + 2, 1)):
        key = chunk_keys(NONCE, element // CHUNK, 2)[bit]
        alone = hashed(key, np.ascontiguousarray(given[element : element + 1, bit]))
        assert found[element, bit] == residues(alone, ring)[0]


def test_pieces_have_the_pads_of_the_whole() -> None:
    given = labels(2 * CHUNK + 7, 3)
    whole = pads(given, NONCE, 0, BINARY)
    for cut in (CHUNK, 2 * CHUNK):
        np.testing.assert_array_equal(pads(given[cut:], NONCE, cut, BINARY), whole[cut:])
        np.testing.assert_array_equal(pads(given[:cut], NONCE, 0, BINARY), whole[:cut])


def test_one_label_has_another_pad_at_each_place_chunk_and_nonce() -> None:
    one = np.broadcast_to(labels(1, 1), (CHUNK + 1, 4, 2))
    found = [pads(one, nonce, 0, BINARY)[[0, CHUNK]] for nonce in (NONCE, bytes(16))]
    assert len(set(np.concatenate(found).reshape(-1).tolist())) == 2 * 2 * 4


@pytest.mark.parametrize("ring", [Ring(16), Ring(13)], ids=str)
def test_pads_are_uniform(ring: Ring) -> None:
    """Chi-squared at 10^-5: 48 for 15 degrees of freedom, 44 for 12."""
    found = pads(labels(4096, 3), NONCE, 0, ring).astype(np.int64)
    counts, mean = np.bincount(found.reshape(-1), minlength=ring.modulus), found.size / ring.modulus
    assert ((counts - mean) ** 2 / mean).sum() < 48


def test_no_labels_have_no_pads() -> None:
    assert pads(np.empty((0, 3, 2), np.uint64), NONCE, 0, BINARY).shape == (0, 3)
