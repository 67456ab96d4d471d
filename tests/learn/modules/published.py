"""Networks as others define them, written anew from what they publish: a ResNet18 of functions
without a ReLU in the stem (SNL), a WideResNet that activates in place (Zagoruyko and Komodakis), a
ResNet18 with one ReLU module for all sites of a block and identities where they were dropped
(DeepReDuce), and torchvision's for small images."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models


def conv3(inputs: int, outputs: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)


class FunctionalBlock(nn.Module):
    """Two convolutions and a shortcut, activated by functions, in place where they may be."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv3(inputs, outputs, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = conv3(outputs, outputs), nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.shortcut(x)
        return F.relu_(out)


class StemWithoutReLU(nn.Module):
    """ResNet18 on small images as SNL has it: 491,520 ReLUs at 64 channels and 32 x 32 pixels."""

    def __init__(self, m: int = 64, num_classes: int = 100) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv3(3, m), nn.BatchNorm2d(m)
        width = m
        for number, stride in enumerate((1, 2, 2, 2), start=1):
            outputs = m * 2 ** (number - 1)
            first = FunctionalBlock(width, outputs, stride)
            stage = nn.Sequential(first, FunctionalBlock(outputs, outputs, 1))
            self.add_module(f"layer{number}", stage)
            width = outputs
        self.linear = nn.Linear(width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn1(self.conv1(x))
        for number in (1, 2, 3, 4):
            out = self.get_submodule(f"layer{number}")(out)
        out = F.avg_pool2d(out, out.shape[-1])
        found: Tensor = self.linear(out.view(out.size(0), -1))
        return found


class WideBlock(nn.Module):
    """BatchNorm and ReLU before each convolution; the shortcut is the last of its modules."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(inputs), conv3(inputs, outputs, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(outputs), conv3(outputs, outputs)
        self.same = stride == 1 and inputs == outputs
        if not self.same:
            self.conv_shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        active = self.bn1(x).relu_()
        out = self.conv2(torch.relu(self.bn2(self.conv1(active))))
        found: Tensor = out + (x if self.same else self.conv_shortcut(active))
        return found


def wide_resnet(depth: int = 22, k: int = 8, m: int = 16, num_classes: int = 100) -> nn.Module:
    """1,392,640 ReLUs at depth 22, 8 times as wide, on 32 x 32 pixels."""
    blocks: list[nn.Module] = [conv3(3, m)]
    width = m
    for number, stride in enumerate((1, 2, 2)):
        outputs = m * k * 2**number
        for block in range((depth - 4) // 6):
            blocks.append(WideBlock(width, outputs, 1 if block else stride))
            width = outputs
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num_classes)]
    return nn.Sequential(*blocks, nn.BatchNorm2d(width), nn.ReLU(inplace=True), *head)


class ReducedBlock(nn.Module):
    """One module activates twice; where a stage is thinned the first time is left out."""

    def __init__(self, inputs: int, outputs: int, stride: int, kept: str) -> None:
        super().__init__()
        self.conv1, self.bn1 = conv3(inputs, outputs, stride), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = conv3(outputs, outputs), nn.BatchNorm2d(outputs)
        self.active: nn.Module = nn.Identity() if kept == "none" else nn.ReLU(inplace=True)
        self.thinned = kept == "second"
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn1(self.conv1(x))
        if not self.thinned:
            out = self.active(out)
        out = self.bn2(self.conv2(out))
        short = x if self.downsample is None else self.downsample(x)
        found: Tensor = self.active(out + short)
        return found


def deepreduce(m: int = 16, num_classes: int = 100) -> nn.Module:
    """ResNet18 whose first stage is culled and whose others are thinned."""
    blocks: list[nn.Module] = [conv3(3, m), nn.BatchNorm2d(m)]
    width = m
    for number, stride in enumerate((1, 2, 2, 2)):
        outputs = m * 2**number
        for block in range(2):
            kept = "second" if number else "none"
            blocks.append(ReducedBlock(width, outputs, 1 if block else stride, kept))
            width = outputs
    head = [nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(1), nn.Linear(width, num_classes)]
    return nn.Sequential(*blocks, *head)


def lenet(num_classes: int = 10) -> nn.Module:
    """Maps of more than one pixel are flattened, as in LeNet; on 8 x 8 pixels."""
    first = nn.Conv2d(3, 4, 5, padding=2), nn.ReLU(), nn.AvgPool2d(2)
    second = nn.Conv2d(4, 6, 5, padding=2), nn.ReLU(), nn.AvgPool2d(2)
    head = nn.Linear(24, 12), nn.ReLU(), nn.Linear(12, num_classes)
    return nn.Sequential(*first, *second, nn.Flatten(), *head)


def small_resnet18(num_classes: int = 10) -> nn.Module:
    """torchvision's, with the stem that ResNets for small images have."""
    net = models.resnet18(num_classes=num_classes)
    net.conv1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
    net.maxpool = nn.Identity()
    return net


def lively(make: Callable[[], nn.Module]) -> nn.Module:
    """A module in evaluation whose BatchNorms do something."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        net = make().eval()
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                assert module.running_mean is not None and module.running_var is not None
                module.running_mean.uniform_(-0.3, 0.3)
                module.running_var.uniform_(0.5, 2)
                nn.init.uniform_(module.weight, 0.5, 1.5)
                nn.init.uniform_(module.bias, -0.3, 0.3)
    return net


def tiny(num_classes: int = 10) -> nn.Module:
    """Small enough to be trained and served in a moment; its first convolution has a bias."""
    blocks = FunctionalBlock(4, 4, 1), FunctionalBlock(4, 8, 2)
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, num_classes)
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), *blocks, *head)
