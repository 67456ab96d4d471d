"""This project's protocol beside SecretFlow SPU, as a page tells it: what each took, and does."""

import pandas as pd

from deepreshape.private.peers import OURS, Passes, Peers

DOES = (
    ("weights", "the server's, in the clear", "shared by both", "shared by both"),
    ("trusted", "nobody", "the first party, which deals the triples", "nobody"),
    (
        "ReLU",
        "garbled circuit",
        "comparison on shares, by dealt triples",
        "comparison by silent OT",
    ),
    ("linear layers", "homomorphic, offline", "dealt triples", "homomorphic, online"),
    ("before the image is known", "most of it (offline)", "nothing", "nothing"),
    ("truncation", "by one OT, or garbled", "local or probabilistic", "by OT"),
    ("numbers", "each layer its own unit", *2 * ("64-bit ring, 18 bits of fraction",)),
    ("against", "semi-honest", "semi-honest", "semi-honest"),
)
"""What each does: this project, SPU's SEMI2K, SPU's CHEETAH."""


def name(row: Passes) -> str:
    return "this project" if row.system == OURS else f"{row.system}, {row.protocol}"


def took(record: Peers) -> pd.DataFrame:
    """A row for each system: seconds and megabytes of the first image of a session and of one
    after it, what of it is online, and how far its logits are from floating point (percent)."""
    return pd.DataFrame(
        [
            {
                "system": name(row),
                "once (s)": row.ready_s,
                "first image (s)": row.first_s,
                "first image (MB)": row.first_bytes / 1e6,
                "each after it (s)": row.each_s,
                "of it online (s)": "" if row.online_s is None else f"{row.online_s:.2f}",
                "up (MB)": row.up_bytes / 1e6,
                "down (MB)": row.down_bytes / 1e6,
                "logits off by (%)": 100 * row.difference,
            }
            for row in record.passes
        ]
    )


def does() -> pd.DataFrame:
    """A row for each thing that tells the systems apart."""
    return pd.DataFrame(DOES, columns=["", "this project", "SPU, SEMI2K", "SPU, CHEETAH"])


def sentence(record: Peers) -> str:
    """What the record says of each of the others beside this project's protocol, for one image."""
    mine = next(row for row in record.passes if row.system == OURS)
    parts = [
        f"{name(row)} took {row.each_s / mine.each_s:.2g} times the seconds and sent"
        f" {row.each_bytes / mine.each_bytes:.2g} times the bytes"
        for row in record.passes
        if row is not mine
    ]
    return (
        f"{record.network}, {record.relus:,} ReLUs, {record.machine}, {record.date}; beside this"
        f" project, for an image after a session's first: {'; '.join(parts)}."
    )
