"""Records as commands show them: where they lie, what each is of, all of it in one flat row."""

from dataclasses import dataclass
from pathlib import Path

import click

from deepreshape import places
from deepreshape.cli.tables import Row
from deepreshape.learn.runs.record import Record, read


@dataclass(frozen=True, slots=True)
class Recorded:
    """A record and its file. place: store or repository, where it lies."""

    record: Record
    path: Path
    place: str


def recorded(folder: Path, begins: str = "") -> list[Recorded]:
    """Every run that is recorded in a folder or the repository, once, the newest first.

    begins: with what the key begins. A file that holds no whole record is named on stderr.
    """
    found: dict[str, Recorded] = {}
    for place, where in (("store", folder), ("repository", places.RECORDED)):
        for path in sorted(where.glob(f"{begins}*.json")):
            record = read(path)
            if record is None:
                click.echo(
                    f"deepreshape: {path} is passed over: it was cut or changed, or another"
                    " version wrote it (deepreshape runs migrate)",
                    err=True,
                )
            else:
                found.setdefault(record.key, Recorded(record, path, place))
    return sorted(found.values(), key=lambda each: (-each.path.stat().st_mtime, each.record.key))


def one(folder: Path, begins: str) -> Recorded:
    """The recorded run whose key begins so; ValueError where there is none, or several."""
    plain = begins.strip().lower()
    if not plain or not plain.isalnum():
        raise ValueError(f"{begins!r} is not the beginning of a key such as 0a1b2c3d4e5f6789")
    found = recorded(folder, plain)
    if not found:
        raise ValueError(f"no record in {folder} has a key that begins with {begins!r}")
    if len(found) > 1:
        keys = [each.record.key for each in found]
        more = f" and {len(keys) - 4} more" if len(keys) > 4 else ""
        raise ValueError(f"{begins!r} is the beginning of {', '.join(keys[:4])}{more}")
    return found[0]


# What a run is


def what(run: Row) -> str:
    """What a network is trained by, of `Run.describe()`: labels, KD, DKD beta 2, SNL 50,000."""
    if search := run["search"]:
        channels = " by channel" if search.get("by") == "channel" else ""
        return f"{search['kind']} {search['budget']:,}{channels}"
    if not run["teacher"]:
        return "labels"
    distillation = run["recipe"]["distillation"]
    beta = f" beta {distillation['beta']:g}" if "beta" in distillation else ""
    return f"{distillation['kind']}{beta}"


def epochs(flat: Row) -> tuple[int, int]:
    """Of `settings`: the epochs of training, or of tuning, and the most of the search before."""
    search = flat.get("search.epochs", 0) + flat.get("search.sensitivity_epochs", 0)
    return flat["recipe.epochs"], search


def epochs_text(own: int, search: int) -> str:
    """The same as a table has it: 200, or ≤ 2000 + 100."""
    return f"≤ {search} + {own}" if search else str(own)


def settings(run: Row) -> Row:
    """Everything that a run is made of, flat, as its record has it."""
    recipe = dict(run["recipe"])
    distillation = recipe.pop("distillation")
    flat = {name: run[name] for name in ("network", "data", "images", "seed")}
    flat |= _under("recipe", recipe)
    if run["teacher"]:
        flat |= _under("distillation", distillation)
        flat |= _under("teacher", settings(run["teacher"]))
    if search := run["search"]:
        flat |= _under("search", search)
    return flat


def _under(name: str, flat: Row) -> Row:
    return {f"{name}.{key}": value for key, value in flat.items()}


# What came of it


def row(found: Recorded) -> Row:
    """A record as one flat row: what was run, what came of it, and where."""
    record = found.record
    stages = {f"stage{k}": relus for k, relus in enumerate(record.stage_relus, start=1)}
    return {
        "key": record.key,
        "status": record.status,
        "what": what(record.run),
        **settings(record.run),
        "validation": record.validation,
        "test": record.test,
        "relus": record.relus,
        **_under("relus", stages),
        "macs": record.macs,
        "params": record.params,
        "loss": record.curve[-1].loss if record.curve else None,
        "seconds": record.seconds,
        "precision": record.precision,
        **_under("environment", dict(record.environment)),
        "threads": record.sittings,
        "data_digest": record.data_digest,
        "split_digest": record.split_digest,
        "teacher_digest": record.teacher_digest,
        "weights_digest": record.weights_digest,
        "masks_digest": record.masks_digest,
        "error": record.error,
        "recorded_in": found.place,
    }
