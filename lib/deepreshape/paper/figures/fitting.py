"""Words that have room: broken into lines, turned, or with more of the axis to stand on."""

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from textwrap import wrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

EDGE = 4
"""Pixels that stay free between letters and the picture's edge."""
LEAST = 7
"""Letters of a line that is not broken further."""


def fit(made: Figure, panels: Sequence[Axes]) -> None:
    """Keep all words of a figure inside of it, and off each other, in its panels and around."""
    for step in (_part_labels, _fold_names, _widen, _fold_titles, _fold_side):
        made.draw_without_rendering()  # what fits where depends on what was fitted before
        for axis in panels:
            step(axis)
    for part in (made, *made.subfigs):
        for text in part.texts:
            _fold(text, made.bbox.width - 2 * EDGE)


def _part_labels(axis: Axes) -> None:
    """Turn the labels under an axis upright where they run into each other."""
    labels = [label for label in axis.get_xticklabels() if label.get_text()]
    boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.x0)
    if any(left.x1 > right.x0 for left, right in pairwise(boxes)):
        for label in labels:
            label.set(rotation=90, ha="center", rotation_mode="default")


def _fold_names(axis: Axes) -> None:
    """Leave at least half of the picture to the panel, and make it taller where names of two lines
    need that."""
    figure, names = _whole(axis), axis.get_yticklabels()
    room = figure.bbox.width / 2
    if all(name.get_window_extent().width <= room for name in names):
        return
    for name in names:
        _fold(name, room)
    axis.set_yticks(axis.get_yticks(), [name.get_text() for name in names])
    tallest = max(name.get_window_extent().height for name in names)
    lacks = 1.1 * tallest * len(names) - axis.bbox.height
    if lacks > 0:
        width, height = figure.get_size_inches()
        figure.set_size_inches(width, height + lacks / figure.dpi)


def _whole(axis: Axes) -> Figure:
    figure = axis.get_figure(root=True)
    assert figure is not None
    return figure


def _widen(axis: Axes) -> None:
    """Let the abscissa reach further where words beside a mark would leave the panel."""
    for _ in range(3):  # words keep their width, so that each time a little is left
        panel = axis.get_window_extent()
        boxes = [text.get_window_extent() for text in axis.texts if _at_a_mark(text, axis)]
        left = min((box.x0 for box in boxes), default=panel.x0)
        right = max((box.x1 for box in boxes), default=panel.x1)
        if left >= panel.x0 and right <= panel.x1:
            return
        ends = [(min(left, panel.x0) - EDGE, panel.y0), (max(right, panel.x1) + EDGE, panel.y0)]
        axis.set_xlim(*axis.transData.inverted().transform(ends)[:, 0])


def _at_a_mark(text: Text, axis: Axes) -> bool:
    """Does it stand beside something inside of the panel?"""
    at = getattr(text, "xy", None) or text.get_position()
    coordinates = getattr(text, "xycoords", None)
    moves = coordinates == "data" or text.get_transform() == axis.transData
    return moves and axis.viewLim.contains(*at)


def _fold_titles(axis: Axes) -> None:
    """Keep what stands above and below a panel inside of the picture. What stands in the middle of
    a panel that is far from the picture's middle ends where the panel does."""
    titles = [each for each in axis.get_children() if isinstance(each, Text)]
    left, right = EDGE, _whole(axis).bbox.width - EDGE
    panel = axis.get_window_extent()
    for text in (axis.xaxis.label, *(each for each in titles if each not in axis.texts)):
        middle = (panel.x0 + panel.x1) / 2
        rooms = {
            "left": right - panel.x0,
            "center": 2 * min(middle - left, right - middle),
            "right": panel.x1 - left,
        }
        length = text.get_window_extent().width
        if (
            length > rooms["center"] < (right - left) / 2
            and text.get_horizontalalignment() == "center"
        ):
            text.set(x=1, ha="right")
        _fold(text, rooms[text.get_horizontalalignment()])


def _fold_side(axis: Axes) -> None:
    _fold(axis.yaxis.label, axis.get_window_extent().height)


def _fold(text: Text, room: float) -> None:
    """Break its lines between words until it is no longer than the room, in pixels."""
    lines = text.get_text().splitlines()
    letters = max(map(len, lines), default=0)
    while _length(text) > room and letters > LEAST:
        letters -= 1
        text.set_text("\n".join(_folded(lines, letters)))


def _length(text: Text) -> float:
    box = text.get_window_extent()
    return float(box.height if text.get_rotation() == 90 else box.width)


def _folded(lines: Iterable[str], letters: int) -> list[str]:
    """A unit or letter at the end of a line stays with the word before it."""
    return [
        part
        for line in lines
        for part in wrap(
            re.sub(r" (?=\S{1,2}$)", "\N{NO-BREAK SPACE}", line),
            letters,
            break_long_words=False,
            break_on_hyphens=False,
        )
    ]
