"""The networks of Tables 6 to 8 with their accuracies and seconds, and what they garble.

Table 6 prints no seconds, Tables 7 and 8 do. What is measured of an entry is the sum over its
layers and elements in `private.measured`: over its ReLUs alone, as the paper counts, or
also over the elements that its private program truncates where a ReLU was removed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from deepreshape.design import Network, cost
from deepreshape.paper.printed import tables
from deepreshape.paper.printed.latencies import SIDES, exact_relus, linear
from deepreshape.private import garbled_counts
from deepreshape.private.garbled_counts import Garbled
from deepreshape.private.measured import Measured, Measurements, Whole, measured

DATA_SETS = {32: "CIFAR-100", 64: "TinyImageNet"}
"""By the side of their images."""
FREE, RUN = COUNTS = "truncation free", "as run here"
"""What is garbled: the ReLUs alone, as the paper assumes; or all that the private program does."""
COMPARED = ("slots", "coefficients")
"""The packings that a row sets side by side: the paper's, and one without rotations."""
WHOLE = "HRN-2x5x3x(m=8)-C1-T234"
"""What is run as a whole, to hold sums over layers against."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A network with an accuracy in Table 6, 7 or 8.

    listed: as the table has it; its program is what garbles. relus: that are left of its own.
    accuracy: in percent. he_s, gc_s: printed, None in Table 6.
    """

    table: str
    row: int
    side: str
    method: str
    listed: Network
    relus: int
    accuracy: float
    he_s: int | None = None
    gc_s: float | None = None

    @property
    def network(self) -> Network:
        """What its homomorphic encryption is of: all but the ReLUs."""
        return linear(self.listed)

    @property
    def data(self) -> str:
        return DATA_SETS[self.listed.resolution]

    @property
    def is_hybrenet(self) -> bool:
        return self.side == "hrn"

    @property
    def label(self) -> str:
        """Such as `SNL on ResNet18, 15K`."""
        on = f"{self.method} on " if self.method in ("SNL", "SENet") else ""
        return f"{on}{self.network.name}, {self.relus / 1000:.0f}K"

    @property
    def whole(self) -> Whole:
        """What is run whole for it: without rotations, with as many ReLUs."""
        own = cost(self.listed).total_relus
        return Whole("coefficients", str(self.listed), self.relus if self.relus != own else 0)

    def garbled(self, count: str = RUN) -> Garbled:
        """What is garbled of it, by one of `COUNTS`. LookupError where it was not counted."""
        if count == FREE:
            return Garbled(self.relus)
        known = _counted()
        if str(self.listed) not in known:
            raise LookupError(
                f"what {self.listed} garbles was not counted; `deepreshape measure --count` does it"
            )
        return known[str(self.listed)].searched(self.relus)

    def measured(self, packing: str, record: Measurements, count: str = RUN) -> Measured:
        """Its seconds and bytes under a packing, with what is garbled by one of `COUNTS`."""
        return measured(self.network, packing, record, self.garbled(count))


@lru_cache
def _counted() -> garbled_counts.Counts:
    return garbled_counts.read()


@lru_cache
def entries() -> tuple[Entry, ...]:
    """Both networks of every row of Tables 7 and 8, and those of Table 6 with DKD."""
    return (*_alone(), *_pairs())


def _alone() -> Iterator[Entry]:
    for number, row in enumerate(tables.table("table06"), start=1):
        network = tables.network("table06", number)
        relus, accuracy = cost(network).total_relus, float(row["acc_dkd_pct"])
        yield Entry("table06", number, "hrn", "HybReNet", network, relus, accuracy)


def _pairs() -> Iterator[Entry]:
    for name in ("table07", "table08"):
        for number, row in enumerate(tables.table(name), start=1):
            for side in SIDES:
                yield Entry(
                    name,
                    number,
                    side,
                    row["sota_method"] if side == "sota" else "HybReNet",
                    tables.network(name, number, side),
                    exact_relus(name, number, side),
                    float(row[f"{side}_acc_pct"]),
                    int(row[f"{side}_he_s"]),
                    float(row[f"{side}_gc_s"]),
                )


def timed_networks() -> list[Network]:
    """The distinct networks of the entries, as homomorphic encryption sees them."""
    return list(dict.fromkeys(entry.network for entry in entries()))


def printed_wholes() -> list[Whole]:
    """What is run whole for the entries, the lightest first."""
    costs = {entry.whole: cost(entry.listed).macs for entry in entries()}
    return sorted(costs, key=costs.__getitem__)


def garbled_networks() -> list[Network]:
    """The distinct networks of the entries, with their ReLUs: those of a searched one are all."""
    return list(dict.fromkeys(entry.listed for entry in entries()))
