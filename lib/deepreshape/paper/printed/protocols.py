"""Tables 6 to 8 under two linear protocols: one that rotates, as the paper's, and one without.

Of what is measured (`entries`): what each network costs, which are on the Pareto front, and which
of the printed runtime gains are left.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd

from deepreshape.design import Network, cost
from deepreshape.paper.printed import tables
from deepreshape.paper.printed.entries import COMPARED, COUNTS, DATA_SETS, FREE, RUN, Entry, entries
from deepreshape.private.latency import garbled_seconds, latency
from deepreshape.private.measured import Measured, Measurements, measured
from deepreshape.private.packings import TITLES
from deepreshape.private.wire.link import LAN, WAN, Link

BAND = 0.1
"""A measured gain that is lower than the printed one by no more than this share holds."""
VERDICTS = ("holds", "less", "gone")
PAPER = "the paper's latencies"


@dataclass(frozen=True, slots=True)
class Way:
    """How the seconds of an inference are told: those of computing under a packing, and, over a
    link, those that its bytes take at the link's bandwidth, without round trips."""

    name: str
    packing: str
    link: Link | None = None

    def seconds(self, took: Measured) -> float:
        return took.total_s + (took.wire_s(self.link.bandwidth) if self.link else 0.0)

    def of(self, entry: Entry, record: Measurements, count: str) -> float:
        """The seconds of an entry, with what is garbled by one of `COUNTS`."""
        return self.seconds(entry.measured(self.packing, record, count))


LAN_WAY = Way("over a LAN", "coefficients", LAN)
WAN_WAY = Way("over a WAN", "coefficients", WAN)
WAYS = (*(Way(name, packing) for packing, name in TITLES.items()), LAN_WAY, WAN_WAY)
"""Computing by either protocol, and the rotation-free one over two wires."""


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
        times = {
            (way, count): way.of(behind, record, count) / way.of(ahead, record, count)
            for way in WAYS
            for count in COUNTS
        }
        column = tables.table(ahead.table)[ahead.row - 1]["improv_lat_x"]
        found.append(Gain(ahead, behind, float(column), times))
    return found


def told(printed: float, measured: Mapping[tuple[Way, str], float]) -> dict[str, str]:
    """Measured factors by the names of `WAYS`, those of `COUNTS` side by side, each with its
    verdict where it does not hold."""
    cells: dict[str, list[str]] = {}
    for (way, _), found in measured.items():
        word = verdict(printed, found)
        cells.setdefault(way.name, []).append(
            f"{found:.1f}x{'' if word == 'holds' else ' ' + word}"
        )
    return {name: " | ".join(parts) for name, parts in cells.items()}


def claims(found: Sequence[Gain]) -> pd.DataFrame:
    """A row for each gain: data, both networks, the printed factor and the measured ones."""
    return pd.DataFrame(
        [
            {
                "data": gain.ahead.data,
                "faster": gain.ahead.label,
                "than": gain.behind.label,
                "printed": f"{gain.printed}x",
                **told(gain.printed, gain.measured),
            }
            for gain in found
        ]
    )


def tallies(found: Sequence[Gain]) -> pd.DataFrame:
    """A row for each of `WAYS` and `COUNTS`: how many gains have which of `VERDICTS`, and in how
    many rows the HybReNet is faster at all."""
    rows = []
    for way in WAYS:
        for count in COUNTS:
            verdicts = [gain.verdict(way, count) for gain in found]
            counted = {word: verdicts.count(word) for word in VERDICTS}
            faster = counted["holds"] + counted["less"]
            rows.append({"seconds": way.name, "garbled": count, **counted, "faster": faster})
    return pd.DataFrame(rows)


# Every network


def distinct() -> list[Entry]:
    """The entries that differ in network, ReLUs or accuracy."""
    return list({(each.network, each.relus, each.accuracy): each for each in entries()}.values())


