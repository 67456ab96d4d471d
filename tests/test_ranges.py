"""Lists of whole numbers, one by one and from one to another."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.ranges import MOST, whole_numbers


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=8))
def test_numbers_are_read_as_they_are_written(numbers: list[int]) -> None:
    assert whole_numbers(",".join(map(str, numbers))) == tuple(numbers)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1-5", (1, 2, 3, 4, 5)),
        ("1,3-5", (1, 3, 4, 5)),
        ("3-5,1", (3, 4, 5, 1)),
        ("7-7", (7,)),
        ("-2-1", (-2, -1, 0, 1)),
    ],
)
def test_a_range_has_both_its_ends(text: str, numbers: tuple[int, ...]) -> None:
    assert whole_numbers(text) == numbers


@pytest.mark.parametrize(
    "text", ["", "1,", "1-", "-", "1--2", "1-2-3", "one", "1 2", "1.5", "²", "1..3", ",1"]
)
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a list of whole numbers such as 2,3,4 or 1-5"):
        whole_numbers(text)


def test_a_range_that_runs_backwards_is_refused() -> None:
    with pytest.raises(ValueError, match="'5-1' in '2,5-1' ends before it begins"):
        whole_numbers("2,5-1")


@pytest.mark.parametrize("text", [f"1-{MOST + 1}", "1-" + 40 * "9", f"1-{MOST},7"])
def test_a_range_that_would_fill_the_memory_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="more than 10,000 numbers"):
        whole_numbers(text)
