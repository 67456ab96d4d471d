"""A file is whole, or what was there before."""

import errno
import os
from collections.abc import Callable
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


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    with replacing(tmp_path / "file") as temporary:
        temporary.touch()
    temporary.write_text("half of the n")
    write_text(tmp_path / "file", "text")
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
    assert (tmp_path / "file").read_text() == "text"


def test_what_a_killed_process_of_another_user_left_is_in_nobodys_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with replacing(tmp_path / "file") as temporary:
        temporary.touch()
    temporary.touch()
    (tmp_path / ".file.new").touch()

    def owned(path: Path) -> bool:
        return path.exists() and path.name in (temporary.name, ".file.new")

    def refuse(call: str, wrong: Callable[[Path], bool]) -> None:
        real = getattr(Path, call)

        def guarded(path: Path, *arguments: object, **options: object) -> object:
            if wrong(path):
                raise PermissionError(errno.EPERM, "Operation not permitted", str(path))
            return real(path, *arguments, **options)

        monkeypatch.setattr(Path, call, guarded)

    for call in ("open", "unlink", "chmod", "replace", "write_text"):
        refuse(call, owned)
    write_text(tmp_path / "file", "text")
    assert (tmp_path / "file").read_text() == "text"


def test_what_another_process_is_writing_stays(tmp_path: Path) -> None:
    with replacing(tmp_path / "file") as slow:
        slow.write_text("slow")
        write_text(tmp_path / "file", "quick")
        assert slow.read_text() == "slow"
    assert (tmp_path / "file").read_text() == "slow"
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o002, 0o664)])
def test_the_umask_decides_who_may_read(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        write_text(tmp_path / "file", "text")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode
