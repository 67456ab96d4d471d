"""How many elements of an inference are garbled: its ReLUs, and what it truncates without one.

The compiled program decides, from how large numbers get; `program.drawn` counts it with weights at
random. A record keeps a row for each network, since a large one takes a minute to compile.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deepreshape.files import write_text
from deepreshape.places import DATA

COUNTED = DATA / "latency" / "garbled.csv"
"""The record that this repository keeps."""
COLUMNS = ["network", "relus", "truncations"]


class BadCounts(ValueError):
    """A file that holds no counts; the message says where."""


@dataclass(frozen=True, slots=True)
class Garbled:
    """Elements that are garbled. truncations: those that are shifted and no ReLU."""

    relus: int
    truncations: int = 0

    def searched(self, relus: int) -> "Garbled":
        """What is garbled after a search has left so many of the ReLUs, in whatever places; about.

        An element of a ReLU layer is shifted behind a product of activation and weight, also where
        its ReLU is gone; where a layer is truncated before its ReLUs, which few are, it passes.
        Raises ValueError for more ReLUs than there are.
        """
        if not 0 <= relus <= self.relus:
            raise ValueError(f"a search leaves 0 to {self.relus:,} ReLUs, not {relus:,}")
        return Garbled(relus, self.truncations + self.relus - relus)


Counts = Mapping[str, Garbled]
"""By the network's name, with its edits."""


def read(path: Path = COUNTED) -> dict[str, Garbled]:
    """The counts of a file. Raises BadCounts, or FileNotFoundError."""
    with path.open(newline="", encoding="utf-8") as file:
        try:
            rows = csv.DictReader(file)
            if rows.fieldnames != COLUMNS:
                raise ValueError
            return {
                row["network"]: Garbled(int(row["relus"]), int(row["truncations"])) for row in rows
            }
        except (ValueError, TypeError, csv.Error):
            raise BadCounts(f"{path} holds no counts of garbled elements") from None


def write(path: Path, counts: Counts) -> None:
    """Write counts whole, or leave what was there. Raises OSError."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    rows.writerows((name, each.relus, each.truncations) for name, each in sorted(counts.items()))
    write_text(path, text.getvalue())
