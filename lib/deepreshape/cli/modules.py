"""What `count` says of a torch module."""

from dataclasses import asdict
from typing import Any

import click

from deepreshape.cli.output import print_json
from deepreshape.cli.tables import new_table, say, show
from deepreshape.learn.modules.counting import ModuleCount, count_module
from deepreshape.learn.modules.operations import Counts
from deepreshape.learn.modules.references import module_of

COLUMNS = ("ReLUs>", "MACs>", "parameters>", "comparisons>")


def count(
    reference: str, resolution: int | None, classes: int | None, by_layer: bool, as_json: bool
) -> None:
    """Count the module of `package.module:factory` on square images of 3 channels."""
    size = 32 if resolution is None else resolution
    shape = (3, size, size)
    counted = count_module(module_of(reference, classes), shape)
    if as_json:
        print_json(_facts(reference, shape, counted, by_layer))
        return
    click.echo(f"{reference}, image 3 x {size} x {size}")
    whole = Counts(counted.relus, counted.macs, counted.parameters, 0, counted.comparisons)
    if by_layer:
        _print("module", counted.by_module, whole)
    _print("maps", counted.by_stage, whole)
    say(f"FLOPs A {counted.flops('A'):,}, FLOPs B {counted.flops('B'):,}")
    if counted.comparisons:
        say("comparisons: of max pooling and of the upper bounds of ReLU6, which no ReLUs count")


def _print(first: str, parts: Any, whole: Counts) -> None:
    table = new_table(first, *COLUMNS)
    for name, counts in parts.items():
        table.add_row(name.replace("x", " x ") if first == "maps" else name, *_cells(counts))
    table.add_section()
    table.add_row("all", *_cells(whole))
    show(table)


def _cells(counts: Counts) -> list[str]:
    numbers = (counts.relus, counts.macs, counts.parameters, counts.comparisons)
    return [f"{number:,}" if number else "" for number in numbers]


def _facts(
    reference: str, shape: tuple[int, ...], counted: ModuleCount, by_layer: bool
) -> dict[str, Any]:
    facts = asdict(counted)
    modules, stages = facts.pop("by_module"), facts.pop("by_stage")
    return {
        "module": reference,
        "input": list(shape),
        **facts,
        "flops": {"A": counted.flops("A"), "B": counted.flops("B")},
        "stages": {name: counts._asdict() for name, counts in stages.items()},
    } | ({"modules": {k: v._asdict() for k, v in modules.items()}} if by_layer else {})
