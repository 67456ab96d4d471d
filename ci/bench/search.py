"""Time a search through 100,000 designs: seconds of a core, whatever else the machine does.

    python ci/bench/search.py

The search that `deepreshape suggest --cull 3` makes, without limits, so that the seconds of every
design are asked for, by each protocol, nothing being remembered of the one before. The reference
counts some of its designs one by one; both give the same numbers, or the run fails.
"""

import sys
from dataclasses import replace
from time import process_time

from deepreshape.design import Network, ReluPlan, Space, cost, suggest
from deepreshape.design.blocks import part_layers
from deepreshape.design.cost import part_cost
from deepreshape.private.estimated import PACKING, completed, estimate
from deepreshape.private.homomorphic.coefficient_counts import layout
from deepreshape.private.latency import latency, part_operations
from deepreshape.private.measured import measured
from deepreshape.private.predicted import PROTOCOLS, linear_cost, record, timing, truncated
from deepreshape.private.wire.link import LAN, WAN

SPACE = Space((3, 2, 4, 1), culled=3)
SAMPLE = 50
"""Designs that the reference counts too."""
REMEMBERED = part_layers, part_cost, part_operations, layout, estimate, linear_cost


def reference(network: Network, protocol: str) -> tuple[int, int, float]:
    """ReLUs, MACs and seconds of one design, layer by layer."""
    counted = cost(network)
    if protocol == "delphi":
        return counted.total_relus, counted.macs, latency(network).total_s
    plain, known = replace(network, relus=ReluPlan()), completed(record(), network)
    run = measured(plain, PACKING, known, truncated(network)[0])
    wire = run.wire_s({"ours-lan": LAN, "ours-wan": WAN}[protocol].bandwidth)
    return counted.total_relus, counted.macs, run.total_s + wire


def main() -> int:
    for protocol in PROTOCOLS:
        asked = timing(protocol)
        for remembered in REMEMBERED:
            remembered.cache_clear()
        start = process_time()
        found = suggest(SPACE, timing=asked)
        seconds = process_time() - start
        sample = found.front[:: max(1, len(found.front) // SAMPLE)]
        start = process_time()
        again = [reference(each.network, protocol) for each in sample]
        one = (process_time() - start) / len(sample)
        for each, (relus, macs, expected) in zip(sample, again, strict=True):
            assert each.seconds is not None
            if (each.relus, each.macs) != (relus, macs) or abs(each.seconds - expected) > 2e-6:
                print(f"{each.network} is priced otherwise alone", file=sys.stderr)
                return 1
        print(
            f"{protocol}: {found.searched:,} designs, {len(found.front):,} on the front,"
            f" {seconds:.2f} s of a core;"
            f" one by one {1e6 * one:.0f} us each, {one * found.searched / seconds:.0f} times"
            " as long"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
