"""The command that shows one record in full, and whether its files are whole: `runs show`."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

from deepreshape.cli.output import UNKNOWN, duration, percent, print_json, text
from deepreshape.cli.rows import Recorded, one, settings, what
from deepreshape.cli.tables import Row, new_table, show
from deepreshape.learn.runs.record import key_of
from deepreshape.learn.search.masks import load_masks
from deepreshape.learn.tensor_files import CorruptFile, load_tensors


def show_(key: str, store: Path, as_json: bool) -> None:
    print_record(one(store, key), as_json)


def print_record(found: Recorded, as_json: bool) -> None:
    """A record in full, as JSON or as a table."""
    whole = _everything(found)
    if as_json:
        print_json(whole)
        return
    table = new_table("", "")
    for name, value in chain(*(part(whole) for part in (_done, _came, _learned, _sought, _where))):
        if value is not None:
            table.add_row(name, text(value))
    show(table)


Named = Iterator[tuple[str, Any]]


def _done(whole: Row) -> Named:
    """What was run."""
    for name in ("key", "status", "error"):
        yield name, whole[name]
    yield "trained by", whole["what"]
    for name, value in settings(whole["run"]).items():
        yield name.replace("_", " "), value
    yield "teacher.key", whole["teacher_key"]


def _came(whole: Row) -> Named:
    """What came of it."""
    for name in ("validation", "test"):
        yield name, percent(whole[name])
    yield "ReLUs", f"{whole['relus']:,}"
    for number, relus in enumerate(whole["stage_relus"], start=1):
        yield f"ReLUs stage {number}", f"{relus:,}"
    yield "MACs", f"{whole['macs']:,}"
    yield "parameters", f"{whole['params']:,}"
    yield "time", duration(whole["seconds"])


def _learned(whole: Row) -> Named:
    """How the training went."""
    if curve := whole["curve"]:
        rate = median(epoch["images_per_second"] for epoch in curve)
        yield "loss, first and last epoch", f"{curve[0]['loss']:.4f}, {curve[-1]['loss']:.4f}"
        yield "images per second", f"{rate:,.0f}"


def _sought(whole: Row) -> Named:
    """How the search went, if there was one."""
    if not whole["run"]["search"]:
        return
    sought = whole["sought"]
    last = sought[-1] if sought else {}
    yield "epochs of the search", sum("loss" in entry for entry in sought)
    for name, value in last.items():
        if name not in ("epoch", "reached"):
            yield f"search, last {name}", value
    if "reached" in last:
        yield "search finished", "yes" if last["reached"] else "no, cut off by rank"


def _where(whole: Row) -> Named:
    """On what, of which data, and in which files."""
    yield "precision", whole["precision"]
    for name, value in {**whole["environment"], "threads": whole["sittings"]}.items():
        yield name, UNKNOWN if value is None else value
    yield "SHA-256 of the data", whole["data_digest"]
    for name in ["split", *["teacher"] * bool(whole["run"]["teacher"])]:
        yield f"SHA-256 of the {name}", whole[f"{name}_digest"] or UNKNOWN
    yield "classes", ", ".join(whole["classes"]) or None
    yield "damaged files left out", whole["left_out"] or None
    for name, value in whole["files"].items():
        yield name.replace("_", " "), value


def _everything(found: Recorded) -> Row:
    """A record in full, and its files: are weights and masks there, and those of the record?"""
    record = found.record
    files: Row = {"record": str(found.path)}
    for name, suffix, digest, load in (
        ("weights", ".safetensors", record.weights_digest, load_tensors),
        ("masks", ".masks.safetensors", record.masks_digest, load_masks),
    ):
        if digest is not None:
            path = found.path.with_suffix(suffix)
            files |= {name: str(path), f"{name}_are": _state(path, digest, load)}
    teacher = record.run["teacher"]
    return {
        "what": what(record.run),
        **asdict(record),
        "sittings": record.sittings,
        "teacher_key": key_of(teacher) if teacher else None,
        "files": files,
    }


def _state(path: Path, digest: str, load: Callable[[Path], tuple[Any, ...]]) -> str:
    try:
        found = load(path)[-1]
    except FileNotFoundError:
        return "missing"
    except CorruptFile:
        return "damaged"
    return "whole" if found == digest else "not those of the record"
