"""Commands about figures and tables that are trained: `plan` prices one, `run` makes its runs."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from deepreshape.cli.arguments import (
    experiment_options,
    json_option,
    machine_options,
    store_option,
)
from deepreshape.cli.output import digits, duration, large, print_json
from deepreshape.cli.rows import Row, epochs, open_store, what
from deepreshape.cli.tables import new_table, say, show

if TYPE_CHECKING:
    from deepreshape.learn.runs.executors import Executor
    from deepreshape.learn.runs.price import Gpu, Speed
    from deepreshape.learn.runs.run import Run
    from deepreshape.learn.runs.store import Store
    from deepreshape.learn.training.machine import Machine, Precision

MOST_NAMED = 3
"""Of the other figures that use a run, a table names so many."""


@click.command()
@click.argument("name")
@experiment_options
@machine_options
@store_option
def run(
    name: str,
    profile: str,
    data: str | None,
    seeds: tuple[int, ...],
    panels: str | None,
    device: str,
    workers: int | None,
    precision: "Precision | None",
    quiet: bool,
    store: Path,
) -> None:
    """Train what a figure or table needs and neither the store nor the repository has.

    NAME is one such as fig12 or table6; `deepreshape plan` lists them.
    """
    from deepreshape.learn.runs.executors import Executor, execute

    executor = Executor(device, workers, show=not quiet, precision=precision)
    wanted = _runs(name, profile, data, seeds, panels)
    if not wanted:
        raise ValueError(f"profile {profile} has no network of {name} that fits these images")
    records = execute(wanted, open_store(store), executor)
    failed = sum(record.status == "failed" for record in records)
    click.echo(f"{name}: {len(records)} records in {store}" + (f", {failed} failed" * bool(failed)))


def _runs(
    name: str,
    profile: str,
    data: str | None = None,
    seeds: Iterable[int] = (1,),
    panels: str | None = None,
) -> "list[Run]":
    """The runs of a figure or table, on the images that are read here."""
    from deepreshape.paper.trained import experiments
    from deepreshape.paper.trained.profiles import profile as find_profile

    points = experiments.find(name).drawn(find_profile(profile), data, seeds, panels)
    return [run.pinned() for run in experiments.runs_of(points)]


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@experiment_options
@click.option("--gpu", default="A100", show_default=True, help="One of data/gpus.csv.")
@click.option("--probe", is_flag=True, help="Measure this machine anew.")
@machine_options
@store_option
@json_option
def plan(
    names: tuple[str, ...],
    profile: str,
    data: str | None,
    seeds: tuple[int, ...],
    panels: str | None,
    gpu: str,
    probe: bool,
    device: str,
    workers: int | None,
    precision: "Precision | None",
    quiet: bool,
    store: Path,
    as_json: bool,
) -> None:
    """Price what figures or tables train, without training it.

    NAME is one such as fig12 or table6; without one, all of them are summed up, a line each. Times
    here follow from a probe of this machine, which is made once (it takes a quarter of a minute, a
    minute where the machine is busy); times on a GPU from its data sheet. Both are upper bounds
    where a search may end early.
    """
    from deepreshape.learn.runs.executors import Executor
    from deepreshape.learn.runs.price import gpu as find_gpu
    from deepreshape.paper.trained.experiments import EXPERIMENTS

    executor = Executor(device, workers, show=not quiet, precision=precision)
    named = tuple(dict.fromkeys(names))
    of = {name: _runs(name, profile, data, seeds, panels) for name in named or EXPERIMENTS}
    price = Price(find_gpu(gpu), open_store(store), executor, probe)
    found: Row = {"profile": profile, "here": price.here, "gpu": price.gpu.name}
    if named:
        for name in EXPERIMENTS.keys() - of.keys():
            # A figure that these images are no good for shares nothing.
            with suppress(ValueError):
                of[name] = _runs(name, profile, data, seeds)
        users = _users(of)
        rows = [price.run(run, users[run]) for run in _distinct(of, named)]
        found |= {"runs": rows, "total": price.total(_distinct(of, named))}
    else:
        titled = {name: {"name": name, "title": EXPERIMENTS[name].title} for name in of}
        figures = [titled[name] | price.total(of[name]) for name in of]
        found |= {"figures": figures, "total": price.total(_distinct(of, of))}
    if as_json:
        print_json(found)
    else:
        (_print_runs if named else _print_figures)(found, named)
        _print_total(found["total"], price)


def _distinct(of: "Mapping[str, list[Run]]", names: Iterable[str]) -> "list[Run]":
    """The runs of several figures, each once, and what they learn or start from."""
    from deepreshape.learn.runs.price import with_teachers

    return with_teachers(run for name in names for run in of[name])


def _users(of: "Mapping[str, list[Run]]") -> "dict[Run, list[str]]":
    """The figures that a run is for."""
    users: dict[Run, list[str]] = {}
    for name in sorted(of):
        for run in _distinct(of, [name]):
            users.setdefault(run, []).append(name)
    return users


class Price:
    """What runs take on this machine and on a GPU, and which of them are recorded.

    anew: measure the machine even where it was measured before.
    """

    def __init__(self, gpu: "Gpu", store: "Store", executor: "Executor", anew: bool) -> None:
        from deepreshape.learn.runs import speed
        from deepreshape.learn.runs.executors import processes
        from deepreshape.learn.training.machine import describe, this_machine

        machine = this_machine(executor.device, executor.precision)
        self.gpu, self.store, self.workers = gpu, store, processes(executor, machine)
        known = None if anew else speed.known(machine, self.workers)
        self.speed = known or _measured(machine, self.workers, executor.show)
        self.here = {
            "processor": describe(machine.device)["processor"],
            "device": machine.device.type,
            "precision": machine.precision,
            "workers": self.workers,
        }

    def run(self, run: "Run", users: list[str]) -> Row:
        """A run's row; users: the figures that it is for."""
        from deepreshape.design import cost
        from deepreshape.learn.runs.price import macs, seconds

        described, record = run.describe(), self.store.get(run)
        trained, searched = epochs(described)
        return {
            "key": run.key,
            "network": described["network"],
            "data": described["data"],
            "what": what(described),
            "seed": run.seed,
            "epochs": trained,
            "search_epochs": searched,
            "macs_an_image": cost(run.network).macs,
            "macs": macs(run),
            "here_s": seconds(run, self.speed),
            "gpu_s": seconds(run, self.gpu),
            "record": record.status if record else None,
            "figures": users,
        }

    def total(self, runs: "list[Run]") -> Row:
        """Of runs and what they learn or start from: how many there are, and what those take that
        have to be made."""
        from deepreshape.learn.runs.executors import lacking, waves
        from deepreshape.learn.runs.price import elapsed, macs, seconds, with_teachers

        made = lacking(runs, self.store)
        return {
            "runs": len(with_teachers(runs)),
            "to_make": len(made),
            "macs": sum(map(macs, made)),
            "here_s": elapsed(waves(made), self.speed, self.workers),
            "gpu_s": sum(seconds(run, self.gpu) for run in made),
            "searches": sum(run.search is not None for run in made),
        }


