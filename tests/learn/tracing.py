"""What a module really is and computes, to hold against what its layers say."""

from math import prod
from typing import Any

import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from deepreshape.design import Cost
from deepreshape.design.ops import Relu
from deepreshape.learn.training.nets import Net


def traced_cost(net: Net) -> Cost:
    """Run one image through the module in evaluation mode and count what the kernels are given."""

    def elements(shape: Any, *args: Any, out_shape: Any = None, **kwargs: Any) -> int:
        return prod(shape)

    aten = torch.ops.aten
    relu, batchnorm, square = aten.relu, aten._native_batch_norm_legit_no_training, aten.pow
    counted = (relu, aten.relu_, batchnorm, square)
    counter = FlopCounterMode(display=False, custom_mapping=dict.fromkeys(counted, elements))
    size = net.network.resolution
    was_training = net.training
    net.eval()
    with torch.no_grad(), counter:
        net(torch.zeros(1, 3, size, size))
    net.train(was_training)
    counts = counter.get_flop_counts()
    whole = counts["Global"]
    relus = [0] * (len(net.network.stages) + 2)
    for layer in net.program:
        relus[layer.stage] += counts.get(f"{type(net).__name__}.{layer.name}", {}).get(relu, 0)
    macs = sum(flops for op, flops in whole.items() if op not in counted) // 2
    params = sum(parameter.numel() for parameter in net.parameters())
    squares = whole.get(square, 0)
    return Cost(tuple(relus[:-1]), macs, whole.get(batchnorm, 0), params, relus[-1], squares)


def relu_sites(net: Net) -> dict[str, nn.Module]:
    """What stands at the ReLU sites of a net, by name, in the order in which they run."""
    return {
        layer.name: net.get_submodule(layer.name)
        for layer in net.program
        if isinstance(layer.op, Relu)
    }
