"""What a network costs: a fold over its layers."""

from dataclasses import dataclass
from math import prod
from typing import Literal

from deepreshape.design.layers import BatchNorm, Conv, Layer, Linear, Relu, layers
from deepreshape.design.network import DEPTHS, Network

Convention = Literal["A", "B"]
"""How many FLOPs a BatchNorm output element counts, next to one per multiply-accumulate."""

BATCHNORM_FLOPS: dict[Convention, int] = {"A": 5, "B": 2}


@dataclass(frozen=True, slots=True)
class Cost:
    """Counts for one input image.

    relus: ReLU evaluations by stage, the stem's first. macs: multiply-accumulates of convolutions
    (shortcuts included) and of the fully connected layer. batchnorm: BatchNorm output elements.
    params: learned numbers, BatchNorm weights and fully connected bias included.
    """

    relus: tuple[int, ...]
    macs: int
    batchnorm: int
    params: int

    @property
    def total_relus(self) -> int:
        return sum(self.relus)

    def flops(self, convention: Convention) -> int:
        """FLOPs as the paper prints them: MACs plus 5 (A) or 2 (B) per BatchNorm element."""
        return self.macs + BATCHNORM_FLOPS[convention] * self.batchnorm


def cost(network: Network) -> Cost:
    """The cost of a network, layer by layer (conventions 1, 2 and 5 to 11)."""
    relus = [0] * (len(network.stages) + 1)
    macs = batchnorm = params = 0
    for layer in layers(network):
        macs += layer_macs(layer)
        params += layer_params(layer)
        match layer.op:
            case Relu():
                relus[layer.stage] += prod(layer.shape)
            case BatchNorm():
                batchnorm += prod(layer.shape)
    return Cost(tuple(relus), macs, batchnorm, params)


def layer_macs(layer: Layer) -> int:
    """Multiply-accumulates of one layer; ReLU, sums, BatchNorm, pooling and bias are free."""
    match layer.op:
        case Conv(inputs=inputs, kernel=kernel):
            return kernel * kernel * inputs * prod(layer.shape)
        case Linear(inputs=inputs, outputs=outputs):
            return inputs * outputs
        case _:
            return 0


def layer_params(layer: Layer) -> int:
    """Learned numbers of one layer."""
    match layer.op:
        case Conv(inputs=inputs, outputs=outputs, kernel=kernel):
            return kernel * kernel * inputs * outputs
        case BatchNorm(channels=channels):
            return 2 * channels
        case Linear(inputs=inputs, outputs=outputs):
            return (inputs + 1) * outputs
        case _:
            return 0


def paper_convention(network: Network) -> Convention | None:
    """The FLOPs convention behind the paper's figure for this network, None where unknown.

    B for every TinyImageNet (64 x 64), ResNet34-based and ReLU-reuse network, A for the other
    ResNet18-based ones on CIFAR-100 (32 x 32).
    """
    if network.resolution not in (32, 64) or network.depths not in DEPTHS.values():
        return None
    uses_b = network.resolution == 64 or network.depths == DEPTHS["34"] or network.relus.reuse > 1
    return "B" if uses_b else "A"
