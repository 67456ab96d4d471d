"""Counts of garbled elements, and their file."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.private.garbled_counts import BadCounts, Garbled, read, write


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.data())
def test_a_search_leaves_as_many_elements_as_there_were(
    relus: int, truncations: int, data: st.DataObject
) -> None:
    left = data.draw(st.integers(0, relus))
    found = Garbled(relus, truncations).searched(left)
    assert found.relus == left
    assert found.relus + found.truncations == relus + truncations


@pytest.mark.parametrize("relus", [-1, 101])
def test_a_search_leaves_no_more_relus_than_there_are(relus: int) -> None:
    with pytest.raises(ValueError, match=f"a search leaves 0 to 100 ReLUs, not {relus}"):
        Garbled(100).searched(relus)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new" / "garbled.csv"
    counts = {"WRN22x8": Garbled(3, 0), "HRN-2x5x3x(m=8)": Garbled(1, 2)}
    write(path, counts)
    assert read(path) == counts
    assert path.read_text().splitlines()[1] == "HRN-2x5x3x(m=8),1,2"


@pytest.mark.parametrize(
    "text", ["", "a,b\n", "network,relus,truncations\nx,1\n", "network,relus,truncations\nx,1,y\n"]
)
def test_a_file_that_is_no_record_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "garbled.csv"
    path.write_text(text)
    with pytest.raises(BadCounts, match=f"{path} holds no counts"):
        read(path)
