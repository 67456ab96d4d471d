"""Commands that look at designs: `count`, `equalize` and `latency`. They need no framework."""

from collections.abc import Iterable
from importlib import import_module
from math import prod
from typing import Any, Literal

import click

from deepreshape.cli.networks import is_module
from deepreshape.cli.output import print_json
from deepreshape.cli.tables import Row, new_table, say, show
from deepreshape.cli.usage.arguments import edited
from deepreshape.design import AnyNetwork, Cost, Network, by_name, cost, layers, paper_convention
from deepreshape.design.cost import layer_macs, layer_params
from deepreshape.design.equalize import Equalization, Rule, Solution
from deepreshape.design.ops import Conv, FullyConnected, Layer, Relu
from deepreshape.extras import needing
from deepreshape.private.latency import latency as modelled
from deepreshape.private.latency import layer_latencies

COUNTS = ("relus", "macs", "params")
GREEK = ("alpha", "beta", "gamma")


def count(by_layer: bool, as_json: bool, **arguments: Any) -> None:
    name, *size = (arguments.pop(key) for key in ("network", "resolution", "classes"))
    if is_module(name) and not any(arguments.values()):
        # torch is imported for a module of one's own alone.
        with needing("a module", "train"):
            import_module("deepreshape.cli.modules").count(name, *size, by_layer, as_json)
        return
    network = edited(name, *size, **arguments)
    by_layers = _layer_counts(network) if by_layer else {}
    if as_json:
        print_json(_counts(network, cost(network)) | by_layers)
        return
    _print_counts(network, cost(network))
    if by_layer:
        _print_layer_counts(by_layers)


def _places(counted: Cost, is_staged: bool) -> dict[str, int]:
    """ReLUs of stem, stages and, where it has any, head."""
    places = {"stem": counted.relus[0]} if is_staged else {}
    places |= {f"stage{number}": relus for number, relus in enumerate(counted.relus[1:], start=1)}
    return places | ({"head": counted.head_relus} if counted.head_relus else {})


def _counts(network: AnyNetwork, counted: Cost) -> dict[str, Any]:
    return {
        **described(network),
        "relus": {"total": counted.total_relus, **_places(counted, isinstance(network, Network))},
        "macs": counted.macs,
        "flops": {"A": counted.flops("A"), "B": counted.flops("B")},
        "params": counted.params,
    } | ({"squares": counted.squares} if counted.squares else {})


def described(network: AnyNetwork) -> Row:
    return {"network": network.name, "input": network.resolution, "classes": network.classes}


def heading(network: AnyNetwork) -> str:
    """A network, its input and its classes in a line."""
    size = network.resolution
    return f"{network.name}, input {size} x {size}, {network.classes} classes"


def _print_counts(network: AnyNetwork, counted: Cost) -> None:
    click.echo(heading(network))
    table = new_table("", "count>", "share>")
    total = counted.total_relus
    for place, relus in _places(counted, isinstance(network, Network)).items():
        name = place.replace("stage", "stage ")
        table.add_row(f"ReLUs {name}", f"{relus:,}", f"{relus / max(total, 1):.2%}")
    table.add_row("ReLUs", f"{total:,}", "", end_section=not counted.squares)
    if counted.squares:
        table.add_row("squares", f"{counted.squares:,}", "", end_section=True)
    table.add_row("MACs", f"{counted.macs:,}", "")
    used = paper_convention(network) if isinstance(network, Network) else None
    for convention in ("A", "B"):
        note = "as the paper counts" if convention == used else ""
        table.add_row(f"FLOPs {convention}", f"{counted.flops(convention):,}", note)
    table.add_row("parameters", f"{counted.params:,}", "")
    show(table)


def _layer_counts(network: AnyNetwork) -> Row:
    """ReLUs, multiply-accumulates and parameters: `layers` in order, `stages` and `kinds`."""
    rows = [_row(layer, len(network.stages)) for layer in layers(network)]
    return {"layers": rows, "stages": _summed(rows, "stage"), "kinds": _summed(rows, "kind")}


