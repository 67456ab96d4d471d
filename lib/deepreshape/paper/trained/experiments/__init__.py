"""Figure or table -> the points that it is drawn from, in each profile; a register of them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from deepreshape.learn.runs.run import Run
from deepreshape.paper.trained.experiments import appendix, inputs, results, reuse, shapes
from deepreshape.paper.trained.experiments.points import Claim, Point, Setting
from deepreshape.paper.trained.profiles import Profile

__all__ = ["EXPERIMENTS", "Claim", "Experiment", "Panel", "Point", "Setting", "find", "runs_of"]


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel of a figure: its title, and what its abscissa counts."""

    title: str = ""
    over: str = "relus"


@dataclass(frozen=True, slots=True)
class Experiment:
    """A trained figure or table: where it stands, its panels, points, and what it claims."""

    name: str
    title: str
    points: Callable[[Setting], list[Point]]
    claims: Callable[[list[Point]], list[Claim]]
    panels: dict[str, Panel] = field(default_factory=lambda: {"a": Panel()})

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
        size = size.of(self.name)
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


def _titled(titles: Iterable[str], over: str = "relus") -> dict[str, Panel]:
    return {chr(ord("a") + place): Panel(title, over) for place, title in enumerate(titles)}


_FLOPS = {"a": Panel("", "flops")}
_HRN_TITLES = ["HRN-5x5x3x", "HRN-5x7x2x", "HRN-6x6x2x", "HRN-7x5x2x"]
_REUSE_TITLES = [*reuse.FIG22.values()]

_ALL = (
    Experiment(
        "fig1",
        "Figure 1: HybReNets against the state of the art",
        results.fig1,
        results.fig1_claims,
        {"a": Panel("ReLUs"), "b": Panel("FLOPs", "flops")},
    ),
    Experiment("fig3a", "Figure 3a: StageCh against BaseCh", shapes.fig3a, shapes.fig3a_claims),
    Experiment("fig3b", "Figure 3b: saturation of StageCh", shapes.fig3b, shapes.fig3b_claims),
    Experiment("fig3e", "Figure 3e: ReLU efficiency by stage", shapes.fig3e, shapes.fig3e_claims),
    Experiment(
        "fig3f", "Figure 3f: FLOPs efficiency by stage", shapes.fig3f, shapes.fig3f_claims, _FLOPS
    ),
    Experiment("fig4b", "Figure 4b: FLOPs saved under SNL", shapes.fig4b, shapes.fig4_claims),
    Experiment("fig4c", "Figure 4c: the same under DeepReDuce", shapes.fig4c, shapes.fig4_claims),
    Experiment(
        "fig5",
        "Figure 5: input networks of ReLU optimization",
        inputs.fig5,
        inputs.fig5_claims,
        _titled(["DeepReDuce", "SNL"]),
    ),
    Experiment(
        "fig6",
        "Figure 6: capacity against criticality",
        inputs.fig6,
        inputs.fig6_claims,
        _titled(["DeepReDuce", "SNL"]),
    ),
    Experiment(
        "fig7",
        "Figure 7: SNL, DeepReDuce, and Thinning before SNL",
        inputs.fig7,
        inputs.fig7_claims,
        _titled(inputs.FIG7.values()),
    ),
    Experiment(
        "fig11",
        "Figure 11: ResNet34, TinyImageNet, RegNet",
        results.fig11,
        results.fig11_claims,
        _titled(["ResNet34, CIFAR-100", "ResNet34, TinyImageNet", "RegNet-X, CIFAR-100"]),
    ),
    Experiment(
        "fig12",
        "Figure 12: ReLU-reuse against scaling and SNL",
        results.fig12,
        results.fig12_claims,
        _titled(f"HRN-{'x'.join(map(str, factors))}x" for factors in results.FIG12.values()),
    ),
    Experiment("fig13", "Figure 13: baselines", results.fig13, results.fig13_claims),
    Experiment(
        "fig15",
        "Figure 15: larger alpha",
        appendix.fig15,
        appendix.fig15_claims,
        _titled(["HRN-5x5x3x", "HRN-5x7x2x", "HRN-7x5x2x", "HRN-6x6x2x"]),
    ),
    Experiment(
        "fig16",
        "Figure 16: another criticality order",
        appendix.fig16,
        appendix.fig16_claims,
        _titled(["DeepReDuce, CIFAR-100", "SNL, CIFAR-100", "DeepReDuce, TinyImageNet"]),
    ),
    Experiment(
        "fig17",
        "Figure 17: equalization by depth",
        appendix.fig17,
        appendix.fig17_claims,
        {"a": Panel("ReLUs"), "b": Panel("FLOPs", "flops")},
    ),
    Experiment(
        "fig18",
        "Figure 18: capacity against criticality in HybReNets",
        appendix.fig18,
        appendix.fig18_claims,
        _titled(f"{method}, {name}" for method in ("DeepReDuce", "SNL") for name in _HRN_TITLES),
    ),
    Experiment(
        "fig20",
        "Figure 20: SNL on HybReNets",
        appendix.fig20,
        appendix.fig20_claims,
        _titled(_HRN_TITLES),
    ),
    Experiment(
        "fig22",
        "Figure 22: ReLU-reuse in every layer",
        reuse.fig22,
        reuse.fig22_claims,
        _titled(_REUSE_TITLES),
    ),
    Experiment(
        "fig23",
        "Figure 23: ReLU-reuse on thinned networks",
        reuse.fig23,
        reuse.fig23_claims,
        _titled(_REUSE_TITLES),
    ),
    Experiment("table3-trained", "Table 3: baselines", inputs.table3, inputs.ranked_claims),
    Experiment("table4-trained", "Table 4: the case study", inputs.table4, inputs.table4_claims),
    Experiment("table5", "Table 5: Thinning before SNL", inputs.table5, inputs.table5_claims),
    Experiment("table6", "Table 6: KD and DKD", results.table6, results.distillation_claims),
    Experiment("table9", "Table 9: ReLU-reuse, an ablation", results.table9, results.table9_claims),
    Experiment(
        "table10-trained",
        "Table 10: criticality in ResNet18",
        appendix.table10,
        appendix.criticality_claims,
        _titled(["labels", "KD"]),
    ),
    Experiment(
        "table11-trained",
        "Table 11: criticality in HybReNets",
        appendix.table11,
        appendix.criticality_claims,
        _titled(["labels", "KD"]),
    ),
    Experiment("table12", "Table 12: SNL at few ReLUs", appendix.table12, appendix.table12_claims),
    Experiment(
        "table13-trained",
        "Table 13: KD and DKD, TinyImageNet",
        results.table13,
        results.distillation_claims,
    ),
    Experiment(
        "table14-trained",
        "Table 14: KD and DKD, ResNet34",
        results.table14,
        results.distillation_claims,
        _titled(["CIFAR-100", "TinyImageNet"]),
    ),
)
EXPERIMENTS = {experiment.name: experiment for experiment in _ALL}


def find(name: str) -> Experiment:
    """The experiment of that name; ValueError for an unknown one."""
    if name not in EXPERIMENTS:
        raise ValueError(f"no figure or table {name!r} is trained; {', '.join(EXPERIMENTS)} are")
    return EXPERIMENTS[name]


def runs_of(found: Iterable[Point]) -> list[Run]:
    """Every run that points need, each once."""
    return list(dict.fromkeys(run for point in found for run in point.runs))
