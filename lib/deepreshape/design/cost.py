"""What a network costs: a fold over its layers."""

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Literal

from deepreshape.design.architectures import (
    CIFAR_DEPTHS,
    CONVNEXT,
    DEPTHS,
    Basic,
    Plain,
    PreActivation,
)
from deepreshape.design.blocks import Part, part_layers
from deepreshape.design.graph import AnyNetwork, Graph
from deepreshape.design.layers import parts
from deepreshape.design.network import Network
from deepreshape.design.ops import BatchNorm, Conv, FullyConnected, Layer, Op, Quadratic, Relu

Convention = Literal["A", "B"]
"""How many FLOPs a BatchNorm output element counts, next to one per multiply-accumulate."""

BATCHNORM_FLOPS: dict[Convention, int] = {"A": 5, "B": 2}


@dataclass(frozen=True, slots=True)
class Cost:
    """Counts for one input image.

    relus: ReLU evaluations of the stem, then of each stage. macs: multiply-accumulates of
    convolutions (shortcuts included) and of fully connected layers. batchnorm: BatchNorm output
    elements. params: learned numbers, BatchNorm weights and fully connected bias included.
    head_relus: ReLU evaluations behind the last stage, of the families that have any. squares:
    elements of `Quadratic` layers; each takes one multiplication of shares in private inference.
    """

    relus: tuple[int, ...]
    macs: int
    batchnorm: int
    params: int
    head_relus: int = 0
    squares: int = 0

    @property
    def total_relus(self) -> int:
        return sum(self.relus) + self.head_relus

    @property
    def stage_relus(self) -> tuple[int, ...]:
        """ReLUs of each stage as the tables count them: the stem's with the first (convention 3),
        the head's with the last."""
        joined = [self.relus[0] + self.relus[1], *self.relus[2:]]
        joined[-1] += self.head_relus
        return tuple(joined)

    def flops(self, convention: Convention) -> int:
        """FLOPs as the paper prints them: MACs plus 5 (A) or 2 (B) per BatchNorm element."""
        return self.macs + BATCHNORM_FLOPS[convention] * self.batchnorm


def cost(network: AnyNetwork) -> Cost:
    """The cost of a network, part by part (conventions 1 to 16 in book/conventions.md).

    A network of no family has no stem of its own; its first stage has it.

    >>> from deepreshape.design import resnet18
    >>> counted = cost(resnet18(m=16))
    >>> counted.total_relus, counted.macs
    (139264, 35058176)
    """
    if isinstance(network, Graph):
        return _cost_of(network)
    relus, *others = zip(*map(part_cost, parts(network)), strict=True)
    macs, batchnorm, params, squares = map(sum, others)
    return Cost(relus[:-1], macs, batchnorm, params, relus[-1], squares)


def _cost_of(graph: Graph) -> Cost:
    relus = [0] * (len(graph.stages) + 2)
    for layer in graph.listed:
        relus[layer.stage] += prod(layer.shape) if isinstance(layer.op, Relu) else 0
    _, macs, batchnorm, params, squares = layers_cost(graph.listed)
    return Cost(tuple(relus[:-1]), macs, batchnorm, params, relus[-1], squares)


@lru_cache(maxsize=2**16)
def part_cost(part: Part) -> tuple[int, int, int, int, int]:
    """`layers_cost` of a part."""
    return layers_cost(part_layers(part))


def layers_cost(listed: tuple[Layer, ...]) -> tuple[int, int, int, int, int]:
    """ReLUs, MACs, BatchNorm elements, parameters and squares of layers."""
    elements: Counter[type[Op]] = Counter()
    for layer in listed:
        elements[type(layer.op)] += prod(layer.shape)
    macs, params = sum(map(layer_macs, listed)), sum(map(layer_params, listed))
    return elements[Relu], macs, elements[BatchNorm], params, elements[Quadratic]


def layer_macs(layer: Layer) -> int:
    """Multiply-accumulates of one layer; activations, sums, BatchNorm, pooling, bias are free."""
    match layer.op:
        case Conv(inputs=inputs, kernel=kernel, groups=groups):
            return kernel * kernel * inputs // groups * prod(layer.shape)
        case FullyConnected(inputs=inputs, outputs=outputs):
            return inputs * outputs
        case _:
            return 0


def layer_params(layer: Layer) -> int:
    """Learned numbers of one layer."""
    match layer.op:
        case Conv(inputs=inputs, outputs=outputs, kernel=kernel, groups=groups, bias=bias):
            return (kernel * kernel * inputs // groups + bias) * outputs
        case BatchNorm(channels=channels):
            return 2 * channels
        case Quadratic(channels=channels):
            return 3 * channels
        case FullyConnected(inputs=inputs, outputs=outputs, bias=bias):
            return (inputs + bias) * outputs
        case _:
            return 0


def paper_convention(network: Network) -> Convention | None:
    """The FLOPs convention behind the paper's figure for this network, None where it prints none.

    A for ResNet18-based networks and WideResNets on CIFAR-100 (32 x 32), but for ReLU-reuse; B for
    those on TinyImageNet (64 x 64), for all ResNet34-based and ConvNeXt-like ones, ResNet32 and
    VGG16.
    """
    if network.resolution not in (32, 64) or network.relus.quadratic:
        return None
    match network.block:
        case Plain():
            return "B"
        case PreActivation():
            uses_a = True
        case Basic() if network.depths == DEPTHS["18"]:
            uses_a = network.relus.reuse == 1
        case Basic() if network.depths in _COUNTED_B:
            uses_a = False
        case _:
            return None
    return "A" if uses_a and network.resolution == 32 else "B"


_COUNTED_B = {
    DEPTHS["34"],
    (CIFAR_DEPTHS["32"],) * 3,
    *(depths for _, depths in CONVNEXT.values()),
}
