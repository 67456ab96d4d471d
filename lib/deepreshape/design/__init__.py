"""What a network is and what it costs: values and pure functions, without torch.

Public are the names in `__all__`, and of the modules

    equalize       by_width, by_depth, Equalization, Solution
    criticality    alone, criticality, order
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
from deepreshape.design.graph import AnyNetwork, Graph
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
from deepreshape.design.space import Space
from deepreshape.design.suggest import Limits, Suggestion, Suggestions, Timing, suggest

__all__ = [
    "AnyNetwork",
    "Convention",
    "Cost",
    "DesignError",
    "Graph",
    "Layer",
    "Limits",
    "Network",
    "ReluPlan",
    "Space",
    "Stage",
    "Suggestion",
    "Suggestions",
    "Timing",
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
    "suggest",
    "thin",
    "vgg",
    "wide_resnet",
]
