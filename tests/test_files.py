"""A file is whole, or what was there before."""

from pathlib import Path

import pytest

from deepreshape.files import replacing, write_text


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_an_error_while_writing_leaves_the_old_file_alone(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(error), replacing(path) as temporary:
        temporary.write_text("half of the n")
        raise error
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_before_anything_is_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no space"), replacing(tmp_path / "file"):
        raise OSError("no space")
    assert list(tmp_path.iterdir()) == []


def test_the_old_file_stands_until_the_new_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with replacing(path) as temporary:
        temporary.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_nothing_is_left_beside_a_written_file(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "text")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_what_a_killed_process_left_is_overwritten(tmp_path: Path) -> None:
    with replacing(tmp_path / "file") as temporary:
        temporary.touch()
    temporary.write_text("half of the n")
    write_text(tmp_path / "file", "text")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
    assert (tmp_path / "file").read_text() == "text"
