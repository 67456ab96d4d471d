"""What an evaluator keeps of an image: in memory while there is room, then in a file; each once."""

import errno
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepreshape.private.garbled import kept as module
from deepreshape.private.garbled.kept import Kept
from deepreshape.private.garbled.three_halves import Octets

ALL = 1 << 20


def octets(count: int, first: int = 0) -> Octets:
    return (np.arange(count) + first).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files are made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@given(st.lists(st.integers(0, 300), max_size=12), st.integers(0, 800), st.randoms())
def test_each_piece_is_taken_as_it_was_put_in_any_order(
    sizes: list[int],
    memory: int,
    random,  # type: ignore[no-untyped-def]
) -> None:
    kept = Kept(memory)
    pieces = [octets(size, number) for number, size in enumerate(sizes)]
    numbers = [kept.put(piece) for piece in pieces]
    order = list(range(len(sizes)))
    random.shuffle(order)
    for at in order:
        assert kept.take(numbers[at]).tobytes() == pieces[at].tobytes()
    kept.close()


@pytest.mark.parametrize("memory", [0, ALL], ids=["file", "memory"])
def test_what_is_put_is_a_copy_and_what_is_taken_may_be_written(memory: int) -> None:
    kept, given = Kept(memory), octets(100)
    number = kept.put(given)
    given[:] = 255
    found = kept.take(number)
    assert found.tobytes() == octets(100).tobytes()
    found[:] = 7
    kept.close()


@pytest.mark.parametrize("memory", [0, ALL], ids=["file", "memory"])
def test_a_piece_is_taken_once(memory: int) -> None:
    kept = Kept(memory)
    first, second = kept.put(octets(10)), kept.put(octets(10, 5))
    kept.take(first)
    with pytest.raises(KeyError):
        kept.take(first)
    assert kept.take(second).tobytes() == octets(10, 5).tobytes()
    kept.close()


@pytest.mark.parametrize("memory", [0, ALL], ids=["file", "memory"])
def test_nothing_is_left_of_what_was_given_up(memory: int) -> None:
    kept = Kept(memory)
    number = kept.put(octets(10))
    kept.close()
    with pytest.raises(KeyError):
        kept.take(number)
    kept.close()  # and again


def test_a_file_begins_where_memory_ends() -> None:
    kept, before = Kept(100), open_files()
    inside = kept.put(octets(100))
    assert open_files() == before
    kept.put(octets(1))
    assert open_files() == before + 1
    kept.take(inside)  # whose room is free again
    kept.put(octets(60))
    kept.put(octets(40))
    assert kept._disk == 1
    kept.close()
    assert open_files() == before


def test_a_file_has_no_name_and_is_closed_with_its_last_user(folder: Path) -> None:
    kept, before = Kept(0), open_files()
    kept.put(octets(1000))
    assert list(folder.iterdir()) == []
    del kept
    assert open_files() == before
    assert list(folder.iterdir()) == []


def test_nobody_else_may_open_the_file(folder: Path) -> None:
    kept = Kept(0)
    kept.put(octets(10))
    assert kept._file
    found = os.fstat(kept._file.fileno())
    assert (found.st_nlink, found.st_mode & 0o077) == (0, 0)
    kept.close()


def test_a_file_has_a_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DISK", 100)
    kept = Kept(50)
    for size in (50, 60, 40):
        kept.put(octets(size))
    with pytest.raises(ValueError, match="an image's tables take more than 0 GiB of disk"):
        kept.put(octets(1))
    kept.close()


def test_a_full_disk_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    kept = Kept(0)
    with pytest.raises(OSError, match="No space left"):
        kept.put(octets(10))
    kept.close()


def test_what_a_disk_takes_and_gives_in_parts_is_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    write, read = os.pwrite, os.preadv
    monkeypatch.setattr(os, "pwrite", lambda file, view, at: write(file, view[:7], at))
    monkeypatch.setattr(os, "preadv", lambda file, views, at: read(file, [views[0][:5]], at))
    kept = Kept(0)
    numbers = [kept.put(octets(100, first)) for first in (0, 50)]
    assert [kept.take(number)[0] for number in numbers] == [0, 50]
    number = kept.put(octets(33, 9))
    assert kept.take(number).tobytes() == octets(33, 9).tobytes()
    kept.close()


def test_a_file_that_was_cut_is_an_error() -> None:
    kept = Kept(0)
    number = kept.put(octets(100))
    assert kept._file
    os.ftruncate(kept._file.fileno(), 50)
    with pytest.raises(OSError, match="an image's temporary file was cut"):
        kept.take(number)
    kept.close()
