"""Networks drawn: boxes and arrows, and the maps from the image to the scores."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, Rectangle

from deepreshape.design import Network, layers
from deepreshape.design.ops import Conv, FullyConnected, Pool
from deepreshape.paper.figures import stages, theme


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
        fill, edge = ("white", theme.PAPER) if stage is None else (stages.colour(stage), "white")
        for channels, height in maps:
            width = unit * sqrt(channels)
            corner = (at, -height / 2)
            axis.add_patch(
                Rectangle(corner, width, height, fc=fill, ec=edge, hatch=stages.hatch(stage or 0))
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