def _row(layer: Layer, stages: int) -> Row:
    place = "stem" if layer.stage == 0 else "head" if layer.stage > stages else str(layer.stage)
    return {
        "name": layer.name,
        "stage": place,
        "kind": _kind(layer),
        "shape": list(layer.shape),
        "relus": prod(layer.shape) if isinstance(layer.op, Relu) else 0,
        "macs": layer_macs(layer),
        "params": layer_params(layer),
    }


def _kind(layer: Layer) -> str:
    """Convolutions by their kernel, and by whether their channels mix."""
    match layer.op:
        case Conv(inputs=inputs, kernel=kernel, groups=groups):
            mixed = "" if groups == 1 else " depthwise" if groups == inputs else " grouped"
            return f"conv {kernel}x{kernel}{mixed}"
        case FullyConnected():
            return "fully connected"
        case Relu():
            return "ReLU"
        case op:
            return type(op).__name__


def _summed(rows: Iterable[Row], by: str) -> list[Row]:
    found: dict[str, Row] = {}
    for row in rows:
        mine = found.setdefault(row[by], {by: row[by], "layers": 0} | dict.fromkeys(COUNTS, 0))
        mine["layers"] += 1
        for name in COUNTS:
            mine[name] += row[name]
    return list(found.values())


def _print_layer_counts(counted: Row) -> None:
    table = new_table("layer", "kind", "shape>", "ReLUs>", "MACs>", "parameters>")
    for row in counted["layers"]:
        shape = " x ".join(map(str, row["shape"]))
        table.add_row(row["name"], row["kind"], shape, *_cells(row))
    show(table)
    for by in ("stage", "kind"):
        table = new_table(by, "layers>", "ReLUs>", "MACs>", "parameters>")
        for row in counted[f"{by}s"]:
            table.add_row(row[by], str(row["layers"]), *_cells(row))
        total = {name: sum(row[name] for row in counted[f"{by}s"]) for name in COUNTS}
        table.add_section()
        table.add_row("all", str(len(counted["layers"])), *_cells(total))
        show(table)


def _cells(row: Row) -> list[str]:
    return [f"{row[name]:,}" if row[name] else "" for name in COUNTS]


def equalize(
    depths: tuple[int, ...] | None,
    order: tuple[int, ...],
    by: Literal["width", "depth"],
    rule: Rule,
    most: int,
    as_json: bool,
) -> None:
    found = by_name.equalize(order, depths, by=by, rule=rule, most=most)
    if as_json:
        solutions = [_solution(solution, by, rule) for solution in found.solutions]
        print_json({"inequality": found.inequality, "rule": rule, "solutions": solutions})
    else:
        _print_solutions(found, by, order)


def _solution(solution: Solution, by: str, rule: str) -> dict[str, Any]:
    if by == "depth":
        numbers: dict[str, Any] = {"depths": list(solution.depths)}
    elif len(solution.factors) == len(GREEK):
        numbers = dict(zip(GREEK, solution.factors, strict=True))
    else:
        numbers = {"factors": list(solution.factors)}
    described = {**numbers, "name": solution.name}
    if rule == "all":
        described["rules"] = sorted(solution.rules)
    return described if solution.holds else {**described, "holds": False}


def _print_solutions(found: Equalization, by: str, order: tuple[int, ...]) -> None:
    click.echo(" > ".join(f"#ReLUs(S{stage})" for stage in order))
    click.echo(found.inequality)
    table = new_table("depths" if by == "depth" else "factors", "network", "selected by", "")
    for solution in found.solutions:
        depths, factors = map(str, solution.depths), map(str, solution.factors)
        written = ", ".join(depths) if by == "depth" else "x".join(factors) + "x"
        note = "" if solution.holds else "does not satisfy the inequality"
        table.add_row(written, solution.name, ", ".join(sorted(solution.rules)), note)
    show(table)


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
