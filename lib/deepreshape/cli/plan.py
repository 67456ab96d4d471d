"""Commands about figures and tables that are trained: `plan` prices one, `run` makes its runs."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

import click

from deepreshape import places
from deepreshape.cli.data import asked, decoded
from deepreshape.cli.output import duration, large, print_json
from deepreshape.cli.prices import Price, print_total
from deepreshape.cli.rows import epochs_text
from deepreshape.cli.tables import Columns, Row, new_table, show, table_of
from deepreshape.extras import needing
from deepreshape.learn.runs import executors
from deepreshape.learn.runs.price import gpu as find_gpu
from deepreshape.learn.runs.price import with_teachers
from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from deepreshape.learn.training.machine import Precision
from deepreshape.paper.trained import experiments
from deepreshape.paper.trained.experiments import EXPERIMENTS
from deepreshape.paper.trained.profiles import profile as find_profile

ONE_SEED = (1,)
MOST_NAMED = 3
"""Of the other figures that use a run, a table names so many."""


def run(
    name: str,
    profile: str,
    data: str | None,
    skip_damaged: bool,
    seeds: tuple[int, ...] | None,
    panels: str | None,
    shard: tuple[int, int] | None,
    backend: str | None,
    device: str,
    workers: int | None,
    precision: Precision | None,
    quiet: bool,
    store: Path,
) -> None:
    executor = executors.Executor(device, workers, not quiet, precision, backend)
    data = decoded(asked(data, skip_damaged), quiet)
    wanted = _runs(name, profile, data, seeds or ONE_SEED, panels)
    if not wanted:
        raise ValueError(f"profile {profile} has no network of {name} that fits these images")
    said = name
    if shard is not None:
        said = f"{name}, part {shard[0]} of {shard[1]}"
        wanted = executors.part(wanted, *shard)
    records = executors.execute(wanted, Store(store, places.RECORDED), executor)
    failed = sum(record.status == "failed" for record in records)
    click.echo(f"{said}: {len(records)} records in {store}" + (f", {failed} failed" * bool(failed)))


def _runs(
    name: str, profile: str, data: str | None, seeds: tuple[int, ...], panels: str | None = None
) -> list[Run]:
    """The runs of a figure or table, on the images that are read here."""
    points = experiments.find(name).drawn(find_profile(profile), data, seeds, panels)
    return [run.pinned() for run in experiments.runs_of(points)]


def plan(
    names: tuple[str, ...],
    profile: str,
    data: str | None,
    skip_damaged: bool,
    seeds: tuple[int, ...] | None,
    panels: str | None,
    only_open: bool,
    gpu: str,
    probe: bool,
    device: str,
    workers: int | None,
    precision: Precision | None,
    quiet: bool,
    store: Path,
    as_json: bool,
) -> None:
    executor = executors.Executor(device, workers, show=not quiet, precision=precision)
    data = decoded(asked(data, skip_damaged), quiet)
    named = tuple(dict.fromkeys(names))
    if only_open:
        _refuse_with_open(("--data", data), ("--panels", panels))
        # What judges claims draws them too, and comes with an extra that no other plan needs.
        with needing("plan --open", "train", "paper"):
            from deepreshape.cli.open_claims import plan_open
        price = Price(find_gpu(gpu), Store(store, places.RECORDED), executor, probe)
        plan_open(named, profile, seeds or (), price, as_json)
        return
    seeds = seeds or ONE_SEED
    of = {name: _runs(name, profile, data, seeds, panels) for name in named or EXPERIMENTS}
    price = Price(find_gpu(gpu), Store(store, places.RECORDED), executor, probe)
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
        figures = [
            {"name": name, "title": EXPERIMENTS[name].title} | price.total(runs)
            for name, runs in of.items()
        ]
        found |= {"figures": figures, "total": price.total(_distinct(of, of))}
    if as_json:
        print_json(found)
        return
    if named:
        _print_runs(found, named)
    else:
        _print_figures(found)
    print_total(found["total"], price)


def _refuse_with_open(*options: tuple[str, str | None]) -> None:
    for option, given in options:
        if given is not None:
            raise ValueError(f"{option} does not go with --open: a claim is about all of a page")


def _distinct(of: Mapping[str, list[Run]], names: Iterable[str]) -> list[Run]:
    """The runs of several figures, each once, and what they learn or start from."""
    return with_teachers(run for name in names for run in of[name])


def _users(of: Mapping[str, list[Run]]) -> dict[Run, list[str]]:
    """The figures that a run is for."""
    users: dict[Run, list[str]] = {}
    for name in sorted(of):
        for run in _distinct(of, [name]):
            users.setdefault(run, []).append(name)
    return users


def _print_runs(found: Row, named: tuple[str, ...]) -> None:
    columns: Columns = {
        "key": "{key}",
        "network": "{network}",
        "data": "{data}",
        "trained by": "{what}",
        "seed>": "{seed}",
        "epochs>": lambda row: epochs_text(row["epochs"], row["search_epochs"]),
        "MACs an image>": lambda row: large(row["macs_an_image"]),
        "MACs>": lambda row: large(row["macs"]),
        "here>": lambda row: _at_most(row, "here_s"),
        f"{found['gpu']}>": lambda row: _at_most(row, "gpu_s"),
        "record": lambda row: row["record"] or "",
    }
    if len(named) > 1:
        columns["for"] = lambda row: ", ".join(name for name in row["figures"] if name in named)
    columns["could share"] = lambda row: _few(
        [name for name in row["figures"] if name not in named]
    )
    show(table_of(found["runs"], columns))


def _at_most(row: Row, time: str) -> str:
    return "≤ " * bool(row["search_epochs"]) + duration(row[time])


def _few(names: list[str]) -> str:
    more = len(names) - MOST_NAMED
    return ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _print_figures(found: Row) -> None:
    table = new_table(
        "", "", "runs>", "recorded>", "to make>", "MACs>", "here>", f"{found['gpu']}>"
    )
    for row in (*found["figures"], {"name": "all", "title": "every run once"} | found["total"]):
        if row["name"] == "all":
            table.add_section()
        table.add_row(
            row["name"],
            row["title"],
            str(row["runs"]),
            str(row["runs"] - row["to_make"]),
            str(row["to_make"]),
            large(row["macs"]),
            duration(row["here_s"]),
            duration(row["gpu_s"]),
        )
    show(table)
