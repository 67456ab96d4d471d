"""Arguments that commands share: lists of numbers, a network with its edits, what is trained."""

from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any, get_args

import click

from deepreshape.design import Network, cull, parse, reuse, scale, thin
from deepreshape.design.reuse_module import Divisions
from deepreshape.ranges import whole_numbers

Command = Callable[..., Any]


class Numbers(click.ParamType[tuple[int, ...]]):
    """Whole numbers such as 2,3,4 or 1-5 (`ranges`). distinct: none may stand twice."""

    name = "numbers"

    def __init__(self, distinct: bool = True) -> None:
        self.distinct = distinct

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        try:
            numbers = whole_numbers(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if self.distinct and len(set(numbers)) < len(numbers):
            self.fail(f"{value!r} names a number twice", param, ctx)
        return numbers


class Positive(click.ParamType[float]):
    """A finite number above zero, which click's own range would not hold a NaN to be outside of."""

    name = "number"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        try:
            number = float(value)
        except ValueError:
            number = 0.0
        if not (isfinite(number) and number > 0):
            self.fail(f"{value!r} is not a number above 0", param, ctx)
        return number


def options(*added: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Arguments and options as one decorator, in this order."""

    def decorated(command: Command) -> Command:
        for option in reversed(added):
            command = option(command)
        return command

    return decorated


file_type = click.Path(path_type=Path, dir_okay=False)

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")

network_options = options(
    click.argument("network"),
    click.option("--input", "resolution", type=int, help="Input height and width [32]."),
    click.option("--classes", type=int, help="Number of classes [100]."),
    click.option("--scale", "scaled_by", help="Multiply every width by this, such as 0.5."),
    click.option(
        "--cull",
        "culled",
        type=Numbers(),
        help="Stages without ReLUs, such as 1; 0 is the stem alone.",
    ),
    click.option("--thin", "thinned", type=Numbers(), help="Stages with one ReLU a block: 2,3,4."),
    click.option("--reuse", "reused_by", type=int, help="ReLU-reuse factor, such as 8."),
    click.option(
        "--divisions",
        type=click.Choice(get_args(Divisions)),
        help="How ReLU-reuse divides channels: into three groups, or as many as its factor.",
    ),
    click.option("--everywhere", is_flag=True, help="ReLU-reuse in all layers that keep a ReLU."),
)
"""The options that name a network and edit it; see `edited`."""


def edited(
    network: str,
    resolution: int | None,
    classes: int | None,
    scaled_by: str | None,
    culled: tuple[int, ...] | None,
    thinned: tuple[int, ...] | None,
    reused_by: int | None,
    divisions: Divisions | None,
    everywhere: bool,
) -> Network:
    """The network of a command's arguments."""
    if reused_by is None and (divisions or everywhere):
        raise click.UsageError("--divisions and --everywhere need --reuse")
    result = parse(network, resolution, classes)
    if scaled_by is not None:
        result = scale(result, scaled_by)
    if culled is not None:
        result = cull(result, culled)
    if thinned is not None:
        result = thin(result, thinned)
    if reused_by is not None:
        result = reuse(result, reused_by, divisions or "three", everywhere)
    return result


profile_option = click.option("--profile", default="quick", help="smoke, quick, short or paper.")

experiment_options = options(
    profile_option,
    click.option("--data", help="Data set in place of the profile's, such as cifar100."),
    click.option("--seeds", type=Numbers(), default="1", help="Such as 1-3."),
    click.option("--panels", help="Only these panels, such as be."),
)
"""What of a figure or table is drawn."""

quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress on standard error.")

machine_options = options(
    click.option("--device", default="auto", help="auto, cpu or cuda."),
    click.option("--workers", type=int, help="Processes that train side by side."),
    click.option(
        "--precision",
        type=click.Choice(["auto", "float32", "bfloat16"]),
        default="auto",
        callback=lambda ctx, param, value: None if value == "auto" else value,
        help="Number format; auto: what the device multiplies fast.",
    ),
    quiet_option,
)
"""What runs are computed on; see `learn.runs.executors.Executor`."""

store_option = click.option(
    "--store",
    type=click.Path(path_type=Path, file_okay=False),
    callback=lambda ctx, param, path: path.expanduser(),
    envvar="DEEPRESHAPE_RUNS",
    default=Path("build/runs"),
    help="Folder of records.",
)
