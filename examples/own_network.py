"""Count the ReLUs of a torch module of your own, whichever way it calls them."""

import torch
from torch import Tensor, nn

import deepreshape


class Small(nn.Module):
    """Two convolutions, with a ReLU as a module and one as a function."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.second = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.last = nn.Linear(16, 10)

    def forward(self, images: Tensor) -> Tensor:
        maps = torch.relu(self.second(self.first(images)))
        logits: Tensor = self.last(maps.mean((2, 3)))
        return logits


counted = deepreshape.count_module(Small(), (3, 32, 32))
print(f"{counted.relus:,} ReLUs, {counted.macs:,} MACs, {counted.parameters:,} parameters")
for stage, counts in counted.by_stage.items():
    print(f"maps of {stage:6} {counts.relus:7,} ReLUs")
