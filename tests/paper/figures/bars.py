"""Networks to draw, and what stands in an axis with bars."""

from matplotlib.axes import Axes
from matplotlib.container import BarContainer

NAMES = ("WRN22x8", "ResNet18", "HRN-5x5x3x(m=16)", "VGG16", "MobileNetV2")
NINE = "Net(1; 1x1, 1x1/1, 1x1/1, 1x1/1, 1x1/1, 1x1/1, 1x1/1, 1x1/1, 1x1/1)"
"""As many stages as a network can have."""


def bars(axis: Axes) -> dict[str, list[float]]:
    """Heights by the legend's names."""
    found = [each for each in axis.containers if isinstance(each, BarContainer)]
    return {str(each.get_label()): [bar.get_height() for bar in each] for each in found}


def under(axis: Axes) -> list[str]:
    return [text.get_text() for text in axis.get_xticklabels()]
