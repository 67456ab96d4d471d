"""The store of records: one JSON file a run, trained weights and masks beside it."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from deepreshape.files import write_text
from deepreshape.learn.files import CorruptFile, load_tensors
from deepreshape.learn.masks import apply, load_masks
from deepreshape.learn.nets import Net
from deepreshape.learn.runs import Record, Run, key_of
from deepreshape.learn.train import Epoch

_NUMBER = int | float


class Store:
    """A folder of records, and folders of records to read only, such as those of the repository.

    A record is a JSON file named by its run's key; weights and masks lie beside it (safetensors).
    """

    def __init__(self, folder: Path, *others: Path) -> None:
        self.folder = folder
        self.folders = (folder, *others)

    def path(self, run: Run, suffix: str = ".json") -> Path:
        return self.folder / f"{run.key}{suffix}"

    def unfinished(self, run: Run, suffix: str) -> Path:
        """Where a run keeps what only matters until it has its record: checkpoints and lock."""
        return self.folder / "unfinished" / f"{run.key}{suffix}"

    def get(self, run: Run) -> Record | None:
        """The record of a run; None where there is none, or none that can be trusted."""
        return next((record for _, record in self._found(run)), None)

    def put(self, run: Run, record: Record) -> None:
        fields = asdict(record)
        stored = {"record": fields, "sha256": _digest(fields)}
        write_text(self.path(run), json.dumps(stored, indent=1) + "\n")

    def records(self) -> Iterator[Record]:
        """Every record that can be trusted, each run once, in the order of keys."""
        found: dict[str, Record] = {}
        for folder in self.folders:
            for path in folder.glob("*.json"):
                record = read(path)
                if record is not None:
                    found.setdefault(record.key, record)
        return (found[key] for key in sorted(found))

    def net(self, run: Run) -> Net:
        """The trained net of a recorded run, its masks in place. Raises FileNotFoundError or
        CorruptFile where the weights are not there, or not those that the record names."""
        error: FileNotFoundError | CorruptFile | None = None
        for folder, record in self._found(run):
            try:
                return _net(run, record, folder)
            except (FileNotFoundError, CorruptFile) as caught:
                error = error or caught
        raise error or FileNotFoundError(f"{self.path(run)} is not there, or no whole record")

    def holds(self, run: Run) -> bool:
        """Is a run recorded, and, unless it failed, its net there?"""
        record = self.get(run)
        if record is None or record.status == "failed":
            return record is not None
        try:
            self.net(run)
        except (FileNotFoundError, CorruptFile):
            return False
        return True

    def _found(self, run: Run) -> Iterator[tuple[Path, Record]]:
        """The folders that hold a record of the run that can be trusted, and it."""
        for folder in self.folders:
            record = read(folder / f"{run.key}.json")
            if record is not None and record.run == run.describe():
                yield folder, record


def read(path: Path) -> Record | None:
    """The record of a file; None where there is none, where it was cut or changed, or where its key
    is not that of its run."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        fields = stored["record"]
        keys = {path.stem, fields["key"], key_of(fields["run"])}
        if stored["sha256"] != _digest(fields) or len(keys) > 1 or not _is_plausible(fields):
            return None
        lists = {
            "curve": tuple(Epoch(**epoch) for epoch in fields["curve"]),
            "stage_relus": tuple(fields["stage_relus"]),
            "sought": tuple(fields["sought"]),
        }
        return Record(**{**fields, **lists})
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _is_plausible(fields: dict[str, Any]) -> bool:
    """Does a record have what commands show of it, each of its kind?"""
    counts = ("relus", "macs", "params")
    return (
        _describes_a_run(fields["run"])
        and all(isinstance(value, int) for value in fields["stage_relus"])
        and all(isinstance(fields[name], int) for name in counts)
        and all(isinstance(fields[name], _NUMBER | None) for name in ("validation", "test"))
        and isinstance(fields["seconds"], _NUMBER)
        and isinstance(fields["environment"], dict)
        and all(isinstance(value, _NUMBER) for each in fields["curve"] for value in each.values())
        and all(isinstance(entry, dict) for entry in fields["sought"])
    )


def _describes_a_run(run: dict[str, Any]) -> bool:
    recipe, teacher, search = run["recipe"], run["teacher"], run.get("search")
    return (
        all(isinstance(run[name], str) for name in ("network", "data"))
        and isinstance(run["seed"], int)
        and isinstance(recipe, dict)
        and isinstance(recipe.get("epochs", 1), int)
        and "kind" in recipe.get("distillation", {"kind": "KD"})
        and (search is None or {"kind", "budget"} <= search.keys())
        and (teacher is None or _describes_a_run(teacher))
    )


def _net(run: Run, record: Record, folder: Path) -> Net:
    """The net that a record names, of the files beside it."""
    path = folder / f"{run.key}.safetensors"
    tensors, _, digest = load_tensors(path)
    if digest != record.weights_digest:
        raise CorruptFile(f"{path} does not hold the weights of its record")
    net = Net(run.network)
    net.load_state_dict(tensors)
    if run.search is not None:
        path = folder / f"{run.key}.masks.safetensors"
        masks, digest = load_masks(path)
        if digest != record.masks_digest:
            raise CorruptFile(f"{path} does not hold the masks of its record")
        apply(net, masks)
    return net.eval()


def _digest(fields: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
