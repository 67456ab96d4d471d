"""Search for the designs within limits that are worth training. Needs the library alone."""

import deepreshape
from deepreshape.private.predicted import timing

space = deepreshape.Space(order=(3, 2, 4, 1), resolution=32, classes=100, channels=(8, 16))
limits = deepreshape.Limits(relus=30_000, flops=100_000_000)
found = deepreshape.suggest(space, limits, timing("ours-lan"))
print(f"{found.searched:,} designs, {found.fitting:,} within the limits; of these the largest:")
for each in found.largest:
    print(f"{each.network!s:28} {each.relus:7,} ReLUs {each.macs:12,} MACs {each.seconds:6.2f} s")
