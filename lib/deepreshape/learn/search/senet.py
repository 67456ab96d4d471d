"""SENet (Kundu et al., 2023): a budget for every ReLU layer by its sensitivity, then its pixels by
how far they are from the teacher's."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy
from torch.optim import SGD

from deepreshape.design.ops import Shape
from deepreshape.learn.images.loader import Batch
from deepreshape.learn.images.rows import Pictures
from deepreshape.learn.search.masks import Found, Masked, Masks, sites
from deepreshape.learn.search.ranking import highest
from deepreshape.learn.search.search import Search, Start
from deepreshape.learn.search.sensitivity import allocate, largest, sensitivities, thinned_out
from deepreshape.learn.training.losses import KD
from deepreshape.learn.training.nets import Net
from deepreshape.learn.training.objectives import Objective
from deepreshape.learn.training.recipe import on_gpu
from deepreshape.learn.training.teacher import Teacher
from deepreshape.learn.training.values import (
    as_floats,
    require_at_least_one,
    require_below_one,
    require_not_negative,
    require_positive,
)


@dataclass(frozen=True, slots=True)
class SENet(Search):
    """How SENet searches; the defaults are those of its authors where they are known.

    budget: ReLUs to keep. density: of the weights that are left when the sensitivity of the layers
    is read, after `sensitivity_epochs` of sparse learning. epochs: of mask identification; batch to
    weight_decay are SGD's in both phases, at a rate that stays. gamma, alpha: weights of the
    labels' and of the teacher's term; temperature: of the latter.

    Masks have the budget from the first epoch on; how far they still move, the history's `hamming`
    tells. Ours are: sparse learning keeps the largest weights, and both phases start from the
    trained net.
    """

    density: float = 0.1
    sensitivity_epochs: int = 20
    epochs: int = 150
    batch: int = 128
    rate: float = 0.05
    momentum: float = 0.9
    weight_decay: float = 5e-4
    gamma: float = 0.5
    alpha: float = 0.5
    temperature: float = 4.0

    def __post_init__(self) -> None:
        as_floats(
            self, "density", "rate", "momentum", "weight_decay", "gamma", "alpha", "temperature"
        )
        if not 0 < self.density <= 1:
            raise ValueError(f"density must lie in (0, 1], not {self.density}")
        require_at_least_one(self, "epochs", "batch")
        require_positive(self, "rate", "temperature")
        require_below_one(self, "momentum")
        require_not_negative(self, "sensitivity_epochs", "weight_decay", "gamma", "alpha")

    @property
    def all_epochs(self) -> int:
        return self.sensitivity_epochs + self.epochs

    @property
    def lessons(self) -> int:
        """None: it is asked for its maps anyway."""
        return 0

    @property
    def observed(self) -> int:
        return self.epochs

    def optimizer(self, net: nn.Module) -> SGD:
        decay, fast = self.weight_decay, on_gpu(net) or None
        return SGD(net.parameters(), self.rate, self.momentum, weight_decay=decay, fused=fast)

    def find(self, net: Net, teacher: Teacher, start: Start) -> Found:
        """Sparse learning, which gives each site its budget; then, from the trained weights again,
        mask identification.

        History: an entry for every epoch of sparse learning, one with the sensitivity and the
        budget of every site, and one for every epoch of mask identification.
        """
        shapes = sites(net.network)
        trained = {name: value.clone() for name, value in net.state_dict().items()}
        # Both phases train a net of one form, so that one checkpoint serves both.
        masked = {name: Masked(torch.full(shape, True), True) for name, shape in shapes.items()}
        for name, site in masked.items():
            net.replace(name, site)
        trainer = start(self.optimizer)
        history, first = trainer.history, self.sensitivity_epochs

        if len(history) <= first:
            trainer.fit(_SparseLearning(self, net), first)
            sensitivity = sensitivities(net, self.density)
            capacities = [prod(shape) for shape in shapes.values()]
            shares = allocate(self.budget, list(sensitivity.values()), capacities)
            history.append(
                {"sensitivity": sensitivity, "relus": dict(zip(shapes, shares, strict=True))}
            )
            draws = torch.Generator().manual_seed(trainer.loader.seed)
            pairs = zip(shapes.items(), shares, strict=True)
            _put(masked, {name: scattered(share, shape, draws) for (name, shape), share in pairs})
            net.load_state_dict(trained, strict=False)  # all but the masks
            trainer.optimizer = self.optimizer(net)
        budgets = history[first]["relus"]
        trainer.fit(_Identification(self, net, masked, budgets, teacher), self.epochs, first + 1)

        found = {name: site.mask[0].cpu().contiguous() for name, site in masked.items()}
        return Found(found, sum(entry.get("seconds", 0.0) for entry in history), tuple(history))


class _SparseLearning(Objective):
    """The labels, for the net with its largest weights alone; which these are is asked before every
    epoch."""

    name = "the loss of the search"

    def __init__(self, search: SENet, net: Net) -> None:
        self.search, self.net = search, net

    def begin(self, epoch: int, pictures: Pictures) -> None:
        self.epoch, self.kept = epoch, largest(self.net, self.search.density)

    def loss(self, batch: Batch) -> Tensor:
        logits = functional_call(self.net, thinned_out(self.net, self.kept), (batch.images,))
        return cross_entropy(logits.float(), batch.labels)

    def end(self) -> dict[str, Any]:
        return {"phase": "sparse learning", "epoch": self.epoch}


class _Identification(Objective):
    """KD for the net under its masks; after every epoch a site keeps the pixels that were farthest
    from the teacher's. hamming: the normalised Hamming distance of new and old masks."""

    name = "the loss of the search"

    def __init__(
        self,
        search: SENet,
        net: Net,
        masked: Mapping[str, Masked],
        budgets: Mapping[str, int],
        teacher: Teacher,
    ) -> None:
        self.net, self.masked, self.budgets = net, masked, budgets
        self.teacher: Net = teacher.net.eval()
        self.distillation = KD(search.temperature, soft=search.alpha, hard=search.gamma)

    def begin(self, epoch: int, pictures: Pictures) -> None:
        # |teacher's activation - student's| of every pixel, summed over the images of the epoch.
        self.epoch = epoch
        self.mismatch = {
            name: torch.zeros_like(site.mask[0], dtype=torch.float)
            for name, site in self.masked.items()
        }

    def loss(self, batch: Batch) -> Tensor:
        names = list(self.mismatch)
        logits, ours = self.net.observe(batch.images, names)
        with torch.no_grad():
            answer, theirs = self.teacher.observe(batch.images, names)
            for name, our, their in zip(names, ours, theirs, strict=True):
                total = self.mismatch[name]
                total += (their.float() - our.float()).abs().sum(0).view(total.shape)
        return self.distillation.loss(logits.float(), answer.float(), batch.labels, self.epoch)

    def end(self) -> dict[str, Any]:
        farthest = {
            name: highest(total, self.budgets[name]) for name, total in self.mismatch.items()
        }
        hamming = _put(self.masked, farthest)
        return {"phase": "mask identification", "epoch": self.epoch, "hamming": hamming}


def scattered(budget: int, shape: Shape, draws: torch.Generator) -> Tensor:
    """A random mask of exactly `budget` pixels: one pattern for all channels, with one pixel more
    in the first of them where the budget does not divide among all."""
    channels, height, width = shape
    every, more = divmod(budget, channels)
    order = torch.randperm(height * width, generator=draws)
    mask = torch.zeros(channels, height * width, dtype=torch.bool)
    mask[:, order[:every]] = True
    mask[:more, order[every : every + 1]] = True
    return mask.view(shape)


def _put(masked: Mapping[str, Masked], masks: Masks) -> float:
    """Put masks in place; the share of all pixels that this changed."""
    changed = total = 0
    for name, site in masked.items():
        mask = masks[name].to(site.mask.device)
        changed += int((site.mask[0] != mask).sum())
        total += mask.numel()
        site.mask[0].copy_(mask)
    return changed / total
