"""Models of a network with weights at random, where what they classify does not matter."""

from math import prod

import numpy as np

from deepreshape.design import AnyNetwork, layers
from deepreshape.design.ops import BatchNorm, Conv, FullyConnected, Quadratic, Relu
from deepreshape.private.garbled_counts import Garbled
from deepreshape.private.program.compiled import compiled
from deepreshape.private.program.folding import Floats, Mask
from deepreshape.private.program.model import Model
from deepreshape.private.program.quantise import Precision

FEW = 8
"""Images on which ranges are measured where only elements are counted."""


def random_model(
    network: AnyNetwork,
    choices: np.random.Generator,
    images: int = 64,
    masks: dict[str, Mask] | None = None,
) -> Model:
    """A model of a network with `random_arrays`, the first that are drawn of the choices.

    images: how many, of noise, show how large numbers get.
    """
    arrays = random_arrays(network, choices)
    side = network.resolution
    seen = choices.integers(0, 256, (images, side, side, 3), np.uint8)
    made = compiled(
        network, arrays, masks or {}, seen, (128.0,) * 3, (64.0,) * 3, Precision(), False
    )
    return Model(made.program, made.weights, {"network": str(network)})


def random_arrays(network: AnyNetwork, choices: np.random.Generator) -> dict[str, Floats]:
    """Weights as `fold` takes them, under which numbers keep their size from layer to layer."""
    arrays: dict[str, Floats] = {}
    for layer in layers(network):
        match layer.op:
            case Conv(n, m, kernel, _, groups):
                fan = n // groups * kernel**2
                shape = (m, n // groups, kernel, kernel)
                arrays[f"{layer.name}.weight"] = choices.normal(0, fan**-0.5, shape)
            case BatchNorm(n):
                for part, value in (("weight", 1), ("bias", 0), ("running_mean", 0)):
                    arrays[f"{layer.name}.{part}"] = np.full(n, float(value))
                arrays[f"{layer.name}.running_var"] = np.ones(n)
            case Quadratic(n):
                for part in "abc":
                    arrays[f"{layer.name}.{part}"] = choices.normal(0, 0.3, n)
            case FullyConnected(n, m):
                arrays[f"{layer.name}.weight"] = choices.normal(0, n**-0.5, (m, n))
        if isinstance(layer.op, Conv | FullyConnected) and layer.op.bias:
            arrays[f"{layer.name}.bias"] = np.zeros(layer.op.outputs)
    return arrays


def drawn_masks(network: AnyNetwork, relus: int, choices: np.random.Generator) -> dict[str, Mask]:
    """Masks that leave so many of a network's ReLUs, at random places; none for 0, which leaves
    all. Raises ValueError for more than there are."""
    if not relus:
        return {}
    shapes = {layer.name: layer.shape for layer in layers(network) if isinstance(layer.op, Relu)}
    total = sum(map(prod, shapes.values()))
    if relus > total:
        raise ValueError(f"{network} has {total:,} ReLUs, not {relus:,}")
    kept = np.zeros(total, np.bool_)
    kept[choices.permutation(total)[:relus]] = True
    ends = np.cumsum([prod(shape) for shape in shapes.values()])[:-1]
    parts = zip(shapes.items(), np.split(kept, ends), strict=True)
    return {name: part.reshape(shape) for (name, shape), part in parts}


def garbled(network: AnyNetwork) -> Garbled:
    """What the program of a network garbles, with weights at random."""
    program = random_model(network, np.random.default_rng(0), FEW).program
    return Garbled(program.relus, program.truncations)
