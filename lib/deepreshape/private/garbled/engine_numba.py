"""Half gates in numba, with the processor's AES instructions as LLVM intrinsics: a circuit is done
for a group of elements before the next group begins.

A vector holds 1, 2 or 4 labels, as the processor's features allow. Its width must be known when a
loop is compiled, so it is passed as the length of a tuple. Work arrays hold whole vectors.

Constants of other modules are kept out of the loops, but for the codes of instructions and the size
of a label: numba's cache would not notice that they changed.
"""

from functools import lru_cache

import numpy as np
from llvmlite import binding, ir
from numba import njit, types
from numba.extending import intrinsic

from deepreshape.private.garbled.half_gates import (
    AND,
    GROUP,
    LABEL,
    LOAD_EVALUATOR,
    LOAD_GARBLER,
    XOR,
    Chunk,
    Labels,
    Octets,
    Schedule,
)

ROUND_CONSTANTS = (0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1B, 0x36)
ROUNDS = len(ROUND_CONSTANTS)
VECTORS = 2
"""Vectors that an intrinsic works on at a time, to keep the AES unit busy."""
NO_FLIPS = np.zeros((4, 3, 2), np.uint64)
SUFFIX = {1: "", 2: ".256", 4: ".512"}


@lru_cache
def width() -> int:
    """Labels in a vector on this processor; 0 if it has no AES instructions."""
    features = binding.get_host_cpu_features()
    if not features.get("aes"):
        return 0
    if not features.get("vaes"):
        return 1
    return 4 if features.get("avx512f") else 2


class _Vectors:
    """Writes instructions on vectors of `lanes` labels."""

    def __init__(self, builder: ir.IRBuilder, lanes: int) -> None:
        self.builder, self.lanes = builder, lanes
        self.type = ir.VectorType(ir.IntType(64), 2 * lanes)

    def pointer(self, address: ir.Value, step: int, kind: ir.Type) -> ir.Value:
        where = self.builder.add(address, ir.Constant(address.type, step))
        return self.builder.inttoptr(where, kind.as_pointer())

    def load(self, address: ir.Value, vector: int) -> ir.Value:
        step = vector * self.lanes * LABEL
        return self.builder.load(self.pointer(address, step, self.type), align=1)

    def store(self, value: ir.Value, address: ir.Value, vector: int) -> None:
        step = vector * self.lanes * LABEL
        self.builder.store(value, self.pointer(address, step, self.type), align=1)

    def broadcast(self, address: ir.Value, step: int = 0) -> ir.Value:
        """One label, in every lane."""
        one = ir.VectorType(ir.IntType(64), 2)
        label = self.builder.load(self.pointer(address, step, one), align=1)
        return self.shuffle(label, [0, 1] * self.lanes)

    def shuffle(self, value: ir.Value, order: list[int]) -> ir.Value:
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(order)), order)
        return self.builder.shuffle_vector(value, ir.Constant(value.type, ir.Undefined), mask)

    def xor(self, first: ir.Value, *others: ir.Value) -> ir.Value:
        for other in others:
            first = self.builder.xor(first, other)
        return first

    def if_coloured(self, label: ir.Value, other: ir.Value) -> ir.Value:
        """`other` in lanes where a label's colour is 1, else zero."""
        low = self.shuffle(label, [i & ~1 for i in range(2 * self.lanes)])
        sixty_three = ir.Constant(self.type, [63] * 2 * self.lanes)
        mask = self.builder.ashr(self.builder.shl(low, sixty_three), sixty_three)
        return self.builder.and_(mask, other)

    def orthomorphism(self, label: ir.Value) -> ir.Value:
        swapped = self.shuffle(label, [i ^ 1 for i in range(2 * self.lanes)])
        high = ir.Constant(self.type, [0, -1] * self.lanes)
        return self.builder.xor(swapped, self.builder.and_(label, high))

    def hash(self, labels: list[ir.Value], keys: ir.Value) -> list[ir.Value]:
        """The labels' hashes under one expanded key, round by round side by side."""
        suffix = SUFFIX[self.lanes]
        signature = ir.FunctionType(self.type, [self.type, self.type])
        middle, last = (
            self.builder.module.declare_intrinsic(f"llvm.x86.aesni.{name}{suffix}", (), signature)
            for name in ("aesenc", "aesenclast")
        )
        states = [self.xor(label, self.broadcast(keys)) for label in labels]
        for turn in range(1, ROUNDS + 1):
            key = self.broadcast(keys, turn * LABEL)
            step = middle if turn < ROUNDS else last
            states = [self.builder.call(step, [state, key]) for state in states]
        pairs = zip(states, labels, strict=True)
        return [self.xor(state, self.orthomorphism(label)) for state, label in pairs]


