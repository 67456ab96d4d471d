"""An AND's equations: right for every secret, blind to it, and what the engines compute."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from deepreshape.private.garbled.engine_numpy import NumpyEngine
from deepreshape.private.garbled.gates import Circuit, Gate
from deepreshape.private.garbled.three_halves import TABLE, Chunk, chunk_keys, draw_offset, schedule
from deepreshape.private.randomness import SystemRandomness

Label = tuple[int, int]
"""Two halves: numbers, or sums of named halves, a bit of a number for each name."""

BITS = (0, 1)
# The halves of A0, of B0 and of the offset, as names.
A, B, D = (1, 2), (4, 8), (16, 32)


def plus(*labels: Label) -> Label:
    low = high = 0
    for one, other in labels:
        low, high = low ^ one, high ^ other
    return low, high


def times(bit: int, label: Label) -> Label:
    return label if bit else (0, 0)


def omega(label: Label) -> Label:
    return label[0] ^ label[1], label[0]


def diced(dice: tuple[int, int], a: Label, b: Label) -> Label:
    """s W."""
    moved = plus(a, omega(omega(b)))
    return plus(times(dice[0], omega(moved)), times(dice[1], moved))


def dice_at(start: tuple[int, int], z: tuple[int, ...], i: int, j: int) -> tuple[int, int]:
    k = i ^ j
    return start[0] ^ i & z[0] ^ k & z[2], start[1] ^ j & z[1] ^ k & z[2]


def test_three_halves_make_all_four_rows_right_for_every_secret_and_every_dice() -> None:
    """What the evaluator's own terms and the truth table leave is i G0 + k G2, and j G1 + k G2."""
    for a, b, *start in product(BITS, repeat=4):
        rows = {}
        for i, j in product(BITS, repeat=2):
            one, other = plus(A, times(i, D)), plus(B, times(j, D))
            dice = dice_at((start[0], start[1]), (a, b, a ^ b), i, j)
            crossed = (0 if i else other[0]), (0 if j else one[1])
            true = times(int((i, j) == (a, b)), D)
            rows[i, j] = plus(diced(dice, one, other), crossed, true)
        for half in BITS:
            assert rows[0, 0][half] ^ rows[0, 1][half] ^ rows[1, 0][half] ^ rows[1, 1][half] == 0
        # The row where k is 1 and the half's own colour is 0 is G2 more than the first.
        assert rows[0, 1][0] ^ rows[0, 0][0] == rows[1, 0][1] ^ rows[0, 0][1]


def test_what_the_evaluator_sees_of_the_dice_is_uniform_whatever_the_secret() -> None:
    """Over the control bits of the six hashes: its three and the three that are sent take every
    value once, and the dice, which follow from them, every value as often."""
    for a, b, i, j in product(BITS, repeat=4):
        seen, dice = Counter[tuple[int, ...]](), Counter[tuple[int, int]]()
        for bits in product(BITS, repeat=6):
            of_a, of_b, of_x = bits[:2], bits[2:4], bits[4:]
            sent = a ^ of_a[0] ^ of_a[1], b ^ of_b[0] ^ of_b[1], a ^ b ^ of_x[0] ^ of_x[1]
            own = of_a[i], of_b[j], of_x[i ^ j]
            seen[(*own, *sent)] += 1
            found = dice_at((own[0] ^ own[2], own[1] ^ own[2]), sent, i, j)
            dice[found] += 1
            garblers = of_a[0] ^ of_x[0], of_b[0] ^ of_x[0]
            assert found == dice_at(garblers, (a, b, a ^ b), i, j)
        assert set(seen.values()) == {1}
        assert len(seen) == 64
        assert set(dice.values()) == {16}
        assert len(dice) == 4


def test_a_shifted_half_of_the_offset_cancels_in_no_sum_of_its_halves() -> None:
    """Rank over the 127 bits that are unknown: what a hash adds of the offset keeps 63 or more."""
    for half, low, high in product(BITS, repeat=3):
        pivots: dict[int, int] = {}
        for bit in range(1, 128):
            d = 1 << bit
            halves = d & (1 << 64) - 1, d >> 64
            left = halves[half] >> 1 ^ (halves[0] if low else 0) ^ (halves[1] if high else 0)
            while left and left.bit_length() in pivots:
                left ^= pivots[left.bit_length()]
            if left:
                pivots[left.bit_length()] = left
        assert len(pivots) >= 63


@pytest.mark.parametrize("inversions", range(4))
def test_a_table_by_hand(inversions: int) -> None:
    """Evaluated by the formulas, with AES from `cryptography`, for labels of all colours."""
    circuit = Circuit(1, 1, (Gate(True, inversions & 1, 2 + (inversions >> 1)),), (4,))
    source, count = SystemRandomness(bytes(32)), 16
    offset, key = draw_offset(source), chunk_keys(b"n" * 16, 5, 1)
    zeros = source.bytes(2 * count * 16).view(np.uint64).reshape(2, count, 1, 2)
    one, other = zeros
    tables, outputs = np.zeros(count * TABLE, np.uint8), np.zeros((1, count, 2), np.uint64)
    NumpyEngine(schedule(circuit)).garble(Chunk(key, one, other, tables, outputs), offset)
    pairs = tables[: 16 * count].view(np.uint64).reshape(count, 2).tolist()
    thirds = tables[16 * count : 24 * count].view(np.uint64).tolist()
    controls = tables[24 * count :].tolist()
    d = (int(offset[0]), int(offset[1]))

    def hashed(label: Label) -> Label:
        cipher = Cipher(algorithms.AES128(key.tobytes()), modes.ECB()).encryptor()
        given = (label[0] | label[1] << 64).to_bytes(16, "little")
        aes = int.from_bytes(cipher.update(given), "little")
        return aes & (1 << 64) - 1 ^ label[0] >> 1, aes >> 64 ^ label[1] >> 1

    for element, p, q in product(range(count), BITS, BITS):
        zero_a, zero_b = ((int(low), int(high)) for low, high in zeros[:, element, 0])
        a, b = plus(zero_a, times(p, d)), plus(zero_b, times(q, d))
        of_a, of_b, of_x = hashed(a), hashed(b), hashed(plus(a, b))
        i, j = a[0] & 1, b[0] & 1
        z = tuple(controls[element] >> bit & 1 for bit in range(3))
        start = (of_a[1] ^ of_x[1]) & 1, (of_b[0] ^ of_x[1]) & 1
        third = thirds[element] if i ^ j else 0
        found = plus(
            (of_a[0] ^ of_x[0] ^ third, of_b[1] ^ of_x[0] ^ third),
            (pairs[element][0] if i else b[0], pairs[element][1] if j else a[1]),
            diced(dice_at(start, z, i, j), a, b),
        )
        true = (p ^ inversions & 1) & (q ^ inversions >> 1)
        assert plus(found, times(true, d)) == tuple(outputs[0, element].tolist())
        assert controls[element] < 8