def _whose(entry: Entry) -> str:
    return "HybReNets" if entry.is_hybrenet else "others"


def truncations() -> pd.DataFrame:
    """A row for each network and number of ReLUs: what its program garbles, and how many
    truncations there are for each ReLU, the fewest first."""
    rows = [(each.data, each.label, _whose(each), each.garbled(RUN)) for each in entries()]
    frame = pd.DataFrame(
        [(*names, found.relus, found.truncations) for *names, found in rows],
        columns=["data", "network", "networks", "ReLUs", "truncations"],
    ).drop_duplicates()
    frame["for each ReLU"] = frame["truncations"] / frame["ReLUs"]
    return frame.sort_values("for each ReLU")


def linear_layers(networks: Iterable[Network], record: Measurements) -> pd.DataFrame:
    """A row for each network, the smallest first: seconds of HE at the server under both protocols,
    how much of Delphi's was run, and, Delphi's first, seconds at the client and what travels."""
    rows = []
    for network in networks:
        rotating, free = (measured(network, packing, record) for packing in COMPARED)
        rows.append(
            {
                "network": str(network),
                "MACs (M)": cost(network).macs / 1e6,
                "Delphi (s)": rotating.he_s,
                "run (%)": 100 * rotating.run,
                "rotation-free (s)": f"{free.he_s:.2f}",
                "times": rotating.he_s / free.he_s,
                "client (s)": f"{rotating.he_client_s:.1f} | {free.he_client_s:.2f}",
                "MB": f"{rotating.he_bytes / 1e6:,.0f} | {free.he_bytes / 1e6:,.0f}",
            }
        )
    return pd.DataFrame(rows).sort_values("MACs (M)")


def costs(record: Measurements) -> pd.DataFrame:
    """A row for each distinct entry with each of `COUNTS` under each protocol: seconds of HE at
    both ends and of GC, the share of GC in them in percent, and its bytes for each byte of HE."""
    rows = []
    for count in COUNTS:
        for entry in distinct():
            for packing, protocol in TITLES.items():
                took = entry.measured(packing, record, count)
                rows.append(
                    {
                        "panel": f"{entry.data}, {count}",
                        "networks": f"{_whose(entry)}, {protocol}",
                        "protocol": protocol,
                        "garbled": count,
                        "HE (s)": took.he_s + took.he_client_s,
                        "GC (s)": took.gc_s,
                        "GC (%)": 100 * took.gc_s / took.total_s,
                        "GC bytes for one of HE": took.gc_bytes / took.he_bytes,
                    }
                )
    return pd.DataFrame(rows)


def points(record: Measurements) -> pd.DataFrame:
    """A row for each distinct entry by the paper's latencies and by each of `WAYS` with each of
    `COUNTS`: seconds, accuracy, and whether it is on the front of its data set."""
    rows = []
    for data in DATA_SETS.values():
        chosen = [entry for entry in distinct() if entry.data == data]
        for name, count, seconds in _views(record):
            found = [(seconds(entry), entry.accuracy) for entry in chosen]
            best = front(found)
            for at, (entry, (taken, accuracy)) in enumerate(zip(chosen, found, strict=True)):
                rows.append(
                    (data, name, count, entry.label, _whose(entry), taken, accuracy, at in best)
                )
    names = ["data", "by", "garbled", "label", "networks", "seconds", "accuracy (%)", "front"]
    return pd.DataFrame(rows, columns=names).sort_values("networks", kind="stable")


def _views(record: Measurements) -> Iterator[tuple[str, str, Callable[[Entry], float]]]:
    """Names, counts, and what gives the seconds of an entry. The paper's are HE by the model and GC
    at its rate, so that Table 6, which prints no seconds, has them too."""
    yield PAPER, FREE, lambda entry: latency(entry.network).he_s + garbled_seconds(entry.relus)
    for way in WAYS:
        for count in COUNTS:
            yield way.name, count, partial(way.of, record=record, count=count)


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