@intrinsic
def _xor(context, target, left, right, lanes):  # type: ignore[no-untyped-def]
    """VECTORS vectors at `target` become the XOR of those at `left` and `right`."""

    def generate(context, builder, signature, values):  # type: ignore[no-untyped-def]
        vectors = _Vectors(builder, lanes.count)
        target, left, right, _ = values
        for v in range(VECTORS):
            vectors.store(vectors.xor(vectors.load(left, v), vectors.load(right, v)), target, v)

    return types.void(target, left, right, lanes), generate


@intrinsic
def _garble(context, target, left, right, flips, first, second, keys, lanes):  # type: ignore[no-untyped-def]
    """The zero labels of an AND gate, and its table.

    flips: address of three labels: what is added to left, to right, and the offset.
    """

    def generate(context, builder, signature, values):  # type: ignore[no-untyped-def]
        vectors = _Vectors(builder, lanes.count)
        target, left, right, flips, first, second, keys, _ = values
        flip_left, flip_right, offset = (vectors.broadcast(flips, step) for step in (0, 16, 32))
        zeros = [vectors.xor(vectors.load(left, v), flip_left) for v in range(VECTORS)]
        zeros += [vectors.xor(vectors.load(right, v), flip_right) for v in range(VECTORS)]
        hashes = vectors.hash(zeros + [vectors.xor(zero, offset) for zero in zeros], keys)
        for v in range(VECTORS):
            a, b = zeros[v::VECTORS]
            hash_a, hash_b, hash_a1, hash_b1 = hashes[v::VECTORS]
            of_a = vectors.xor(hash_a, hash_a1, vectors.if_coloured(b, offset))
            of_b = vectors.xor(hash_b, hash_b1)
            vectors.store(of_a, first, v)
            vectors.store(vectors.xor(of_b, a), second, v)
            from_a = vectors.xor(hash_a, vectors.if_coloured(a, of_a))
            from_b = vectors.xor(hash_b, vectors.if_coloured(b, of_b))
            vectors.store(vectors.xor(from_a, from_b), target, v)

    return types.void(target, left, right, flips, first, second, keys, lanes), generate


@intrinsic
def _evaluate(context, target, left, right, first, second, keys, lanes):  # type: ignore[no-untyped-def]
    """The labels of an AND gate's outputs."""

    def generate(context, builder, signature, values):  # type: ignore[no-untyped-def]
        vectors = _Vectors(builder, lanes.count)
        target, left, right, first, second, keys, _ = values
        labels = [vectors.load(side, v) for side in (left, right) for v in range(VECTORS)]
        hashes = vectors.hash(labels, keys)
        for v in range(VECTORS):
            (a, b), (hash_a, hash_b) = labels[v::VECTORS], hashes[v::VECTORS]
            of_a, of_b = vectors.load(first, v), vectors.xor(vectors.load(second, v), a)
            from_a = vectors.xor(hash_a, vectors.if_coloured(a, of_a))
            from_b = vectors.xor(hash_b, vectors.if_coloured(b, of_b))
            vectors.store(vectors.xor(from_a, from_b), target, v)

    return types.void(target, left, right, first, second, keys, lanes), generate


@intrinsic
def _expand(context, key, target):  # type: ignore[no-untyped-def]
    """The round keys of the AES-128 key at `key` (FIPS 197, section 5.2)."""

    def generate(context, builder, signature, values):  # type: ignore[no-untyped-def]
        vectors = _Vectors(builder, 1)
        whole, words = ir.IntType(128), ir.VectorType(ir.IntType(32), 4)
        assist = builder.module.declare_intrinsic(
            "llvm.x86.aesni.aeskeygenassist",
            (),
            ir.FunctionType(vectors.type, [vectors.type, ir.IntType(8)]),
        )
        key, target = values
        value = vectors.load(key, 0)
        vectors.store(value, target, 0)
        for turn, constant in enumerate(ROUND_CONSTANTS, 1):
            helped = builder.bitcast(
                builder.call(assist, [value, ir.Constant(ir.IntType(8), constant)]), words
            )
            fourth = builder.bitcast(vectors.shuffle(helped, [3] * 4), whole)
            number = builder.bitcast(value, whole)
            # Word i of a round key takes in words 0 ... i of the one before.
            for shift in (32, 64):
                moved = builder.shl(number, ir.Constant(whole, shift))
                number = builder.xor(number, moved)
            value = builder.bitcast(builder.xor(number, fourth), vectors.type)
            vectors.store(value, target, turn)

    return types.void(key, target), generate


