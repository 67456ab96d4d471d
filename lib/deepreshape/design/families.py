"""A few numbers -> Network: the families of the paper, for any input size and class count."""

from deepreshape.design.architectures import (
    CIFAR_DEPTHS,
    CONVNEXT,
    DEPTHS,
    REGNET_X,
    DesignError,
    basic,
    convnext,
    mobilenet_v1,
    mobilenet_v2,
    regnet_x,
    vgg16,
    wide,
)
from deepreshape.design.network import Network, of_architecture

Factors = tuple[int, int, int]


def resnet18(
    m: int = 64, factors: Factors = (2, 2, 2), resolution: int = 32, classes: int = 100
) -> Network:
    """ResNet18 with m base channels: BaseCh at factors (2, 2, 2), StageCh where all are equal."""
    return of_architecture(basic(m, factors, DEPTHS["18"]), resolution, classes)


def resnet34(
    m: int = 64, factors: Factors = (2, 2, 2), resolution: int = 32, classes: int = 100
) -> Network:
    """ResNet34 with m base channels, BaseCh or StageCh as `resnet18`."""
    return of_architecture(basic(m, factors, DEPTHS["34"]), resolution, classes)


def cifar_resnet(
    depth: int,
    m: int = 16,
    factors: tuple[int, int] = (2, 2),
    resolution: int = 32,
    classes: int = 100,
) -> Network:
    """ResNet20, 32, 44, 56 or 110: three stages of basic blocks. Raises DesignError."""
    if str(depth) not in CIFAR_DEPTHS:
        raise DesignError(f"depths are {', '.join(CIFAR_DEPTHS)}, not {depth}")
    stages = basic(m, factors, (CIFAR_DEPTHS[str(depth)],) * 3)
    return of_architecture(stages, resolution, classes)


def hybrenet(
    alpha: int,
    beta: int,
    gamma: int,
    m: int = 16,
    base: str = "18",
    resolution: int = 32,
    classes: int = 100,
) -> Network:
    """HRN-(alpha)x(beta)x(gamma)x on ResNet18 or ResNet34 (section 4.1); `base` is "18" or "34".

    Raises DesignError.

    >>> hybrenet(5, 5, 3).name
    'HRN-5x5x3x(m=16)'
    """
    if base not in DEPTHS:
        raise DesignError(f"HybReNets are made from ResNet{' or '.join(DEPTHS)}, not {base}")
    stages = basic(m, (alpha, beta, gamma), DEPTHS[base])
    return of_architecture(stages, resolution, classes)


def hybrenet_by_depth(
    depths: tuple[int, ...], m: int = 16, resolution: int = 32, classes: int = 100
) -> Network:
    """HRN[phi_1, phi_2, ...]: widths that double, depths that were chosen (Appendix D)."""
    return of_architecture(basic(m, (2,) * (len(depths) - 1), depths), resolution, classes)


def wide_resnet(
    depth: int, k: int, m: int = 16, resolution: int = 32, classes: int = 100
) -> Network:
    """WideResNet d x k, pre-activation (Table 16: 22 x 8). Raises DesignError."""
    return of_architecture(wide(depth, k, m), resolution, classes)


def vgg(m: int = 64, resolution: int = 32, classes: int = 100) -> Network:
    """VGG16 with BatchNorm and two hidden fully connected layers (Table 3)."""
    return of_architecture(vgg16(m), resolution, classes)


def mobilenet(version: int, m: int = 32, resolution: int = 32, classes: int = 100) -> Network:
    """MobileNetV1 or V2 for small images (Figure 5a). Raises DesignError."""
    makers = {1: mobilenet_v1, 2: mobilenet_v2}
    if version not in makers:
        raise DesignError(f"there are MobileNetV1 and MobileNetV2, not V{version}")
    return of_architecture(makers[version](m), resolution, classes)


def regnet(flops: str, resolution: int = 32, classes: int = 100) -> Network:
    """RegNet-X for small images (Figures 11c and 21a): `flops` is "200MF", ..., "32GF"."""
    if flops not in REGNET_X:
        raise DesignError(f"there is no RegNetX-{flops}; there are {', '.join(REGNET_X)}")
    return of_architecture(regnet_x(flops), resolution, classes)


def convnext_like(
    variant: str, m: int | None = None, resolution: int = 64, classes: int = 200
) -> Network:
    """A ResNet with the widths and depths of ConvNeXt-V2 T, N, P, F or A (Appendix H.5).

    Raises DesignError.
    """
    if variant not in CONVNEXT:
        raise DesignError(f"there is no ConvNeXt-{variant}; there are {', '.join(CONVNEXT)}")
    return of_architecture(convnext(variant, m), resolution, classes)
