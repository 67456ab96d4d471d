"""Tables 6 to 8 under two linear protocols: with rotations as the paper's, and without.

Table 6 prints no seconds, Tables 7 and 8 do. What is measured of an entry is the sum over its
layers and garbled elements in `private.measured`: over its ReLUs alone, as the paper counts, or
also over the elements that its private program truncates where a ReLU was removed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import pandas as pd

from deepreshape.design import Network, cost
from deepreshape.paper.printed import tables
from deepreshape.paper.printed.versus import SIDES, exact_relus, linear
from deepreshape.private import garbled_counts
from deepreshape.private.garbled_counts import Garbled
from deepreshape.private.latency import latency
from deepreshape.private.measured import Measured, Measurements, measured
from deepreshape.private.packings import TITLES
from deepreshape.private.wire.link import LAN, WAN, Link

DATA_SETS = {32: "CIFAR-100", 64: "TinyImageNet"}
"""By the side of their images."""

BAND = 0.1
"""A measured gain that is lower than the printed one by no more than this share holds."""
WHOLE = "HRN-2x5x3x(m=8)-C1-T234"
"""What is run as a whole, to hold sums over layers against."""
FREE, RUN = COUNTS = "truncation free", "as run here"
"""What is garbled: the ReLUs alone, as the paper assumes; or all that the private program does."""
COMPARED = ("slots", "coefficients")
"""The packings that a row sets side by side: the paper's, and one without rotations."""
VERDICTS = ("holds", "less", "gone")


@dataclass(frozen=True, slots=True)
class Way:
    """How the seconds of an inference are told: those of computing under a packing, and, over a
    link, those that its bytes take at the link's bandwidth, without round trips."""

    name: str
    packing: str
    link: Link | None = None

    def seconds(self, took: Measured) -> float:
        return took.total_s + (took.wire_s(self.link.bandwidth) if self.link else 0.0)


WAYS = (
    *(Way(name, packing) for packing, name in TITLES.items()),
    Way("over a LAN", "coefficients", LAN),
    Way("over a WAN", "coefficients", WAN),
)
"""Computing under each packing, and the rotation-free one over two wires."""


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


def garbled_networks() -> list[Network]:
    """The distinct networks of the entries, with their ReLUs: those of a searched one are all."""
    return list(dict.fromkeys(entry.listed for entry in entries()))


# What is measured, beside what is printed


def timed(name: str, data: str, record: Measurements) -> pd.DataFrame:
    """A row for each network of Table 7 or 8 on a data set: seconds printed, by the model, and
    measured, with the share of Delphi's HE that was run.

    HE is the server's. Of two measured numbers the first is under Delphi's packing.
    """
    rows = {}
    for entry in entries():
        if (entry.table, entry.data) == (name, data):
            rotating, free = (entry.measured(packing, record) for packing in COMPARED)
            garbled = {
                f"GC {count}": [entry.measured(each, record, count).gc_s for each in COMPARED]
                for count in COUNTS
            }
            rows[entry.label] = {
                "network": entry.label,
                "HE printed | model": f"{entry.he_s:,} | {latency(entry.network).he_s:,.0f}",
                "HE Delphi": f"{rotating.he_s:,.0f} ({100 * rotating.run:.0f} %)",
                "HE rotation-free": f"{free.he_s:.2f}",
                "HE client": f"{rotating.he_client_s:.1f} | {free.he_client_s:.1f}",
                "GC printed": f"{entry.gc_s:.1f}",
                **{
                    what: " | ".join(f"{each:.1f}" for each in gc_s)
                    for what, gc_s in garbled.items()
                },
            }
    return pd.DataFrame(rows.values())


@dataclass(frozen=True, slots=True)
class Gain:
    """How many times faster a row's HybReNet is: printed, and measured in each of `WAYS` with what
    is garbled by each of `COUNTS`."""

    ahead: Entry
    behind: Entry
    printed: float
    measured: Mapping[tuple[Way, str], float]

    def verdict(self, way: Way, count: str) -> str:
        """Whether the printed gain holds there: one of `VERDICTS`."""
        return verdict(self.printed, self.measured[way, count])


def verdict(printed: float, found: float) -> str:
    """Whether a printed gain holds where another one is found: one of `VERDICTS`."""
    if found >= (1 - BAND) * printed:
        return "holds"
    return "less" if found > 1 else "gone"


def gains(record: Measurements) -> list[Gain]:
    """The runtime gain of every row of Tables 7 and 8."""
    found = []
    pairs = [entry for entry in entries() if entry.he_s is not None]
    for behind, ahead in zip(pairs[::2], pairs[1::2], strict=True):
        times = {}
        for way in WAYS:
            for count in COUNTS:
                slow, fast = (
                    way.seconds(entry.measured(way.packing, record, count))
                    for entry in (behind, ahead)
                )
                times[way, count] = slow / fast
        column = tables.table(ahead.table)[ahead.row - 1]["improv_lat_x"]
        found.append(Gain(ahead, behind, float(column), times))
    return found


def tallies(found: Sequence[Gain]) -> pd.DataFrame:
    """A row for each of `WAYS` and `COUNTS`: how many gains have which of `VERDICTS`."""
    rows = []
    for way in WAYS:
        for count in COUNTS:
            verdicts = [gain.verdict(way, count) for gain in found]
            counted = {word: verdicts.count(word) for word in VERDICTS}
            rows.append({"seconds": way.name, "garbled": count, **counted})
    return pd.DataFrame(rows)


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Which points (seconds, accuracy) no other beats in one and equals in the other, in order of
    their seconds."""
    order = sorted(range(len(points)), key=lambda at: (points[at][0], -points[at][1]))
    best, kept = float("-inf"), []
    for at in order:
        if points[at][1] > best:
            best = points[at][1]
            kept.append(at)
    return kept
