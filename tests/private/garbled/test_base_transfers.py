"""Base transfers: of each pair of keys the chooser gets the one of its bit."""

import numpy as np

from deepreshape.private.garbled.base_transfers import (
    COLUMNS,
    _key,
    choose,
    column_masks,
    offer,
)
from deepreshape.private.randomness import SystemRandomness


def test_the_key_of_a_bit_is_chosen_and_the_other_is_another() -> None:
    offset = np.array([0x0123456789ABCDEF, 1 << 63], np.uint64)
    offered = offer(SystemRandomness(b"a" * 32))
    masks = column_masks(offset)
    answer, keys = choose(offered.public, masks, SystemRandomness(b"b" * 32))
    number = int(offset[0]) | int(offset[1]) << 64
    for column, pair in enumerate(offered.pairs(answer)):
        bit = number >> column & 1
        assert masks[column] == 255 * bit
        assert keys[column].tobytes() == pair[bit] != pair[1 - bit]


def test_keys_are_bound_to_what_was_said() -> None:
    keys = {
        _key(column, start, point, shared)
        for column in (0, COLUMNS - 1)
        for start in (b"a" * 32, b"b" * 32)
        for point in (b"a" * 32, b"b" * 32)
        for shared in (b"a" * 32, b"b" * 32)
    }
    assert len(keys) == 16
