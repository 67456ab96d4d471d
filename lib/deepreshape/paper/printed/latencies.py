"""Tables 7 and 8: a method's network against a HybReNet, computed.

The counts and garbled-circuit seconds are exact, the homomorphic seconds those of the model. Sums
and ratios follow the paper's arithmetic: they are taken of the printed homomorphic seconds, whose
hidden decimals are the middle of what all rows of a network allow.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache

from deepreshape.design import Network, ReluPlan, cost, parse
from deepreshape.paper.printed.counts import count, difference
from deepreshape.paper.printed.tables import Row, network, table
from deepreshape.private.latency import garbled_seconds, latency

SIDES = ("sota", "hrn")


def values(name: str) -> Iterator[tuple[int, str, float | str]]:
    """Every value of Table 7 or 8 that can be computed."""
    for number, row in enumerate(table(name), start=1):
        sota, hrn = (network(name, number, side) for side in SIDES)
        # Appendix J: ReLU-reuse is costed as the network without the group convolution.
        plain = {"sota": _without_reuse(sota), "hrn": _without_reuse(hrn)}
        relus = {side: exact_relus(name, number, side) for side in SIDES}
        he = {side: he_seconds(plain[side]) for side in SIDES}
        gc = {side: garbled_seconds(relus[side]) for side in SIDES}
        total = {side: he[side] + gc[side] for side in SIDES}
        flops = {side: count(plain[side], "flops_M") for side in SIDES}
        for side, listed in (("sota", sota), ("hrn", hrn)):
            if _has_own_relus(row, side):
                yield number, f"{side}_relus_K", relus[side] / 1000
                if accuracy := _accuracy(listed):
                    yield number, f"{side}_acc_pct", accuracy
            yield number, f"{side}_flops_M", flops[side]
            yield number, f"{side}_he_s", latency(plain[side]).he_s
            yield number, f"{side}_gc_s", gc[side]
            yield number, f"{side}_lat_s", total[side]
        yield number, "improv_acc_pct", difference(row["hrn_acc_pct"], row["sota_acc_pct"])
        quantities: dict[str, dict[str, float]] = {
            "relus": {side: float(number_of) for side, number_of in relus.items()},
            "flops": flops,
            "he": he,
            "gc": gc,
            "lat": total,
        }
        for quantity, pair in quantities.items():
            yield number, f"improv_{quantity}_x", pair["sota"] / pair["hrn"]


def exact_relus(name: str, number: int, side: str) -> int:
    """The ReLUs behind a row's garbled-circuit seconds.

    SNL and SENet end at a budget, which the table prints; the other networks are counted.
    """
    row = table(name)[number - 1]
    if _has_own_relus(row, side):
        return cost(network(name, number, side)).total_relus
    return int(row["sota_relus_K"]) * 1000


def _has_own_relus(row: Row, side: str) -> bool:
    return side == "hrn" or row["sota_method"] == "ConvNeXt"


def _without_reuse(listed: Network) -> Network:
    return replace(listed, relus=replace(listed.relus, reuse=1))


def _accuracy(listed: Network) -> float | None:
    """The accuracy that Table 6, 13 or 14 prints for a network, with DKD."""
    found = (
        float(row["acc_dkd_pct"])
        for name in ("table06", "table13", "table14")
        for number, row in enumerate(table(name), start=1)
        if network(name, number) == listed
    )
    return next(found, None)


@lru_cache
def he_seconds(listed: Network) -> float:
    """A network's homomorphic seconds as the paper must have had them before rounding: the middle
    of the interval that its printed HE and Lat. leave."""
    found = [
        (int(row[f"{side}_he_s"]), int(row[f"{side}_lat_s"]), exact_relus(name, number, side))
        for name in ("table07", "table08")
        for number, row in enumerate(table(name), start=1)
        for side in SIDES
        if plain(network(name, number, side)) == plain(listed)
    ]
    low, high = found[0][0] - 0.5, found[0][0] + 0.5
    for _, total, relus in found:
        middle = total - garbled_seconds(relus)
        if max(low, middle - 0.5) < min(high, middle + 0.5):  # else Lat. is a slip of its own
            low, high = max(low, middle - 0.5), min(high, middle + 0.5)
    return (low + high) / 2


def plain(listed: Network) -> Network:
    """What homomorphic encryption sees of a network: all but its ReLUs."""
    return replace(listed, relus=ReluPlan())


def linear(listed: Network) -> Network:
    """Whose HE is printed for a network: `plain`, but for ConvNeXt-N one of 80 base channels."""
    found = plain(listed)
    wide, used = parse("ConvNeXt-N(m=96)@64/200"), parse("ConvNeXt-N@64/200")
    return used if found == wide else found


def he_values(name: str) -> dict[Network, int]:
    """The distinct networks of Table 7 or 8, as HE sees them, and their printed HE seconds."""
    return {
        linear(network(name, number, side)): int(row[f"{side}_he_s"])
        for number, row in enumerate(table(name), start=1)
        for side in SIDES
    }
