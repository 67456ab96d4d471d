"""Trees of seeds (Goldreich, Goldwasser and Micali, FOCS 1984), of whose leaves one side lacks one.

The evaluator grows a tree from its root, with two children hashed from each node, and has all
leaves. The garbler has a bit for each level, a path to the *hole*, and gets all other leaves.

At each level the evaluator offers two sums, of all left children and of all right ones, and by a
base transfer the garbler gets that of the side which its path does not take. It computes all
children but those of the last node on its path; so of that sum it lacks one, the sibling of the
path, which is the sum less the others. The node on the path itself is hashed from one that it lacks
too, up to the root, and is in no sum that it gets: to the garbler it is uniform, as the hash is a
random oracle.

The garbler numbers nodes from the hole: its leaf y is leaf y xor hole of the evaluator's, so it
lacks leaf 0 whatever the hole is. Its bits enter as masks alone, in exchanges of left and right.
"""

import hashlib

import numpy as np

from deepreshape.private.garbled.three_halves import Octets
from deepreshape.private.randomness import SEED


def grow(root: bytes, tree: int, levels: int) -> tuple[Octets, Octets]:
    """All leaves, shape (2^levels, 16), and the sums of the left and the right children of each
    level, (levels, 2, 16). tree: its number, which its hashes are bound to."""
    nodes = np.frombuffer(root, np.uint8).reshape(1, SEED)
    sums = np.empty((levels, 2, SEED), np.uint8)
    for level in range(levels):
        children = _children(nodes, tree, level)
        np.bitwise_xor.reduce(children, axis=0, out=sums[level])
        nodes = children.reshape(-1, SEED)
    return nodes, sums


def grow_around(hole: Octets, sums: Octets, tree: int) -> Octets:
    """The leaves but that at the hole, shape (2^levels, 16): leaf y is leaf y xor hole of the whole
    tree, and leaf 0 is zeros.

    hole: (levels,), 0 or 255 where the path takes the left or the right child, from the root down.
    sums: (levels, 16), of the children on the side that the path does not take.
    """
    nodes = np.zeros((1, SEED), np.uint8)
    for level, (mask, rest) in enumerate(zip(hole, sums, strict=True)):
        children = _children(nodes, tree, level)
        children ^= mask & (children[:, :1] ^ children[:, 1:])
        children[0, 0] = 0
        children[0, 1] = rest ^ np.bitwise_xor.reduce(children[1:, 1], axis=0)
        nodes = children.reshape(-1, SEED)
    return nodes


def _children(nodes: Octets, tree: int, level: int) -> Octets:
    """Left and right children of a level's nodes, shape (nodes, 2, 16)."""
    place = b"deepreshape tree" + bytes([tree, level])
    hashes = b"".join(hashlib.sha256(place + node.tobytes()).digest() for node in nodes)
    return np.frombuffer(bytearray(hashes), np.uint8).reshape(-1, 2, SEED)
