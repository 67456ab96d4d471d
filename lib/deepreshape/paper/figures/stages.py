"""Where a network's ReLUs are: bars of stem and stages, and of each layer."""

from collections.abc import Mapping, Sequence
from math import prod

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from deepreshape.design import Network, cost, layers
from deepreshape.design.ops import Relu
from deepreshape.paper.figures import pictures, theme
from deepreshape.paper.printed.counts import ranking


def distributions(
    panels: Mapping[str, Mapping[str, Network]],
    size: tuple[float, float] = (7.2, 3.6),
    below: str = "",
    order: str = "",
) -> Figure:
    """A panel of stacked bars (`distribution`) for each group of networks, its title above it, and
    one legend. below: what the labels under the bars are; those of networks whose stages are in
    that order, such as `S3 > S2 > S4 > S1`, are bold."""
    made = pictures.figure(*size, columns=len(panels))
    for axis, (title, networks) in zip(made.axes, panels.items(), strict=True):
        distribution(axis, networks)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel(below)
        axis.label_outer()
        for text, network in zip(axis.get_xticklabels(), networks.values(), strict=True):
            text.set_fontweight("bold" if ranking(network) == order else "normal")
    pictures.legend_above(made)
    return made


def distribution(axis: Axes, networks: Mapping[str, Network]) -> None:
    """Stacked bars: the percentage of stem and stages in each network's ReLUs, as Figures 3c, 3d,
    4a, 14 and 21 draw them. Keys are the labels under the bars."""
    frame = _shares(networks)
    parts = sorted(dict.fromkeys(frame["part"]), key=lambda part: (part == "head", _stage(part)))
    sns.histplot(
        frame,
        x="network",
        weights="share",
        hue="part",
        hue_order=parts[::-1],  # seaborn draws the last first
        multiple="stack",
        palette={part: _fill(part) for part in parts},
        discrete=True,
        shrink=0.72,
        alpha=1,
        edgecolor="white",
        linewidth=0.6,
        legend=False,
        ax=axis,
    )
    for part, bars in zip(parts, axis.containers, strict=True):
        for bar in bars:
            bar.set_hatch(_hatching(part))
        bars.set_label(part)
    axis.set_ylim(0, 100)
    axis.set(xlabel="", ylabel="ReLUs (%)")
    pictures.slant_long_labels(axis, list(networks))
    pictures.finish(axis)


def _shares(networks: Mapping[str, Network]) -> pd.DataFrame:
    """A row for each part of each network: network, part, share of the ReLUs in percent."""
    rows = []
    for label, network in networks.items():
        counted = cost(network)
        parts = {
            "stem" if place == 0 else f"stage {place}": n for place, n in enumerate(counted.relus)
        }
        parts |= {"head": counted.head_relus} if counted.head_relus else {}
        total = max(counted.total_relus, 1)
        rows += [(label, part, 100 * relus / total) for part, relus in parts.items()]
    return pd.DataFrame(rows, columns=["network", "part", "share"])


def colour(stage: int) -> str:
    """The colour of a stage; 0 is the stem."""
    return theme.STAGES[(stage - 1) % len(theme.STAGES)] if stage else theme.STEM


def hatch(stage: int) -> str:
    """The hatch of a stage; 0 is the stem."""
    return theme.HATCHES[(stage - 1) % len(theme.HATCHES)] if stage else ""


def _fill(part: str) -> str:
    return theme.HEAD if part == "head" else colour(_stage(part))


def _hatching(part: str) -> str:
    return "" if part == "head" else hatch(_stage(part))


def _stage(part: str) -> int:
    return int(part.removeprefix("stage ")) if part.startswith("stage") else 0


def by_layer(axis: Axes, network: Network, captions: Sequence[str] = ()) -> None:
    """A bar for each ReLU layer of a network, in order: the percentage of all ReLUs that it has.

    captions: texts to stand above the stages.
    """
    sites = [layer for layer in layers(network) if isinstance(layer.op, Relu)]
    total = sum(prod(site.shape) for site in sites)
    places: dict[int, list[int]] = {}
    for place, site in enumerate(sites, start=1):
        stage = min(site.stage, len(network.stages))  # The head's count with the last stage.
        places.setdefault(stage, []).append(place)
        height = 100 * prod(site.shape) / total
        axis.bar(place, height, width=0.8, color=colour(stage), hatch=hatch(stage), ec="white")
    for stage, caption in enumerate(captions, start=1):
        if stage in places:
            middle = (places[stage][0] + places[stage][-1]) / 2
            above = axis.get_xaxis_transform()
            axis.text(middle, 1.02, caption, transform=above, ha="center", va="bottom", fontsize=8)
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.set_xlabel("ReLU layer")
    axis.set_ylabel("ReLUs (%)")
    pictures.finish(axis)
