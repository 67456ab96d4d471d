"""Some of the cases of each test."""

from collections.abc import Iterable
from itertools import groupby


def few(names: Iterable[str], most: int) -> set[str]:
    """Of the cases of each test at most so many: the first, the last, and evenly between.

    names: as pytest has them, those of a test side by side: `tests/test_files.py::test_a[case]`.
    """
    kept: set[str] = set()
    for _, cases in groupby(names, key=lambda name: name.partition("[")[0]):
        each = [*cases]
        number = min(most, len(each))
        kept.update(each[place * (len(each) - 1) // max(number - 1, 1)] for place in range(number))
    return kept
