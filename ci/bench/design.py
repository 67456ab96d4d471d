"""Time 100,000 networks through count and latency, on one core.

    python ci/bench/design.py

All m, alpha, beta and gamma from 2 to 8 with many depths. The reference, interleaved, adds up the
layers of each network one by one; both give the same numbers, or the run fails.
"""

import resource
import sys
from collections.abc import Iterator
from itertools import islice, product
from statistics import median
from time import perf_counter

from deepreshape.design import Network, cost, layers
from deepreshape.design.architectures import basic
from deepreshape.design.cost import layer_macs
from deepreshape.design.network import of_architecture
from deepreshape.private.latency import latency, layer_operations

NETWORKS = 100_000
CHUNKS = 10
SAMPLE = 50
"""Networks of each chunk that the reference counts too."""


def networks() -> Iterator[Network]:
    sizes = range(2, 9)
    for depths in product((1, 2, 3, 4), repeat=4):
        for m, *factors in product(sizes, repeat=4):
            yield of_architecture(basic(m, factors, depths))


def ours(network: Network) -> tuple[int, int, int]:
    counted, modelled = cost(network), latency(network)
    return counted.macs, modelled.relus, modelled.operations.key_switches


def reference(network: Network) -> tuple[int, int, int]:
    listed = layers(network)
    switches = sum(layer_operations(layer).key_switches for layer in listed)
    return sum(map(layer_macs, listed)), cost(network).total_relus, switches


def main() -> int:
    waiting = networks()
    seconds, each, reference_each = 0.0, [], []
    for _ in range(CHUNKS):
        start = perf_counter()
        found = [(network, ours(network)) for network in islice(waiting, NETWORKS // CHUNKS)]
        seconds += perf_counter() - start
        each.append((perf_counter() - start) / len(found))
        sample = found[:: len(found) // SAMPLE]
        start = perf_counter()
        again = [reference(network) for network, _ in sample]
        reference_each.append((perf_counter() - start) / len(sample))
        if again != [numbers for _, numbers in sample]:
            print("the fold over parts and the fold over layers differ", file=sys.stderr)
            return 1
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ratio = median(slow / fast for slow, fast in zip(reference_each, each, strict=True))
    print(f"{NETWORKS:,} networks, count and latency: {seconds:.2f} s on one core")
    print(f"a network: {1e6 * median(each):.0f} us (median of {CHUNKS} chunks)")
    print(f"layer by layer: {1e6 * median(reference_each):.0f} us, {ratio:.1f} times as long")
    print(f"peak memory: {peak:.0f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
