"""Selective network linearization (SNL; Cho et al., 2022): masks by gradient, under a penalty."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from math import inf, prod
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Adam

from deepreshape.design import AnyNetwork
from deepreshape.design.ops import Shape
from deepreshape.learn.images.loader import Batch
from deepreshape.learn.images.rows import Pictures
from deepreshape.learn.search.masks import Found, Masks, require_budget, sites
from deepreshape.learn.search.ranking import best_channels, best_pixels, most_filled
from deepreshape.learn.search.search import Search, Start
from deepreshape.learn.search.warm_start import warm_start
from deepreshape.learn.training.losses import KD
from deepreshape.learn.training.nets import Net
from deepreshape.learn.training.objectives import Objective
from deepreshape.learn.training.recipe import on_gpu
from deepreshape.learn.training.teacher import Teacher
from deepreshape.learn.training.values import (
    as_floats,
    require_at_least_one,
    require_not_negative,
    require_positive,
)


@dataclass(frozen=True, slots=True)
class SNL(Search):
    """How SNL searches; the defaults are those of its authors, which the paper uses (Appendix J).

    budget: ReLUs to keep. by: is every pixel of a map kept or not, or every channel whole? epochs:
    the most that are searched. rate, alpha_rate: of Adam, without weight decay, for weights and for
    alphas. penalty: weight of sum |alpha| over all ReLUs, those of a channel sharing one alpha; it
    is raised by a factor of `growth`, by the schedule `stuck` after an epoch, from number
    `patience` on, that does not leave fewer alphas above `threshold` than every one before; by
    `steady` after every epoch. temperature: of the teacher, whose term weighs as much as the
    labels'.
    """

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
        require_at_least_one(self, "epochs", "batch", "growth")
        require_positive(self, "rate", "alpha_rate", "temperature")
        require_not_negative(self, "penalty", "patience", "threshold")

    def require_fitting(self, network: AnyNetwork) -> None:
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

    def find(self, net: Net, teacher: Teacher, start: Start) -> Found:
        """Train weights and alphas together until the budget is reached, or the epochs are over;
        the highest alphas are kept, exactly as many as the budget has ReLUs.

        History: an entry for every epoch; it says whether the budget was reached.
        """
        relus = {name: AlphaReLU(shape, self.by) for name, shape in sites(net.network).items()}
        for name, relu in relus.items():
            net.replace(name, relu)
        trainer = start(self.optimizer)
        trainer.fit(_Linearization(self, net, relus, teacher, trainer.history), self.epochs)
        return Found(
            self._highest(net.network, relus),
            sum(entry["seconds"] for entry in trainer.history),
            tuple({**entry, "reached": self.is_reached(entry)} for entry in trainer.history),
        )

    def warm_start(
        self, checkpoint: Path | None, trajectory: Path | None
    ) -> AbstractContextManager[None]:
        return warm_start(self.is_reached, checkpoint, trajectory)

    def optimizer(self, net: nn.Module) -> Adam:
        """Of a net that has alphas, with a rate of their own."""
        alphas = [site.alpha for site in net.modules() if isinstance(site, AlphaReLU)]
        known = set(map(id, alphas))
        weights = [parameter for parameter in net.parameters() if id(parameter) not in known]
        rates: list[dict[str, Any]] = [
            {"params": weights},
            {"params": alphas, "lr": self.alpha_rate},
        ]
        fast = on_gpu(net)
        return Adam(rates, self.rate, fused=fast or None, capturable=fast)

    def _highest(self, network: AnyNetwork, relus: Mapping[str, "AlphaReLU"]) -> Masks:
        """The masks of the highest alphas, exactly as many as the budget."""
        shapes = sites(network)
        if self.by == "pixel":
            return best_pixels({name: relu.alpha[0] for name, relu in relus.items()}, self.budget)
        scores = {name: relu.alpha.flatten() for name, relu in relus.items()}
        sizes = {name: height * width for name, (_, height, width) in shapes.items()}
        kept = best_channels(scores, sizes, self.budget)
        return {
            name: kept[name][:, None, None].expand(shape).contiguous()
            for name, shape in shapes.items()
        }


class AlphaReLU(nn.Module):
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


class _Linearization(Objective):
    """KD and the penalty on alphas, until the budget is reached."""

    name = "the loss of the search"

    def __init__(
        self,
        search: SNL,
        net: Net,
        relus: Mapping[str, AlphaReLU],
        teacher: Teacher,
        history: Sequence[Mapping[str, Any]],
    ) -> None:
        self.search, self.net, self.relus = search, net, list(relus.values())
        self.teacher, self.history = teacher, history
        self.distillation = KD(search.temperature, soft=1, hard=1)

    def reached(self) -> bool:
        return bool(self.history) and self.search.is_reached(self.history[-1])

    def begin(self, epoch: int, pictures: Pictures) -> None:
        self.epoch, self.penalty = epoch, self.search.next_penalty(self.history)
        self.lesson = self.teacher.lesson(epoch, pictures)

    def loss(self, batch: Batch) -> Tensor:
        logits, lesson = self.net(batch.images).float(), self.lesson[batch.rows]
        taught = self.distillation.loss(logits, lesson, batch.labels, self.epoch)
        return taught + self.penalty * torch.stack([relu.size for relu in self.relus]).sum()

    def end(self) -> dict[str, Any]:
        relus = sum(relu.above(self.search.threshold) for relu in self.relus)
        return {"epoch": self.epoch, "relus": relus, "penalty": self.penalty}
