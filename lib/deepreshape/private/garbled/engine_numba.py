"""Three halves in numba, with the processor's AES instructions as LLVM intrinsics: a circuit is
done for a group of elements before the next group begins. `three_halves` has the formulas.

The width of a vector must be known when a loop is compiled, so it is passed as the length of a
tuple. Work arrays hold whole vectors.

Constants of other modules are kept out of the loops, but for the codes of instructions and the size
of a label: numba's cache would not notice that they changed.
"""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

from deepreshape.private.garbled.three_halves import (
    AND,
    GROUP,
    LABEL,
    LOAD_EVALUATOR,
    LOAD_GARBLER,
    PARTS,
    TABLE,
    XOR,
    Chunk,
    Labels,
    Octets,
    Schedule,
)
from deepreshape.private.garbled.vectors import ROUND_CONSTANTS, ROUNDS, Vectors, width

VECTORS = 2
"""Vectors that an intrinsic works on at a time, to keep the AES unit busy."""
NO_FLIPS = np.zeros((4, 3, 2), np.uint64)


@intrinsic
def _xor(context, target, left, right, lanes):  # type: ignore[no-untyped-def]
    """VECTORS vectors at `target` become the XOR of those at `left` and `right`."""

    def generate(context, builder, signature, values):  # type: ignore[no-untyped-def]
        vectors = Vectors(builder, lanes.count)
        target, left, right, _ = values
        for v in range(VECTORS):
            vectors.store(vectors.xor(vectors.load(left, v), vectors.load(right, v)), target, v)

    return types.void(target, left, right, lanes), generate


@intrinsic
def _garble(context, target, left, right, flips, table, last, control, keys, lanes):  # type: ignore[no-untyped-def]
    """The zero labels of an AND gate, and its table.

    flips: address of three labels: what is added to left, to right, and the offset.
    """

    def generate(context, builder, signature, values):  # type: ignore[no-untyped-def]
        vectors = Vectors(builder, lanes.count)
        target, left, right, flips, table, last, control, keys, _ = values
        flip_left, flip_right, offset = (vectors.broadcast(flips, step) for step in (0, 16, 32))
        turned = vectors.omega(offset)
        inputs, colours = [], []
        for v in range(VECTORS):
            a = vectors.xor(vectors.load(left, v), flip_left)
            b = vectors.xor(vectors.load(right, v), flip_right)
            masks = vectors.mask(vectors.both(a, 0)), vectors.mask(vectors.both(b, 0))
            a = vectors.xor(a, vectors.and_(masks[0], offset))
            b = vectors.xor(b, vectors.and_(masks[1], offset))
            colours.append(masks)
            inputs.append((a, b, vectors.xor(a, b)))
        flat = [x for some in inputs for label in some for x in (label, vectors.xor(label, offset))]
        hashes = vectors.hash(flat, keys)
        for v in range(VECTORS):
            (a, b, _x), (not_first, not_second) = inputs[v], colours[v]
            a0, a1, b0, b1, x0, x1 = hashes[6 * v : 6 * v + 6]
            first, second = vectors.inverse(not_first), vectors.inverse(not_second)
            both_a, both_b, both_x = (vectors.xor(p, q) for p, q in ((a0, a1), (b0, b1), (x0, x1)))
            dice = vectors.mask(vectors.xor(vectors.mixed(a0, b0, 1, 0), vectors.both(x0, 1)))
            w = vectors.xor(a, vectors.omega_squared(b))
            moved = vectors.xor(w, offset)
            y = vectors.xor(
                vectors.times(dice, offset, turned),
                vectors.and_(first, moved),
                vectors.and_(second, vectors.omega_squared(moved)),
            )
            crossed = vectors.mixed(b, a, 0, 1)
            rows = vectors.xor(
                vectors.both(y, 0),
                crossed,
                offset,
                vectors.and_(second, turned),
                vectors.low(vectors.both(y, 1)),
                vectors.mixed(both_a, both_b, 0, 1),
            )
            vectors.store(rows, table, v)
            third = vectors.xor(y, vectors.and_(second, offset))
            third = vectors.xor(vectors.both(third, 1), both_x)
            vectors.store_halves(third, last, v)
            zero = vectors.xor(
                vectors.mixed(a0, b0, 0, 1),
                vectors.both(x0, 0),
                vectors.times(dice, w, vectors.omega(w)),
                crossed,
                vectors.and_(vectors.and_(not_first, not_second), offset),
            )
            vectors.store(zero, target, v)
            hidden = vectors.xor(
                vectors.mixed(both_a, both_b, 1, 0), vectors.mixed(first, second, 0, 1)
            )
            summed = vectors.xor(vectors.both(both_x, 1), first, second)
            vectors.store_control(hidden, summed, control, v)

    return types.void(target, left, right, flips, table, last, control, keys, lanes), generate


