"""Files that are whole or absent."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from tempfile import mkstemp


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path` that takes its place when the block ends well.

    It has a name of its own, the rights that the umask leaves it, and a lock: what killed processes
    left half written is removed, what others are writing is not.
    Raises OSError, which names `path`, where it cannot be written; what was there before stays.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_left(path)
        with temporary.open("xb") as file:
            with suppress(OSError):  # a file system without locks
                fcntl.flock(file, fcntl.LOCK_EX)
            yield temporary
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise OSError(f"{path} could not be written ({error.strerror or error})") from None
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _remove_left(path: Path) -> None:
    """Remove temporary files of `path` that nobody holds; another user's may have to stay."""
    for left in path.parent.glob(f".{escape(path.name)}.*.new"):
        with suppress(OSError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a whole text file, or leave what was there."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_new(path: Path, octets: bytes, *, mode: int) -> None:
    """Write a whole file that is not there yet, with these rights from its first byte on.

    Raises FileExistsError where it is there, and OSError, which names it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = mkstemp(prefix=f".{path.name}.", dir=path.parent)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(octets)
                file.flush()
                os.fchmod(handle, mode)
                os.fsync(handle)
            path.hardlink_to(temporary)
        finally:
            temporary.unlink()
    except FileExistsError:
        raise FileExistsError(f"{path} is there already") from None
    except OSError as error:
        raise OSError(f"{path} could not be written ({error.strerror or error})") from None
