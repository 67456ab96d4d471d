"""What reproducing all of the paper takes: its runs, GPU-hours, storage, and an order of its pages.

Everything follows from descriptions of runs; nothing is timed. A GPU's speed is that of
`data/gpus.csv`, one run at a time on each.
"""

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import mean

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from deepreshape.design import cost
from deepreshape.learn.runs import agenda, price
from deepreshape.learn.runs.memory import FLOAT
from deepreshape.learn.runs.run import Run
from deepreshape.learn.search.searches import SNL
from deepreshape.learn.training.teacher import MOST_KEPT
from deepreshape.paper import costs
from deepreshape.paper.figures import pictures, theme
from deepreshape.paper.trained.experiments import EXPERIMENTS
from deepreshape.places import RECORDED

SIZE = "paper"
SEEDS = (1, 2, 3)
"""With which the paper's intervals could be met."""
AT_ONCE = (1, 8, 64)
"""GPUs, each of which makes one run at a time."""
MAIN, MANY = "H100", (1, 2, 4, 8, 16, 32, 64, 128)
CORE = "a core, as in the records"
HOUR, DAY = 3600, 86400
PETA, GIGA = 1e15, 1e9
HALF = 2
"""Bytes of a logit that is kept (`learn.training.teacher`)."""
STATES = 3
"""Numbers that a kept search has for each weight: the weight, and two of Adam's."""


def runs(seeds: int = 1) -> list[Run]:
    """Every run of the paper's pages with so many seeds, once, teachers before their students."""
    return costs.once(SIZE, SEEDS[:seeds])


def kind(run: Run) -> str:
    """How a run comes to its weights."""
    if run.search is not None:
        return f"search: {type(run.search).__name__}"
    return "labels" if run.teacher is None else type(run.recipe.distillation).__name__


def work(of: Sequence[Run]) -> pd.DataFrame:
    """A row for each way to learn, and one for all: runs, petaMACs forward and backward, share."""
    kinds = dict.fromkeys(map(kind, of))
    macs = {run: price.macs(run) for run in of}
    total = sum(macs.values())

    def row(name: str, group: Sequence[Run]) -> dict[str, object]:
        its = sum(macs[run] for run in group)
        return {
            "learns from": name,
            "runs": len(group),
            "petaMACs": round(its / PETA),
            "share (%)": round(100 * its / total, 1),
        }

    rows = [row(name, [run for run in of if kind(run) == name]) for name in kinds]
    rows.sort(key=lambda each: -float(str(each["petaMACs"])))
    return pd.DataFrame([*rows, row("all", of)])


def paces() -> dict[str, price.Pace]:
    """By name, what a run is priced on: the GPUs of `data/gpus.csv`, and a core of the processor on
    which most records were made."""
    with price.GPUS.open(newline="", encoding="utf-8") as file:
        found: dict[str, price.Pace] = {
            row["name"]: price.gpu(row["name"]) for row in csv.DictReader(file)
        }
    return found | {CORE: costs.fitted(costs.usual(costs.trainings()))}


def prices(of: Sequence[Run]) -> pd.DataFrame:
    """A row for each pace: hours of one machine, the longest chain of a teacher and who learns from
    it, and days on one and on several, in the order of an agenda."""
    rows = []
    for name, pace in paces().items():
        took = {run: price.seconds(run, pace) for run in of}
        row = {
            "on": name,
            "hours of one": round(sum(took.values()) / HOUR),
            "longest chain (h)": round(longest(of, took.__getitem__) / HOUR, 1),
        }
        days = {f"days on {many}": agenda.elapsed(of, pace, many) / DAY for many in AT_ONCE}
        rows.append(row | {said: round(value, 1) for said, value in days.items()})
    return pd.DataFrame(rows).sort_values("hours of one", kind="stable", ignore_index=True)


def scaling(name: str = MAIN) -> pd.DataFrame:
    """A row for each number of GPUs of a name and of seeds: the days of all runs."""
    pace = price.gpu(name)
    rows = [
        {"GPUs": many, "seeds": seeds, "days": agenda.elapsed(runs(seeds), pace, many) / DAY}
        for seeds in (1, len(SEEDS))
        for many in MANY
    ]
    return pd.DataFrame(rows)


def picture(table: pd.DataFrame) -> Figure:
    """Days against GPUs, both logarithmic. table: of `scaling`."""
    made = pictures.figure(7.2, 3.2)
    axis = made.axes[0]
    shown = table.assign(runs=table["seeds"].map({1: "one seed", len(SEEDS): "three seeds"}))
    sns.lineplot(
        shown,
        x="GPUs",
        y="days",
        hue="runs",
        style="runs",
        markers=list(theme.MARKERS[:2]),
        palette=list(theme.COLOURS[:2]),
        ax=axis,
    )
    if legend := axis.get_legend():
        legend.remove()
    axis.set(xscale="log", yscale="log", xlabel=f"{MAIN} GPUs, each with one run at a time")
    axis.set_xticks(MANY, [str(many) for many in MANY])
    axis.minorticks_off()
    axis.yaxis.set_major_formatter("{x:g}")
    pictures.finish(axis)
    pictures.legend_above(made)
    return made


