"""Records: what a run was made from and what it gave, as JSON files that name their own SHA-256.

Reading them needs none of what made them.
"""

import base64
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from deepreshape.files import write_text
from deepreshape.learn.training.curve import Epoch

if TYPE_CHECKING:
    from deepreshape.learn.training.machine import Precision

ARITHMETIC = 2
"""Part of every key: raise it when the same run would be computed differently than before, by more
than roundings, which differ from processor to processor as well."""

FILES = (".safetensors", ".masks.safetensors")
"""What lies beside a record, of a run that is done: weights, and the masks of a search."""

_NUMBER = int | float
_KINDS = {
    **dict.fromkeys(("relus", "macs", "params"), int),
    **dict.fromkeys(("validation", "test"), _NUMBER | None),
    "seconds": _NUMBER,
    "environment": dict,
    "tested": int | None,
    "right": str | None,
    "left_out": int,
}
"""Of fields of a record, what each is; and of `_LISTS`, what each entry is."""
_LISTS = {"stage_relus": int, "sought": dict, "threads": int, "classes": str}
_LATER = {"classes": (), "left_out": 0}
"""What records that do not say them have."""


def key_of(description: dict[str, Any]) -> str:
    """The key of a run by its description (`Run.describe`): 16 hexadecimal digits of a SHA-256."""
    return sha256([ARITHMETIC, description])[:16]


def sha256(value: object) -> str:
    """Of JSON values, in hexadecimal digits."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Record:
    """What a run gave. Accuracies are percent at the end of the last epoch, None where it failed.

    run: `Run.describe()`. relus, macs, params: of the network; after a search, the ReLUs left.
    stage_relus: by stage, the stem's with stage 1 and the head's with the last.
    data_digest: SHA-256 of the decoded data set. seconds: wall time of training, over all its
    sittings, of the search too. environment: `environment.environment()`, its threads those that
    the run began with. sought: what the search went through, as JSON values.

    Of records that say less, the rest is None or empty. split_digest: SHA-256 of which images were
    trained on and which held out. teacher_digest: of the teacher's weights, as its record has it.
    right: a bit for each of the `tested` images, 1 where the net is right (`packed`). threads: of
    the sittings in order, each number as it changed: (1, 2) was begun with one, ended with two.
    classes: the names of a folder's classes, in the order of their numbers; of a set that is known
    its name says them. left_out: so many files of the folder were damaged, and not used.
    """

    key: str
    status: Literal["done", "failed"]
    run: dict[str, Any]
    validation: float | None
    test: float | None
    relus: int
    stage_relus: tuple[int, ...]
    macs: int
    params: int
    curve: tuple[Epoch, ...]
    precision: "Precision"
    seconds: float
    data_digest: str
    weights_digest: str | None
    environment: dict[str, str | int | bool | None]
    error: str | None = None
    masks_digest: str | None = None
    sought: tuple[dict[str, Any], ...] = ()
    split_digest: str | None = None
    teacher_digest: str | None = None
    tested: int | None = None
    right: str | None = None
    threads: tuple[int, ...] = ()
    classes: tuple[str, ...] = ()
    left_out: int = 0

    @property
    def arrived(self) -> bool:
        """Did its search come down to the budget before its epochs were over, where there is one?
        SENet, which has its budget at every epoch, always does."""
        return not self.sought or bool(self.sought[-1].get("reached", True))

    @property
    def sittings(self) -> str:
        """Its thread counts in words: 1, or 1, then 2."""
        return ", then ".join(map(str, self.threads)) or "unknown"

    @property
    def correct(self) -> NDArray[np.bool_] | None:
        """Which test images the net is right about, in the order of the set; None: not known."""
        if self.right is None:
            return None
        packed = np.frombuffer(base64.b64decode(self.right), np.uint8)
        return np.unpackbits(packed, count=self.tested).astype(bool)


def packed(correct: NDArray[np.bool_]) -> str:
    """What a record keeps of which answers are right: eight a byte, in base64."""
    return base64.b64encode(np.packbits(correct).tobytes()).decode()


def write(path: Path, record: Record) -> None:
    """Write a whole record, or leave what was there."""
    fields = asdict(record)
    write_text(path, json.dumps({"record": fields, "sha256": sha256(fields)}, indent=1) + "\n")


def read(path: Path) -> Record | None:
    """The record of a file; None where there is none, where it was cut or changed, or where its key
    is not that of its run."""
    fields = whole(path)
    return None if fields is None else record_of(fields)


def whole(path: Path) -> dict[str, Any] | None:
    """The fields of a record in whichever format, unchanged since it was written, under the key of
    its run; None where a file holds no such record."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        fields = stored["record"]
        keys = {path.stem, fields["key"], key_of(fields["run"])}
        is_whole = stored["sha256"] == sha256(fields) and len(keys) == 1
        return dict(fields) if is_whole else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def record_of(fields: dict[str, Any]) -> Record | None:
    """The record of these fields, as JSON has them; None where what commands show of one is not
    there, or of another kind."""
    fields = {**_LATER, **fields}
    try:
        if not _is_plausible(fields):
            return None
        curve = tuple(Epoch(**epoch) for epoch in fields["curve"])
        lists = {name: tuple(fields[name]) for name in _LISTS}
        return Record(**{**fields, **lists, "curve": curve})
    except (ValueError, LookupError, TypeError, AttributeError):
        return None


def _is_plausible(fields: dict[str, Any]) -> bool:
    return (
        _describes_a_run(fields["run"])
        and _has(fields, _KINDS)
        and all(isinstance(each, kind) for name, kind in _LISTS.items() for each in fields[name])
        and all(isinstance(value, _NUMBER) for each in fields["curve"] for value in each.values())
    )


def _describes_a_run(run: dict[str, Any]) -> bool:
    recipe, teacher, search = run["recipe"], run["teacher"], run["search"]
    return (
        _has(run, {"network": str, "data": str, "images": str | None, "seed": int})
        and _has(recipe, {"epochs": int})
        and _has(recipe["distillation"], {"kind": str})
        and (search is None or _has(search, {"kind": str, "budget": int, "epochs": int}))
        and (teacher is None or _describes_a_run(teacher))
    )


def _has(fields: dict[str, Any], kinds: dict[str, Any]) -> bool:
    return all(isinstance(fields[name], kind) for name, kind in kinds.items())
