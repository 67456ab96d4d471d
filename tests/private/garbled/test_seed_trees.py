"""Trees of seeds: all leaves but one are shared, and nothing shared tells the last."""

import hashlib

import numpy as np
import pytest

from deepreshape.private.garbled.seed_trees import grow, grow_around
from deepreshape.private.garbled.three_halves import Octets

ROOT = b"r" * 16


def path(hole: int, levels: int) -> list[int]:
    """The bits of a leaf, from the root down."""
    return [hole >> (levels - 1 - level) & 1 for level in range(levels)]


def around(hole: int, sums: Octets, tree: int = 0) -> Octets:
    """The leaves that the sums of a whole tree give who chose a hole."""
    bits = path(hole, len(sums))
    got = np.stack([both[1 - bit] for bit, both in zip(bits, sums, strict=True)])
    return grow_around(np.array(bits, np.uint8) * np.uint8(255), got, tree)


@pytest.mark.parametrize("levels", [1, 2, 4, 5])
def test_all_leaves_but_the_hole_are_known_wherever_it_is(levels: int) -> None:
    leaves, sums = grow(ROOT, 3, levels)
    assert len(set(map(bytes, leaves))) == 1 << levels
    for hole in range(1 << levels):
        found = around(hole, sums, 3)
        assert not found[0].any()
        for leaf in range(1, 1 << levels):
            assert found[leaf].tobytes() == leaves[leaf ^ hole].tobytes()


def test_a_leaf_is_hashed_along_its_path() -> None:
    leaves, _ = grow(ROOT, 5, 4)
    for leaf in (0, 6, 15):
        node = ROOT
        for level, bit in enumerate(path(leaf, 4)):
            said = b"deepreshape tree" + bytes([5, level]) + node
            node = hashlib.sha256(said).digest()[16 * bit : 16 * bit + 16]
        assert leaves[leaf].tobytes() == node


def test_sums_that_were_not_chosen_would_give_the_hole_and_those_that_were_do_not() -> None:
    """The last level's other sum, less its other leaves, is the leaf at the hole."""
    leaves, sums = grow(ROOT, 0, 4)
    hole = 9
    others = [leaf for leaf in range(16) if leaf % 2 == hole % 2 and leaf != hole]
    rest = np.bitwise_xor.reduce(leaves[others])
    assert np.array_equal(sums[-1, hole % 2] ^ rest, leaves[hole])
    known = set(map(bytes, around(hole, sums))) | {
        sums[level, 1 - bit].tobytes() for level, bit in enumerate(path(hole, 4))
    }
    assert leaves[hole].tobytes() not in known


def test_nothing_that_is_got_depends_on_the_nodes_of_the_path() -> None:
    """Other sums on the path's side change no leaf that the chooser computes."""
    _, sums = grow(ROOT, 0, 4)
    hole = 6
    changed = sums.copy()
    for level, bit in enumerate(path(hole, 4)):
        changed[level, bit] ^= 255
    assert np.array_equal(around(hole, sums), around(hole, changed))


def test_trees_of_one_root_have_nothing_in_common() -> None:
    first, second = (grow(ROOT, tree, 4)[0] for tree in (0, 1))
    assert not set(map(bytes, first)) & set(map(bytes, second))
