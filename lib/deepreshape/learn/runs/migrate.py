"""Records of other versions brought over: what they do not say is written down.

A key is the hash of every value that a result depends on. Records of version 0.1.0 left out what
was a default then, and the digest of the images; `DEFAULTS` holds what that was. A field that
`Recipe` or a distillation gets later has to be entered there, with the value by which earlier runs
were computed: then `deepreshape runs migrate` finds new keys for their records, and none is lost.
"""

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepreshape.files import replacing
from deepreshape.learn.runs.record import Record, is_plausible, key_of, read, whole, write
from deepreshape.learn.training.curve import Epoch

KD = {"kind": "KD", "temperature": 4.0, "soft": 0.9, "hard": 0.1}

DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "Recipe": {
        "epochs": 200,
        "batch": 128,
        "rate": 0.1,
        "momentum": 0.9,
        "nesterov": False,
        "weight_decay": 5e-4,
        "warmup": 0.0,
        "schedule": "cosine",
        "shift": 4,
        "flip": True,
        "smoothing": 0.0,
        "small": 0.0,
        "distillation": KD,
        "pram": 0.0,
    },
    "KD": KD,
    "DKD": {"beta": 1.0, "alpha": 1.0, "temperature": 4.0, "warmup": 20.0},
    "SNL": {
        "by": "pixel",
        "epochs": 2000,
        "batch": 128,
        "rate": 1e-3,
        "penalty": 1e-5,
        "growth": 1.1,
        "patience": 5,
        "threshold": 1e-2,
        "temperature": 4.0,
    },
    "SENet": {
        "density": 0.1,
        "sensitivity_epochs": 20,
        "epochs": 150,
        "batch": 128,
        "rate": 0.05,
        "momentum": 0.9,
        "weight_decay": 5e-4,
        "gamma": 0.5,
        "alpha": 0.5,
        "temperature": 4.0,
    },
}
"""What a run had where its description does not say: the defaults at version 0.1.0 (26b70d7)."""

PUBLISHED = {
    "mnist5k": "1eab537910c8be7ddf9244e125511dbd407416dc5a4e4366ed8a1f8759c8e2bc",
    "cifar100": "6321b9595bafc8e27880244d016d0fcfb1e453cbb71ca30c1214e265d8da608c",
}
"""The digests of whole sets that version 0.1.0 took no other images for."""

UNKNOWN = ("instructions", "limits", "onednn", "commit", "dirty", "code", "lock")
"""Of an environment, what records of version 0.1.0 do not say."""

FILES = (".safetensors", ".masks.safetensors")
"""What lies beside a record, of a run that is done."""


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
        lists = {name: tuple(fields[name]) for name in ("stage_relus", "sought")}
        curve = tuple(Epoch(**epoch) for epoch in fields["curve"])
        said: dict[str, Any] = {
            "threads": (environment["threads"],),
            **fields,
            **lists,
            "key": key_of(run),
            "run": run,
            "environment": environment,
            "curve": curve,
        }
        record = Record(**said)
        return record if is_plausible(asdict(record)) else None
    except (LookupError, TypeError, AttributeError):
        return None


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
        target.mkdir(parents=True, exist_ok=True)
        for suffix in FILES:
            if path.with_suffix(suffix).exists():
                _take(path.with_suffix(suffix), new.with_suffix(suffix), moves)
        write(new, record)
    if moves:
        path.unlink()
    return new


def _take(old: Path, new: Path, moves: bool) -> None:
    if moves:
        old.replace(new)
        return
    with replacing(new) as temporary:
        shutil.copyfile(old, temporary)
