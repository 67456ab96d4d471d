"""Commands about records: `runs list`, `compare`, `export` and `migrate`. They need no torch."""

import csv
import json
from io import StringIO
from pathlib import Path

import click

from deepreshape.cli.output import NOTHING, UNKNOWN, duration, percent, print_json, text
from deepreshape.cli.rows import epochs, epochs_text, one, recorded, row
from deepreshape.cli.tables import Columns, Row, new_table, show, table_of
from deepreshape.files import write_text
from deepreshape.learn.runs.migrate import migrate as migrated

UNCOMPARED = ("key", "weights_digest", "masks_digest")
"""What differs between any two runs."""


def list_(network: str, data: str, status: str | None, store: Path, as_json: bool) -> None:
    rows = [
        flat
        for flat in map(row, recorded(store))
        if network.lower() in flat["network"].lower()
        and data.lower() in flat["data"].lower()
        and status in (None, flat["status"])
    ]
    if as_json:
        print_json({"runs": rows})
        return
    columns: Columns = {
        "key": "{key}",
        "network": "{network}",
        "trained by": "{what}",
        "data": "{data}",
        "epochs>": lambda flat: epochs_text(*epochs(flat)),
        "seed>": "{seed}",
        "ReLUs>": "{relus:,}",
        "validation>": lambda flat: percent(flat["validation"]),
        "test>": lambda flat: percent(flat["test"]),
        "time>": lambda flat: duration(flat["seconds"]),
        "status": "{status}",
        "in": "{recorded_in}",
    }
    show(table_of(rows, columns))


def compare(keys: tuple[str, ...], store: Path, as_json: bool) -> None:
    rows = [row(one(store, key)) for key in keys]
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
        table.add_row(name, *(missing if v is None else text(v) for v in each))
    table.add_section()
    table.add_row(
        "gain in test points", *(NOTHING if gain is None else f"{gain:+.2f}" for gain in gains)
    )
    show(table)


def export(form: str, out: Path, store: Path) -> None:
    rows = sorted(map(row, recorded(store)), key=lambda flat: flat["key"])
    content = _csv(rows) if form == "csv" else json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
    if str(out) == "-":
        click.echo(content, nl=False)
    elif out.exists() and not out.is_file():
        # A pipe or a device is written to; no file may take its place.
        out.write_text(content, encoding="utf-8")
    else:
        # Behind a link: the link stays.
        write_text(out.resolve(), content)


def _csv(rows: list[Row]) -> str:
    """Rows under the names that any of them has; what one lacks is empty."""
    names = dict.fromkeys(name for flat in rows for name in flat)
    found = StringIO()
    writer = csv.DictWriter(found, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return found.getvalue()


def migrate(folder: Path | None, store: Path) -> None:
    brought = 0
    for old, new in migrated(store if folder is None else folder, store):
        if new is None:
            click.echo(f"deepreshape: {old} is passed over: it holds no whole record", err=True)
        else:
            click.echo(f"{old.stem} is {new.stem}")
            brought += 1
    said = "1 record was" if brought == 1 else f"{brought} records were"
    click.echo(f"{said} brought over into {store}")
