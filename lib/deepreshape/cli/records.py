"""Commands about records: `runs list`, `show`, `compare`, `export` and `migrate`."""

from pathlib import Path
from statistics import median
from typing import Any

import click

from deepreshape.cli.arguments import json_option, store_option
from deepreshape.cli.output import duration, print_json
from deepreshape.cli.rows import (
    Recorded,
    Row,
    epochs_text,
    everything,
    one,
    recorded,
    row,
    settings,
)
from deepreshape.cli.tables import new_table, show

NOTHING, UNKNOWN = "-", "unknown"
UNCOMPARED = ("key", "weights_digest", "masks_digest")
"""What differs between any two runs."""


class Listing(click.Group):
    """A group whose command is `list` where none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = args and (args[0] in ctx.help_option_names or not args[0].startswith("-"))
        return super().parse_args(ctx, args if named else ["list", *args])


@click.group(cls=Listing)
def runs() -> None:
    """List, show, compare and export the records of runs; list them, without a command.

    The repository's own records are among them.
    """


@runs.command("list")
@click.option("--network", default="", help="Only networks with this in their name.")
@click.option("--data", default="", help="Only data sets with this in their name.")
@click.option("--status", type=click.Choice(["done", "failed"]), help="Only these.")
@store_option
@json_option
def list_(network: str, data: str, status: str | None, store: Path, as_json: bool) -> None:
    """List the records, the newest first."""
    found = [
        each
        for each in recorded(store)
        if network.lower() in each.record.run["network"].lower()
        and data.lower() in each.record.run["data"].lower()
        and status in (None, each.record.status)
    ]
    rows = [row(each) for each in found]
    if as_json:
        print_json({"runs": rows})
        return
    table = new_table(
        "key",
        "network",
        "trained by",
        "data",
        "epochs>",
        "seed>",
        "ReLUs>",
        "validation>",
        "test>",
        "time>",
        "status",
        "in",
    )
    for each, flat in zip(found, rows, strict=True):
        table.add_row(
            flat["key"],
            flat["network"],
            flat["what"],
            flat["data"],
            epochs_text(each.record.run),
            str(flat["seed"]),
            f"{flat['relus']:,}",
            _percent(flat["validation"]),
            _percent(flat["test"]),
            duration(flat["seconds"]),
            flat["status"],
            each.place,
        )
    show(table)


@runs.command("show")
@click.argument("key")
@store_option
@json_option
def show_(key: str, store: Path, as_json: bool) -> None:
    """Show all of the record whose key begins with KEY, and whether its files are whole."""
    print_record(one(store, key), as_json)


def print_record(found: Recorded, as_json: bool) -> None:
    """A record in full, as JSON or as a table."""
    if as_json:
        print_json(everything(found))
    else:
        table = new_table("", "")
        for name, value in _shown(everything(found)):
            table.add_row(name, value)
        show(table)


def _shown(whole: Row) -> list[tuple[str, str]]:
    """What of a record stands in a table."""
    run, curve = whole["run"], whole["curve"]
    digests = ["split", *["teacher"] * bool(run["teacher"])]
    rows: list[tuple[str, Any]] = [
        ("key", whole["key"]),
        ("status", whole["status"]),
        ("error", whole["error"]),
        ("trained by", whole["what"]),
        *((name.replace("_", " "), value) for name, value in settings(run).items()),
        ("teacher.key", whole["teacher_key"]),
        ("validation", _percent(whole["validation"])),
        ("test", _percent(whole["test"])),
        ("ReLUs", f"{whole['relus']:,}"),
        *(
            (f"ReLUs stage {number}", f"{relus:,}")
            for number, relus in enumerate(whole["stage_relus"], start=1)
        ),
        ("MACs", f"{whole['macs']:,}"),
        ("parameters", f"{whole['params']:,}"),
        ("time", duration(whole["seconds"])),
    ]
    if curve:
        losses = [epoch["loss"] for epoch in curve]
        rate = median(epoch["images_per_second"] for epoch in curve)
        rows.append(("loss, first and last epoch", f"{losses[0]:.4f}, {losses[-1]:.4f}"))
        rows.append(("images per second", f"{rate:,.0f}"))
    if run["search"]:
        searched = sum("loss" in entry for entry in whole["sought"])
        last: Row = whole["sought"][-1] if whole["sought"] else {}
        rows.append(("epochs of the search", searched))
        rows += [
            (f"search, last {name}", value)
            for name, value in last.items()
            if name not in ("epoch", "reached")
        ]
        if "reached" in last:
            rows.append(("search finished", "yes" if last["reached"] else "no, cut off by rank"))
    here = {**whole["environment"], "threads": whole["sittings"]}
    rows += [
        ("precision", whole["precision"]),
        *((name, UNKNOWN if value is None else value) for name, value in here.items()),
        ("SHA-256 of the data", whole["data_digest"]),
        *((f"SHA-256 of the {name}", whole[f"{name}_digest"] or UNKNOWN) for name in digests),
        *((name.replace("_", " "), value) for name, value in whole["files"].items()),
    ]
    return [(name, _text(value)) for name, value in rows if value is not None]


@runs.command("compare")
@click.argument("keys", nargs=-1, required=True, metavar="KEY KEY...")
@store_option
@json_option
def compare(keys: tuple[str, ...], store: Path, as_json: bool) -> None:
    """Show side by side what runs differ in, and the gain in test accuracy over the first."""
    found = [one(store, key) for key in keys]
    rows = [row(each) for each in found]
    named = [flat["key"] for flat in rows]
    if len(set(named)) < max(2, len(named)):
        raise click.UsageError(f"{', '.join(keys)} are not two runs or more that differ")
    names = dict.fromkeys(name for flat in rows for name in flat if name not in UNCOMPARED)
    values = {name: [flat.get(name) for flat in rows] for name in names}
    differing = {name: each for name, each in values.items() if any(v != each[0] for v in each)}
    first = rows[0]["test"]
    gains = [
        None if None in (first, flat["test"]) else round(flat["test"] - first, 4) for flat in rows
    ]
    if as_json:
        print_json({"runs": named, "differs": differing, "gain": gains})
        return
    table = new_table("", *(f"{key}>" for key in named))
    for name, each in differing.items():
        missing = UNKNOWN if name.startswith("environment.") else NOTHING
        table.add_row(name, *(missing if v is None else _text(v) for v in each))
    table.add_section()
    table.add_row(
        "gain in test points", *(NOTHING if gain is None else f"{gain:+.2f}" for gain in gains)
    )
    show(table)


@runs.command("export")
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "json"]),
    default="csv",
    show_default=True,
    help="Of the file.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    default=Path("-"),
    help="The file; standard output without one.",
)
@store_option
def export(form: str, out: Path, store: Path) -> None:
    """Write a row for each record: what was run, what came of it, on which machine."""
    import json

    import pandas as pd

    from deepreshape.files import write_text

    rows = sorted(map(row, recorded(store)), key=lambda flat: flat["key"])
    names = dict.fromkeys(name for flat in rows for name in flat)
    if form == "csv":
        text = pd.DataFrame(rows, columns=list(names), dtype=object).to_csv(index=False)
    else:
        text = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
    if str(out) == "-":
        click.echo(text, nl=False)
    elif out.exists() and not out.is_file():
        # A pipe or a device is written to; no file may take its place.
        out.write_text(text, encoding="utf-8")
    else:
        # Behind a link: the link stays.
        write_text(out.resolve(), text)


@runs.command("migrate")
@click.argument(
    "folder", required=False, type=click.Path(path_type=Path, exists=True, file_okay=False)
)
@store_option
def migrate(folder: Path | None, store: Path) -> None:
    """Bring the records that another version wrote over into the store.

    They are those of FOLDER, which stays as it is, or without one the store's own, which take
    new names. What a record does not say was a default of its version, and is written down.
    """
    from deepreshape.learn.runs.migrate import migrate as migrated

    brought = 0
    for old, new in migrated(store if folder is None else folder, store):
        if new is None:
            click.echo(f"deepreshape: {old} is passed over: it holds no whole record", err=True)
        else:
            click.echo(f"{old.stem} is {new.stem}")
            brought += 1
    said = "1 record was" if brought == 1 else f"{brought} records were"
    click.echo(f"{said} brought over into {store}")


def _percent(accuracy: float | None) -> str:
    return NOTHING if accuracy is None else f"{accuracy:.2f}"


def _text(value: object) -> str:
    if value is None:
        return NOTHING
    return f"{value:.6g}" if isinstance(value, float) else str(value)
