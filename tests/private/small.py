"""Small trained-looking nets: random weights, BatchNorm statistics of their own data."""

from collections.abc import Mapping

import numpy as np
import torch

from deepreshape.design import Network
from deepreshape.learn.nets import build
from deepreshape.private.program.compiled import Compiled, compiled
from deepreshape.private.program.quantise import Precision

IMAGES = np.random.default_rng(1).integers(0, 256, (64, 16, 16, 3), dtype=np.uint8)
"""Images of 16 x 16 pixels."""
MEAN, STD = (120.0, 125.0, 130.0), (60.0, 65.0, 70.0)


def arrays(network: Network) -> Mapping[str, np.ndarray]:
    """The arrays of a net after a few batches in training mode."""
    net = build(network, 1)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for _ in range(30):
            net(torch.randn(16, 3, network.resolution, network.resolution, generator=generator))
    return {name: tensor.numpy() for name, tensor in net.state_dict().items()}


def small(
    network: Network,
    masks: Mapping[str, np.ndarray] | None = None,
    precision: Precision = Precision(),  # noqa: B008 (frozen)
) -> Compiled:
    """A net of 16 x 16 pixels as a private program."""
    return compiled(network, arrays(network), masks or {}, IMAGES, MEAN, STD, precision)
