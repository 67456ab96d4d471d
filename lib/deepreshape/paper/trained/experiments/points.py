"""Points of a figure or table: the paper's network, and the runs that stand for it."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import prod
from typing import Literal

from deepreshape.design import Network, cost, cull
from deepreshape.design.relu_plan import STEM
from deepreshape.learn.images.sets import DataSet
from deepreshape.learn.runs.run import Run
from deepreshape.learn.search.masks import sites
from deepreshape.learn.search.searches import SNL, Search
from deepreshape.learn.training.losses import KD, Distillation
from deepreshape.learn.training.recipe import Recipe
from deepreshape.paper.trained.experiments.networks import reduced
from deepreshape.paper.trained.profiles import Profile


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a figure, or one accuracy of a table.

    paper: the network that the paper trains there; budget: the ReLUs that it searches for in it.
    printed: the accuracy that the paper prints, in percent. runs: what stands for it here, one a
    seed. candidate: one of several that DeepReDuce chooses from, by validation accuracy.
    """

    panel: str
    series: str
    paper: Network
    runs: tuple[Run, ...]
    budget: int | None = None
    printed: float | None = None
    candidate: bool = False

    @property
    def network(self) -> Network:
        network = self.runs[0].network
        assert isinstance(network, Network)  # an experiment trains networks of families
        return network

    @property
    def relus(self) -> int:
        """ReLUs of the network here, or those that its search leaves."""
        search = self.runs[0].search
        return cost(self.network).total_relus if search is None else search.budget

    @property
    def paper_relus(self) -> int:
        return cost(self.paper).total_relus if self.budget is None else self.budget


@dataclass(frozen=True, slots=True)
class Setting:
    """A profile, a data set in place of its own, and seeds: what makes the paper's networks runs.

    on: which of the paper's data sets the networks are for.
    """

    size: Profile
    chosen: str | None = None
    seeds: tuple[int, ...] = (1,)
    on: str = "cifar100"

    @property
    def images(self) -> DataSet:
        return self.size.images(self.on, self.chosen)

    def here(self, network: Network) -> Network | None:
        """The network that stands here for one of the paper's; None where none can."""
        return self.size.fitted(network, self.images)

    def plain(self, network: Network) -> tuple[Run, ...]:
        """Trained on the labels alone."""
        ours = self.here(network)
        if ours is None:
            return ()
        return tuple(Run(ours, self.images, self.size.recipe, seed) for seed in self.seeds)

    def taught(self, network: Network, distillation: Distillation | None = None) -> tuple[Run, ...]:
        """Trained with a ResNet18 as the teacher, by KD where nothing else is said."""
        ours = self.here(network)
        if ours is None:
            return ()
        recipe = self.size.taught(distillation or KD())
        teacher = Run(self.teacher, self.images, self.size.teacher_recipe)
        return tuple(Run(ours, self.images, recipe, seed, teacher) for seed in self.seeds)

    @property
    def teacher(self) -> Network:
        images = self.images
        return replace(self.size.teacher, resolution=images.resolution, classes=images.classes)

    def snl(
        self, network: Network, budget: int, by: Literal["pixel", "channel"] = "pixel"
    ) -> tuple[Run, ...]:
        """A baseline that SNL leaves so many of its ReLUs; as its authors' has, without any in the
        stem (Appendix F)."""
        search = replace(self.size.snl, budget=budget, by=by)
        return self._searched(cull(network, [STEM]), search, self.size.tuning)

    def snl_channels(self, network: Network, budget: int) -> tuple[Run, ...]:
        """The same by whole channels."""
        return self.snl(network, budget, "channel")

    def senet(self, network: Network, budget: int) -> tuple[Run, ...]:
        """A baseline that SENet leaves so many of its ReLUs."""
        return self._searched(
            network, replace(self.size.senet, budget=budget), self.size.senet_tuning
        )

    def _searched(self, network: Network, search: Search, tuning: Recipe) -> tuple[Run, ...]:
        """Trained on the labels alone, searched, then tuned with that first net as the teacher.

        The budget is the paper's where widths and images are; else the same share of the ReLUs.
        """
        ours = self.here(network)
        if ours is None:
            return ()
        share = Fraction(search.budget, cost(network).total_relus)
        budget = int(share * cost(ours).total_relus)
        if isinstance(search, SNL) and search.by == "channel":
            budget -= budget % smallest_map(ours)
        search = replace(search, budget=budget)
        return tuple(
            Run(ours, self.images, tuning, seed, baseline, search)
            for baseline in self.plain(network)
            for seed in [baseline.seed]
        )


def points(
    panel: str,
    series: str,
    networks: Iterable[Network],
    runs: Callable[[Network], tuple[Run, ...]],
    printed: Sequence[float | None] = (),
) -> list[Point]:
    """A point for each network; those that cannot stand here are left out."""
    numbers = [*printed] + [None] * 1000
    return [
        Point(panel, series, network, found, printed=number)
        for network, number in zip(networks, numbers, strict=False)
        if (found := runs(network))
    ]


def budgets(
    panel: str,
    series: str,
    network: Network,
    relus: Iterable[int],
    runs: Callable[[Network, int], tuple[Run, ...]],
    printed: Sequence[float | None] = (),
) -> list[Point]:
    """A point for each number of ReLUs that a search leaves a network, with fewer than it has."""
    numbers = [*printed] + [None] * 1000
    return [
        Point(panel, series, network, found, budget, number)
        for budget, number in zip(relus, numbers, strict=False)
        if budget < cost(cull(network, [STEM])).total_relus and (found := runs(network, budget))
    ]


def candidates(setting: Setting, panel: str, name: str, network: Network) -> list[Point]:
    """A point for each of DeepReDuce's candidates on a classical network."""
    found = points(panel, name, reduced(network), setting.taught)
    return [replace(point, candidate=True) for point in found]


def smallest_map(network: Network) -> int:
    """Pixels of the smallest map that a ReLU reads."""
    return min(prod(shape[1:]) for shape in sites(network).values())