@intrinsic
def _evaluate(context, target, left, right, table, last, control, keys, lanes):  # type: ignore[no-untyped-def]
    """The labels of an AND gate's outputs."""

    def generate(context, builder, signature, values):  # type: ignore[no-untyped-def]
        vectors = Vectors(builder, lanes.count)
        target, left, right, table, last, control, keys, _ = values
        inputs = []
        for v in range(VECTORS):
            a, b = vectors.load(left, v), vectors.load(right, v)
            inputs.append((a, b, vectors.xor(a, b)))
        hashes = vectors.hash([label for some in inputs for label in some], keys)
        for v in range(VECTORS):
            (a, b, x), (hash_a, hash_b, hash_x) = inputs[v], hashes[3 * v : 3 * v + 3]
            colour = vectors.mask(vectors.mixed(a, b, 0, 0))
            differ = vectors.mask(vectors.both(x, 0))
            bits = vectors.load_control(control, v)
            dice = vectors.mask(
                vectors.xor(
                    vectors.mixed(hash_a, hash_b, 1, 0),
                    vectors.both(hash_x, 1),
                    vectors.and_(vectors.shifted(bits, 0, 1), colour),
                    vectors.and_(vectors.shifted(bits, 2, 2), differ),
                )
            )
            w = vectors.xor(a, vectors.omega_squared(b))
            rows = vectors.load(table, v)
            crossed = vectors.mixed(b, a, 0, 1)
            chosen = vectors.xor(crossed, vectors.and_(colour, vectors.xor(crossed, rows)))
            found = vectors.xor(
                vectors.mixed(hash_a, hash_b, 0, 1),
                vectors.both(hash_x, 0),
                chosen,
                vectors.and_(differ, vectors.load_halves(last, v)),
                vectors.times(dice, w, vectors.omega(w)),
            )
            vectors.store(found, target, v)

    return types.void(target, left, right, table, last, control, keys, lanes), generate


@intrinsic
def _expand(context, key, target):  # type: ignore[no-untyped-def]
    """The round keys of the AES-128 key at `key` (FIPS 197, section 5.2)."""

    def generate(context, builder, signature, values):  # type: ignore[no-untyped-def]
        vectors = Vectors(builder, 1)
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
def run_groups(garbles, rows, places, flips, garbler, evaluator, keys, tables, outputs, lanes):  # type: ignore[no-untyped-def]
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
                    table, last = tables + at, tables + size + at // 2
                    control = tables + size + size // 2 + at // LABEL
                    if garbles:
                        _garble(target, left, right, flip, table, last, control, key, lanes)  # type: ignore[call-arg]
                    else:
                        _evaluate(target, left, right, table, last, control, key, lanes)  # type: ignore[call-arg]
                tables += size + size // 2 + group
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
                    outputs[to, start + i, 0] = places[one, i, 0]
                    outputs[to, start + i, 1] = places[one, i, 1]


class NumbaEngine:
    """The engine for processors with AES instructions."""

    def __init__(self, schedule: Schedule, lanes: int | None = None) -> None:
        self._schedule = schedule
        self._lanes = (0,) * (width() if lanes is None else lanes)
        self._places = np.zeros((schedule.places, GROUP, 2), np.uint64)
        # The tables of a group that is not full pass through these.
        self._spare = np.zeros((schedule.circuit.and_gates, TABLE * GROUP), np.uint8)

    def garble(self, chunk: Chunk, offset: Labels) -> None:
        flips = np.zeros((4, 3, 2), np.uint64)
        flips[1::2, 0] = flips[2:, 1] = flips[:, 2] = offset
        self._run(True, flips, chunk)

    def evaluate(self, chunk: Chunk) -> None:
        self._run(False, NO_FLIPS, chunk)

    def _run(self, garbles: bool, flips: Labels, chunk: Chunk) -> None:
        """The full groups where their tables lie, then the rest by way of the spare tables."""
        keys, garbler, evaluator, tables, outputs = chunk
        rows = self._schedule.instructions

        def groups(of: slice, tables: Labels | Octets) -> None:
            sides, at = (garbler[of], evaluator[of]), tables.ctypes.data
            run_groups(
                garbles, rows, self._places, flips, *sides, keys, at, outputs[:, of], self._lanes
            )

        count = len(garbler)
        full = count - count % GROUP
        groups(slice(full), tables)
        if full < count:
            rest = count - full
            last = tables[full * len(keys) * TABLE :].reshape(len(keys), rest * TABLE)
            pairs = list(zip(_parts(self._spare, GROUP), _parts(last, rest), strict=True))
            if not garbles:
                for spare, part in pairs:
                    spare[:, : part.shape[1]] = part
            groups(slice(full, count), self._spare)
            if garbles:
                for spare, part in pairs:
                    part[...] = spare[:, : part.shape[1]]


def _parts(tables: Octets, elements: int) -> list[Octets]:
    """A group's tables by what they hold, each (AND gates, bytes)."""
    return np.split(tables, np.cumsum(PARTS)[:-1] * elements, axis=1)
