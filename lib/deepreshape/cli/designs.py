"""Commands about designs: `count`, `equalize`, `latency`. None needs more than pure Python."""

from typing import TYPE_CHECKING, Any

import click

from deepreshape.cli.arguments import Numbers, edited, json_option, network_options
from deepreshape.cli.layers import layer_counts, print_layer_counts
from deepreshape.cli.output import print_json
from deepreshape.cli.tables import new_table, say, show
from deepreshape.design import Cost, Network, cost, paper_convention

if TYPE_CHECKING:
    from deepreshape.design.equalize import Equalization, Solution


@click.command()
@network_options
@click.option("--layers", "by_layer", is_flag=True, help="By layer, by stage and by kind of layer.")
@json_option
def count(by_layer: bool, as_json: bool, **arguments: Any) -> None:
    """Count ReLUs, MACs, FLOPs and parameters of NETWORK.

    NETWORK is a name such as "HRN-5x5x3x(m=16)", "ResNet18(m=16)-4x4x4x", "WRN22x8", "VGG16",
    "RegNetX-1.6GF", "ConvNeXt-T", "MobileNetV2" or "HRN[1,5,5,3](m=16)". FLOPs are counted twice: A
    charges 5 per BatchNorm element, B charges 2.
    """
    network = edited(**arguments)
    if as_json:
        print_json(_counts(network, cost(network)) | (layer_counts(network) if by_layer else {}))
        return
    _print_counts(network, cost(network))
    if by_layer:
        print_layer_counts(network)


def _places(counted: Cost) -> dict[str, int]:
    """ReLUs of stem, stages and, where it has any, head."""
    places = {"stem": counted.relus[0]}
    places |= {f"stage{number}": relus for number, relus in enumerate(counted.relus[1:], start=1)}
    return places | ({"head": counted.head_relus} if counted.head_relus else {})


def _counts(network: Network, counted: Cost) -> dict[str, Any]:
    return {
        "network": network.name,
        "input": network.resolution,
        "classes": network.classes,
        "relus": {"total": counted.total_relus, **_places(counted)},
        "macs": counted.macs,
        "flops": {"A": counted.flops("A"), "B": counted.flops("B")},
        "params": counted.params,
    } | ({"squares": counted.squares} if counted.squares else {})


def _heading(network: Network) -> str:
    size = network.resolution
    return f"{network.name}, input {size} x {size}, {network.classes} classes"


def _print_counts(network: Network, counted: Cost) -> None:
    click.echo(_heading(network))
    table = new_table("", "count>", "share>")
    total = counted.total_relus
    for place, relus in _places(counted).items():
        name = place.replace("stage", "stage ")
        table.add_row(f"ReLUs {name}", f"{relus:,}", f"{relus / max(total, 1):.2%}")
    table.add_row("ReLUs", f"{total:,}", "", end_section=not counted.squares)
    if counted.squares:
        table.add_row("squares", f"{counted.squares:,}", "", end_section=True)
    table.add_row("MACs", f"{counted.macs:,}", "")
    used = paper_convention(network)
    for convention in ("A", "B"):
        note = "as the paper counts" if convention == used else ""
        table.add_row(f"FLOPs {convention}", f"{counted.flops(convention):,}", note)
    table.add_row("parameters", f"{counted.params:,}", "")
    show(table)


@click.command()
@click.option(
    "--depths",
    type=Numbers(distinct=False),
    help="Blocks of each stage [2 in each]; by depth they are what is chosen.",
)
@click.option(
    "--order", type=Numbers(), required=True, help="Stages from most to least critical: 3,2,4,1."
)
@click.option(
    "--by",
    type=click.Choice(["width", "depth"]),
    default="width",
    show_default=True,
    help="What is chosen: factors between widths, or blocks of each stage.",
)
@click.option(
    "--rule",
    type=click.Choice(["pareto", "paper", "all"]),
    default="pareto",
    show_default=True,
    help="Which solutions: the Pareto-minimal ones, those chosen as the paper chose for ResNet18"
    " and ResNet34, or all up to --most.",
)
@click.option(
    "--most", type=int, default=16, show_default=True, help="Largest number tried by --rule all."
)
@json_option
def equalize(
    depths: tuple[int, ...] | None,
    order: tuple[int, ...],
    by: str,
    rule: Any,
    most: int,
    as_json: bool,
) -> None:
    """Solve Algorithm 1: widths or depths that put the stages' ReLUs in a given order."""
    from deepreshape.design.equalize import by_depth, by_width, require_depths

    depths = require_depths(depths or (2,) * len(order), order)
    width = by == "width"
    found = by_width(depths, order, rule, most) if width else by_depth(order, rule, most)
    if as_json:
        print_json(
            {
                "inequality": found.inequality,
                "rule": rule,
                "solutions": [_solution(solution, by, rule) for solution in found.solutions],
            }
        )
    else:
        _print_solutions(found, by, order)


GREEK = ("alpha", "beta", "gamma")


def _solution(solution: "Solution", by: str, rule: str) -> dict[str, Any]:
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


def _print_solutions(found: "Equalization", by: str, order: tuple[int, ...]) -> None:
    click.echo(" > ".join(f"#ReLUs(S{stage})" for stage in order))
    click.echo(found.inequality)
    columns = ["depths"] if by == "depth" else ["factors"]
    table = new_table(*columns, "network", "selected by", "")
    for solution in found.solutions:
        numbers = solution.depths if by == "depth" else solution.factors
        joined = (", " if by == "depth" else "x").join(map(str, numbers))
        written = joined if by == "depth" else joined + "x"
        note = "" if solution.holds else "does not satisfy the inequality"
        table.add_row(written, solution.name, ", ".join(sorted(solution.rules)), note)
    show(table)


@click.command()
@network_options
@click.option("--layers", "by_layer", is_flag=True, help="Show each layer.")
@json_option
def latency(by_layer: bool, as_json: bool, **arguments: Any) -> None:
    """Model the seconds and bytes of one private inference with NETWORK.

    HE counts the operations of Delphi's packing, with seconds fitted to the paper's HE columns; GC
    takes published timings. Nothing is measured.
    """
    from deepreshape.private.latency import latency as modelled
    from deepreshape.private.latency import layer_latencies

    network = edited(**arguments)
    whole = modelled(network)
    rows = layer_latencies(network) if by_layer else ()
    if as_json:
        described = {
            "network": network.name,
            "input": network.resolution,
            "classes": network.classes,
            **_latency(whole),
        }
        if by_layer:
            described["layers"] = [{"name": row.name} | _latency(row) for row in rows]
        print_json(described)
        return
    click.echo(_heading(network))
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
