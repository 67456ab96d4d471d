"""Records that machines without a shared disk made, brought into one store."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from deepreshape.learn.runs.record import FILES, Record, key_of, read, sha256
from deepreshape.learn.runs.store import Store
from deepreshape.learn.tensor_files import Busy, CorruptFile, alone, load_tensors

Fate = Literal["new", "known", "different", "busy", "refused"]


@dataclass(frozen=True, slots=True)
class Brought:
    """What became of a file of records. fate: new, it was taken over; known, the store has the same
    result; different, the store has another of the same run, which stays; busy, the run is being
    made into the store; refused, it holds no record that can be trusted. why: in words, or ""."""

    path: Path
    fate: Fate
    why: str = ""


def brought(folder: Path, store: Store) -> Iterator[Brought]:
    """Bring the records of a folder into a store, each with the weights and masks that lie beside
    it; the folder stays as it is. What the store has is never replaced; weights that it lacks of a
    result that it has are taken over.

    Raises OSError where a file cannot be read or written.
    """
    for path in sorted(folder.glob("*.json")):
        record = read(path)
        try:
            if record is None:
                raise CorruptFile(_fault(path))
            files = _files(path, record)
            with alone(store.folder / "unfinished" / f"{path.stem}.lock", wait=False):
                yield _kept(path, record, files, store)
        except CorruptFile as error:
            yield Brought(path, "refused", str(error))
        except Busy:
            yield Brought(path, "busy", "a process is making this run")


def _kept(path: Path, record: Record, files: dict[str, bytes], store: Store) -> Brought:
    there = read(store.folder / path.name)
    if there is None:
        store.receive(record, files)
        return Brought(path, "new", "" if files or record.status == "failed" else "without weights")
    if _result(there) != _result(record):
        return Brought(path, "different", f"{_said(record)}, and {_said(there)} in the store")
    if all((store.folder / f"{path.stem}{suffix}").exists() for suffix in files):
        return Brought(path, "known")
    store.receive(there, files)
    return Brought(path, "known", "its weights are new")


def _result(record: Record) -> tuple[Any, ...]:
    """What is the same where the same run was made twice with the same bits, on whichever day."""
    return record.status, record.weights_digest, record.masks_digest, record.test, record.error


def _said(record: Record) -> str:
    where = record.environment.get("processor") or "an unknown machine"
    return "failed" if record.test is None else f"{record.test:.2f} % on {where}"


def _files(path: Path, record: Record) -> dict[str, bytes]:
    """What lies beside a record. Raises CorruptFile where it is not what the record names."""
    named = (record.weights_digest, record.masks_digest)
    found = {}
    for suffix, digest in zip(FILES, named, strict=True):
        beside = path.with_suffix(suffix)
        if beside.exists():
            if load_tensors(beside)[2] != digest:
                raise CorruptFile(f"{beside.name} is not what the record names")
            found[suffix] = beside.read_bytes()
    return found


def _fault(path: Path) -> str:
    """Why a file holds no record that this version reads."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        fields = stored["record"]
        if stored["sha256"] != sha256(fields):
            return "it was cut or changed"
        key = key_of(fields["run"])
        if not path.stem == fields["key"] == key:
            return f"its key is not that of its run, {key}"
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "it is no record, or was cut"
    return "another version wrote it (deepreshape runs migrate FOLDER)"
