"""Arguments that commands share: lists of numbers, a network with its edits, what is trained."""

import re
from collections.abc import Callable
from math import inf, isfinite
from pathlib import Path
from typing import Any, get_args

import click

from deepreshape.cli.networks import named
from deepreshape.design import AnyNetwork, Network, cull, reuse, scale, thin
from deepreshape.design.graph import Place
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


class Channels(click.ParamType[tuple[float, ...]]):
    """Three finite numbers, of red, green and blue, none below `least`."""

    name = "r,g,b"

    def __init__(self, least: float = 0.0) -> None:
        self.least = least

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            numbers = tuple(map(float, str(value).split(",")))
        except ValueError:
            numbers = ()
        if len(numbers) != 3 or not all(self.least <= number < inf for number in numbers):
            self.fail(f"{value!r} is not three numbers such as 129.3,124.1,112.4", param, ctx)
        return numbers


class Places(click.ParamType[tuple[Place, ...]]):
    """Numbers of stages, or patterns of the names of ReLUs, such as layer1/*,stem."""

    name = "stages"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[Place, ...]:
        if isinstance(value, tuple):
            return value
        patterns = [part.strip() for part in str(value).split(",")]
        if not any(re.search(r"[A-Za-z_*?/]", pattern) for pattern in patterns):
            return Numbers().convert(value, param, ctx)
        if not all(re.fullmatch(r"[\w./*?]+", pattern) for pattern in patterns):
            self.fail(f"{value!r} is no list of stages, nor of names such as layer1/*", param, ctx)
        return tuple(patterns)


class Shard(click.ParamType[tuple[int, int]]):
    """Such as 2/8: the second of eight parts."""

    name = "i/n"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        number, _, parts = str(value).partition("/")
        plain = all(each.isascii() and each.isdigit() and len(each) < 9 for each in (number, parts))
        if not plain or not 1 <= int(number) <= int(parts):
            self.fail(f"{value!r} is no part such as 2/8, the second of eight", param, ctx)
        return int(number), int(parts)


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


class Written(click.ParamType[Any]):
    """What a function of `sizes` reads: a count such as 100K, or a time such as 20s."""

    def __init__(self, name: str, read: Callable[[str], float]) -> None:
        self.name, self.read = name, read

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if not isinstance(value, str):
            return value
        try:
            return self.read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


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
        type=Places(),
        help="Stages without ReLUs, such as 1; 0 is the stem alone. Of a module also names of"
        " ReLUs: layer1/*.",
    ),
    click.option("--thin", "thinned", type=Places(), help="Stages with one ReLU a block: 2,3,4."),
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
    culled: tuple[Place, ...] | None,
    thinned: tuple[Place, ...] | None,
    reused_by: int | None,
    divisions: Divisions | None,
    everywhere: bool,
) -> AnyNetwork:
    """The network of a command's arguments."""
    if reused_by is None and (divisions or everywhere):
        raise click.UsageError("--divisions and --everywhere need --reuse")
    result = named(network, resolution, classes)
    if scaled_by is not None:
        result = scale(_of_family(result, "--scale"), scaled_by)
    if culled is not None:
        result = cull(result, culled)
    if thinned is not None:
        result = thin(result, thinned)
    if reused_by is not None:
        result = reuse(_of_family(result, "--reuse"), reused_by, divisions or "three", everywhere)
    return result


def _of_family(network: AnyNetwork, option: str) -> Network:
    if not isinstance(network, Network):
        raise click.UsageError(f"{option} takes a network of a family, which {network.name} is not")
    return network


profile_option = click.option(
    "--profile", default="quick", help="smoke, quick, short, full-width or paper."
)

data_options = options(
    click.option(
        "--data",
        help="Images in place of the profile's: a set such as cifar100, or a folder of images by"
        " class, such as birds/ or 'birds/[size=64]'.",
    ),
    click.option(
        "--skip-damaged", is_flag=True, help="Leave out files of a folder that are no images."
    ),
)
"""Which images; see `cli.data`."""

experiment_options = options(
    profile_option,
    data_options,
    click.option("--seeds", type=Numbers(), help="Such as 1-3 [1]."),
    click.option("--panels", help="Only these panels, such as be."),
)
"""What of a figure or table is drawn."""

executor_option = click.option(
    "--executor",
    "backend",
    help="in-turn, side-by-side, ray, or package.module:name of another [by --workers].",
)

quiet_option = click.option("-q", "--quiet", is_flag=True, help="No progress on standard error.")

machine_options = options(
    click.option("--device", default="auto", help="auto, cpu, cuda or cuda:1."),
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