@njit(cache=True, nogil=True)
def _address(array):  # type: ignore[no-untyped-def]
    return np.int64(array.ctypes.data)  # sums of an unsigned and a signed number are floats


@njit(cache=True, nogil=True)
def run_groups(garbles, rows, places, flips, garbler, evaluator, keys, tables, colours, lanes):  # type: ignore[no-untyped-def]
    """A whole circuit for one group after another.

    flips: (4, 3, 2), by an AND's inversions what `_garble` wants. keys: (AND gates, 16). tables:
    their address. lanes: a tuple as long as a vector is wide, in labels.
    """
    round_keys = np.empty((len(keys), (ROUNDS + 1) * LABEL), np.uint8)
    for gate in range(len(keys)):
        _expand(_address(keys[gate]), _address(round_keys[gate]))  # type: ignore[call-arg]
    group = places.shape[1]
    step, size = VECTORS * len(lanes) * LABEL, group * LABEL
    base, flip_base = _address(places), _address(flips)
    for start in range(0, len(garbler), group):
        count = min(group, len(garbler) - start)
        key = _address(round_keys)
        for row in range(len(rows)):
            what, to, one, other, inversions = rows[row]
            if what == XOR:
                for at in range(base, base + size, step):
                    _xor(at + to * size, at + one * size, at + other * size, lanes)  # type: ignore[call-arg]
            elif what == AND:
                flip = flip_base + inversions * 3 * LABEL
                for at in range(0, size, step):
                    target, left = base + to * size + at, base + one * size + at
                    right = base + other * size + at
                    first, second = tables + at, tables + size + at
                    if garbles:
                        _garble(target, left, right, flip, first, second, key, lanes)  # type: ignore[call-arg]
                    else:
                        _evaluate(target, left, right, first, second, key, lanes)  # type: ignore[call-arg]
                tables += 2 * size
                key += (ROUNDS + 1) * LABEL
            elif what == LOAD_GARBLER:
                for i in range(count):
                    places[to, i, 0] = garbler[start + i, one, 0]
                    places[to, i, 1] = garbler[start + i, one, 1]
            elif what == LOAD_EVALUATOR:
                for i in range(count):
                    places[to, i, 0] = evaluator[start + i, one, 0]
                    places[to, i, 1] = evaluator[start + i, one, 1]
            else:
                for i in range(count):
                    colours[to, start + i] = places[one, i, 0] & np.uint64(1)


class NumbaEngine:
    """The engine for processors with AES instructions."""

    def __init__(self, schedule: Schedule, lanes: int | None = None) -> None:
        self._schedule = schedule
        self._lanes = (0,) * (width() if lanes is None else lanes)
        self._places = np.zeros((schedule.places, GROUP, 2), np.uint64)
        # The tables of a group that is not full pass through these.
        self._spare = np.zeros((schedule.circuit.and_gates, 2, GROUP, 2), np.uint64)

    def garble(self, chunk: Chunk, offset: Labels) -> None:
        flips = np.zeros((4, 3, 2), np.uint64)
        flips[1::2, 0] = flips[2:, 1] = flips[:, 2] = offset
        self._run(True, flips, chunk)

    def evaluate(self, chunk: Chunk) -> None:
        self._run(False, NO_FLIPS, chunk)

    def _run(self, garbles: bool, flips: Labels, chunk: Chunk) -> None:
        """The full groups where their tables lie, then the rest by way of the spare tables."""
        keys, garbler, evaluator, tables, colours = chunk
        rows = self._schedule.instructions

        def groups(of: slice, tables: Labels | Octets) -> None:
            sides, at = (garbler[of], evaluator[of]), tables.ctypes.data
            run_groups(
                garbles, rows, self._places, flips, *sides, keys, at, colours[:, of], self._lanes
            )

        count = len(garbler)
        full = count - count % GROUP
        groups(slice(full), tables)
        if full < count:
            cut = tables[full * len(keys) * 2 * LABEL :].view(np.uint64)
            last = cut.reshape(len(keys), 2, count - full, 2)
            spare = self._spare[:, :, : count - full]
            if not garbles:
                spare[...] = last
            groups(slice(full, count), self._spare)
            if garbles:
                last[...] = spare
