"""Tables 6 to 8 under two linear protocols: with rotations as the paper's, and without.

Table 6 prints no seconds, Tables 7 and 8 do. What is measured of an entry is the sum over its
layers and ReLUs in `private.measured`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import pandas as pd

from deepreshape.design import Network, cost, parse
from deepreshape.paper import printed
from deepreshape.paper.versus import SIDES, exact_relus, plain
from deepreshape.private.latency import latency
from deepreshape.private.measured import PROTOCOLS, Measured, Measurements, measured

DATA_SETS = {32: "CIFAR-100", 64: "TinyImageNet"}
"""By the side of their images."""

BAND = 0.1
"""A measured gain that is lower than the printed one by no more than this share holds."""
WHOLE = "HRN-2x5x3x(m=8)-C1-T234"
"""What is run as a whole, to hold sums over layers against."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A network with an accuracy in Table 6, 7 or 8.

    network: with the widths that its HE is of. relus: those of its garbled circuits. accuracy: in
    percent. he_s, gc_s: printed, None in Table 6.
    """

    table: str
    row: int
    side: str
    method: str
    network: Network
    relus: int
    accuracy: float
    he_s: int | None = None
    gc_s: float | None = None

    @property
    def data(self) -> str:
        return DATA_SETS[self.network.resolution]

    @property
    def is_hybrenet(self) -> bool:
        return self.side == "hrn"

    @property
    def label(self) -> str:
        """Such as `SNL on ResNet18, 15K`."""
        on = f"{self.method} on " if self.method in ("SNL", "SENet") else ""
        return f"{on}{plain(self.network).name}, {self.relus / 1000:.0f}K"

    def measured(self, packing: str, record: Measurements) -> Measured:
        """Its seconds and bytes under a packing."""
        return measured(self.network, packing, record, self.relus)


def costed(network: Network) -> Network:
    """The network whose HE the paper prints for one: ConvNeXt-N's is that of 80 base channels."""
    listed, used = parse("ConvNeXt-N(m=96)@64/200"), parse("ConvNeXt-N@64/200")
    if plain(network) != listed:
        return network
    return replace(used, relus=network.relus)


@lru_cache
def entries() -> tuple[Entry, ...]:
    """Both networks of every row of Tables 7 and 8, and those of Table 6 with DKD."""
    return (*_alone(), *_pairs())


def _alone() -> Iterator[Entry]:
    for number, row in enumerate(printed.table("table06"), start=1):
        network = printed.network("table06", number)
        relus, accuracy = cost(network).total_relus, float(row["acc_dkd_pct"])
        yield Entry("table06", number, "hrn", "HybReNet", network, relus, accuracy)


def _pairs() -> Iterator[Entry]:
    for name in ("table07", "table08"):
        for number, row in enumerate(printed.table(name), start=1):
            for side in SIDES:
                yield Entry(
                    name,
                    number,
                    side,
                    row["sota_method"] if side == "sota" else "HybReNet",
                    costed(printed.network(name, number, side)),
                    exact_relus(name, number, side),
                    float(row[f"{side}_acc_pct"]),
                    int(row[f"{side}_he_s"]),
                    float(row[f"{side}_gc_s"]),
                )


def timed_networks() -> list[Network]:
    """The distinct networks of the entries, as homomorphic encryption sees them."""
    return list(dict.fromkeys(plain(entry.network) for entry in entries()))


# What is measured, beside what is printed


def timed(name: str, data: str, record: Measurements) -> pd.DataFrame:
    """A row for each network of Table 7 or 8 on a data set: seconds printed, by the model, and
    measured, with the share of Delphi's HE that was run.

    HE is the server's. Of two measured numbers the first is under Delphi's packing.
    """
    rows = {}
    for entry in entries():
        if (entry.table, entry.data) == (name, data):
            rotating, free = (entry.measured(packing, record) for packing in PROTOCOLS)
            rows[entry.label] = {
                "network": entry.label,
                "HE printed | model": f"{entry.he_s:,} | {latency(plain(entry.network)).he_s:,.0f}",
                "HE Delphi": f"{rotating.he_s:,.0f} ({100 * rotating.run:.0f} %)",
                "HE rotation-free": f"{free.he_s:.2f}",
                "HE client": f"{rotating.he_client_s:.1f} | {free.he_client_s:.1f}",
                "GC printed": f"{entry.gc_s:.1f}",
                "GC measured": f"{rotating.gc_s:.1f} | {free.gc_s:.1f}",
            }
    return pd.DataFrame(rows.values())


@dataclass(frozen=True, slots=True)
class Gain:
    """How many times faster a row's HybReNet is: printed, and by each protocol of `PROTOCOLS`."""

    ahead: Entry
    behind: Entry
    printed: float
    measured: tuple[float, ...]

    def verdict(self, found: float) -> str:
        """Whether the printed gain holds where another one is found."""
        if found >= (1 - BAND) * self.printed:
            return "holds"
        return "less" if found > 1 else "gone"


def gains(record: Measurements) -> list[Gain]:
    """The runtime gain of every row of Tables 7 and 8."""
    found = []
    pairs = [entry for entry in entries() if entry.he_s is not None]
    for behind, ahead in zip(pairs[::2], pairs[1::2], strict=True):
        totals = (
            behind.measured(packing, record).total_s / ahead.measured(packing, record).total_s
            for packing in PROTOCOLS
        )
        column = printed.table(ahead.table)[ahead.row - 1]["improv_lat_x"]
        found.append(Gain(ahead, behind, float(column), tuple(totals)))
    return found


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
