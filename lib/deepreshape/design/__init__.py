"""What a network is and what it costs: values and pure functions, without torch."""

from deepreshape.design.cost import Convention, Cost, cost, paper_convention
from deepreshape.design.families import hybrenet, resnet18, resnet34
from deepreshape.design.layers import Layer, layers
from deepreshape.design.network import DesignError, Network, ReluPlan, Stage, parse
from deepreshape.design.reduce import cull, optimize, reuse, scale, thin

__all__ = [
    "Convention",
    "Cost",
    "DesignError",
    "Layer",
    "Network",
    "ReluPlan",
    "Stage",
    "cost",
    "cull",
    "hybrenet",
    "layers",
    "optimize",
    "paper_convention",
    "parse",
    "resnet18",
    "resnet34",
    "reuse",
    "scale",
    "thin",
]
