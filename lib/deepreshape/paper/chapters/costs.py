"""The chapter on cost: what an inference takes by the paper's model and as measured, by part."""

from collections.abc import Iterable, Sequence

import pandas as pd

from deepreshape.paper.printed import protocols
from deepreshape.paper.printed.entries import COUNTS, Entry, entries
from deepreshape.paper.printed.protocols import Gain
from deepreshape.private.latency import garbled_seconds, latency
from deepreshape.private.measured import Measurements
from deepreshape.private.packings import TITLES
from deepreshape.private.wire.link import LAN, WAN

PARTS = ("HE, server", "HE, client", "GC", "bytes on the wire")
"""Where the seconds go."""
WIRES = {"": None, ", LAN": LAN, ", WAN": WAN}


def pair(table: str, row: int) -> tuple[Entry, Entry]:
    """The network of the other method and the HybReNet of a row of Table 7 or 8."""
    other, ours = (each for each in entries() if (each.table, each.row) == (table, row))
    return other, ours


def by_part(chosen: Iterable[Entry], record: Measurements, count: str) -> pd.DataFrame:
    """A row for each network in each way to run it: seconds by `PARTS`, and megabytes.

    The paper's model has no client apart and no wire; both protocols are measured, and the
    rotation-free one also with its bytes at the bandwidth of a LAN and of a WAN.
    """
    rows: list[dict[str, object]] = []
    for entry in chosen:
        model = latency(entry.network).he_s, 0.0, garbled_seconds(entry.relus), 0.0
        rows.append(_row(entry, "the paper's model", model))
        for packing, title in TITLES.items():
            took = entry.measured(packing, record, count)
            sent = (took.he_bytes + took.gc_bytes) / 1e6
            for name, link in WIRES.items():
                if link is not None and packing != "coefficients":
                    continue
                wire = took.wire_s(link.bandwidth) if link else 0.0
                seconds = took.he_s, took.he_client_s, took.gc_s, wire
                rows.append(_row(entry, title + name, seconds) | {"MB": sent})
    return pd.DataFrame(rows)


def _row(entry: Entry, way: str, seconds: Sequence[float]) -> dict[str, object]:
    parts = dict(zip(PARTS, seconds, strict=True))
    return {"network": entry.label, "by": way, **parts, "seconds": sum(seconds)}


def elements(record: Measurements) -> pd.DataFrame:
    """A row for each garbled function under each protocol: microseconds and bytes."""
    return pd.DataFrame(
        [
            {
                "protocol": TITLES[of.packing],
                "function": of.function,
                "µs": 1e6 * took.seconds,
                "bytes": took.offline_bytes + took.online_bytes,
            }
            for of, took in sorted(record.elements.items(), reverse=True)
        ]
    )


def gains(found: Iterable[Gain]) -> pd.DataFrame:
    """A row for each printed speed-up in each way and by each count: printed, measured, verdict."""
    return pd.DataFrame(
        [
            {
                "data": gain.ahead.data,
                "faster": gain.ahead.label,
                "than": gain.behind.label,
                "by": way.name,
                "garbled": count,
                "printed": gain.printed,
                "measured": measured,
                "verdict": protocols.verdict(gain.printed, measured),
            }
            for gain in found
            for (way, count), measured in gain.measured.items()
        ]
    )


def told(frame: pd.DataFrame) -> str:
    """What becomes of the speed-ups, a line of Markdown for each count of what is garbled."""
    lines = []
    for count in COUNTS:
        of = frame[frame["garbled"] == count]
        parts = []
        for name, each in of.groupby("by", sort=False):
            words = each["verdict"].value_counts()
            said = ", ".join(
                f"{words[word]} {word}" for word in protocols.VERDICTS if word in words
            )
            parts.append(f"{name} {said}")
        lines.append(f"- *{count}*: {'; '.join(parts)}.")
    return "\n".join(lines)