def _measured(machine: "Machine", workers: int, said: bool) -> "Speed":
    """The speed of this machine, measured with progress on stderr."""
    from deepreshape.learn.runs import speed
    from deepreshape.progress import Shown

    if said:
        click.echo(
            "measuring how fast this machine trains, once: a quarter of a minute where it is idle,"
            " a minute where it is busy",
            err=True,
        )
    with Shown("{task.description}", quiet=not said) as progress:
        task = progress.add_task("measuring", total=speed.steps_of_probe(workers))
        return speed.measure(machine, workers, progress=lambda steps: progress.advance(task, steps))


def _print_runs(found: Row, named: tuple[str, ...]) -> None:
    several = len(named) > 1
    columns = ["key", "network", "data", "trained by", "seed>", "epochs>", "MACs an image>"]
    columns += ["MACs>", "here>", f"{found['gpu']}>", "record", *["for"] * several, "could share"]
    table = new_table(*columns)
    for row in found["runs"]:
        most = "≤ " * bool(row["search_epochs"])
        searched = f"≤ {row['search_epochs']} + " * bool(row["search_epochs"])
        table.add_row(
            row["key"],
            row["network"],
            row["data"],
            row["what"],
            str(row["seed"]),
            f"{searched}{row['epochs']}",
            large(row["macs_an_image"]),
            large(row["macs"]),
            most + duration(row["here_s"]),
            most + duration(row["gpu_s"]),
            row["record"] or "",
            *[", ".join(name for name in row["figures"] if name in named)] * several,
            _few([name for name in row["figures"] if name not in named]),
        )
    show(table)


def _few(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _print_figures(found: Row, named: tuple[str, ...]) -> None:
    table = new_table(
        "", "", "runs>", "recorded>", "to make>", "MACs>", "here>", f"{found['gpu']}>"
    )
    for row in found["figures"]:
        table.add_row(row["name"], row["title"], *_cells(row))
    table.add_section()
    table.add_row("all", "every run once", *_cells(found["total"]))
    show(table)


def _cells(total: Row) -> list[str]:
    return [
        str(total["runs"]),
        str(total["runs"] - total["to_make"]),
        str(total["to_make"]),
        large(total["macs"]),
        duration(total["here_s"]),
        duration(total["gpu_s"]),
    ]


def _print_total(total: Row, price: Price) -> None:
    runs, made, here = total["runs"], total["to_make"], price.here
    say(
        f"{runs} runs, {runs - made} recorded, {made} to make:"
        f" {large(total['macs'])} multiply-accumulates forward and backward"
    )
    if not made:
        return
    say(
        f"here: about {duration(total['here_s'])} with {here['workers']} at a time on"
        f" {here['processor']} ({here['device']}, {here['precision']})"
    )
    say(
        f"{price.gpu.name}: about {duration(total['gpu_s'])}, where it reaches"
        f" {digits(price.gpu.flops / 1e12)} TFLOP/s"
    )
    if total["searches"]:
        say(
            f"at most: {total['searches']} searches may end before their last epoch, or go part of"
            " their way together"
        )
