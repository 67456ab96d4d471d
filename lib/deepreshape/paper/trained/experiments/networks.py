"""Networks and numbers of ReLUs that several figures share."""

from deepreshape.design import Network, cifar_resnet, deepreduce, optimize, parse, resnet18, scale
from deepreshape.paper.printed import tables

WIDTHS = (16, 32, 64, 128, 256)
"""Base channels m that BaseCh networks take (Appendix J)."""
FACTORS = range(2, 9)
"""alpha = beta = gamma of StageCh networks (Appendix J)."""
BUDGETS = (220_000, 180_000, 150_000, 120_000, 100_000, 80_000, 50_000)
"""ReLUs that SNL leaves in Table 5."""
LOW = (50_000, 25_000, 15_000)
ORDER = (1, 4, 2, 3)
"""Stages from least to most critical (Table 10); of a network with three, without the fourth."""
HRNS = ((5, 5, 3), (5, 7, 2), (6, 6, 2), (7, 5, 2))
"""alpha, beta, gamma of the four ReLU-equalized networks of ResNet18 (section 4.1)."""
CASE_STUDY = {
    "2x2x2x(m=32)": "ResNet18(m=32)",
    "4x4x4x(m=16)": "ResNet18(m=16)-4x4x4x",
    "3x7x2x(m=16)": "HRN-3x7x2x(m=16)",
}
"""The three networks of Table 4 with nearly equal ReLUs."""


def hrn(factors: tuple[int, ...]) -> str:
    """`HRN-5x5x3x`."""
    return f"HRN-{'x'.join(map(str, factors))}x"


def base_channels(depth: int) -> list[Network]:
    """The BaseCh networks of ResNet18 or ResNet20: uniform channel scaling."""
    return [resnet18(m) if depth == 18 else cifar_resnet(depth, m) for m in WIDTHS]


def stage_channels(depth: int) -> list[Network]:
    """The StageCh networks of a ResNet with m = 16: homogeneous channel scaling."""
    name = "ResNet18(m=16)" if depth == 18 else f"ResNet{depth}"
    return [parse(f"{name}-{k}x{k}x{k}x") for k in FACTORS]


def reduced(network: Network) -> list[Network]:
    """DeepReDuce on a classical network: its candidates, each stage culled in its turn (D - 1
    iterations), thinned and scaled; with the most ReLUs first."""
    order = [stage for stage in ORDER if stage <= len(network.stages)]
    order += range(5, len(network.stages) + 1)
    found = deepreduce(network, order)
    return [net for name, net in found.items() if "thinned" in name and "resolution" not in name]


def redesigned(network: Network) -> list[Network]:
    """Coarse-grained optimization of a HybReNet (Algorithm 2): thinned, and culled where alpha is
    2, then scaled by 1, 1/2, 1/4 and 1/8."""
    narrow = network.widths[1] == 2 * network.widths[0]
    thinned = optimize(network, (1,) if narrow else ())
    return [scale(thinned, f"1/{factor}") for factor in (1, 2, 4, 8)]


def baseline_accuracies() -> dict[Network, float]:
    """The accuracies of Table 16, of networks that keep all their ReLUs."""
    listed = tables.with_networks("table16")
    return {network: float(row["acc_cifar100_pct"]) for row, network in listed}
