"""What an experiment is: a figure or table that is trained, and all that is said of it once."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal, TypeVar

from deepreshape.paper.trained.experiments.claims import Claim, Over
from deepreshape.paper.trained.experiments.points import Point, Setting
from deepreshape.paper.trained.profiles import Profile, profile

Picture = Literal["curves", "rows", "stages"]
"""Accuracy over ReLUs or FLOPs, a row for each network, or over the stage that keeps its ReLUs."""


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel of a figure: its title, and what its abscissa counts."""

    title: str = ""
    over: Over = "relus"


RELUS_AND_FLOPS = {"a": Panel("ReLUs"), "b": Panel("FLOPs", "flops")}
"""Panels of the same runs over both counts."""


def titled(*titles: str) -> dict[str, Panel]:
    """Panels a, b and so on, over ReLUs."""
    return {chr(ord("a") + place): Panel(title) for place, title in enumerate(titles)}


@dataclass(frozen=True, slots=True)
class Experiment:
    """A trained figure or table of the paper.

    name: of its page, such as fig12 or table6. about: what it shows, in a few words. section: of
    the paper, a letter of an appendix, where it is discussed. points: its series, with the runs
    behind them. claims: what the paper says of points, with a direction and, where one is printed,
    a size.
    """

    name: str
    about: str
    section: str
    points: Callable[[Setting], list[Point]]
    claims: Callable[[list[Point]], list[Claim]]
    panels: dict[str, Panel] = field(default_factory=lambda: {"a": Panel()})
    picture: Picture = "curves"

    @property
    def number(self) -> str:
        """`Figure 12`."""
        return self.name.replace("fig", "Figure ").replace("table", "Table ")

    @property
    def title(self) -> str:
        """`Figure 12: ReLU-reuse against scaling and SNL`."""
        return f"{self.number}: {self.about}"

    @property
    def link(self) -> str:
        """Its number as a link to its page, in HTML."""
        return f'<a href="{self.name}.html">{self.number}</a>'

    @property
    def place(self) -> str:
        """`Section 5` or `Appendix E.1`."""
        return f"{'Section' if self.section[0].isdigit() else 'Appendix'} {self.section}"

    @property
    def is_by_stage(self) -> bool:
        """Does it compare the stages of a network, each with its ReLUs alone, and no network with
        another?"""
        return _is_by_stage(self.points)

    def drawn(
        self,
        size: Profile,
        data: str | None = None,
        seeds: Iterable[int] = (1,),
        panels: str | None = None,
    ) -> list[Point]:
        """The points that a profile draws. data, panels: in place of the profile's.

        Raises ValueError or DataError.
        """
        size = size.for_stages() if self.is_by_stage else size
        numbers = tuple(dict.fromkeys(seeds))
        if not numbers:
            raise ValueError("a figure needs at least one seed")
        wanted = "".join(dict.fromkeys(panels or _spread("".join(self.panels), size.panels)))
        for panel in wanted:
            if panel not in self.panels:
                raise ValueError(
                    f"{self.title} has no panel {panel!r}; it has {', '.join(self.panels)}"
                )
        found = self.points(Setting(size, data, numbers))
        found = [point for point in found if point.panel in wanted]
        return _sparse(found, size.most, size.lines)


T = TypeVar("T")


def _spread(found: Sequence[T], most: int | None) -> list[T]:
    """At most so many, evenly, the first and the last among them; of one, the first."""
    if most is None or most >= len(found):
        return [*found]
    last = max(most - 1, 1)
    return [found[round(place * (len(found) - 1) / last)] for place in range(most)]


def _sparse(found: list[Point], most: int | None, lines: int | None) -> list[Point]:
    """At most so many points of each series, and at most so many series of each panel, the
    first."""
    keys = list(dict.fromkeys((point.panel, point.series) for point in found))
    first = {key for panel, _ in keys for key in [k for k in keys if k[0] == panel][:lines]}
    kept: list[Point] = []
    for key in (key for key in keys if key in first):
        kept += _spread([point for point in found if (point.panel, point.series) == key], most)
    return kept


@cache
def _is_by_stage(found: Callable[[Setting], list[Point]]) -> bool:
    networks = [point.paper for point in found(Setting(profile("paper")))]
    return all(len(net.stages) - len(net.relus.culled) == 1 for net in networks)
