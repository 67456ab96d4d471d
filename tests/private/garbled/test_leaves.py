"""Totals and columns of trees: what AES in counter mode says, whatever computes it."""

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from deepreshape.private.garbled.engine_numba import width
from deepreshape.private.garbled.leaves import DEPTH, LEAVES, STRIPE, Leaves
from deepreshape.private.garbled.three_halves import Octets

SEEDS = np.random.default_rng(0).integers(0, 256, (3, LEAVES, 16), np.uint8)
WAYS = [lanes for lanes in (0, 1, 2, 4) if lanes <= width()]


def added_up(lanes: int, block: int, size: int) -> tuple[Octets, Octets]:
    totals = np.empty((len(SEEDS), size), np.uint8)
    columns = np.empty((len(SEEDS) * DEPTH, size), np.uint8)
    Leaves(SEEDS, lanes).add_up(block, totals, columns)
    return totals, columns


def counted(seed: bytes, tree: int, block: int, size: int) -> Octets:
    """AES-128 of the numbers from `block` on, one by one."""
    cipher = Cipher(algorithms.AES128(seed), modes.ECB()).encryptor()
    numbers = range(block, block + size // 16)
    blocks = [cipher.update((tree << 64 | number).to_bytes(16, "big")) for number in numbers]
    return np.frombuffer(b"".join(blocks), np.uint8)


@pytest.mark.parametrize("lanes", WAYS)
@pytest.mark.parametrize("block", [0, 250, (1 << 32) - 3])
def test_sums_are_those_of_the_leaves_with_a_bit_set(lanes: int, block: int) -> None:
    size = 3 * STRIPE
    totals, columns = added_up(lanes, block, size)
    for tree, seeds in enumerate(SEEDS):
        rows = np.stack([counted(seed.tobytes(), tree, block, size) for seed in seeds])
        assert np.array_equal(totals[tree], np.bitwise_xor.reduce(rows))
        for bit in range(DEPTH):
            of_bit = [row for leaf, row in enumerate(rows) if leaf >> bit & 1]
            assert np.array_equal(columns[DEPTH * tree + bit], np.bitwise_xor.reduce(of_bit))


@pytest.mark.parametrize("lanes", WAYS)
def test_a_stretch_is_the_same_in_one_piece_and_in_two(lanes: int) -> None:
    whole = added_up(lanes, 7, 2 * STRIPE)
    second = added_up(lanes, 7 + STRIPE // 16, STRIPE)
    for one, other in zip(whole, second, strict=True):
        assert np.array_equal(one[:, STRIPE:], other)


def test_leaf_zero_is_in_no_column() -> None:
    changed = SEEDS.copy()
    changed[:, 0] ^= 1
    totals, columns = added_up(WAYS[-1], 0, STRIPE)
    others, same = np.empty_like(totals), np.empty_like(columns)
    Leaves(changed).add_up(0, others, same)
    assert np.array_equal(columns, same)
    assert not np.array_equal(totals, others)
