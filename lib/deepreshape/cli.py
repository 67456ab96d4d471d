"""The command line: `deepreshape count` and `deepreshape run`."""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from deepreshape.design import (
    Cost,
    Network,
    cost,
    cull,
    paper_convention,
    parse,
    reuse,
    scale,
    thin,
)


def main() -> None:
    """Run a command; bad input is one line on stderr and exit status 2."""
    try:
        code = commands(standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        code = 0
    except click.ClickException as error:
        click.echo(f"deepreshape: {' '.join(error.format_message().split())}", err=True)
        code = 2
    except (click.Abort, KeyboardInterrupt):
        click.echo("deepreshape: interrupted; the same command goes on from here", err=True)
        code = 130
    except ValueError as error:
        click.echo(f"deepreshape: {error}", err=True)
        code = 2
    except (OSError, RuntimeError) as error:
        click.echo(f"deepreshape: {error}", err=True)
        code = 1
    sys.exit(code)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def commands() -> None:
    """Networks for private inference, after DeepReShape (TMLR 06/2024)."""


class Numbers(click.ParamType[tuple[int, ...]]):
    """Comma-separated whole numbers: 2,3,4."""

    name = "numbers"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        if not re.fullmatch(r"-?\d{1,40}(,-?\d{1,40})*", str(value), re.ASCII):
            self.fail(f"{value!r} is not a list of whole numbers such as 2,3,4", param, ctx)
        numbers = tuple(int(number) for number in str(value).split(","))
        if len(set(numbers)) < len(numbers):
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


@commands.command()
@network_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def count(as_json: bool, **arguments: Any) -> None:
    """Count ReLUs, MACs, FLOPs and parameters of NETWORK.

    NETWORK is a name such as "HRN-5x5x3x(m=16)", "ResNet18(m=16)-4x4x4x" or "R34-HRN-2x6x3x".
    FLOPs are counted twice: A charges 5 per BatchNorm element, B charges 2.
    """
    network = edited(**arguments)
    if as_json:
        click.echo(json.dumps(_counts(network, cost(network)), indent=1))
    else:
        _print_counts(network, cost(network))


def _counts(network: Network, counted: Cost) -> dict[str, Any]:
    stages = {f"stage{number}": relus for number, relus in enumerate(counted.relus[1:], start=1)}
    return {
        "network": network.name,
        "input": network.resolution,
        "classes": network.classes,
        "relus": {"total": counted.total_relus, "stem": counted.relus[0], **stages},
        "macs": counted.macs,
        "flops": {"A": counted.flops("A"), "B": counted.flops("B")},
        "params": counted.params,
    }


def _print_counts(network: Network, counted: Cost) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    size = network.resolution
    click.echo(f"{network.name}, input {size} x {size}, {network.classes} classes")
    table = Table(box=SIMPLE_HEAD)
    table.add_column("")
    table.add_column("count", justify="right")
    table.add_column("share", justify="right")
    total = counted.total_relus
    names = ["stem", *(f"stage {number}" for number in range(1, len(counted.relus)))]
    for name, relus in zip(names, counted.relus, strict=True):
        table.add_row(f"ReLUs {name}", f"{relus:,}", f"{relus / max(total, 1):.2%}")
    table.add_row("ReLUs", f"{total:,}", "", end_section=True)
    table.add_row("MACs", f"{counted.macs:,}", "")
    used = paper_convention(network)
    for convention in ("A", "B"):
        note = "the paper's" if convention == used else ""
        table.add_row(f"FLOPs {convention}", f"{counted.flops(convention):,}", note)
    table.add_row("parameters", f"{counted.params:,}", "")
    Console().print(table)


@commands.command()
@click.argument("figure", type=click.Choice(["fig12"]))
@click.option("--profile", default="quick", show_default=True, help="quick, short or paper.")
@click.option("--data", help="Data set in place of the profile's, such as cifar100.")
@click.option("--seeds", type=Numbers(), default="1", show_default=True, help="Such as 1,2,3.")
@click.option("--panels", help="Only these panels, such as be.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--workers", type=int, help="Processes that train side by side.")
@click.option(
    "--store",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="DEEPRESHAPE_RUNS",
    default=Path("build/runs"),
    show_default=True,
    help="Folder of records.",
)
def run(
    figure: str,
    profile: str,
    data: str | None,
    seeds: tuple[int, ...],
    panels: str | None,
    device: str,
    workers: int | None,
    store: Path,
) -> None:
    """Train what FIGURE needs and the store lacks."""
    from deepreshape.learn.executors import Executor, execute
    from deepreshape.learn.runs import Store
    from deepreshape.paper import experiments

    points = experiments.fig12(experiments.profile(profile), data, seeds, panels)
    runs = [run for point in points for run in point.runs]
    records = execute(runs, Store(store), Executor(device, workers))
    failed = sum(record.status == "failed" for record in records)
    click.echo(
        f"{figure}: {len(records)} records in {store}" + (f", {failed} failed" * bool(failed))
    )


if __name__ == "__main__":
    main()
