"""Do captured steps (`training.steps.Graphed`) give on a device what steps give that are asked for
one by one?"""

from dataclasses import replace

import torch

from deepreshape.design import Network, Stage
from deepreshape.learn.images.sets import Images, Split
from deepreshape.learn.training.loop import TrainingResult, train
from deepreshape.learn.training.losses import DKD
from deepreshape.learn.training.machine import Machine
from deepreshape.learn.training.nets import build
from deepreshape.learn.training.recipe import Recipe
from deepreshape.learn.training.teacher import teacher

NETWORK = Network(8, (Stage(8, 1), Stage(16, 1)), 16, 10)
RECIPE = Recipe(epochs=3, batch=16, rate=0.05, shift=2, small=0.4, distillation=DKD(warmup=2.0))
STEPS = 12
"""Of an epoch. Steps are captured in the first, again where images grow and where the ramp of the
loss ends."""


def drawn(count: int, network: Network = NETWORK) -> Images:
    """Random images, as many to train on, and few beside them."""
    draws = torch.Generator().manual_seed(1)
    side = network.resolution
    pixels = torch.randint(0, 256, (count, side, side, 3), generator=draws).to(torch.uint8)
    labels = torch.randint(0, network.classes, (count,), generator=draws)
    few = Split(pixels[:8], labels[:8])
    return Images(Split(pixels, labels), few, few, (127.0,) * 3, (64.0,) * 3, "")


def disagreement(machine: Machine) -> str | None:
    """What differs after three epochs of a small net under a teacher; None where every bit of its
    weights and losses is the same."""
    images = drawn(STEPS * RECIPE.batch)

    def trained(graphs: bool) -> TrainingResult:
        here = replace(machine, graphs=graphs)
        knowing = teacher(here.place(build(NETWORK, 2)), images, here, None, "", RECIPE.epochs)
        return train(build(NETWORK, 1), RECIPE, images, 1, here, knowing)

    asked, captured = trained(False), trained(True)
    losses = [[epoch.loss for epoch in each.curve] for each in (asked, captured)]
    if losses[0] != losses[1]:
        return f"losses {losses[1]} in the place of {losses[0]}"
    theirs = captured.net.state_dict()
    for name, value in asked.net.state_dict().items():
        if not value.equal(theirs[name]):
            largest = (value.double() - theirs[name].double()).abs().max().item()
            return f"{name} differs by up to {largest:.3g}"
    return None
