"""A few numbers -> stem, stages and block kind: the architectures that the paper names.

An `Architecture` says how wide and deep a network is and what its blocks are. `Network` adds an
input, classes, and a plan of which ReLUs are kept.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import accumulate, groupby
from math import log
from operator import mul
from typing import NamedTuple


class DesignError(ValueError):
    """A network, a name or an edit that does not make sense; the message says what and where."""


@dataclass(frozen=True, slots=True)
class Stage:
    """`depth` blocks of `width` output channels each.

    stride: of the first block; None is the usual one, 1 in the first stage and 2 after it.
    """

    width: int
    depth: int
    stride: int | None = None


@dataclass(frozen=True, slots=True)
class Basic:
    """Two 3x3 convolutions and a shortcut around them (ResNet18, Figure 2)."""


@dataclass(frozen=True, slots=True)
class PreActivation:
    """Two 3x3 convolutions and a shortcut, BatchNorm and ReLU before each (WideResNet)."""


@dataclass(frozen=True, slots=True)
class Plain:
    """One 3x3 convolution (VGG). A stride of 2 is a 2x2 mean before the stage.

    hidden: widths of the fully connected layers between the last map and the logits.
    """

    hidden: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Separable:
    """A 3x3 convolution of each channel alone, then a 1x1 (MobileNetV1)."""


@dataclass(frozen=True, slots=True)
class Inverted:
    """A 1x1 that widens, a 3x3 of each channel alone, a linear 1x1 (MobileNetV2).

    expansion: of the first 1x1; the blocks of stage 1 have none. features: channels of the 1x1
    convolution behind the last stage.
    """

    expansion: int = 6
    features: int = 1280


@dataclass(frozen=True, slots=True)
class Grouped:
    """1x1, 3x3 in groups of `group` channels, 1x1, and a shortcut (RegNet-X, bottleneck ratio 1).

    A stage narrower than `group` is one group.
    """

    group: int


Block = Basic | PreActivation | Plain | Separable | Inverted | Grouped


class Architecture(NamedTuple):
    """stem: output channels m of the 3x3 stem; stages and block kind of the body."""

    stem: int
    stages: tuple[Stage, ...]
    block: Block = Basic()

    @property
    def widths(self) -> tuple[int, ...]:
        return tuple(stage.width for stage in self.stages)

    @property
    def depths(self) -> tuple[int, ...]:
        return tuple(stage.depth for stage in self.stages)


def basic(m: int, factors: Iterable[int], depths: tuple[int, ...]) -> Architecture:
    """Basic blocks; the widths are m, alpha m, alpha beta m, ... (section 2, Figure 2).

    Raises DesignError where the number of factors is not one less than that of stages.
    """
    widths = list(accumulate(factors, mul, initial=m))
    if len(depths) != len(widths):
        raise DesignError(
            f"{len(depths)} stages do not have {len(widths) - 1} factors between them"
        )
    return Architecture(m, tuple(map(Stage, widths, depths)))


DEPTHS = {"18": (2, 2, 2, 2), "34": (3, 4, 6, 3)}
"""Blocks per stage of the ResNets that the paper starts from."""

CIFAR_DEPTHS = {"20": 3, "32": 5, "44": 7, "56": 9, "110": 18}
"""Blocks in each of the three stages of the ResNets made for CIFAR (He et al. 2016)."""

CONVNEXT = {
    "T": (96, (3, 3, 9, 3)),
    "N": (80, (2, 2, 8, 2)),
    "P": (64, (2, 2, 6, 2)),
    "F": (48, (2, 2, 6, 2)),
    "A": (40, (2, 2, 6, 2)),
}
"""Base channels and blocks per stage that the paper takes from ConvNeXt-V2 (Appendix H.4, H.5)."""


def convnext(variant: str, m: int | None = None) -> Architecture:
    """A ResNet of basic blocks with ConvNeXt's widths and depths; `variant` is T, N, P, F or A."""
    base, depths = CONVNEXT[variant]
    return basic(base if m is None else m, (2, 2, 2), depths)


