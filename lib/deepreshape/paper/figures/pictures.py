"""Pictures of designs: what can be drawn without training."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice, pairwise
from math import prod, sqrt
from pathlib import Path

import matplotlib as mpl
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle
from matplotlib.ticker import MaxNLocator

from deepreshape.design import Network, cost, layers
from deepreshape.design.ops import Conv, FullyConnected, Pool, Relu
from deepreshape.paper.figures import theme


def figure(width: float = 7.2, height: float = 3.6, columns: int = 1, rows: int = 1) -> Figure:
    """An empty figure; its axes are `figure.axes`, row by row."""
    theme.use()
    made = Figure(figsize=(width, height), layout="constrained")
    made.subplots(rows, columns)
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
    _turn_long_labels(axis, list(networks))
    finish(axis)


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


def _fill(part: str) -> str:
    return theme.HEAD if part == "head" else colour(_stage(part))


def _hatching(part: str) -> str:
    return "" if part == "head" else hatch(_stage(part))


def _stage(part: str) -> int:
    return int(part.removeprefix("stage ")) if part.startswith("stage") else 0


def lines(
    axis: Axes,
    frame: pd.DataFrame,
    x: str,
    y: str,
    series: str,
    colours: Sequence[str] = theme.COLOURS,
    joined: str = "-",
) -> None:
    """A curve for each value of the column `series`, in order, of the column y over x. joined: the
    style of the lines, `none` for marks alone."""
    names = list(dict.fromkeys(frame[series]))
    sns.lineplot(
        frame,
        x=x,
        y=y,
        hue=series,
        style=series,
        palette=dict(zip(names, islice(cycle(colours), len(names)), strict=True)),
        markers=dict(zip(names, islice(cycle(theme.MARKERS), len(names)), strict=True)),
        dashes=False,
        linestyle=joined,
        errorbar=None,
        legend=False,
        ax=axis,
    )
    for name, line in zip(names, axis.lines[-len(names) :], strict=True):
        line.set(label=name, markeredgecolor=line.get_color())
    finish(axis)


def marks(axis: Axes, frame: pd.DataFrame, x: str, y: str, series: str) -> None:
    """A mark for each row of a frame, along the column x in the row that y names, in the colour and
    with the marker of its series."""
    names = list(dict.fromkeys(frame[series]))
    for name, colour, marker in zip(names, theme.COLOURS, theme.MARKERS, strict=False):
        part = frame[frame[series] == name]
        sns.stripplot(
            part, x=x, y=y, color=colour, marker=marker, jitter=False, size=6, legend=False, ax=axis
        )
        axis.plot([], [], marker, color=colour, label=name)
    axis.grid(visible=True, axis="x")
    axis.tick_params(labelsize=8)


def legend_above(made: Figure, axis: Axes, columns: int = 6) -> None:
    """The legend of one axis, above the whole figure."""
    handles, labels = axis.get_legend_handles_labels()
    made.legend(
        handles, labels, loc="outside upper center", ncols=columns, frameon=False, fontsize=9
    )


def printed_and_computed(
    axis: Axes,
    labels: Sequence[str],
    printed: Sequence[float],
    computed: Sequence[float],
    unit: str,
) -> None:
    """Bars for computed values, and a short line across each for the printed one."""
    places = range(len(labels))
    frame = pd.DataFrame({"place": places, "value": computed})
    sns.barplot(
        frame,
        x="place",
        y="value",
        width=0.66,
        color=theme.STAGES[2],
        saturation=1,
        label="computed",
        legend=False,
        ax=axis,
    )
    axis.hlines(
        printed,
        [place - 0.42 for place in places],
        [place + 0.42 for place in places],
        color=theme.PAPER,
        linewidth=1.8,
        label="printed",
    )
    axis.set_xticks(list(places), labels)
    axis.set(xlabel="", ylabel=unit)
    _turn_long_labels(axis, labels)
    finish(axis)


def _turn_long_labels(axis: Axes, labels: Sequence[str]) -> None:
    """Slant the labels under the bars where they would run into each other."""
    width = axis.bbox.width / axis.figure.dpi
    if 0.085 * max(map(len, labels), default=0) > width / max(len(labels), 1):
        for label in axis.get_xticklabels():
            label.set(rotation=25, ha="right", rotation_mode="anchor")


def colour(stage: int) -> str:
    """The colour of a stage; 0 is the stem."""
    return theme.STAGES[(stage - 1) % len(theme.STAGES)] if stage else theme.STEM


def hatch(stage: int) -> str:
    """The hatch of a stage; 0 is the stem."""
    return theme.HATCHES[(stage - 1) % len(theme.HATCHES)] if stage else ""


def ranking(network: Network) -> str:
    """The stages from most to least ReLUs, the stem left out: `S3 > S2 > S4 > S1`."""
    relus = cost(network).relus[1:]
    ranked = sorted(range(len(relus)), key=lambda stage: -relus[stage])
    text = f"S{ranked[0] + 1}"
    for more, less in pairwise(ranked):
        text += f" {'>' if relus[more] > relus[less] else '='} S{less + 1}"
    return text


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
    finish(axis)


# Diagrams


@dataclass(frozen=True, slots=True)
class Box:
    """A labelled box around its centre (x, y), in the units of the axis."""

    x: float
    y: float
    text: str
    width: float = 1.0
    height: float = 0.6
    colour: str = "#f2f2f2"


def diagram(axis: Axes, boxes: Mapping[str, Box], arrows: Iterable[tuple[str, str]]) -> None:
    """Boxes, and arrows from one to another by their keys; the axis shows just these.

    An arrow leaves and enters at the sides that face each other, level where the boxes overlap.
    """
    for box in boxes.values():
        corner = (box.x - box.width / 2, box.y - box.height / 2)
        style = f"round,pad=0,rounding_size={0.08 * min(box.width, box.height)}"
        patch = FancyBboxPatch(
            corner, box.width, box.height, boxstyle=style, fc=box.colour, ec=theme.PAPER, lw=0.9
        )
        axis.add_patch(patch)
        axis.text(box.x, box.y, box.text, ha="center", va="center", fontsize=8.5)
    for one, other in arrows:
        _draw_arrow(axis, *_between(boxes[one], boxes[other]))
    axis.margins(0.01)
    axis.autoscale_view()
    axis.set_axis_off()


Point = tuple[float, float]


def _draw_arrow(axis: Axes, start: Point, end: Point) -> None:
    style = {"arrowstyle": "-|>", "color": theme.PAPER, "linewidth": 1, "shrinkA": 0, "shrinkB": 0}
    axis.annotate("", xy=end, xytext=start, arrowprops=style)


def _between(one: Box, other: Box) -> tuple[Point, Point]:
    """Where an arrow from one box to another leaves and enters."""
    apart = abs(other.x - one.x) - (one.width + other.width) / 2
    above = abs(other.y - one.y) - (one.height + other.height) / 2
    if apart >= above:
        side = 1 if other.x > one.x else -1
        leave, enter = _level(one.y, one.height, other.y, other.height)
        return (one.x + side * one.width / 2, leave), (other.x - side * other.width / 2, enter)
    side = 1 if other.y > one.y else -1
    leave, enter = _level(one.x, one.width, other.x, other.width)
    return (leave, one.y + side * one.height / 2), (enter, other.y - side * other.height / 2)


def _level(one: float, size: float, other: float, other_size: float) -> Point:
    """A coordinate that both spans have, twice, that of the smaller's centre if it can be; else
    the centres."""
    low = max(one - size / 2, other - other_size / 2)
    high = min(one + size / 2, other + other_size / 2)
    if low > high:
        return one, other
    at = min(max(one if size <= other_size else other, low), high)
    return at, at


def outline(axis: Axes, network: Network) -> None:
    """A network from left to right, as Figure 2 draws it: the image, the map that the stem gives,
    one for each block of each stage, and what the head computes.

    A map is as high as its side, and as wide as the square root of its channels. The axis should be
    about 9 inches wide, for the captions.
    """
    found = list(_maps(network))
    side, gap, least = network.resolution, 0.016, min(0.07, 0.75 / len(found))
    sizes = [sum(sqrt(channels) for channels, _ in maps) for _, _, maps in found]
    unit = _unit(sizes, 1 - gap * (len(sizes) - 1), least)
    x = 0.0
    for (caption, stage, maps), size in zip(found, sizes, strict=True):
        slot = max(unit * size, least)
        if x:
            _draw_arrow(axis, (x - gap, 0), (x, 0))
        at = x + (slot - unit * size) / 2
        fill, edge = ("white", theme.PAPER) if stage is None else (colour(stage), "white")
        for channels, height in maps:
            width = unit * sqrt(channels)
            corner = (at, -height / 2)
            axis.add_patch(
                Rectangle(corner, width, height, fc=fill, ec=edge, hatch=hatch(stage or 0))
            )
            at += width
        axis.text(x + slot / 2, -0.54 * side, caption, ha="center", va="top", fontsize=8)
        x += slot + gap
    axis.set_xlim(-0.002, 1.002)
    axis.set_ylim(-0.86 * side, 0.52 * side)
    axis.set_axis_off()


def _unit(sizes: Sequence[float], room: float, least: float) -> float:
    """What to multiply sizes by, that they fill the room where none gets less than `least`."""
    wide = list(sizes)
    while True:
        unit = (room - least * (len(sizes) - len(wide))) / sum(wide)
        if all(unit * size >= least for size in wide):
            return unit
        wide = [size for size in wide if unit * size >= least]


def _maps(network: Network) -> Iterator[tuple[str, int | None, list[tuple[int, int]]]]:
    """Caption, stage (None without one), and channels and side of each map of the outline."""
    last = len(network.stages)
    yield f"image\n3×{network.resolution}×{network.resolution}", None, [(3, network.resolution)]
    blocks: dict[int, dict[str, tuple[int, int]]] = {stage: {} for stage in range(last + 1)}
    head = {}
    for layer in layers(network):
        part, name = layer.name.split("/")[:2]
        channels, side, _ = layer.shape
        if layer.stage <= last and part != name and not name.startswith("pool"):
            # The last layer of a block, and of the stem, gives its map.
            blocks[layer.stage]["stem" if layer.stage == 0 else name] = (channels, side)
        elif isinstance(layer.op, Conv | FullyConnected | Pool) and layer.stage > last:
            head["mean" if isinstance(layer.op, Pool) else name] = (channels, side)
    for stage, maps in blocks.items():
        channels, side = list(maps.values())[-1]
        depth = f"\n{len(maps)} block{'s' if len(maps) > 1 else ''}" if stage else ""
        name = f"stage {stage}" if stage else "stem"
        yield f"{name}{depth}\n{channels}×{side}×{side}", stage, list(maps.values())
    for name, (channels, side) in head.items():
        size = f"×{side}×{side}" if side > 1 else ""
        yield f"{name}\n{channels}{size}", None, [(channels, side)]


def finish(axis: Axes) -> None:
    """Small labels, and lines across at the ticks of the ordinate alone."""
    axis.grid(visible=False, axis="x")
    axis.set_axisbelow(True)
    axis.tick_params(labelsize=8)


def save(made: Figure, folder: Path, name: str) -> list[Path]:
    """Write the figure as PNG and SVG; returns both paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.png", folder / f"{name}.svg"]
    # Without a fixed salt the same figure would be another file each time.
    with mpl.rc_context({"svg.hashsalt": name}):
        made.savefig(paths[0])
        made.savefig(paths[1], metadata={"Date": None})
    return paths
