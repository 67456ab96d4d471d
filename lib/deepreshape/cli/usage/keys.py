"""How to make keys and to list clients: `keys`."""

from pathlib import Path

import click

from deepreshape.cli.usage.arguments import file_type, json_option
from deepreshape.cli.usage.commands import command

clients_argument = click.argument("clients", type=file_type)


@click.group()
def keys() -> None:
    """Make keys, and list the clients that a server knows.

    A key is two files: NAME.key stays with its owner, NAME.pub goes to the other side, over a way
    that can be trusted; or compare the fingerprints.
    """


@command(
    "keys",
    click.argument("name"),
    click.option(
        "--folder",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(),
        help="Where to write both files.",
    ),
)
def make() -> None:
    """Make a key, of a server or a client: NAME.key and NAME.pub."""


@command(
    "keys",
    clients_argument,
    click.argument("certificate", type=file_type),
    click.option(
        "--queries", type=click.IntRange(0), required=True, help="That may be asked in all."
    ),
    click.option(
        "--per-minute", type=click.IntRange(1), default=60, help="Queries in any 60 seconds."
    ),
)
def allow() -> None:
    """Add the owner of CERTIFICATE, a .pub file, to the list CLIENTS.

    The list is a file, made with its first client. A client that is on it gets the new numbers, and
    what it has asked stays counted. A server that runs knows of it within a second.
    """


@command(
    "keys",
    clients_argument,
    click.option("--name", required=True, help="Of the client."),
)
def remove() -> None:
    """Take a client from the list CLIENTS, and what it has asked with it."""


@command("keys", clients_argument, json_option, name="list")
def list_() -> None:
    """Show the clients of the list CLIENTS, and what they have asked."""


for each in (make, allow, remove, list_):
    keys.add_command(each)
