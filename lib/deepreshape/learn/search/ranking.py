"""Which ReLUs to keep by their scores, and exactly so many."""

from collections import Counter
from collections.abc import Mapping

import torch
from torch import Tensor


def highest(scores: Tensor, count: int) -> Tensor:
    """Where the highest `count` scores are, in a tensor of any shape; of equal ones the first."""
    flat = scores.detach().cpu().flatten()
    kept = torch.zeros(len(flat), dtype=torch.bool)
    kept[flat.argsort(descending=True, stable=True)[:count]] = True
    return kept.view(scores.shape)


def best_pixels(scores: Mapping[str, Tensor], budget: int) -> dict[str, Tensor]:
    """Masks of the `budget` highest of all scores, by site; of equal ones the first are kept."""
    kept = highest(torch.cat([score.flatten() for score in scores.values()]), budget)
    parts = kept.split([score.numel() for score in scores.values()])
    return {name: part.view(scores[name].shape) for name, part in zip(scores, parts, strict=True)}


def best_channels(
    scores: Mapping[str, Tensor], sizes: Mapping[str, int], budget: int
) -> dict[str, Tensor]:
    """Masks (c,) of the channels of highest score (c,) that hold `budget` ReLUs together.

    sizes: the ReLUs of a channel of each site; each size divides the larger ones. From the highest
    score down, of equal ones the first before the others, a channel is kept unless those behind it
    could then not fill the budget exactly. Raises ValueError where no choice of channels fills it.
    """
    sites = [name for name, score in scores.items() for _ in range(len(score))]
    left = Counter(sizes[name] for name in sites)
    if not _fill(left, budget):
        raise ValueError(f"no choice of channels holds {budget:,} ReLUs")
    kept = torch.zeros(len(sites), dtype=torch.bool)
    flat = torch.cat([score.detach().cpu() for score in scores.values()])
    for place in flat.argsort(descending=True, stable=True).tolist():
        size = sizes[sites[place]]
        left[size] -= 1
        if _fill(left, budget - size):
            kept[place] = True
            budget -= size
    parts = kept.split([len(score) for score in scores.values()])
    return dict(zip(scores, parts, strict=True))


def _fill(channels: Mapping[int, int], budget: int) -> bool:
    return budget >= 0 and most_filled(channels, budget) == budget


def most_filled(channels: Mapping[int, int], budget: int) -> int:
    """The largest number up to `budget` that channels add up to: so many of each size.

    Each size must divide the larger ones, as those of halved maps do. Then the largest first is
    best: whatever smaller channels stand in for a larger one, some of them fill it exactly.
    """
    left = budget
    for size in sorted(channels, reverse=True):
        left -= size * min(channels[size], left // size)
    return budget - left
