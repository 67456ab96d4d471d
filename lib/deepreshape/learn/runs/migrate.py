"""Records of other versions brought over: what they do not say is written down.

A key is the hash of every value that a result depends on. Records of version 0.1.0 left out what
was a default then, and the digest of the images; data/defaults.json holds what that was. A field
that `Recipe` or a distillation gets later has to be entered there, with the value by which earlier
runs were computed: then `deepreshape runs migrate` finds new keys for their records, and none is
lost.
"""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from deepreshape.files import replacing
from deepreshape.learn.runs.record import FILES, Record, key_of, read, record_of, whole, write
from deepreshape.places import DATA

_BEFORE: dict[str, Any] = json.loads((DATA / "defaults.json").read_text(encoding="utf-8"))
DEFAULTS: Mapping[str, Mapping[str, Any]] = _BEFORE["settings"]
"""What a run had where its description does not say: the defaults at version 0.1.0 (26b70d7)."""
PUBLISHED: Mapping[str, str] = _BEFORE["images"]
"""The digests of whole sets that version 0.1.0 took no other images for."""
UNKNOWN = ("instructions", "limits", "onednn", "commit", "dirty", "code", "lock")
"""Of an environment, what records of version 0.1.0 do not say."""


def migrate(source: Path, target: Path) -> Iterator[tuple[Path, Path | None]]:
    """Bring the records of a folder over into another, or the same; yields the file of each that
    this version cannot read, and the file that now holds it: None for what is no whole record.

    Weights and masks go with their record. In the same folder they are renamed, and the old record
    goes once the new one is there; a record that is there already stays. What is interrupted goes
    on when it is asked for again. Raises OSError where a file cannot be written.
    """
    for path in sorted(source.glob("*.json")):
        if read(path) is not None:
            continue
        fields = whole(path)
        record = None if fields is None else completed(fields)
        yield path, None if record is None else _brought(path, record, target)


def completed(fields: Mapping[str, Any]) -> Record | None:
    """The record of the fields of another version, under its new key; None where they are none."""
    try:
        run = _described(fields["run"], lambda data: _digest(data, fields))
        environment = dict.fromkeys(UNKNOWN) | fields["environment"]
    except (LookupError, TypeError, AttributeError):
        return None
    said = {"threads": [environment.get("threads")], "tested": None, "right": None, **fields}
    return record_of({**said, "key": key_of(run), "run": run, "environment": environment})


def _described(run: Mapping[str, Any], digest: Callable[[str], str | None]) -> dict[str, Any]:
    """A description with every value, by those of version 0.1.0 where it says none."""
    teacher, search = run["teacher"], run.get("search")
    recipe = {**DEFAULTS["Recipe"], **run["recipe"]}
    return {
        "network": run["network"],
        "data": run["data"],
        "images": run.get("images") or digest(run["data"]),
        "recipe": {**recipe, "distillation": _of_its_kind(recipe["distillation"])},
        "seed": run["seed"],
        "teacher": None if teacher is None else _described(teacher, digest),
        "search": None if search is None else _of_its_kind(search),
    }


def _of_its_kind(part: Mapping[str, Any]) -> dict[str, Any]:
    found = {**DEFAULTS.get(part["kind"], {}), **part}
    if part["kind"] == "SNL":
        # One rate served all; by channel the penalty was another than any search has here.
        schedule = "stuck" if found["by"] == "pixel" else "stuck, a channel counted once"
        found = {"alpha_rate": found["rate"], "schedule": schedule, **found}
    return found


def _digest(data: str, fields: Mapping[str, Any]) -> str | None:
    """Of the images of a set, which a record knows of its own run's."""
    name, shards = _whole(data)
    if (name, shards) == _whole(fields["run"]["data"]):
        return str(fields["data_digest"])
    return None if shards else PUBLISHED.get(name)


def _whole(data: str) -> tuple[str, str]:
    """The set that `cifar100[shards=0,size=16]` is a part of, and its shards: all of one digest."""
    name, _, parts = data.rstrip("]").partition("[")
    return name, "".join(part for part in parts.split(",") if part.startswith("shards="))


def _brought(path: Path, record: Record, target: Path) -> Path:
    """Write a record and its files into a folder; the record last."""
    new = target / f"{record.key}.json"
    moves = path.parent.resolve() == target.resolve()
    if read(new) is None:
        for suffix in FILES:
            old = path.with_suffix(suffix)
            if old.exists() and moves:
                old.replace(new.with_suffix(suffix))
            elif old.exists():
                with replacing(new.with_suffix(suffix)) as temporary:
                    shutil.copyfile(old, temporary)
        write(new, record)
    if moves:
        path.unlink()
    return new
