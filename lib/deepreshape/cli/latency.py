"""The command that models what private inference takes: `latency`."""

from typing import Any

import click

from deepreshape.cli.count import described, heading
from deepreshape.cli.output import print_json
from deepreshape.cli.tables import new_table, say, show
from deepreshape.cli.usage.arguments import edited
from deepreshape.private.latency import latency as modelled
from deepreshape.private.latency import layer_latencies


def latency(by_layer: bool, as_json: bool, **arguments: Any) -> None:
    network = edited(**arguments)
    whole = modelled(network)
    rows = layer_latencies(network) if by_layer else ()
    if as_json:
        layers = [{"name": row.name} | _latency(row) for row in rows]
        print_json(described(network) | _latency(whole) | ({"layers": layers} if by_layer else {}))
        return
    click.echo(heading(network))
    table = new_table(
        "", "mult.>", "key sw.>", "cts up>", "cts down>", "HE s>", "ReLUs>", "GC s>", "total s>"
    )
    for row in (*rows, whole):
        operations = row.operations
        table.add_row(
            row.name,
            *(f"{number:,}" if number else "" for number in operations),
            f"{row.he_s:,.2f}" if any(operations) else "",
            f"{row.relus:,}" if row.relus else "",
            f"{row.gc_s:,.2f}" if row.relus else "",
            f"{row.total_s:,.2f}",
            end_section=row is (rows[-1] if rows else None),
        )
    show(table)
    say(
        f"ciphertexts: up {whole.operations.bytes_up / 1e6:,.1f} MB,"
        f" down {whole.operations.bytes_down / 1e6:,.1f} MB;"
        f" garbled circuits stored: client {whole.client_bytes / 1e6:,.1f} MB,"
        f" server {whole.server_bytes / 1e6:,.1f} MB"
    )


def _latency(row: Any) -> dict[str, Any]:
    operations = row.operations
    return {
        "he_s": row.he_s,
        "gc_s": row.gc_s,
        "total_s": row.total_s,
        "relus": row.relus,
        "multiplications": operations.multiplications,
        "key_switches": operations.key_switches,
        "ciphertexts": {"up": operations.up, "down": operations.down},
        "bytes": {
            "up": operations.bytes_up,
            "down": operations.bytes_down,
            "stored_by_client": row.client_bytes,
            "stored_by_server": row.server_bytes,
        },
    }
