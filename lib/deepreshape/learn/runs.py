"""A run is a value, and its record is a function of it.

`Run` says what is trained on what, how and from which seed; its key is the hash of all that. The
`Store` keeps one record a key, and the trained weights beside it.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from filelock import FileLock

from deepreshape.design import Network, cost
from deepreshape.learn.data import DataSet, load
from deepreshape.learn.files import CorruptFile, load_tensors, save_tensors, write_text
from deepreshape.learn.machine import describe
from deepreshape.learn.nets import Net, build
from deepreshape.learn.train import (
    Epoch,
    Machine,
    Precision,
    Progress,
    Recipe,
    TrainingFailed,
    train,
)

ARITHMETIC = 1
"""Part of every key: raise it when the same run would be computed differently than before."""


@dataclass(frozen=True, slots=True)
class Run:
    """A network trained on a data set by a recipe from a seed, with a teacher run or without.

    Input size and classes of the network and of the teacher's data must be the data set's, and the
    seed a whole number of 32 bits; ValueError otherwise.
    """

    network: Network
    data: DataSet
    recipe: Recipe
    seed: int = 1
    teacher: "Run | None" = None

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise ValueError(f"a seed lies between 0 and 2^32 - 1; {self.seed} does not")
        wanted = (self.data.resolution, self.data.classes)
        if (self.network.resolution, self.network.classes) != wanted:
            raise ValueError(
                f"{self.network.name} takes {self.network.resolution} pixels and has"
                f" {self.network.classes} classes; {self.data} has {wanted[0]} and {wanted[1]}"
            )
        if self.teacher and (self.teacher.data.resolution, self.teacher.data.classes) != wanted:
            raise ValueError(f"a teacher on {self.teacher.data} cannot teach on {self.data}")

    @property
    def key(self) -> str:
        """16 hexadecimal digits of the SHA-256 of everything that the result depends on."""
        text = json.dumps([ARITHMETIC, self.describe()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def describe(self) -> dict[str, Any]:
        """The run as plain JSON values; the teacher in full."""
        return {
            "network": str(self.network),
            "data": str(self.data),
            "recipe": asdict(self.recipe),
            "seed": self.seed,
            "teacher": self.teacher.describe() if self.teacher else None,
        }


@dataclass(frozen=True, slots=True)
class Record:
    """What a run gave. Accuracies are percent at the end of the last epoch, None where it failed.

    run: `Run.describe()`. relus, macs, params: of the network. data_digest: SHA-256 of the decoded
    data set. seconds: wall time of training, over all its sittings.
    """

    key: str
    status: Literal["done", "failed"]
    run: dict[str, Any]
    validation: float | None
    test: float | None
    relus: int
    macs: int
    params: int
    curve: tuple[Epoch, ...]
    precision: Precision
    seconds: float
    data_digest: str
    weights_digest: str | None
    environment: dict[str, str | int]
    error: str | None = None


class Store:
    """A folder of records, one JSON file a run, with its weights beside it (safetensors)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, run: Run, suffix: str = ".json") -> Path:
        return self.folder / f"{run.key}{suffix}"

    def unfinished(self, run: Run, suffix: str) -> Path:
        """Where a run keeps what only matters until it has its record: checkpoint and lock."""
        return self.folder / "unfinished" / f"{run.key}{suffix}"

    def get(self, run: Run) -> Record | None:
        """The record of a run; None where there is none, or none that can be trusted."""
        try:
            stored = json.loads(self.path(run).read_text(encoding="utf-8"))
            fields = stored["record"]
            if stored["sha256"] != _digest(fields) or fields["run"] != run.describe():
                return None
            curve = tuple(Epoch(**epoch) for epoch in fields["curve"])
            return Record(**{**fields, "curve": curve})
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def put(self, run: Run, record: Record) -> None:
        fields = asdict(record)
        stored = {"record": fields, "sha256": _digest(fields)}
        write_text(self.path(run), json.dumps(stored, indent=1) + "\n")

    def net(self, run: Run) -> Net:
        """The trained net of a recorded run. Raises FileNotFoundError or CorruptFile where the
        weights are not there, or not those that the record names."""
        path = self.path(run, ".safetensors")
        tensors, _, digest = load_tensors(path)
        record = self.get(run)
        if record is None or digest != record.weights_digest:
            raise CorruptFile(f"{path} does not hold the weights of a record")
        net = Net(run.network)
        net.load_state_dict(tensors)
        return net.eval()


def obtain(
    run: Run,
    store: Store,
    machine: Machine,
    progress: Progress = lambda images: None,
) -> Record:
    """The record of a run: from the store, or made now and put there (the teacher's first).

    An interrupted run goes on from its last whole epoch. Two processes that ask for the same run
    make it once. A loss that is not finite gives a record with status "failed".
    """
    with _alone(run, store):
        return store.get(run) or _make(run, store, machine, progress)


def trained(run: Run, store: Store, machine: Machine) -> Net:
    """The trained net of a run, made again where its weights are missing or damaged.

    Raises TrainingFailed where the run itself failed.
    """
    with _alone(run, store):
        try:
            net = store.net(run)
        except (FileNotFoundError, CorruptFile):
            record = store.get(run)
            if record is None or record.status == "done":
                record = _make(run, store, machine, lambda images: None)
            if record.status == "failed":
                raise TrainingFailed(record.error) from None
            net = store.net(run)
    return net.to(device=machine.device, memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _alone(run: Run, store: Store) -> FileLock:
    lock = store.unfinished(run, ".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(lock)


def _make(run: Run, store: Store, machine: Machine, progress: Progress) -> Record:
    """Train, and put weights and record into the store, in this order."""
    images = load(run.data)
    counts = cost(run.network)
    record = Record(
        key=run.key,
        status="failed",
        run=run.describe(),
        validation=None,
        test=None,
        relus=counts.total_relus,
        macs=counts.macs,
        params=counts.params,
        curve=(),
        precision=machine.precision,
        seconds=0.0,
        data_digest=images.digest,
        weights_digest=None,
        environment=describe(machine.device),
    )
    checkpoint = store.unfinished(run, ".safetensors")
    try:
        teacher = trained(run.teacher, store, machine) if run.teacher else None
        net = build(run.network, run.seed)
        result = train(net, run.recipe, images, run.seed, machine, teacher, checkpoint, progress)
    except TrainingFailed as error:
        record = replace(record, error=str(error))
    else:
        state = {name: value.contiguous() for name, value in result.net.state_dict().items()}
        record = replace(
            record,
            status="done",
            validation=result.validation,
            test=result.test,
            curve=result.curve,
            precision=result.precision,
            seconds=sum(epoch.seconds for epoch in result.curve),
            weights_digest=save_tensors(store.path(run, ".safetensors"), state, run.describe()),
        )
    store.put(run, record)
    checkpoint.unlink(missing_ok=True)
    return record


def _digest(fields: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()
