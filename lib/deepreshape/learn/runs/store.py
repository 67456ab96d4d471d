"""The store of records: one JSON file a run, trained weights and masks beside it."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from deepreshape.files import replacing
from deepreshape.learn.runs.record import FILES, Record, read, write
from deepreshape.learn.runs.run import Run
from deepreshape.learn.search.masks import apply, load_masks
from deepreshape.learn.tensor_files import CorruptFile, load_tensors
from deepreshape.learn.training.nets import Net

__all__ = ["Store", "read"]


TEACHERS = "teachers"
"""Where a folder of records keeps the weights of nets that others learn from."""


class Store:
    """A folder of records, and folders of records to read only, such as those of the repository.

    A record is a JSON file named by its run's key; weights and masks lie beside it (safetensors).
    The weights of a run whose record lies in one folder may lie in another, beside the record of
    the training that made them.
    A run whose images are known by name alone, since they cannot be read here, is answered with a
    record of that name; which images it is of stands in `record.run`.
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

    def that_made(self, run: Run, digest: str | None) -> Record | None:
        """The record of a run that names these weights; where none does, or none is asked for,
        `get`'s."""
        named = (record for _, record in self._found(run) if record.weights_digest == digest)
        return (next(named, None) if digest else None) or self.get(run)

    def put(self, run: Run, record: Record) -> None:
        write(self.path(run), record)

    def receive(self, record: Record, files: Mapping[str, bytes]) -> None:
        """Keep a record that was made elsewhere, and before it what lies beside it, by `FILES`."""
        for suffix, content in files.items():
            with replacing(self.folder / f"{record.key}{suffix}") as temporary:
                temporary.write_bytes(content)
        write(self.folder / f"{record.key}.json", record)

    def files(self, run: Run) -> dict[str, bytes]:
        """What lies beside the record of a run in the own folder, by `FILES`."""
        paths = {suffix: self.path(run, suffix) for suffix in FILES}
        return {suffix: path.read_bytes() for suffix, path in paths.items() if path.exists()}

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
        return self.whole(run)[0]

    def whole(self, run: Run) -> tuple[Net, Record]:
        """The same, and the record that names its files."""
        error: FileNotFoundError | CorruptFile | None = None
        for folder, record in self._found(run):
            try:
                return _net(run, record, folder), record
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

    @property
    def _searched(self) -> tuple[Path, ...]:
        """Where a run is looked for: among the records, then among what others learn from."""
        return (*self.folders, *(folder / TEACHERS for folder in self.folders))

    def _found(self, run: Run) -> Iterator[tuple[Path, Record]]:
        """The folders that hold a record of the run that can be trusted, and it."""
        described = run.describe()
        for folder in self._searched:
            record = read(folder / f"{run.key}.json")
            if record is not None and record.run == described:
                yield folder, record
        if not run.is_pinned:
            yield from self._of_that_name(described)

    def _of_that_name(self, asked: dict[str, Any]) -> Iterator[tuple[Path, Record]]:
        """Records of a description that does not say all digests; of several images under a name,
        always those of the same ones first."""
        for folder in self._searched:
            records = (_read(path, path.stat().st_mtime_ns) for path in folder.glob("*.json"))
            found = [each for each in records if each is not None and _answers(each.run, asked)]
            for record in sorted(found, key=lambda each: (str(each.run["images"]), each.key)):
                yield folder, record


def _answers(run: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Is it the run that is asked for, on whichever images where no digest is said?"""
    if asked["images"] is None:
        run = {**run, "images": None}
    if asked["teacher"] is not None and run["teacher"] is not None:
        if not _answers(run["teacher"], asked["teacher"]):
            return False
        run = {**run, "teacher": asked["teacher"]}
    return run == asked


@lru_cache(maxsize=2**12)
def _read(path: Path, changed: int) -> Record | None:
    """`read`, once for each time at which a file was changed."""
    return read(path)


def _net(run: Run, record: Record, folder: Path) -> Net:
    """The net that a record names, of the files beside it."""
    path = folder / f"{record.key}.safetensors"
    tensors, _, digest = load_tensors(path)
    if digest != record.weights_digest:
        raise CorruptFile(f"{path} does not hold the weights of its record")
    net = Net(run.network)
    net.load_state_dict(tensors)
    if run.search is not None:
        path = folder / f"{record.key}.masks.safetensors"
        masks, digest = load_masks(path)
        if digest != record.masks_digest:
            raise CorruptFile(f"{path} does not hold the masks of its record")
        apply(net, masks)
    return net.eval()
