"""A few numbers -> Network: the ResNet families of the paper (Tables 2, 16 and 17)."""

from deepreshape.design.network import DEPTHS, Network, stages_by_factors

Factors = tuple[int, int, int]


def resnet18(
    m: int = 64, factors: Factors = (2, 2, 2), resolution: int = 32, classes: int = 100
) -> Network:
    """ResNet18 with m base channels: BaseCh at factors (2, 2, 2), StageCh where all are equal."""
    return Network(m, stages_by_factors(m, factors, DEPTHS["18"]), resolution, classes)


def resnet34(
    m: int = 64, factors: Factors = (2, 2, 2), resolution: int = 32, classes: int = 100
) -> Network:
    """ResNet34 with m base channels, BaseCh or StageCh as `resnet18`."""
    return Network(m, stages_by_factors(m, factors, DEPTHS["34"]), resolution, classes)


def hybrenet(
    alpha: int,
    beta: int,
    gamma: int,
    m: int = 16,
    base: str = "18",
    resolution: int = 32,
    classes: int = 100,
) -> Network:
    """HRN-(alpha)x(beta)x(gamma)x on ResNet18 or ResNet34 (section 4.1); `base` is "18" or "34"."""
    stages = stages_by_factors(m, (alpha, beta, gamma), DEPTHS[base])
    return Network(m, stages, resolution, classes)
