"""The cache of decoded sets: each is decoded once, and known again by its digest."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deepreshape.files import write_text
from deepreshape.learn.images.base import DataError, Progress, Source, silent
from deepreshape.learn.images.rows import Pictures, Rows
from deepreshape.learn.tensor_files import (
    CorruptFile,
    alone_if_possible,
    cache_folder,
    digest_of,
    load_tensors,
    named_digest,
    save_tensors,
)

Shards = tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Noted:
    """What came of decoding. digest: SHA-256 of the decoded set. left_out: why files are not in it,
    a line for each."""

    digest: str
    left_out: tuple[str, ...] = ()


def noted(source: Source, shards: Shards, progress: Progress = silent) -> Noted:
    """What decoding a source as it is now gives, or gave. Raises DataError."""
    found = _read(_index(source, shards))
    if found is None or named_digest(_file(source, shards, found.digest)) != found.digest:
        return _decoded(source, shards, None, progress)[1]
    return found


def content(
    source: Source, shards: Shards, digest: str | None, progress: Progress = silent
) -> tuple[Mapping[str, Pictures], str]:
    """The decoded set, or the named shards of it, from the cache or else from the source, and its
    digest; kept in the cache where that can be written to.

    digest: of the images that are asked for, whatever the source holds now; None: those of the
    source. Raises DataError, also where the source is needed and holds others.
    """
    found, noted = _decoded(source, shards, digest, progress)
    return found, noted.digest


def _decoded(
    source: Source, shards: Shards, digest: str | None, progress: Progress
) -> tuple[Mapping[str, Pictures], Noted]:
    """Decoded by one process where several ask for it."""
    path = _file(source, shards, digest) if digest else _index(source, shards)
    with alone_if_possible(path.with_suffix(".lock")):
        expected = Noted(digest) if digest else _read(path)
        if expected:
            with suppress(FileNotFoundError, CorruptFile):
                kept, _, found = load_tensors(_file(source, shards, expected.digest))
                if found == expected.digest:
                    return kept, expected
        made = source.decode(shards, progress)
        meta = {"data": source.label, "shards": shards}
        noted = Noted(digest_of(made.tensors, meta), made.left_out)
        if digest not in (None, noted.digest):
            raise DataError(
                f"{source} holds other images than those that are asked for: SHA-256"
                f" {noted.digest[:12]}, expected {str(digest)[:12]}"
            )
        tensors = made.tensors
        with suppress(OSError):
            file = _file(source, shards, noted.digest)
            save_tensors(file, tensors, meta, noted.digest)
            if digest is None:
                write_text(path, json.dumps({"digest": noted.digest, "left_out": noted.left_out}))
            if any(isinstance(each, Rows) for each in tensors.values()):
                tensors = load_tensors(file)[0]
        return tensors, noted


def _file(source: Source, shards: Shards, digest: str) -> Path:
    """Where a decoded set is kept."""
    return cache_folder() / f"{_name(source, shards)}-{digest[:16]}.safetensors"


def _index(source: Source, shards: Shards) -> Path:
    """Where it is written down what came of the files of a source. Raises DataError where these
    cannot be read."""
    known = source.fingerprint(shards)
    return cache_folder() / f"{_name(source, shards)}-{known[:16]}.json"


def _name(source: Source, shards: Shards) -> str:
    return source.label + ("" if shards is None else "-shards-" + "+".join(map(str, shards)))


def _read(index: Path) -> Noted | None:
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError):
        fields = json.loads(index.read_text(encoding="utf-8"))
        return Noted(str(fields["digest"]), tuple(map(str, fields["left_out"])))
    return None
