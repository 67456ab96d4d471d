"""Take ReLUs from a network by three means, and see what each leaves right.

The images are a few handwritten digits of 8 x 8 pixels, which come with a package: they show how it
is done, and nothing of what is better.
"""

from dataclasses import replace

import deepreshape
from deepreshape.design import cull, parse, thin
from deepreshape.learn.search.searches import SNL

DATA = "mnist5k[per_class=10,size=8]"
RECIPE = deepreshape.Recipe(epochs=3, batch=20, rate=0.05, shift=1)

network = parse("HRN-2x5x3x(m=4)", 8, 10)
whole = deepreshape.train(network, DATA, recipe=RECIPE)
fewer = thin(cull(network, [1]), [2, 3, 4])
budget = deepreshape.count(fewer).total_relus

found = {
    "all ReLUs": whole,
    "culled and thinned": deepreshape.train(fewer, DATA, recipe=RECIPE),
    "the same, taught": deepreshape.train(fewer, DATA, recipe=RECIPE, teacher=whole),
    "SNL": deepreshape.train(
        network,
        DATA,
        recipe=replace(RECIPE, epochs=2),
        teacher=whole,
        search=SNL(budget, epochs=2, batch=20),
    ),
}
for name, trained in found.items():
    print(f"{name:20} {trained.record.relus:6,} ReLUs {trained.record.test:6.1f} % right")
