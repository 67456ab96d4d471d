"""Counts and times as they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.sizes import MOST, count, seconds


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(
            ("100K", 100_000),
            ("100k", 100_000),
            ("1G", 10**9),
            ("2.5M", 2_500_000),
            ("1 T", 10**12),
        ),
        *(("1", 1), (" 50000 ", 50_000), ("1,234,567", 1_234_567), ("0.001K", 1)),
    ],
)
def test_a_count_is_read(text: str, number: int) -> None:
    assert count(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [("20s", 20), ("20", 20), ("500ms", 0.5), ("1.5min", 90), ("2 h", 7200), ("0.25", 0.25)],
)
def test_a_time_is_read(text: str, number: float) -> None:
    assert seconds(text) == number


@given(st.integers(1, 10**12))
def test_a_count_is_read_as_it_is_printed(number: int) -> None:
    assert count(f"{number:,}") == count(str(number)) == number


@pytest.mark.parametrize(
    "text",
    ["", "K", "0", "-5", "1.5", "0.0001K", "1e5", "1KK", "1Q", "1,00", "nan", "inf", "1 0", "٣K"],
)
def test_what_is_no_count_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="is not a whole number above 0"):
        count(text)


@pytest.mark.parametrize("text", ["", "s", "0s", "-1s", "1d", "1 s s", "nan", "20K"])
def test_what_is_no_time_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time above 0"):
        seconds(text)


def test_what_is_absurd_is_said() -> None:
    assert count("1,000,000T") == MOST
    for read in (count, seconds):
        with pytest.raises(ValueError, match="is beyond"):
            read("9" * 20)
