"""What reproducing costs, from this repository's data alone: recorded trainings, prices, memory.

A price on a CPU is that of a machine like the one that made the records: a speed is fitted to their
images a second, as it is to a probe of the machine at hand (`learn.runs.speed`). Nothing is timed.
"""

import json
import runpy
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from math import isnan
from statistics import median, quantiles
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from deepreshape.design import Network, cost, parse
from deepreshape.learn.images.sets import parse as images
from deepreshape.learn.runs import agenda, price, speed
from deepreshape.learn.runs.memory import held, pixels
from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from deepreshape.paper.figures import pictures, theme
from deepreshape.paper.trained.experiments import EXPERIMENTS, runs_of
from deepreshape.paper.trained.profiles import profile
from deepreshape.places import DATA, RECORDED, ROOT

DIGITS = DATA / "models" / "digits.json"
"""The record of the digits' net that this repository ships."""
SHOWN = {
    "quick": ("CPU",),
    "short": ("CPU", "A100", "H100"),
    "full-width": ("CPU", "A100"),
    "paper": ("A100", "H100"),
}
"""The profiles that are priced, and on what."""
WORKERS = 2
"""Processes side by side, each on one thread, as the project trains on two cores."""


# What was trained


@dataclass(frozen=True, slots=True)
class Training:
    """What a record says of the cost of its run. learns: from what, and what is sought. where: on
    which processor, and whether with units for matrices (AMX), where the record says so. pace:
    images a second in the median epoch. even: do all epochs have the same work?"""

    network: Network
    images: str
    learns: str
    epochs: int
    batch: int
    where: str
    seconds: float
    pace: float
    even: bool


def trainings() -> list[Training]:
    """Of every finished run that this repository keeps."""
    kept = [asdict(record) for record in Store(RECORDED).records() if record.status == "done"]
    return [of(fields) for fields in [*kept, json.loads(DIGITS.read_text("utf-8"))["record"]]]


def of(fields: Mapping[str, Any]) -> Training:
    """Of a record's fields, in whichever format."""
    run, environment = fields["run"], fields["environment"]
    recipe, search, data = run["recipe"], run.get("search"), images(run["data"])
    learns = ["labels"]
    learns += [recipe.get("distillation", {"kind": "KD"})["kind"]] * (run["teacher"] is not None)
    learns += [search["kind"]] if search else []
    units = ", AMX" * ("amx_bf16" in (environment.get("instructions") or ""))
    return Training(
        network=parse(run["network"], data.resolution, data.classes),
        images=run["data"],
        learns=", ".join(learns),
        epochs=recipe["epochs"],
        batch=recipe["batch"],
        where=f"{environment['processor']} (threads: {environment['threads']};"
        f" {fields['precision']}{units})",
        seconds=fields["seconds"],
        pace=median(epoch["images_per_second"] for epoch in fields["curve"]),
        even=not (search or recipe.get("small")),
    )


def recorded(found: Iterable[Training]) -> pd.DataFrame:
    """A row for each network, images, way to learn, epochs and processor of some trainings, by the
    network's MACs: how many there are, median and most of their seconds, images a second."""
    alike: dict[tuple[Network, str, str, int, str], list[Training]] = defaultdict(list)
    for each in found:
        place = each.network, each.images, each.learns, each.epochs, each.where
        alike[place].append(each)
    rows = [
        {
            "network": str(network),
            "learns from": learns,
            "epochs": epochs,
            "n": len(group),
            "MACs (M)": cost(network).macs / 1e6,
            "seconds": round(median(each.seconds for each in group)),
            "longest (s)": round(max(each.seconds for each in group)),
            "images a second": round(median(each.pace for each in group)),
            "images": data,
            "on": where,
        }
        for (network, data, learns, epochs, where), group in alike.items()
    ]
    return pd.DataFrame(rows).sort_values("MACs (M)", kind="stable", ignore_index=True)


def picture(table: pd.DataFrame) -> Figure:
    """Images a second against multiply-accumulates, both logarithmic. table: of `recorded`."""
    made = pictures.figure(7.2, 3.4)
    axis = made.axes[0]
    kinds = table["learns from"].nunique()
    sns.scatterplot(
        table,
        x="MACs (M)",
        y="images a second",
        hue="learns from",
        style="learns from",
        markers=list(theme.MARKERS[:kinds]),
        palette=list(theme.COLOURS[:kinds]),
        s=42,
        ax=axis,
    )
    if legend := axis.get_legend():
        legend.remove()
    axis.set(xscale="log", yscale="log", xlabel="multiply-accumulates of an image (millions)")
    for each in (axis.xaxis, axis.yaxis):
        each.set_major_formatter("{x:g}")
    pictures.finish(axis)
    pictures.legend_above(made)
    return made


# What it would take


