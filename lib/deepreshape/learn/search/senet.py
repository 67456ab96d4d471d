"""SENet (Kundu et al., 2023): a budget for every ReLU layer by its sensitivity, then its pixels by
how far they are from the teacher's."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import prod

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import cross_entropy
from torch.optim import SGD

from deepreshape.design import Network
from deepreshape.design.ops import Shape
from deepreshape.learn.images.epochs import Batch
from deepreshape.learn.search.course import Course, History
from deepreshape.learn.search.masks import Found, Masked, Masks, require_budget, sites, unmask
from deepreshape.learn.search.ranking import highest
from deepreshape.learn.search.sensitivity import allocate, largest, sensitivities, thinned_out
from deepreshape.learn.training.losses import KD, as_floats, distilled
from deepreshape.learn.training.nets import Net
from deepreshape.learn.training.teacher import Teacher


@dataclass(frozen=True, slots=True)
class SENet:
    """How SENet searches; the defaults are those of its authors where they are known.

    budget: ReLUs to keep. density: of the weights that are left when the sensitivity of the layers
    is read, after `sensitivity_epochs` of sparse learning. epochs: of mask identification; batch to
    weight_decay are SGD's in both phases, at a rate that stays. gamma, alpha: weights of the
    labels' and of the teacher's term; temperature: of the latter.

    Masks have the budget from the first epoch on; how far they still move, the history's `hamming`
    tells. Ours are: sparse learning keeps the largest weights, and both phases start from the
    trained net.
    """

    budget: int
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
        for name in ("epochs", "batch"):
            if not getattr(self, name) >= 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("rate", "temperature"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must lie in [0, 1), not {self.momentum}")
        for name in ("sensitivity_epochs", "weight_decay", "gamma", "alpha"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")

    def require_fitting(self, network: Network) -> None:
        """Raise ValueError where a network does not have that many ReLUs."""
        require_budget(self.budget, network)

    def optimizer(self, net: Net) -> SGD:
        return SGD(net.parameters(), self.rate, self.momentum, weight_decay=self.weight_decay)


def identified(search: SENet, net: Net, course: Course, teacher: Teacher) -> Found:
    """Sparse learning, which gives each site its budget; then, from the trained weights again, mask
    identification.

    History: an entry for every epoch of sparse learning, one with the sensitivity and the budget of
    every site, and one for every epoch of mask identification. Raises TrainingFailed.
    """
    shapes = sites(net.network)
    trained = {name: value.clone() for name, value in net.state_dict().items()}
    # Both phases train a net of one form, so that one checkpoint serves both.
    masked = {name: Masked(torch.full(shape, True), True) for name, shape in shapes.items()}
    for name, site in masked.items():
        net.replace(name, site)
    course.machine.place(net)
    optimizer = search.optimizer(net)
    course, history = course.resume(net, optimizer)

    if len(history) <= search.sensitivity_epochs:
        _learn_sparsely(search, net, optimizer, course, history)
        sensitivity = sensitivities(net, search.density)
        capacities = [prod(shape) for shape in shapes.values()]
        shares = allocate(search.budget, list(sensitivity.values()), capacities)
        history.append(
            {"sensitivity": sensitivity, "relus": dict(zip(shapes, shares, strict=True))}
        )
        draws = torch.Generator().manual_seed(course.seed)
        pairs = zip(shapes.items(), shares, strict=True)
        _put(masked, {name: scattered(share, shape, draws) for (name, shape), share in pairs})
        net.load_state_dict(trained, strict=False)  # all but the masks
        optimizer = search.optimizer(net)
    _identify(search, net, masked, optimizer, course, history, teacher)

    found = {name: site.mask[0].cpu().contiguous() for name, site in masked.items()}
    unmask(net)
    return Found(found, sum(entry.get("seconds", 0.0) for entry in history), tuple(history))


def _learn_sparsely(
    search: SENet, net: Net, optimizer: SGD, course: Course, history: History
) -> None:
    """Train the net with its largest weights alone; which these are is asked before every epoch."""
    for epoch in range(len(history), search.sensitivity_epochs):
        start = time.perf_counter()
        loss_of = partial(_sparse_loss, net, largest(net, search.density))
        loss = course.descend(epoch, course.shown(epoch), net, optimizer, loss_of)
        entry = {"phase": "sparse learning", "epoch": epoch, "loss": loss}
        history.append({**entry, "seconds": time.perf_counter() - start})
        course.save(net, optimizer, history)


def _identify(
    search: SENet,
    net: Net,
    masked: Mapping[str, Masked],
    optimizer: SGD,
    course: Course,
    history: History,
    teacher: Teacher,
) -> None:
    """Train the net under its masks; after every epoch a site keeps the pixels that were farthest
    from the teacher's. hamming: the normalised Hamming distance of new and old masks."""
    budgets = history[search.sensitivity_epochs]["relus"]
    teacher.net.eval()
    for epoch in range(len(history) - search.sensitivity_epochs - 1, search.epochs):
        start = time.perf_counter()
        mismatch = {
            name: torch.zeros_like(site.mask[0], dtype=torch.float) for name, site in masked.items()
        }
        loss_of = partial(_loss, search, net, teacher.net, mismatch)
        loss = course.descend(epoch, course.shown(epoch), net, optimizer, loss_of)
        farthest = {name: highest(total, budgets[name]) for name, total in mismatch.items()}
        entry = {"phase": "mask identification", "epoch": epoch, "loss": loss}
        entry["hamming"] = _put(masked, farthest)
        history.append({**entry, "seconds": time.perf_counter() - start})
        course.save(net, optimizer, history)


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


def _sparse_loss(net: Net, kept: dict[str, Tensor], seen: Batch) -> Tensor:
    logits = functional_call(net, thinned_out(net, kept), (seen.images,))
    return cross_entropy(logits.float(), seen.labels)


def _loss(
    search: SENet, net: Net, teacher: Net, mismatch: Mapping[str, Tensor], seen: Batch
) -> Tensor:
    """The loss of a batch. Adds to the mismatch of every pixel, over the images, |teacher's
    activation - student's|."""
    names = list(mismatch)
    logits, ours = net.observe(seen.images, names)
    with torch.no_grad():
        # The teacher is asked for its maps anyway: its lesson for the epoch is not needed.
        answer, theirs = teacher.observe(seen.images, names)
        for name, our, their in zip(names, ours, theirs, strict=True):
            total = mismatch[name]
            total += (their.float() - our.float()).abs().sum(0).view(total.shape)
    kd = KD(search.temperature, soft=search.alpha, hard=search.gamma)
    return distilled(kd, logits.float(), answer.float(), seen.labels, 0)
