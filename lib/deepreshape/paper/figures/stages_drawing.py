"""Networks as maps: how large and how many they are in stem and stages."""

from collections.abc import Sequence
from math import sqrt

from deepreshape.design import Network, cost
from deepreshape.paper.figures.drawings import NOTE, WIDTH, Box, Drawing, Label, Part, Tone

TONES: tuple[Tone, ...] = ("plain", "rose", "orange", "blue", "teal")
"""Of the stem and four stages, as pictures colour them."""
TALLEST, WIDEST = 74.0, 62.0
"""Units of the largest map's side, and of the square root of the most channels."""
ROW = TALLEST + 104


def maps(networks: Sequence[Network]) -> Drawing:
    """A row for each network of four stages: a box as high as a map's side, as wide as the square
    root of the number of maps; below it what these are, above it how many ReLUs the stage has."""
    most = sqrt(max(max(network.widths) for network in networks))
    drawn: list[Part] = []
    for row, network in enumerate(networks):
        drawn += _row(network, ROW * row, most)
    said = ". ".join(map(_said, networks))
    names = " and ".join(network.name for network in networks)
    return Drawing(f"The stages of {names}", said, ROW * len(networks), drawn)


def _row(network: Network, top: float, most: float) -> list[Part]:
    counted, base = cost(network), top + 44 + TALLEST
    column = WIDTH / (len(network.stages) + 1)
    drawn: list[Part] = [Label(4, top + 10, network.name, "start", NOTE + 1, bold=True)]
    for place, (name, channels, side, blocks) in enumerate(_places(network)):
        x, high = column * (place + 0.5), TALLEST * side / network.resolution
        width = max(3.0, WIDEST * sqrt(channels) / most)
        drawn.append(Box(x, base - high / 2, width, high, tone=TONES[place]))
        drawn.append(Label(x, base - high - 9, f"{counted.relus[place]:,}"))
        drawn.append(Label(x, base + 12, f"{name}\n{channels} × {side}²\n{blocks}"))
    return drawn


def _places(network: Network) -> list[tuple[str, int, int, str]]:
    """Name, channels, side of a map, and blocks of the stem and each stage."""
    side, found = network.resolution, [("stem", network.stem, network.resolution, "")]
    for number, (stage, stride) in enumerate(zip(network.stages, network.strides, strict=True), 1):
        side //= stride
        blocks = f"{stage.depth} block{'s' * (stage.depth > 1)}"
        found.append((f"stage {number}", stage.width, side, blocks))
    return found


def _said(network: Network) -> str:
    counts = cost(network).relus
    parts = [
        f"{name}: {channels} maps of {side} x {side}, {relus:,} ReLUs"
        for (name, channels, side, _), relus in zip(_places(network), counts, strict=False)
    ]
    return f"{network.name} has {'; '.join(parts)}"
