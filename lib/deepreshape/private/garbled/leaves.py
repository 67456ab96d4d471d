"""What the leaves of a transfer's trees add up to, in AES-128's counter mode under each leaf.

With r_x the bytes of leaf x of a tree, its *total* is the sum of all r_x, and its column j that of
the r_x in whose number x bit j is set. Sums are XORs. The high half of a counter is the number of
the tree: who tries keys on what is seen of one tree tries them on no other. Sums stay in registers
where the processor has AES instructions; else OpenSSL's cipher and numpy make the same bytes.
"""

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, algorithms, modes
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from deepreshape.private.garbled.engine_numba import _address, _expand
from deepreshape.private.garbled.three_halves import LABEL, Octets
from deepreshape.private.garbled.vectors import ROUNDS, SUFFIX, Vectors, width

DEPTH = 4
"""Levels of a tree: bits of an offset for which a transfer takes one bit on the wire."""
LEAVES = 1 << DEPTH
VECTORS = 2
"""Vectors of each leaf that are made at a time."""
SIDE = 4
"""Leaves whose ciphers are computed side by side, to keep the AES unit busy."""
STRIPE = 128
"""Bytes that a row's length is a multiple of: those that are made at a time, at most."""


class Leaves:
    """The leaves of all trees, seeds of the shape (trees, 2^DEPTH, 16).

    lanes: labels in a vector, if not as many as this processor takes; 0 for OpenSSL and numpy.
    """

    def __init__(self, seeds: Octets, lanes: int | None = None) -> None:
        self._lanes = (0,) * (width() if lanes is None else lanes)
        self.seeds = seeds
        if self._lanes:
            self._keys = np.empty((len(seeds), LEAVES, (ROUNDS + 1) * LABEL), np.uint8)
            expand(seeds, self._keys)
        else:
            self._ciphers = [[_cipher(seed.tobytes()) for seed in of_tree] for of_tree in seeds]

    def add_up(self, block: int, totals: Octets, columns: Octets) -> None:
        """Totals, shape (trees, bytes), and columns, (trees * DEPTH, bytes), from a block of the
        counter on. Bytes are a multiple of STRIPE."""
        if self._lanes:
            add_up(self._keys, block, totals, columns, self._lanes)
            return
        for tree, ciphers in enumerate(self._ciphers):
            counters = np.empty((totals.shape[1] // LABEL, 2), ">u8")
            counters[:, 0], counters[:, 1] = tree, block + np.arange(len(counters))
            own = columns[DEPTH * tree : DEPTH * (tree + 1)]
            _add_up(ciphers, counters.tobytes(), totals[tree], own)


def _cipher(seed: bytes) -> CipherContext:
    return Cipher(algorithms.AES128(seed), modes.ECB()).encryptor()


def _add_up(ciphers: list[CipherContext], counters: bytes, total: Octets, columns: Octets) -> None:
    """One tree's total and columns, by OpenSSL, which wants a block of room more, and numpy."""
    room = np.empty((LEAVES, len(counters) + LABEL), np.uint8)
    for cipher, row in zip(ciphers, room, strict=True):
        cipher.update_into(counters, row.data)
    rows = room[:, : len(counters)]
    np.bitwise_xor.reduce(rows, axis=0, out=total)
    numbers = np.arange(LEAVES)
    for bit in range(DEPTH):
        np.bitwise_xor.reduce(rows[numbers >> bit & 1 == 1], axis=0, out=columns[bit])


@njit(cache=True, nogil=True)
def expand(seeds, keys):  # type: ignore[no-untyped-def]
    """The round keys of every leaf."""
    for tree in range(len(seeds)):
        for leaf in range(LEAVES):
            _expand(_address(seeds[tree, leaf]), _address(keys[tree, leaf]))  # type: ignore[call-arg]


@njit(cache=True, nogil=True)
def add_up(keys, block, totals, columns, lanes):  # type: ignore[no-untyped-def]
    """Totals and columns of all trees. lanes: a tuple as long as a vector is wide, in labels."""
    size = totals.shape[1]
    step = VECTORS * len(lanes)
    for tree in range(len(keys)):
        key, total = _address(keys[tree]), _address(totals[tree])
        column = _address(columns[DEPTH * tree])
        for at in range(0, size // LABEL, step):
            where = at * LABEL
            _sums(key, tree, block + at, total + where, column + where, size, lanes)  # type: ignore[call-arg]


@intrinsic
def _sums(context, keys, tree, block, total, column, size, lanes):  # type: ignore[no-untyped-def]
    """VECTORS vectors of a tree's total and of its columns, which lie `size` bytes apart."""

    def generate(context, builder, signature, values):  # type: ignore[no-untyped-def]
        vectors = Vectors(builder, lanes.count)
        keys, tree, block, total, column, size, _ = values
        counters = [_counters(vectors, tree, block, v) for v in range(VECTORS)]
        nothing = [ir.Constant(vectors.type, [0] * 2 * vectors.lanes)] * VECTORS
        totals, columns = list(nothing), [list(nothing) for _ in range(DEPTH)]
        for first in range(0, LEAVES, SIDE):
            leaves = range(first, first + SIDE)
            for leaf, made in zip(leaves, _ciphers(vectors, counters, keys, leaves), strict=True):
                members = [columns[bit] for bit in range(DEPTH) if leaf >> bit & 1]
                for sums in (totals, *members):
                    sums[:] = [builder.xor(one, two) for one, two in zip(sums, made, strict=True)]
        for v, value in enumerate(totals):
            vectors.store(value, total, v)
        for bit in range(DEPTH):
            where = builder.add(column, builder.mul(size, ir.Constant(size.type, bit)))
            for v, value in enumerate(columns[bit]):
                vectors.store(value, where, v)

    return types.void(keys, tree, block, total, column, size, lanes), generate


def _counters(vectors: Vectors, tree: ir.Value, block: ir.Value, vector: int) -> ir.Value:
    """The counters of a vector: a tree and a block, the highest byte first."""
    builder, word = vectors.builder, ir.IntType(64)
    swap = builder.module.declare_intrinsic("llvm.bswap.i64", (), ir.FunctionType(word, [word]))
    value = ir.Constant(vectors.type, [0] * 2 * vectors.lanes)
    for lane in range(vectors.lanes):
        number = builder.add(block, ir.Constant(word, vector * vectors.lanes + lane))
        for half, part in enumerate((tree, number)):
            place = ir.Constant(ir.IntType(32), 2 * lane + half)
            value = builder.insert_element(value, builder.call(swap, [part]), place)
    return value


def _ciphers(
    vectors: Vectors, counters: list[ir.Value], keys: ir.Value, leaves: range
) -> list[list[ir.Value]]:
    """The counters under the keys of some leaves, round by round side by side."""
    builder, signature = vectors.builder, ir.FunctionType(vectors.type, [vectors.type] * 2)
    middle, last = (
        builder.module.declare_intrinsic(
            f"llvm.x86.aesni.{name}{SUFFIX[vectors.lanes]}", (), signature
        )
        for name in ("aesenc", "aesenclast")
    )
    states = [counters] * len(leaves)
    for turn in range(ROUNDS + 1):
        for index, leaf in enumerate(leaves):
            key = vectors.broadcast(keys, (leaf * (ROUNDS + 1) + turn) * LABEL)
            if turn == 0:
                states[index] = [builder.xor(state, key) for state in counters]
            else:
                step = middle if turn < ROUNDS else last
                states[index] = [builder.call(step, [state, key]) for state in states[index]]
    return states
