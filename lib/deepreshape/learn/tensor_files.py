"""Files that are whole or absent: atomic writes, and tensors that carry their own SHA-256.

The data cache, checkpoints and trained weights are such files. Nothing in them is executed when
they are read: the format is safetensors.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import platformdirs
import torch
from filelock import FileLock
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from deepreshape.files import replacing
from deepreshape.places import named_folder


class CorruptFile(ValueError):
    """A file that cannot be trusted; the message names it."""


def cache_folder() -> Path:
    """Where what can be made again is kept: DEEPRESHAPE_CACHE, or the user's cache folder."""
    return named_folder("DEEPRESHAPE_CACHE") or platformdirs.user_cache_path("deepreshape")


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """A block that no two processes are in at once. Nothing is left of the lock file.

    Whoever may write to the folder may open the file that a killed process of another user left.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock, mode=0o666):
        try:
            yield
        finally:
            # Still held: whoever waits for this file sees that it is gone, and opens another.
            lock.unlink(missing_ok=True)


@contextmanager
def alone_if_possible(lock: Path) -> Iterator[None]:
    """`alone`; where the folder cannot be written to there is nothing to do alone."""
    with ExitStack() as held:
        with suppress(OSError):
            held.enter_context(alone(lock))
        yield


def save_tensors(path: Path, tensors: Mapping[str, Tensor], meta: Mapping[str, object]) -> str:
    """Write tensors and a JSON header atomically; returns the SHA-256 of both.

    Raises OSError where the file cannot be written; what was there before stays.
    """
    plain, header = _plain(tensors), _header(meta)
    digest = _digest(plain, header)
    with replacing(path) as temporary:
        # Not `save_file`: that has a temporary file of its own, which it leaves where it is killed.
        temporary.write_bytes(save(plain, {"meta": header, "sha256": digest}))
    return digest


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


def digest_of(tensors: Mapping[str, Tensor], meta: Mapping[str, object]) -> str:
    """The SHA-256 that a file of them has."""
    return _digest(_plain(tensors), _header(meta))


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}


def _header(meta: Mapping[str, object]) -> str:
    return json.dumps(dict(meta), sort_keys=True)


def _digest(tensors: Mapping[str, Tensor], header: str) -> str:
    total = hashlib.sha256(header.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()
