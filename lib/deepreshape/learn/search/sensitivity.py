"""How many ReLUs each site may keep: the fewer, the less its layer is pruned (SENet, stage 0)."""

from collections.abc import Sequence
from fractions import Fraction

import torch
from torch import Tensor

from deepreshape.design import AnyNetwork, layers
from deepreshape.design.ops import Conv, FullyConnected, Relu
from deepreshape.learn.training.nets import Net


def feeders(network: AnyNetwork) -> dict[str, str]:
    """By ReLU site, the convolution or fully connected layer before it: of a residual sum that of
    the block, not that of the shortcut."""
    listed = {layer.name: layer for layer in layers(network)}
    found: dict[str, str] = {}
    for layer in listed.values():
        if isinstance(layer.op, Relu):
            source = layer
            while not isinstance(source.op, Conv | FullyConnected):
                source = listed[source.inputs[0]]
            found[layer.name] = source.name
    return found


def weights(net: Net) -> dict[str, Tensor]:
    """The weights of all convolutions and fully connected layers, by layer."""
    return {
        layer.name: net.get_parameter(f"{layer.name}.weight")
        for layer in net.program
        if isinstance(layer.op, Conv | FullyConnected)
    }


def largest(net: Net, density: float) -> dict[str, Tensor]:
    """By layer, where its weights are among the largest of the whole net, which holds a share of
    `density` of them (at least one)."""
    sizes = {name: weight.detach().abs() for name, weight in weights(net).items()}
    flat = torch.cat([size.flatten() for size in sizes.values()])
    dropped = min(int((1 - density) * len(flat)), len(flat) - 1)
    threshold = flat.kthvalue(dropped + 1).values
    return {name: size >= threshold for name, size in sizes.items()}


def thinned_out(net: Net, kept: dict[str, Tensor]) -> dict[str, Tensor]:
    """The net's weights by parameter, zero but where they are kept; their gradients reach all, so
    that a weight that was dropped may come back (Wortsman et al., 2019)."""
    return {
        f"{name}.weight": weight + (weight * kept[name] - weight).detach()
        for name, weight in weights(net).items()
    }


def sensitivities(net: Net, density: float) -> dict[str, float]:
    """By ReLU site, eta_alpha = 1 - eta_theta: the share of weights that its layer loses where the
    net keeps a share of `density`."""
    kept = {name: where.float().mean().item() for name, where in largest(net, density).items()}
    return {site: 1 - kept[name] for site, name in feeders(net.network).items()}


def allocate(budget: int, sensitivities: Sequence[float], capacities: Sequence[int]) -> list[int]:
    """Shares of a budget in proportion to sensitivities, none above its capacity: what one cannot
    hold goes to the others in the same proportion, and the last ones to the largest remainders.

    Sites without sensitivity share, by capacity, what is left when all others are full. Raises
    ValueError where the capacities do not hold the budget.
    """
    if not 0 <= budget <= sum(capacities):
        raise ValueError(f"capacities of {sum(capacities):,} do not hold a budget of {budget:,}")
    shares = [Fraction(0)] * len(capacities)
    free, full = set(range(len(capacities))), set[int]()
    while free:
        weight = {site: Fraction(sensitivities[site]) for site in free}
        if not any(weight.values()):
            weight = {site: Fraction(capacities[site]) for site in free}
        left = budget - sum(capacities[site] for site in full)
        total = sum(weight.values()) or Fraction(1)
        for site in free:
            shares[site] = left * weight[site] / total
        over = {site for site in free if shares[site] >= capacities[site]}
        if not over:
            break
        for site in over:
            shares[site] = Fraction(capacities[site])
        full |= over
        free -= over
    given = [int(share) for share in shares]
    by_remainder = sorted(free, key=lambda site: (given[site] - shares[site], site))
    for site in by_remainder[: budget - sum(given)]:
        given[site] += 1
    return given
