import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.private.homomorphic.bits import MOST, packed, size, unpacked


@given(st.integers(1, MOST), st.integers(0, 200), st.randoms(use_true_random=False))
def test_what_is_packed_unpacks(width: int, count: int, random) -> None:  # type: ignore[no-untyped-def]
    values = np.array([random.getrandbits(width) for _ in range(count)], np.uint64)
    octets = packed(values, width)
    assert octets.size == size(count, width) == -(-count * width // 8)
    assert np.array_equal(unpacked(octets, count, width), values)


@given(st.integers(1, MOST), st.lists(st.integers(0, 2**MOST - 1), max_size=40))
def test_residues_lie_behind_each_other_the_lowest_bit_first(
    width: int, numbers: list[int]
) -> None:
    values = [number % (1 << width) for number in numbers]
    whole = sum(value << width * index for index, value in enumerate(values))
    octets = packed(np.array(values, np.uint64), width)
    assert octets.tobytes() == whole.to_bytes(size(len(values), width), "little")


def test_a_row_of_another_array_is_packed_as_it_reads() -> None:
    values = np.arange(60, dtype=np.uint64).reshape(20, 3)
    assert np.array_equal(unpacked(packed(values[:, 1], 7), 20, 7), values[:, 1])


@pytest.mark.parametrize("bit", [3, 7])
def test_bits_left_over_must_be_zero(bit: int) -> None:
    octets = packed(np.array([7], np.uint64), 3)
    octets[0] |= 1 << bit
    with pytest.raises(ValueError, match="behind the last"):
        unpacked(octets, 1, 3)
