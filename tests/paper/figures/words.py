"""The words of a drawn figure, and what is wrong with them."""

from collections.abc import Iterator
from itertools import combinations

from matplotlib.figure import Figure
from matplotlib.text import Text


def faults(made: Figure) -> list[str]:
    """Words that are cut at the figure's edge, or lie over others (slanted ones apart)."""
    made.draw_without_rendering()
    found = [(text, text.get_window_extent()) for text in _words(made)]
    whole = made.bbox
    cut = [
        text.get_text()
        for text, box in found
        if box.x0 < whole.x0 or box.y0 < whole.y0 or box.x1 > whole.x1 or box.y1 > whole.y1
    ]
    straight = [(text, box) for text, box in found if text.get_rotation() % 90 == 0]
    return [f"cut: {text}" for text in cut] + [
        f"{one.get_text()} lies over {other.get_text()}"
        for (one, box), (other, of) in combinations(straight, 2)
        if min(box.x1, of.x1) - max(box.x0, of.x0) > 1
        and min(box.y1, of.y1) - max(box.y0, of.y0) > 1
    ]


def _words(made: Figure) -> Iterator[Text]:
    for part in (made, *made.subfigs):
        yield from (text for text in part.texts if text.get_text())
    for axis in (each for each in made.axes if each.get_visible()):
        titles = [each for each in axis.get_children() if isinstance(each, Text)]
        numbers = [
            tick.label1
            for side, (low, high) in (
                (axis.xaxis, sorted(axis.get_xlim())),
                (axis.yaxis, sorted(axis.get_ylim())),
            )
            for tick in side.get_major_ticks()
            if low <= tick.get_loc() <= high and tick.label1.get_visible()
        ]
        for text in (*titles, axis.xaxis.label, axis.yaxis.label, *numbers):
            if text.get_visible() and text.get_text():
                yield text
