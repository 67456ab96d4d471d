"""What a truncation without a ReLU costs: as measured, and garbled, as an exact one is."""

from statistics import median

import numpy as np

from deepreshape.paper.printed.entries import FREE, RUN
from deepreshape.paper.printed.protocols import distinct
from deepreshape.private.garbled import circuits
from deepreshape.private.garbled.three_halves import CHUNK
from deepreshape.private.joint import Part
from deepreshape.private.measured import Element, ElementCost, Measurements
from deepreshape.private.measuring import BITS, SHIFT, sent
from deepreshape.private.packings import TITLES
from deepreshape.private.rings import BINARY


def shares(record: Measurements, packing: str) -> tuple[float, float]:
    """Seconds and bytes of a truncation under a packing, as shares of a ReLU's."""
    relu, cut = (record.elements[Element(packing, name)] for name in ("relu", "truncate"))
    return cut.seconds / relu.seconds, size(cut) / size(relu)


def size(took: ElementCost) -> int:
    """Bytes of an element, offline and online."""
    return took.offline_bytes + took.online_bytes


def garbled() -> int:
    """Bytes of a truncation in a garbled circuit modulo a power of two, as `--exact` has it."""
    return sum(sent(Part(BINARY, np.arange(CHUNK), circuits.truncate(BINARY, SHIFT, SHIFT + BITS))))


def told(record: Measurements) -> str:
    """What a truncation costs beside a ReLU, in sentences."""
    said = [
        f"*{title}*: a truncation takes {time:.0%} of the time and {octets:.1%} of the bytes of a"
        " ReLU."
        for packing, title in TITLES.items()
        for time, octets in [shares(record, packing)]
    ]
    cut = size(record.elements[Element("coefficients", "truncate")])
    return (
        f"{' '.join(said)} Without rotations and garbled, as the option `--exact` has it, one would"
        f" take {garbled():,} bytes in place of {cut}."
    )


def added(record: Measurements, packing: str) -> tuple[list[float], list[float]]:
    """By how much truncations raise seconds of computing, and bytes, of each distinct entry."""
    seconds, octets = [], []
    for entry in distinct():
        free, run = (entry.measured(packing, record, count) for count in (FREE, RUN))
        seconds.append(run.total_s / free.total_s - 1)
        octets.append((run.he_bytes + run.gc_bytes) / (free.he_bytes + free.gc_bytes) - 1)
    return seconds, octets


def told_added(record: Measurements) -> str:
    """What truncations add to the networks of Tables 6 to 8, in a sentence for each protocol."""
    said = []
    for packing, title in TITLES.items():
        parts = (
            f"{100 * median(more):.0f} % to the {what} of a network in the median and"
            f" {100 * max(more):.0f} % at most"
            for what, more in zip(("seconds", "bytes"), added(record, packing), strict=True)
        )
        said.append(f"*{title}*: as run here truncations add {', and '.join(parts)}.")
    return " ".join(said)
