"""Selective network linearization (SNL; Cho et al., 2022): masks by gradient, under a penalty."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import inf, prod
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Adam

from deepreshape.design import Network
from deepreshape.design.ops import Shape
from deepreshape.learn.images.epochs import Batch
from deepreshape.learn.search.course import Course
from deepreshape.learn.search.masks import Found, Masks, require_budget, sites, unmask
from deepreshape.learn.search.ranking import best_channels, best_pixels, most_filled
from deepreshape.learn.training.losses import KD, as_floats, distilled
from deepreshape.learn.training.nets import Net
from deepreshape.learn.training.teacher import Teacher


@dataclass(frozen=True, slots=True)
class SNL:
    """How SNL searches; the defaults are those of its authors, which the paper uses (Appendix J).

    budget: ReLUs to keep. by: is every pixel of a map kept or not, or every channel whole? epochs:
    the most that are searched. rate, alpha_rate: of Adam, without weight decay, for weights and for
    alphas. penalty: weight of sum |alpha| over all ReLUs, those of a channel sharing one alpha; it
    is raised by a factor of `growth`, by the schedule `stuck` after an epoch, from number
    `patience` on, that does not leave fewer alphas above `threshold` than every one before; by
    `steady` after every epoch. temperature: of the teacher, whose term weighs as much as the
    labels'.
    """

    budget: int
    by: Literal["pixel", "channel"] = "pixel"
    epochs: int = 2000
    batch: int = 128
    rate: float = 1e-3
    alpha_rate: float = 1e-3
    penalty: float = 1e-5
    schedule: Literal["stuck", "steady"] = "stuck"
    growth: float = 1.1
    patience: int = 5
    threshold: float = 1e-2
    temperature: float = 4.0

    def __post_init__(self) -> None:
        as_floats(self, "rate", "alpha_rate", "penalty", "growth", "threshold", "temperature")
        if self.by not in ("pixel", "channel"):
            raise ValueError(f"by must be pixel or channel, not {self.by!r}")
        if self.schedule not in ("stuck", "steady"):
            raise ValueError(f"schedule must be stuck or steady, not {self.schedule!r}")
        for name in ("epochs", "batch", "growth"):
            if not getattr(self, name) >= 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("rate", "alpha_rate", "temperature"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        for name in ("penalty", "patience", "threshold"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")

    def require_fitting(self, network: Network) -> None:
        """Raise ValueError where a network cannot keep exactly the budget."""
        require_budget(self.budget, network)
        if self.by == "channel":
            channels: Counter[int] = Counter()
            for number, *side in sites(network).values():
                channels[prod(side)] += number
            most = most_filled(channels, self.budget)
            if most != self.budget:
                sizes = ", ".join(f"{size:,}" for size in sorted(channels, reverse=True))
                raise ValueError(
                    f"the channels of {network.name}, of {sizes} ReLUs, do not add up to"
                    f" {self.budget:,}; the most below are {most:,}"
                )

    def is_reached(self, entry: Mapping[str, Any]) -> bool:
        """Did an epoch of the history leave no more ReLUs than the budget?"""
        return bool(entry["relus"] <= self.budget)

    def next_penalty(self, history: Sequence[Mapping[str, Any]]) -> float:
        """The penalty of the epoch after these; nothing in it depends on the budget."""
        if not history:
            return self.penalty
        if self.schedule == "steady":
            return self.penalty * self.growth ** len(history)
        *before, last = history
        stuck = last["relus"] >= min((epoch["relus"] for epoch in before), default=inf)
        raised = stuck and last["epoch"] >= self.patience
        return float(last["penalty"]) * (self.growth if raised else 1.0)


class Gate(nn.Module):
    """A ReLU site that is activated in part: alpha ReLU(x) + (1 - alpha) x, alpha 1 at first.

    alpha: (1, channels, height, width) or, of one value a channel, (1, channels, 1, 1).
    """

    def __init__(self, shape: Shape, by: Literal["pixel", "channel"]) -> None:
        super().__init__()
        self.relus = prod(shape)
        channels, *side = shape
        self.alpha = nn.Parameter(torch.ones(1, channels, *(side if by == "pixel" else (1, 1))))

    def forward(self, x: Tensor) -> Tensor:
        alpha = self.alpha.view(self.alpha.shape[: x.dim()])
        return torch.lerp(x, x.relu(), alpha.to(x.dtype))

    @property
    def shared_by(self) -> int:
        """The ReLUs that share an alpha."""
        return self.relus // self.alpha.numel()

    @property
    def size(self) -> Tensor:
        """The sum of |alpha| over all ReLUs."""
        return self.alpha.abs().sum() * self.shared_by

    def above(self, threshold: float) -> int:
        """The ReLUs whose alpha is above a threshold."""
        return int((self.alpha > threshold).sum()) * self.shared_by


def linearized(search: SNL, net: Net, course: Course, teacher: Teacher) -> Found:
    """Train weights and alphas together until the budget is reached, or the epochs are over; the
    highest alphas are kept, exactly as many as the budget has ReLUs.

    History: an entry for every epoch; the last says whether the budget was reached. Raises
    TrainingFailed.
    """
    gates = {name: Gate(shape, search.by) for name, shape in sites(net.network).items()}
    for name, gate in gates.items():
        net.replace(name, gate)
    course.machine.place(net)
    alphas = [gate.alpha for gate in gates.values()]
    known = set(map(id, alphas))
    weights = [parameter for parameter in net.parameters() if id(parameter) not in known]
    rates: list[dict[str, Any]] = [{"params": weights}, {"params": alphas, "lr": search.alpha_rate}]
    optimizer = Adam(rates, search.rate)
    course, history = course.resume(net, optimizer)

    while len(history) < search.epochs and not (history and search.is_reached(history[-1])):
        epoch, start = len(history), time.perf_counter()
        penalty = search.next_penalty(history)
        pictures = course.shown(epoch)
        lesson = teacher.lesson(epoch, pictures.images)
        loss_of = partial(_loss, search, net, gates, penalty, lesson)
        loss = course.descend(epoch, pictures, net, optimizer, loss_of)
        relus = sum(gate.above(search.threshold) for gate in gates.values())
        entry = {"epoch": epoch, "relus": relus, "penalty": penalty, "loss": loss}
        history.append({**entry, "seconds": time.perf_counter() - start})
        course.save(net, optimizer, history)

    unmask(net)
    return Found(
        _highest(search, net.network, gates),
        sum(entry["seconds"] for entry in history),
        tuple({**entry, "reached": search.is_reached(entry)} for entry in history),
    )


def _loss(
    search: SNL, net: Net, gates: Mapping[str, Gate], penalty: float, lesson: Tensor, seen: Batch
) -> Tensor:
    kd = KD(search.temperature, soft=1, hard=1)
    taught = distilled(kd, net(seen.images).float(), lesson[seen.rows], seen.labels, 0)
    return taught + penalty * torch.stack([gate.size for gate in gates.values()]).sum()


def _highest(search: SNL, network: Network, gates: Mapping[str, Gate]) -> Masks:
    """The masks of the highest alphas, exactly as many as the budget."""
    shapes = sites(network)
    if search.by == "pixel":
        return best_pixels({name: gate.alpha[0] for name, gate in gates.items()}, search.budget)
    scores = {name: gate.alpha.flatten() for name, gate in gates.items()}
    sizes = {name: height * width for name, (_, height, width) in shapes.items()}
    kept = best_channels(scores, sizes, search.budget)
    return {
        name: kept[name][:, None, None].expand(shape).contiguous() for name, shape in shapes.items()
    }
