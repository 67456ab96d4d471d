"""Files that are whole or absent: atomic writes, and tensors that carry their own SHA-256.

The data cache, checkpoints and trained weights are such files. Nothing in them is executed when
they are read: the format is safetensors.
"""

import errno
import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Protocol

import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from deepreshape.files import replacing
from deepreshape.places import named_folder

UNLOCKABLE = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP)
"""What a file system without locks answers."""


class Parted(Protocol):
    """A tensor that is not in memory as a whole; `split` gives its rows, so many at a time."""

    shape: torch.Size
    dtype: torch.dtype

    def split(self, count: int) -> Iterator[Tensor]: ...


Tensors = Mapping[str, Tensor | Parted]
KINDS = {torch.uint8: "U8", torch.int16: "I16", torch.int32: "I32"}
"""What safetensors calls the numbers of those that are written in parts, and beside them."""


class CorruptFile(ValueError):
    """A file that cannot be trusted; the message names it."""


class Busy(RuntimeError):
    """Another process is at work there."""


def cache_folder() -> Path:
    """Where what can be made again is kept: DEEPRESHAPE_CACHE, or the user's cache folder."""
    named = named_folder("DEEPRESHAPE_CACHE")
    if named is not None:
        return named
    try:
        from platformdirs import user_cache_path
    except ImportError:  # a bare machine, which is a Linux
        return Path.home() / ".cache" / "deepreshape"
    return user_cache_path("deepreshape")


@contextmanager
def alone(lock: Path, wait: bool = True) -> Iterator[None]:
    """A block that no two processes are in at once, on whichever machines that share its folder.

    The system lets go of the lock (flock) when its process ends, however that was. The lock file
    stays: where one is removed that others may have opened, NFS lets two of them in. Whoever may
    write to the folder may open it. wait: until no other is in the block; or else raise Busy.

    Raises OSError where the file cannot be written, or its file system has no locks.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    held = FileLock(lock, mode=0o666, fallback_to_soft=False, preserve_lock_file=True)
    try:
        held.acquire(blocking=wait)
    except Timeout:
        raise Busy(f"{lock} is held by another process") from None
    except OSError as error:
        if error.errno in UNLOCKABLE:
            raise OSError(f"{lock.parent} lies on a file system without locks (flock)") from None
        raise
    try:
        yield
    finally:
        held.release()


@contextmanager
def alone_if_possible(lock: Path) -> Iterator[None]:
    """`alone`; where the folder cannot be written to there is nothing to do alone."""
    with ExitStack() as held:
        with suppress(OSError):
            held.enter_context(alone(lock))
        yield


def save_tensors(
    path: Path, tensors: Tensors, meta: Mapping[str, object], digest: str | None = None
) -> str:
    """Write tensors and a JSON header atomically; returns the SHA-256 of both.

    digest: `digest_of` them, where that is known. Raises OSError where the file cannot be written;
    what was there before stays.
    """
    header = _header(meta)
    digest = digest or _digest(tensors, header)
    said = {"meta": header, "sha256": digest}
    plain = _plain(tensors)
    with replacing(path) as temporary:
        if len(plain) < len(tensors):
            _write_in_parts(temporary, tensors, said)
        else:
            # Not `save_file`: that has a temporary file of its own, which it leaves where it is
            # killed.
            temporary.write_bytes(save(plain, said))
    return digest


def _write_in_parts(path: Path, tensors: Tensors, said: Mapping[str, str]) -> None:
    """A file of safetensors (its length, a JSON header, the tensors) of which only parts are ever
    in memory, which that library cannot write."""
    order = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    fields: dict[str, object] = {"__metadata__": said}
    end = 0
    for name in order:
        dtype, shape = tensors[name].dtype, tensors[name].shape
        start, end = end, end + shape.numel() * dtype.itemsize
        place = {"dtype": KINDS[dtype], "shape": [*shape], "data_offsets": [start, end]}
        fields[name] = place
    header = json.dumps(fields).encode()
    header += b" " * (-len(header) % 8)
    with path.open("wb") as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for name in order:
            for octets in _octets(tensors[name]):
                file.write(octets)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, object], str]:
    """Tensors, header and digest of a file of `save_tensors`.

    Raises FileNotFoundError, or CorruptFile where the file is cut, damaged or changed.
    """
    if not path.exists():
        raise FileNotFoundError(path)
    try:
        with safe_open(path, framework="pt") as file:
            stored = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        header, expected = stored["meta"], stored["sha256"]
    except (SafetensorError, KeyError, OSError) as error:
        raise CorruptFile(f"{path} is not a whole file of tensors ({error})") from None
    if _digest(tensors, header) != expected:
        raise CorruptFile(f"{path} does not have the SHA-256 that it names")
    try:
        return tensors, dict(json.loads(header)), expected
    except (TypeError, ValueError, RecursionError):
        raise CorruptFile(f"{path} has no header of this project") from None


def named_digest(path: Path) -> str | None:
    """The SHA-256 that a file of `save_tensors` names, which `load_tensors` checks; None where it
    names none."""
    try:
        with safe_open(path, framework="pt") as file:
            return (file.metadata() or {}).get("sha256")
    except (SafetensorError, OSError):
        return None


def digest_of(tensors: Tensors, meta: Mapping[str, object]) -> str:
    """The SHA-256 that a file of them has."""
    return _digest(tensors, _header(meta))


def _plain(tensors: Tensors) -> dict[str, Tensor]:
    """Those that are in memory."""
    whole = {name: each for name, each in tensors.items() if isinstance(each, Tensor)}
    return {name: tensor.detach().cpu().contiguous() for name, tensor in whole.items()}


def _header(meta: Mapping[str, object]) -> str:
    return json.dumps(dict(meta), sort_keys=True)


def _digest(tensors: Tensors, header: str) -> str:
    total = hashlib.sha256(header.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        for octets in _octets(tensor):
            total.update(octets)
    return total.hexdigest()


def _octets(tensor: Tensor | Parted) -> Iterator[memoryview]:
    """All bytes of a tensor, in parts where it has parts."""
    for part in [tensor] if isinstance(tensor, Tensor) else tensor.split(1024):
        plain = part.detach().cpu().contiguous()
        yield plain.reshape(-1).view(torch.uint8).numpy().data
