"""Small nets with weights and statistics at random, and their private programs."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from deepreshape.design import Network
from deepreshape.learn.search.masks import apply, sites
from deepreshape.learn.training.nets import Net, Polynomial, build
from deepreshape.private.program import quantise
from deepreshape.private.program.compiled import Compiled, compiled
from deepreshape.private.program.folding import Mask, Node, fold
from deepreshape.private.program.quantise import Precision
from deepreshape.private.program.steps import Program, Weights
from deepreshape.private.rings import BINARY, Ring

MEAN, STD = (120.0, 118.0, 110.0), (60.0, 62.0, 64.0)

Pixels = npt.NDArray[np.uint8]
Arrays = dict[str, npt.NDArray[Any]]


def trained(network: Network, seed: int = 1) -> Net:
    """A net in evaluation, in double precision, whose BatchNorms and polynomials do something."""
    net = build(network, seed).double().eval()
    generator = torch.Generator().manual_seed(seed)

    def drawn(like: torch.Tensor, least: float, most: float) -> torch.Tensor:
        return torch.rand(like.shape, generator=generator).double() * (most - least) + least

    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.weight.data = drawn(module.weight, 0.5, 1.5)
            module.bias.data = drawn(module.bias, -0.3, 0.3)
            module.running_mean = drawn(module.running_mean, -0.2, 0.2)
            module.running_var = drawn(module.running_var, 0.5, 2.0)
        if isinstance(module, Polynomial):
            for each, least in ((module.a, -0.3), (module.b, 0.5), (module.c, -0.2)):
                each.data = drawn(each, least, least + 0.5)
    return net


def arrays(net: Net) -> Arrays:
    return {name: tensor.numpy() for name, tensor in net.state_dict().items()}


def some_masks(network: Network, part: float = 0.5) -> dict[str, Mask]:
    """Masks that keep about a part of every site's ReLUs."""
    rng = np.random.default_rng(5)
    return {name: rng.random(shape) < part for name, shape in sites(network).items()}


def masked(net: Net, masks: Mapping[str, Mask]) -> Net:
    apply(net, {name: torch.from_numpy(mask) for name, mask in masks.items()})
    return net


def pixels(network: Network, count: int = 4, seed: int = 3) -> Pixels:
    size = network.resolution
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def normalised(images: Pixels) -> npt.NDArray[np.float64]:
    found: npt.NDArray[np.float64] = (images - np.array(MEAN)) / np.array(STD)
    return found.transpose(0, 3, 1, 2)


def folded(network: Network, masks: Mapping[str, Mask] | None = None) -> tuple[Node, ...]:
    return fold(network, arrays(trained(network)), masks or {})


def program_of(
    nodes: tuple[Node, ...],
    images: Pixels,
    ring: Ring = BINARY,
    precision: Precision | None = None,
) -> tuple[Program, Weights]:
    precise = precision or Precision()
    found = quantise.program(nodes, normalised(images), MEAN, STD, ring, precise)
    return found.program, found.weights


def small(
    network: Network, masks: Mapping[str, Mask] | None = None, ring: Ring = BINARY
) -> tuple[Program, Weights]:
    """The private program of a net of random weights."""
    return program_of(folded(network, masks), pixels(network), ring)


def packed(network: Network) -> Compiled:
    """What `deepreshape pack` makes of a net of random weights."""
    net = arrays(trained(network))
    return compiled(network, net, {}, pixels(network), MEAN, STD, Precision())
