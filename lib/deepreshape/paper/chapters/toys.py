"""Encryption and a garbled gate small enough to follow by hand. Toys: they hide nothing.

Both have the form of the real thing: `deepreshape.private.homomorphic` encrypts with polynomials of
thousands of coefficients where the toy has four numbers, and `deepreshape.private.garbled` has
labels of 128 bits where the toy has 16.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

MODULUS = 128
"""Messages, and shares of pixels, are numbers modulo this."""
SCALE = 100
"""What a message is multiplied by in a ciphertext: noise stays in the last two decimal digits."""
CIPHER = MODULUS * SCALE
"""Ciphertexts are numbers modulo this."""
SECRETS = 4
"""Numbers of a key."""
NOISE = 3
"""A fresh ciphertext's noise lies between -3 and 3."""

Key = tuple[int, ...]


def signed(number: int) -> int:
    """A residue as a number around zero, from -64 to 63."""
    return (number + MODULUS // 2) % MODULUS - MODULUS // 2


def shares(number: int, drawn: Random) -> tuple[int, int]:
    """Two residues, each alone uniform, whose sum is the number."""
    first = drawn.randrange(MODULUS)
    return first, (number - first) % MODULUS


@dataclass(frozen=True, slots=True)
class Ciphertext:
    """Random numbers, and a body that hides 100 times the message, plus noise, behind them."""

    random: tuple[int, ...]
    body: int


def draw_key(drawn: Random) -> Key:
    """A secret key."""
    return tuple(drawn.randrange(CIPHER) for _ in range(SECRETS))


def encrypt(key: Key, message: int, drawn: Random) -> Ciphertext:
    """A residue, encrypted: learning with errors (Regev 2005), in miniature."""
    random = tuple(drawn.randrange(CIPHER) for _ in key)
    noise = drawn.randint(-NOISE, NOISE)
    return Ciphertext(random, (_product(random, key) + SCALE * message + noise) % CIPHER)


def opened(key: Key, ciphertext: Ciphertext) -> int:
    """What the key makes of a ciphertext: 100 times the message, plus noise."""
    return (ciphertext.body - _product(ciphertext.random, key)) % CIPHER


def decrypt(key: Key, ciphertext: Ciphertext) -> int:
    """The message; right as long as the noise is below half of `SCALE`."""
    return round(opened(key, ciphertext) / SCALE) % MODULUS


def weighted_sum(
    weights: Sequence[int], ciphertexts: Sequence[Ciphertext], minus: int = 0
) -> Ciphertext:
    """An encryption of the weighted sum of messages, less a number, made without the key."""
    random = tuple(
        sum(weight * each.random[place] for weight, each in _pairs(weights, ciphertexts)) % CIPHER
        for place in range(SECRETS)
    )
    body = sum(weight * each.body for weight, each in _pairs(weights, ciphertexts))
    return Ciphertext(random, (body - SCALE * minus) % CIPHER)


def _pairs(
    weights: Sequence[int], ciphertexts: Sequence[Ciphertext]
) -> list[tuple[int, Ciphertext]]:
    return list(zip(weights, ciphertexts, strict=True))


def _product(one: Sequence[int], other: Sequence[int]) -> int:
    return sum(left * right for left, right in zip(one, other, strict=True))


# A garbled AND


@dataclass(frozen=True, slots=True)
class Wire:
    """The labels that stand for 0 and for 1. Their last bits, the colours, are different."""

    zero: int
    one: int

    def label(self, bit: int) -> int:
        return self.one if bit else self.zero


@dataclass(frozen=True, slots=True)
class GarbledAnd:
    """An AND gate as its garbler knows it. rows: a label of the output, masked, for each pair of
    colours (left, right): all that the evaluator gets besides one label of each input."""

    left: Wire
    right: Wire
    output: Wire
    rows: dict[tuple[int, int], int]


def colour(label: int) -> int:
    """The last bit of a label. It tells which row to open, and nothing of the bit behind it."""
    return label & 1


def garble(drawn: Random) -> GarbledAnd:
    """An AND gate with fresh labels."""
    left, right, output = (_draw_wire(drawn) for _ in range(3))
    rows = {}
    for a in (0, 1):
        for b in (0, 1):
            one, other = left.label(a), right.label(b)
            rows[colour(one), colour(other)] = _mask(one, other) ^ output.label(a & b)
    return GarbledAnd(left, right, output, dict(sorted(rows.items())))


def evaluate(rows: dict[tuple[int, int], int], left: int, right: int) -> int:
    """The output's label from one label of each input."""
    return rows[colour(left), colour(right)] ^ _mask(left, right)


def _draw_wire(drawn: Random) -> Wire:
    """Two labels of 16 bits whose colours differ."""
    zero, one = (2 * drawn.randrange(1 << 15) for _ in range(2))
    shown = drawn.randrange(2)
    return Wire(zero | shown, one | 1 - shown)


def _mask(left: int, right: int) -> int:
    """16 bits that only the holder of both labels can compute."""
    both = left.to_bytes(2) + right.to_bytes(2)
    return int.from_bytes(hashlib.sha256(both).digest()[:2])
