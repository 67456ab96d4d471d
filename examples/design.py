"""Choose a network for private inference: what it costs, before anything is trained.

Needs the library alone, without PyTorch.
"""

import deepreshape
from deepreshape.design import cull, hybrenet, thin
from deepreshape.private.latency import latency

# Widths that put the ReLUs of stage 3 before those of 2, 4 and 1 (Algorithm 1).
found = deepreshape.equalize(order=(3, 2, 4, 1))
print(found.inequality)
for solution in found.solutions:
    counted = deepreshape.count(solution.name, 32, 100)
    print(f"{solution.name:18} {counted.total_relus:9,} ReLUs {counted.macs:15,} MACs")

# One of them, narrower, and with fewer and fewer ReLUs.
network = hybrenet(5, 5, 3, m=8)
for each in (network, cull(network, [1]), thin(cull(network, [1]), [2, 3, 4])):
    modelled = latency(each)
    print(f"{each.name:24} {modelled.relus:7,} ReLUs {modelled.total_s:6.1f} s by the model")
