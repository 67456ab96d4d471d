"""Instructions on vectors of labels, as `engine_numba` writes them: AES, and the field of four
elements on the halves of labels.

A vector holds 1, 2 or 4 labels, as the processor's features allow.
"""

from functools import lru_cache

from llvmlite import binding, ir

from deepreshape.private.garbled.three_halves import LABEL

ROUND_CONSTANTS = (0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0x1B, 0x36)
ROUNDS = len(ROUND_CONSTANTS)
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


class Vectors:
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

    def and_(self, left: ir.Value, right: ir.Value) -> ir.Value:
        return self.builder.and_(left, right)

    def inverse(self, value: ir.Value) -> ir.Value:
        return self.builder.not_(value)

    def mixed(self, left: ir.Value, right: ir.Value, low: int, high: int) -> ir.Value:
        """A half of `left` below a half of `right`, in each lane."""
        order = [2 * lane + at for lane in range(self.lanes) for at in (low, 2 * self.lanes + high)]
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(order)), order)
        return self.builder.shuffle_vector(left, right, mask)

    def both(self, value: ir.Value, half: int) -> ir.Value:
        """One half of each label in both."""
        return self.shuffle(value, [(i & ~1) + half for i in range(2 * self.lanes)])

    def low(self, value: ir.Value) -> ir.Value:
        """The low halves, above them zeros."""
        return self.builder.and_(value, ir.Constant(self.type, [-1, 0] * self.lanes))

    def mask(self, value: ir.Value) -> ir.Value:
        """All ones where the lowest bit of a half is one."""
        sixty_three = ir.Constant(self.type, [63] * 2 * self.lanes)
        return self.builder.ashr(self.builder.shl(value, sixty_three), sixty_three)

    def omega(self, value: ir.Value) -> ir.Value:
        """Labels times w."""
        swapped = self.shuffle(value, [i ^ 1 for i in range(2 * self.lanes)])
        return self.builder.xor(swapped, self.low(value))

    def omega_squared(self, value: ir.Value) -> ir.Value:
        swapped = self.shuffle(value, [i ^ 1 for i in range(2 * self.lanes)])
        high = ir.Constant(self.type, [0, -1] * self.lanes)
        return self.builder.xor(swapped, self.builder.and_(value, high))

    def times(self, dice: ir.Value, value: ir.Value, turned: ir.Value) -> ir.Value:
        """Labels times r w + r', by masks of both in `dice`; turned: the labels times w."""
        return self.builder.xor(
            self.builder.and_(self.both(dice, 0), turned),
            self.builder.and_(self.both(dice, 1), value),
        )

    def shifted(self, value: ir.Value, low: int, high: int) -> ir.Value:
        """Low and high halves moved down by so many bits."""
        return self.builder.lshr(value, ir.Constant(self.type, [low, high] * self.lanes))

    def _some(self, bits: int) -> ir.Type:
        return ir.VectorType(ir.IntType(bits), self.lanes)

    def store_halves(self, value: ir.Value, address: ir.Value, vector: int) -> None:
        """The low halves alone, one beside the other."""
        halves = self.shuffle(value, list(range(0, 2 * self.lanes, 2)))
        where = self.pointer(address, vector * self.lanes * 8, self._some(64))
        self.builder.store(halves, where, align=1)

    def load_halves(self, address: ir.Value, vector: int) -> ir.Value:
        """What `store_halves` stored, in both halves."""
        where = self.pointer(address, vector * self.lanes * 8, self._some(64))
        halves = self.builder.load(where, align=1)
        return self.shuffle(halves, [i >> 1 for i in range(2 * self.lanes)])

    def store_control(
        self, hidden: ir.Value, summed: ir.Value, address: ir.Value, vector: int
    ) -> None:
        """An octet of each label: the lowest bits of both halves of `hidden`, and of `summed`."""
        parts = [
            self.shuffle(hidden, list(range(0, 2 * self.lanes, 2))),
            self.shuffle(hidden, list(range(1, 2 * self.lanes, 2))),
            self.shuffle(summed, list(range(0, 2 * self.lanes, 2))),
        ]
        one = ir.Constant(self._some(64), [1] * self.lanes)
        total = ir.Constant(self._some(64), [0] * self.lanes)
        for at, part in enumerate(parts):
            place = ir.Constant(self._some(64), [at] * self.lanes)
            bit = self.builder.shl(self.builder.and_(part, one), place)
            total = self.builder.or_(total, bit)
        octets = self.builder.trunc(total, self._some(8))
        where = self.pointer(address, vector * self.lanes, self._some(8))
        self.builder.store(octets, where, align=1)

    def load_control(self, address: ir.Value, vector: int) -> ir.Value:
        """An octet of each label, in both halves."""
        where = self.pointer(address, vector * self.lanes, self._some(8))
        wide = self.builder.zext(self.builder.load(where, align=1), self._some(64))
        return self.shuffle(wide, [i >> 1 for i in range(2 * self.lanes)])

    def hash(self, labels: list[ir.Value], keys: ir.Value) -> list[ir.Value]:
        """Both halves of AES under one expanded key, round by round side by side: of a label one
        is its hash, and the other has its control bit."""
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
        one = ir.Constant(self.type, [1] * 2 * self.lanes)
        return [self.xor(state, self.builder.lshr(label, one)) for state, label in pairs]