def summary() -> str:
    """How many runs there are and what they take, in sentences."""
    one, three = runs(1), runs(len(SEEDS))
    macs = sum(map(price.macs, one))
    pace = price.gpu(MAIN)
    hours = [sum(price.seconds(run, pace) for run in each) / HOUR for each in (one, three)]
    students = Counter(run.teacher for run in one if run.teacher)
    first = agenda.Agenda(one, lambda run: price.seconds(run, pace)).take()
    return (
        f"The profile paper has {len(one):,} runs with one seed, of {macs / PETA:,.0f} petaMACs"
        f" forward and backward: about {hours[0]:,.0f} hours of one {MAIN}. With three seeds it has"
        f" {len(three):,} runs and takes about {hours[1]:,.0f} hours. {len(students)} runs teach"
        f" others, one of them {max(students.values())}. The longest chain begins with"
        f" {first.network.name if first else 'none'}."
    )


def longest(of: Iterable[Run], took: Callable[[Run], float]) -> float:
    """Of a run and what it waits for, one after another, where that is among the runs: less than
    this no number of machines takes."""
    ready: dict[Run, float] = {}
    for run in price.with_teachers(of):
        ready[run] = took(run) + (ready[run.teacher] if run.teacher else 0.0)
    return max(ready.values(), default=0.0)


# What it takes of a disk


def storage(of: Sequence[Run]) -> pd.DataFrame:
    """A row for each kind of file that a store has in the end: how many, and gigabytes, at most."""
    records = [path.stat().st_size for path in RECORDED.glob("*.json")]
    searches = [run for run in of if run.search is not None]
    shared = [run for run in searches if isinstance(run.search, SNL)]
    kept = lessons(of)
    rows = {
        "records": (len(of), len(of) * mean(records)),
        "weights": (len(of), sum(map(weight, of))),
        "masks": (len(searches), sum(cost(run.network).total_relus for run in searches)),
        "teachers' answers": (len(kept), sum(kept.values())),
        "states of searches": (len(shared), sum(STATES * weight(run) for run in shared)),
    }
    return pd.DataFrame(
        [
            {"kept": name, "at most": number, "gigabytes": round(size / GIGA, 2)}
            for name, (number, size) in rows.items()
        ]
    )


def weight(run: Run) -> int:
    """Bytes of the weights of a run."""
    return FLOAT * cost(run.network).params


def lessons(of: Iterable[Run]) -> dict[object, int]:
    """Bytes of a teacher's answers that are kept, by what they are answers to: who learns from the
    same teacher and is shown the same images reads them."""
    found: dict[object, int] = {}
    for run in of:
        if run.teacher is None:
            continue
        recipe, still = run.recipe, run.recipe.leaves_images_alone
        epochs = 1 if still else max(recipe.epochs, run.search.epochs if run.search else 0)
        size = HALF * epochs * run.data.train_images * run.network.classes
        shown = (
            run.teacher.key,
            str(run.data),
            recipe.shift,
            recipe.flip,
            None if still else run.seed,
        )
        if size <= MOST_KEPT:
            found[shown] = max(size, found.get(shown, 0))
    return found


# In which order


def order(of_page: Mapping[str, Sequence[Run]], name: str = MAIN) -> pd.DataFrame:
    """The pages, each time the one that takes the fewest GPU-hours more: a row for each with the
    runs and hours that it adds, and what all up to it take together. name: of the GPU."""
    pace = price.gpu(name)
    left = {page: set(runs) for page, runs in of_page.items()}
    took = {run: price.seconds(run, pace) for runs in left.values() for run in runs}
    made, hours, rows = set[Run](), 0.0, []
    whole = sum(took.values())
    while left:
        adds = {page: sum(took[run] for run in runs - made) for page, runs in left.items()}
        page = min(adds, key=lambda each: (adds[each], each))
        new = left.pop(page) - made
        made |= new
        hours += adds[page]
        rows.append(
            {
                "page": EXPERIMENTS[page].link,
                "runs more": len(new),
                f"{name}-hours more": round(adds[page] / HOUR, 1),
                "together": round(hours / HOUR, 1),
                "share (%)": round(100 * hours / whole, 1),
            }
        )
    return pd.DataFrame(rows)


def half(table: pd.DataFrame) -> str:
    """What the cheaper half of the pages takes, and the dearest five. table: of `order`."""
    pages, shares = len(table), list(table["share (%)"])
    return (
        f"The first {pages // 2} of the {pages} pages take {shares[pages // 2 - 1]:.0f} % of the"
        f" hours, the last five {100 - shares[-6]:.0f} %."
    )
