"""Arguments that commands share: lists of numbers, and a network with its edits."""

import re
from collections.abc import Callable
from typing import Any

import click

from deepreshape.design import Network, cull, parse, reuse, scale, thin


class Numbers(click.ParamType[tuple[int, ...]]):
    """Comma-separated whole numbers: 2,3,4. distinct: none may stand twice."""

    name = "numbers"

    def __init__(self, distinct: bool = True) -> None:
        self.distinct = distinct

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        if not re.fullmatch(r"-?\d{1,40}(,-?\d{1,40})*", str(value), re.ASCII):
            self.fail(f"{value!r} is not a list of whole numbers such as 2,3,4", param, ctx)
        numbers = tuple(int(number) for number in str(value).split(","))
        if self.distinct and len(set(numbers)) < len(numbers):
            self.fail(f"{value!r} names a number twice", param, ctx)
        return numbers


def network_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name a network and edit it; see `edited`."""
    for option in reversed(
        (
            click.argument("network"),
            click.option("--input", "resolution", type=int, help="Input height and width [32]."),
            click.option("--classes", type=int, help="Number of classes [100]."),
            click.option("--scale", "scaled_by", help="Multiply every width by this, such as 0.5."),
            click.option(
                "--cull", "culled", type=Numbers(), help="Stages without ReLUs, such as 1."
            ),
            click.option(
                "--thin", "thinned", type=Numbers(), help="Stages with one ReLU a block: 2,3,4."
            ),
            click.option("--reuse", "reused_by", type=int, help="ReLU-reuse factor, such as 8."),
        )
    ):
        command = option(command)
    return command


def edited(
    network: str,
    resolution: int | None,
    classes: int | None,
    scaled_by: str | None,
    culled: tuple[int, ...] | None,
    thinned: tuple[int, ...] | None,
    reused_by: int | None,
) -> Network:
    """The network of a command's arguments."""
    result = parse(network, resolution, classes)
    if scaled_by is not None:
        result = scale(result, scaled_by)
    if culled is not None:
        result = cull(result, culled)
    if thinned is not None:
        result = thin(result, thinned)
    if reused_by is not None:
        result = reuse(result, reused_by)
    return result
