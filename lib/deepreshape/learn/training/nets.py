"""Network -> torch module: one submodule for each layer, under the layer's name."""

import os
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d

from deepreshape.design import AnyNetwork, cost, layers
from deepreshape.design.ops import (
    IMAGE,
    Add,
    BatchNorm,
    Concat,
    Conv,
    Flatten,
    FullyConnected,
    Layer,
    Op,
    Pool,
    Quadratic,
    Relu,
    Slice,
)


class Net(nn.Module):
    """The module of a network. Images (n, 3, d, d) in, logits (n, classes) out.

    Every layer is a submodule under its name (`stage2/block1/conv1`); the ReLU sites are those
    whose module is an `nn.ReLU`.
    """

    def __init__(self, network: AnyNetwork) -> None:
        super().__init__()
        self.network = network
        self.program: tuple[Layer, ...] = layers(network)
        self.last_use = {name: layer.name for layer in self.program for name in layer.inputs}
        for layer in self.program:
            self.add_module(layer.name, module_of(layer.op))

    def forward(self, images: Tensor) -> Tensor:
        logits, _ = self.observe(images, ())
        return logits

    def observe(self, images: Tensor, names: Sequence[str]) -> tuple[Tensor, list[Tensor]]:
        """Logits, and what the layers of these names give on the way."""
        values, seen = {IMAGE: images}, {}
        for layer in self.program:
            inputs = [values[name] for name in layer.inputs]
            values[layer.name] = self._modules[layer.name](*inputs)  # type: ignore[misc]
            if layer.name in names:
                seen[layer.name] = values[layer.name]
            for name in layer.inputs:
                if self.last_use[name] == layer.name:
                    values.pop(name, None)
        return values[self.program[-1].name], [seen[name] for name in names]

    def stage_ends(self) -> list[str]:
        """The last layer of every stage, by name."""
        last = {layer.stage: layer.name for layer in self.program}
        return [last[stage] for stage in range(1, len(self.network.stages) + 1)]

    def replace(self, name: str, module: nn.Module) -> None:
        """Put another module in the place of a layer's."""
        self._modules[name] = module


def build(network: AnyNetwork, seed: int) -> Net:
    """A freshly initialised module; the same seed gives the same weights.

    Raises ValueError where its weights do not fit into the memory of this machine.
    """
    params = cost(network).params
    if 4 * params > os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"):
        raise ValueError(
            f"{network.name} has {params:,} weights: too many for the memory of this machine"
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = Net(network)
        for module in net.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
    return net


class Strided1x1(nn.Conv2d):
    """A 1x1 convolution with a stride, as one without it of the pixels that it reads.

    oneDNN's own backward pass of it in the channels-last layout, where a pixel has fewer channels
    than a vector register, writes past its memory: gradients come out wrong, or the process dies,
    which depends on the instruction set, the threads and the batch (oneDNN issue 6035).
    """

    def forward(self, input: Tensor) -> Tensor:
        # The mean over one pixel is that pixel: faster than a slice with steps, and its gradient
        # stays in the layout.
        read = avg_pool2d(input, 1, self.stride)
        return conv2d(read, self.weight, self.bias, groups=self.groups)


class Polynomial(nn.Module):
    """a x^2 + b x + c, by channel. It starts as the identity, that is, as the net without this
    activation; the gradient of a is a sum of squares times what comes back, and not zero."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.zeros(channels))
        self.b = nn.Parameter(torch.ones(channels))
        self.c = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        a, b, c = (each.view(-1, *[1] * (x.dim() - 2)) for each in (self.a, self.b, self.c))
        return a * x.square() + b * x + c


class Weightless(nn.Module):
    """A function of tensors as a module."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, *inputs: Tensor) -> Tensor:
        return self.function(*inputs)


def module_of(op: Op) -> nn.Module:
    """The module of one layer, freshly initialised."""
    match op:
        case Conv(inputs, outputs, kernel, stride, groups, bias):
            kind = Strided1x1 if kernel == 1 and stride > 1 else nn.Conv2d
            return kind(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=bias)
        case BatchNorm(channels=channels):
            return nn.BatchNorm2d(channels)
        case Relu():
            return nn.ReLU()
        case Quadratic(channels=channels):
            return Polynomial(channels)
        case Add():
            return Weightless(torch.add)
        case Slice(start=start, stop=stop):
            return Weightless(lambda x: x[:, start:stop])
        case Concat():
            return Weightless(lambda *parts: torch.cat(parts, dim=1))
        case Pool(size):
            whole = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
            return nn.AvgPool2d(size) if size else whole
        case Flatten():
            return nn.Flatten()
        case FullyConnected(inputs=inputs, outputs=outputs, bias=bias):
            return nn.Linear(inputs, outputs, bias)
