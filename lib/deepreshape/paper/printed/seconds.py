"""Tables 7 and 8 as a page shows them: seconds of the model, and measured ones, beside the printed.

Everything is of the networks as homomorphic encryption sees them, without their ReLUs.
"""

from collections.abc import Iterable
from statistics import median

import pandas as pd

from deepreshape.design import Network, cost
from deepreshape.paper.printed import tables
from deepreshape.paper.printed.entries import COMPARED, COUNTS, entries
from deepreshape.paper.printed.latencies import he_values
from deepreshape.paper.printed.verdicts import verify
from deepreshape.private.latency import garbled_seconds, latency
from deepreshape.private.measured import Measurements


def operations(name: str, more: Iterable[Network] = ()) -> pd.DataFrame:
    """A row for each network of a table, and more: its homomorphic operations and their seconds."""
    printed, rows = he_values(name), []
    for network in [*printed, *more]:
        model = latency(network)
        rows.append(
            {
                "network": str(network),
                "MACs (M)": f"{cost(network).macs / 1e6:,.0f}",
                "multiplications": model.operations.multiplications,
                "key switches": model.operations.key_switches,
                "ciphertexts up": model.operations.up,
                "down": model.operations.down,
                "HE model (s)": f"{model.he_s:,.1f}",
                "HE printed (s)": f"{printed[network]:,}" if network in printed else "",
            }
        )
    return pd.DataFrame(rows)


def deviations(name: str) -> dict[str, float]:
    """How far the model is from each printed HE latency of a table, in percent of it, by network
    and seconds."""
    return {
        f"{network}, {seconds:,} s": 100 * (latency(network).he_s / seconds - 1)
        for network, seconds in he_values(name).items()
    }


def agreement() -> pd.DataFrame:
    """How well the model gives the HE and GC columns of Table 7, of Table 8, and of both."""
    rows = []
    of = {"Table 7": ["table07"], "Table 8": ["table08"], "both": ["table07", "table08"]}
    for title, names in of.items():
        off = {what: abs(by) for name in names for what, by in deviations(name).items()}
        most = max(off, key=off.__getitem__)
        gc = [each for name in names for each in verify(name, ("sota_gc_s", "hrn_gc_s"))]
        rows.append(
            {
                "": title,
                "HE latencies": len(off),
                "median deviation (%)": f"{median(off.values()):.1f}",
                "largest (%)": f"{off[most]:.1f}",
                "which is": most,
                "GC values": len(gc),
                "of them equal": sum(each.kind == "equal" for each in gc),
            }
        )
    return pd.DataFrame(rows)


def modelled(name: str) -> pd.DataFrame:
    """A row for each network and number of ReLUs of a table, in its order: data, label, seconds of
    HE by the model and of GC, and the printed sum."""
    return pd.DataFrame(
        [
            {
                "data": entry.data,
                "label": entry.label,
                "he": latency(entry.network).he_s,
                "gc": garbled_seconds(entry.relus),
                "printed": int(tables.table(name)[entry.row - 1][f"{entry.side}_lat_s"]),
            }
            for entry in entries()
            if entry.table == name
        ]
    )


def timed(name: str, record: Measurements) -> pd.DataFrame:
    """A row for each network of Table 7 or 8: its data set, seconds printed, by the model, and
    measured, with the share of Delphi's HE that was run.

    HE is the server's. Of two measured numbers the first is under Delphi's packing.
    """
    rows = {}
    for entry in entries():
        if entry.table == name:
            rotating, free = (entry.measured(packing, record) for packing in COMPARED)
            garbled = {
                f"GC {count}": [entry.measured(each, record, count).gc_s for each in COMPARED]
                for count in COUNTS
            }
            rows[entry.data, entry.label] = {
                "data": entry.data,
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