def usual(found: Iterable[Training]) -> list[Training]:
    """The trainings on the processor that most were made on."""
    found = list(found)
    most = Counter(each.where for each in found).most_common(1)[0][0]
    return [each for each in found if each.where == most]


def fitted(found: Iterable[Training]) -> price.Speed:
    """The speed that comes closest to the images a second of some trainings, where these are even
    from epoch to epoch."""
    even = (each for each in found if each.even)
    return speed.fitted((each.network, each.batch, each.batch / each.pace) for each in even)


@lru_cache
def wanted(size: str, seeds: tuple[int, ...] = (1,)) -> dict[str, list[Run]]:
    """By page, the runs of a profile, teachers before who learns from them."""
    scale = profile(size)
    found = {
        name: price.with_teachers(runs_of(experiment.drawn(scale, seeds=seeds)))
        for name, experiment in EXPERIMENTS.items()
    }
    return {name: runs for name, runs in found.items() if runs}


def once(size: str, seeds: tuple[int, ...] = (1,)) -> list[Run]:
    """Every run of a profile's pages, each once."""
    return list(dict.fromkeys(run for runs in wanted(size, seeds).values() for run in runs))


def hours(runs: Sequence[Run], on: str, here: price.Speed) -> float:
    """Of training runs on a GPU of `data/gpus.csv`, one after another, or on a CPU of some speed,
    `WORKERS` side by side."""
    if on != "CPU":
        return sum(price.seconds(run, price.gpu(on)) for run in runs) / 3600
    return agenda.elapsed(runs, here, WORKERS) / 3600


def prices(here: price.Speed) -> pd.DataFrame:
    """A row for each page, and one for every run once: hours of training one seed, by profile and
    by what it is trained on; NaN where a profile has no such page."""
    rows: dict[str, dict[str, float]] = defaultdict(dict)
    for size, machines in SHOWN.items():
        for page, runs in {**wanted(size), ALL: once(size)}.items():
            for on in machines:
                rows[page][f"{size}, {on}"] = hours(runs, on, here)
    order = [*(name for name in EXPERIMENTS if name in rows), ALL]
    return pd.DataFrame([{"page": page, **rows[page]} for page in order])


ALL = "all pages, every run once"


def lasting(hours: float) -> str:
    """Hours, or minutes below two hours, in the digits that an estimate has; empty for NaN."""
    if isnan(hours):
        return ""
    minutes = 60 * hours
    if minutes >= 120:
        return f"{hours:,.0f} h"
    return f"{minutes:.0f} min" if minutes >= 1 else "< 1 min"


def linked(table: pd.DataFrame) -> pd.DataFrame:
    """`prices` as a page shows them: pages as links, times in words."""
    pages = [page if page == ALL else EXPERIMENTS[page].link for page in table["page"]]
    times: pd.DataFrame = table.drop(columns="page").map(lasting)
    return times.assign(page=pages)[list(table)]


def agreement(found: Iterable[Training], here: price.Speed) -> str:
    """How the prices of recorded runs of the profile short compare with their seconds, in words."""
    where = {each.where for each in found}
    shelf = Store(RECORDED)
    seeds = tuple(sorted({int(record.run["seed"]) for record in shelf.records()}))
    kept = ((run, shelf.get(run)) for run in once("short", seeds))
    ratios = [
        price.seconds(run, here) / record.seconds
        for run, record in kept
        if record is not None and of(asdict(record)).where in where
    ]
    low, middle, high = quantiles(ratios, n=4)
    return (
        f"Of the {len(ratios)} recorded runs of the profile short on this processor the price is"
        f" between {min(ratios):.1f} and {max(ratios):.1f} times the recorded seconds; half of them"
        f" lie between {low:.1f} and {high:.1f} times, the middle one at {middle:.1f}."
    )


# What it takes beside time


def memory() -> pd.DataFrame:
    """A row for each profile: megabytes of its largest set of training images, and of a process
    that trains its heaviest network (`held`)."""
    rows = []
    for size in SHOWN:
        heaviest = max(once(size), key=held)
        whole = max(map(pixels, once(size)))
        rows.append(
            {
                "profile": size,
                "training images (MB)": round(whole / 1e6),
                "heaviest network": heaviest.network.name,
                "pixels": heaviest.data.resolution,
                "batch": heaviest.recipe.batch,
                "a process (MB)": round(held(heaviest) / 1e6),
            }
        )
    return pd.DataFrame(rows)


def disk() -> str:
    """What the set-up takes of a disk on this kind of system (`ci/setup.py`), in words."""
    said = runpy.run_path(str(ROOT / "ci" / "setup.py"))
    installed, needed = (said[name] / said["GB"] for name in ("INSTALLED", "NEEDED"))
    return (
        f"The environment takes {installed:.0f} GB, and the set-up asks for {needed:.1f} GB free,"
        " since it keeps what it has fetched until all is installed."
    )
