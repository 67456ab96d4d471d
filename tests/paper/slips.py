"""Tables in which one cell prints something else: what must notice it?"""

import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deepreshape.paper.printed import latencies, tables


@contextmanager
def slipped(folder: Path, name: str, row: int, column: str, text: str) -> Iterator[None]:
    """The paper's tables, copied into a folder, with another text in one cell."""
    copy = folder / "slipped"
    shutil.copytree(tables.FOLDER, copy)
    rows = [dict(each) for each in tables.table(name)]
    rows[row - 1][column] = text
    with (copy / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "FOLDER", copy)
        try:
            _forget()
            yield
        finally:
            _forget()


def _forget() -> None:
    """What was read or computed from the tables."""
    tables.table.cache_clear()
    latencies.he_seconds.cache_clear()
