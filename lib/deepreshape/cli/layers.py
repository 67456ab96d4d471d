"""What a network costs layer by layer, and summed by stage and by kind: `count --layers`."""

from collections.abc import Iterable
from math import prod
from typing import Any

from deepreshape.cli.tables import new_table, show
from deepreshape.design import Network, layers
from deepreshape.design.cost import layer_macs, layer_params
from deepreshape.design.ops import Conv, Layer, Linear, Relu

Row = dict[str, Any]
COUNTS = ("relus", "macs", "params")


def layer_counts(network: Network) -> Row:
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
        case Linear():
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


def print_layer_counts(network: Network) -> None:
    counted = layer_counts(network)
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
