"""What stands beside the evidence of a page: where it comes from, in a strip of words, the records
behind it, and what making it anew would cost."""

from collections.abc import Sequence

import pandas as pd

from deepreshape.learn.runs import price
from deepreshape.learn.runs.run import Record, Run
from deepreshape.paper.trained import provenance
from deepreshape.paper.trained.accuracies import Records
from deepreshape.paper.trained.experiments import Experiment, Point, runs_of
from deepreshape.paper.trained.profiles import EVIDENCE, Profile, profile

GPU = "A100"
"""Hours of training are told for this one."""
SCALES = ("quick", *EVIDENCE)
"""Profiles whose cost a page tells, from the smallest scale on."""


def strip(size: Profile, points: Sequence[Point], records: Records, timed: bool = True) -> str:
    """Seeds, scale and records of what is drawn and, where `timed`, time, machine and commit, as
    one line of Markdown. `timed`: not for what is another wherever a page is made."""
    found, before = _behind(points, records)
    seeds = ", ".join(map(str, provenance.all_seeds(points)))
    told = {"seeds": seeds, "scale": _scale(size, points)}
    if timed and found:
        told["time"] = f"{_hours(found + before)} of training"
        told["machine"] = "; ".join(provenance.machines(found))
    more = f", and {len(before)} that they start or learn from" * bool(before)
    told["records"] = f"{len(found)}{more}"
    if timed and found:
        told["commit"] = _commits(found)
    return " · ".join(f"**{name}** {text}" for name, text in told.items())


def _behind(points: Sequence[Point], records: Records) -> tuple[list[Record], list[Record]]:
    """The records of the points' runs, and of those that these start or learn from."""
    runs = runs_of(points)
    teachers = dict.fromkeys(run.teacher for run in runs if run.teacher is not None)
    found = [records[run.key] for run in runs if run.key in records]
    return found, [records[run.key] for run in teachers if run.key in records]


def _scale(size: Profile, points: Sequence[Point]) -> str:
    data = dict.fromkeys(map(_images, runs_of(points)))
    ratios = sorted(provenance.width_ratios(points), reverse=True)
    parts = f" times {' or '.join(map(str, ratios))}" * (ratios != [1])
    epochs = provenance.in_epochs(size.recipe)
    return f"{', '.join(data)}, {epochs}, the paper's widths{parts} (profile *{size.name}*)"


def _images(run: Run) -> str:
    """`CIFAR-100`, or `digits (mnist5k[size=16])`."""
    name = provenance.PAPER_SETS.get(run.data.name, "digits")
    return name if str(run.data) in provenance.PAPER_SETS else f"{name} ({run.data})"


def _hours(records: Sequence[Record]) -> str:
    seconds = sum(record.seconds for record in records)
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds / 60:.1f} minutes"


def _commits(records: Sequence[Record]) -> str:
    noted = sorted({str(each.environment.get("commit") or "")[:10] for each in records})
    known = ", ".join(filter(None, noted))
    if "" not in noted:
        return known
    return f"{known}, of some records not noted" if known else "not noted"


def keys(points: Sequence[Point], records: Records) -> list[str]:
    """A line for each record behind the points: key, network, seed, status."""
    return [
        f"{each.key}  {each.run['network']}, seed {each.run['seed']}, {each.status}"
        for part in _behind(points, records)
        for each in part
    ]


def costs(experiment: Experiment) -> pd.DataFrame:
    """A row for each scale: images, runs of one seed with their teachers, and hours of one GPU
    (`GPU`) for them by its data sheet."""
    pace = price.gpu(GPU)
    rows = []
    for name in SCALES:
        wanted = runs_of(experiment.drawn(profile(name)))
        runs = price.with_teachers(wanted)
        rows.append(
            {
                "profile": name,
                "images": ", ".join(dict.fromkeys(str(run.data) for run in wanted)),
                "runs": len(runs),
                f"{GPU} hours": sum(price.seconds(run, pace) for run in runs) / 3600,
            }
        )
    return pd.DataFrame(rows)
