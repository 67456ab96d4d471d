"""The commands about keys: `keys make`, `allow`, `remove` and `list`. They need no numpy."""

from pathlib import Path

import click

from deepreshape.cli.output import print_json
from deepreshape.cli.tables import Columns, show, table_of
from deepreshape.private.clients import Clients
from deepreshape.private.wire import keys
from deepreshape.private.wire.keys import PUBLIC, SECRET


def make(name: str, folder: Path) -> None:
    made = keys.make(name, folder)
    click.echo(f"{folder / f'{name}{SECRET}'}: keep it")
    click.echo(f"{folder / f'{name}{PUBLIC}'}: give it to the other side")
    click.echo(f"fingerprint {made.fingerprint}")


def allow(clients: Path, certificate: Path, queries: int, per_minute: int) -> None:
    found = keys.certificate(certificate)
    allowed = Clients(clients).allow(found, queries, per_minute)
    click.echo(
        f"{found.name} may ask {allowed.budget:,} queries, {allowed.a_minute:,} in a minute;"
        f" {allowed.asked:,} are asked"
    )
    click.echo(f"fingerprint {found.fingerprint}")


def remove(clients: Path, name: str) -> None:
    Clients(clients).remove(name)
    click.echo(f"{name} is removed")


def list_(clients: Path, as_json: bool) -> None:
    rows = [
        {
            "name": each.certificate.name,
            "queries": each.budget,
            "a minute": each.a_minute,
            "asked": each.asked,
            "fingerprint": each.certificate.fingerprint,
        }
        for each in Clients(clients).listed()
    ]
    if as_json:
        print_json({"clients": rows})
        return
    columns: Columns = {
        "name": "{name}",
        "queries>": "{queries:,}",
        "a minute>": "{a minute:,}",
        "asked>": "{asked:,}",
        "fingerprint": "{fingerprint}",
    }
    show(table_of(rows, columns))
