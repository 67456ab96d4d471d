"""Networks of Tables 6 to 8 run whole, between two processes and without rotations: what each took,
and what is left of the printed gains where both networks of a row were run."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from deepreshape.paper.printed import protocols
from deepreshape.paper.printed.entries import RUN, Entry, entries, printed_wholes
from deepreshape.paper.printed.protocols import VERDICTS, WAYS, Gain
from deepreshape.private.measured import Measurements, WholeCost
from deepreshape.private.wire.link import LAN, WAN, Link

WIRES: dict[str, Link | None] = {"on one machine": None, "over a LAN": LAN, "over a WAN": WAN}
"""Where the two parties sit. Over a link the bytes take what they take at its bandwidth."""


@dataclass(frozen=True, slots=True)
class WholeGain:
    """How many times faster a row's HybReNet is than its rival, both run whole, by the names of
    `WIRES`."""

    gain: Gain
    measured: dict[str, float]


def seconds(took: WholeCost, link: Link | None) -> float:
    """Offline and online, and those of the bytes over a link, without round trips."""
    wire = 8 * took.bytes / link.bandwidth if link else 0.0
    return took.offline_s + took.online_s + wire


def run(record: Measurements) -> list[Entry]:
    """The entries that were run whole, each network with its ReLUs once."""
    found = {each.whole: each for each in reversed(entries()) if each.whole in record.wholes}
    return [found[whole] for whole in printed_wholes() if whole in found]


def table(record: Measurements) -> pd.DataFrame:
    """A row for each of `run`, the lightest first: seconds, megabytes sent, and megabytes that
    either side had resident at most."""
    rows = []
    for entry in run(record):
        took = record.wholes[entry.whole]
        rows.append(
            {
                "data": entry.data,
                "network": entry.label,
                "offline (s)": took.offline_s,
                "online (s)": took.online_s,
                "sent (MB)": took.bytes / 1e6,
                "client's peak (MB)": took.client_peak / 1e6,
                "server's peak (MB)": took.server_peak / 1e6,
            }
        )
    return pd.DataFrame(rows)


def gains(record: Measurements) -> list[WholeGain]:
    """The runtime gains of the rows both of whose networks were run whole."""
    found = []
    for gain in protocols.gains(record):
        both = [record.wholes.get(each.whole) for each in (gain.behind, gain.ahead)]
        behind, ahead = both
        if behind is not None and ahead is not None:
            times = {
                name: seconds(behind, link) / seconds(ahead, link) for name, link in WIRES.items()
            }
            found.append(WholeGain(gain, times))
    return found


def claims(found: Iterable[WholeGain]) -> pd.DataFrame:
    """A row for each gain: data, both networks, the printed factor and those of the runs, each
    with its verdict where it does not hold."""
    return pd.DataFrame(
        [
            {
                "data": each.gain.ahead.data,
                "faster": each.gain.ahead.label,
                "than": each.gain.behind.label,
                "printed": f"{each.gain.printed}x",
                **{name: _told(each.gain.printed, times) for name, times in each.measured.items()},
            }
            for each in found
        ]
    )


def _told(printed: float, found: float) -> str:
    word = protocols.verdict(printed, found)
    return f"{found:.1f}x" if word == "holds" else f"{found:.1f}x {word}"


def sentence(record: Measurements) -> str:
    """How much was run whole, and what came of the gains."""
    found, every, ran = gains(record), protocols.gains(record), len(run(record))
    printed = len(printed_wholes())
    which = f"All {printed} networks" if ran == printed else f"{ran} of the {printed} networks"
    said = (
        f"{which} of Tables 6 to 8, each with its number of ReLUs, were run whole, with logits"
        f" equal to the reference. In {len(found)} of the {len(every)} rows with a printed gain"
        " both were."
    )
    if not found:
        return said
    parts = (f"{name} {counts}" for name, counts in verdicts(found).items())
    same = sum(alike(each) for each in found)
    return (
        f"{said} Of these gains: {'; '.join(parts)}. The sums over layers of the sections before"
        f" give the same verdict in {same} of these {len(WIRES) * len(found)} cases."
    )


def verdicts(found: Iterable[WholeGain]) -> dict[str, str]:
    """How many gains hold, are less or are gone on each of `WIRES`, such as "7 hold, 1 is less,
    0 are gone"."""
    gains = list(found)
    counted = {}
    for name in WIRES:
        words = [protocols.verdict(each.gain.printed, each.measured[name]) for each in gains]
        counted[name] = ", ".join(_count(words.count(word), word) for word in VERDICTS)
    return counted


def _count(number: int, word: str) -> str:
    """Such as 7 hold, or 1 is less."""
    if word == "holds":
        return f"{number} {'holds' if number == 1 else 'hold'}"
    return f"{number} {'is' if number == 1 else 'are'} {word}"


def conclusion(record: Measurements) -> str:
    """The same for who reads no more than the page's end."""
    found = gains(record)
    faster = min(sum(each.measured[name] > 1 for each in found) for name in WIRES)
    parts = (f"{name} {counts}" for name, counts in verdicts(found).items())
    return (
        f"The HybReNet is the faster one in at least {faster} of {len(found)} pairs, wherever the"
        f" parties sit. Of the printed gains: {'; '.join(parts)}."
    )


def alike(each: WholeGain) -> int:
    """On how many of `WIRES` the runs and the sums over layers have the same verdict."""
    ways = zip(WAYS[1:], WIRES, strict=True)
    return sum(
        each.gain.verdict(way, RUN) == protocols.verdict(each.gain.printed, each.measured[name])
        for way, name in ways
    )