def wide(depth: int, k: int, m: int = 16) -> Architecture:
    """WideResNet d x k: three stages of (d - 4) / 6 blocks, k, 2k and 4k times the stem's width."""
    blocks, rest = divmod(depth - 4, 6)
    if rest or blocks < 1:
        raise DesignError(f"a WideResNet has 6 n + 4 layers, such as 16, 22 or 28, not {depth}")
    stages = tuple(Stage(m * k * 2**number, blocks) for number in range(3))
    return Architecture(m, stages, PreActivation())


def vgg16(m: int = 64) -> Architecture:
    """VGG16 with BatchNorm: 13 convolutions (the stem is the first), two hidden layers of 64 m."""
    widths = (m, 2 * m, 4 * m, 8 * m, 8 * m)
    return Architecture(m, tuple(map(Stage, widths, (1, 2, 3, 3, 3))), Plain((64 * m, 64 * m)))


def mobilenet_v1(m: int = 32) -> Architecture:
    """MobileNetV1 for small images: the stem keeps the map's size."""
    widths = (2 * m, 4 * m, 8 * m, 16 * m, 32 * m)
    return Architecture(m, tuple(map(Stage, widths, (1, 2, 2, 6, 2))), Separable())


def mobilenet_v2(m: int = 32) -> Architecture:
    """MobileNetV2 for small images: stem and stage 2 keep the map's size. m is a multiple of 4."""
    if m % 4:
        raise DesignError(f"the widths of MobileNetV2 are quarters of m: 4 does not divide {m}")
    widths = (m * part // 8 for part in (4, 6, 8, 16, 24, 40, 80))
    depths, strides = (1, 2, 3, 4, 3, 3, 1), (None, 1, None, None, 1, None, 1)
    return Architecture(m, tuple(map(Stage, widths, depths, strides)), Inverted(6, 40 * m))


REGNET_X = {
    "200MF": (13, 24, 36.44, 2.49, 8),
    "400MF": (22, 24, 24.48, 2.54, 16),
    "600MF": (16, 48, 36.97, 2.24, 24),
    "800MF": (16, 56, 35.73, 2.28, 16),
    "1.6GF": (18, 80, 34.01, 2.25, 24),
    "3.2GF": (25, 88, 26.31, 2.25, 48),
    "4.0GF": (23, 96, 38.65, 2.43, 40),
    "6.4GF": (17, 184, 60.83, 2.07, 56),
    "8.0GF": (23, 80, 49.56, 2.88, 120),
    "12GF": (19, 168, 73.36, 2.37, 112),
    "16GF": (22, 216, 55.59, 2.10, 128),
    "32GF": (23, 320, 69.86, 2.00, 168),
}
"""Depth, w_0, w_a, w_m and group width of RegNet-X (Radosavovic et al. 2020)."""


def regnet_x(name: str) -> Architecture:
    """RegNet-X for small images: a 3x3 stem of 64 channels, strides 1, 1, 2, 2.

    Widths follow the quantised linear function u_j = w_0 + w_a j of Radosavovic et al. (2020,
    section 3.3), rounded to multiples of 8 and then of the group width.
    """
    depth, w_0, w_a, w_m, group = REGNET_X[name]
    widths = []
    for j in range(depth):
        power = round(log((w_0 + w_a * j) / w_0, w_m))
        widths.append(8 * round(w_0 * w_m**power / 8))
    runs = [(width, len(list(run))) for width, run in groupby(widths)]
    stages = []
    for (width, blocks), stride in zip(runs, (None, 1, None, None), strict=True):
        unit = min(group, width)
        stages.append(Stage(unit * round(width / unit), blocks, stride))
    return Architecture(64, tuple(stages), Grouped(group))
