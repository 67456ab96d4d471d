"""What a network is and what it costs: values and pure functions, without torch.

Public are the names in `__all__`, and of the modules

    equalize       by_width, by_depth, Equalization, Solution
    criticality    criticality, order
"""

from deepreshape.design.architectures import DesignError, Stage
from deepreshape.design.cost import Convention, Cost, cost, paper_convention
from deepreshape.design.families import (
    cifar_resnet,
    convnext_like,
    hybrenet,
    hybrenet_by_depth,
    mobilenet,
    regnet,
    resnet18,
    resnet34,
    vgg,
    wide_resnet,
)
from deepreshape.design.layers import layers
from deepreshape.design.network import Network, parse
from deepreshape.design.ops import Layer
from deepreshape.design.reduce import (
    algorithm2,
    cull,
    deepreduce,
    dominates,
    optimize,
    quadratic,
    reuse,
    scale,
    shrink,
    thin,
)
from deepreshape.design.relu_plan import ReluPlan

__all__ = [
    "Convention",
    "Cost",
    "DesignError",
    "Layer",
    "Network",
    "ReluPlan",
    "Stage",
    "algorithm2",
    "cifar_resnet",
    "convnext_like",
    "cost",
    "cull",
    "deepreduce",
    "dominates",
    "hybrenet",
    "hybrenet_by_depth",
    "layers",
    "mobilenet",
    "optimize",
    "paper_convention",
    "parse",
    "quadratic",
    "regnet",
    "resnet18",
    "resnet34",
    "reuse",
    "scale",
    "shrink",
    "thin",
    "vgg",
    "wide_resnet",
]
