"""The names of the classes of a data set."""

import csv

from deepreshape.places import DATA


def class_names(data: str) -> tuple[str, ...]:
    """The names of a data set's classes, in the order of their numbers; none where they have no
    other names than numbers, as digits, or are not known here. data: such as `cifar100`, or a part
    of it, `cifar100[per_class=5]`."""
    known = {path.stem: path for path in (DATA / "classes").glob("*.csv")}
    path = known.get(data.partition("[")[0])
    if path is None:
        return ()
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(row["name"] for row in csv.DictReader(file))
