"""Pictures for a narrow screen."""

from itertools import pairwise
from pathlib import Path

import pytest

from deepreshape.paper.figures import pictures
from deepreshape.paper.figures.narrow import MIME, STACKED, narrow


@pytest.mark.parametrize(("rows", "columns"), [(1, 3), (2, 2), (4, 1)])
def test_panels_stand_under_each_other_in_reading_order(rows: int, columns: int) -> None:
    made = pictures.figure(8, 4, columns=columns, rows=rows)
    narrow(made)
    made.draw_without_rendering()
    boxes = [axis.get_position() for axis in made.axes]
    assert all(upper.y0 > lower.y1 for upper, lower in pairwise(boxes))
    assert made.get_size_inches()[0] == STACKED


def test_letters_keep_their_size() -> None:
    made = pictures.figure(8, 4, columns=2)
    for axis in made.axes:
        axis.set_xlabel("thousands of ReLUs", fontsize=9)
    narrow(made)
    assert [axis.xaxis.label.get_fontsize() for axis in made.axes] == [9, 9]


def test_labels_that_would_overlap_stand_upright() -> None:
    made = pictures.figure(8, 3)
    (axis,) = made.axes
    axis.set_xticks(range(9), [f"a long label {place}" for place in range(9)])
    narrow(made)
    assert {label.get_rotation() for label in axis.get_xticklabels()} == {90}


def test_a_legend_has_the_columns_that_fit() -> None:
    made = pictures.figure(8, 3, columns=2)
    for axis in made.axes:
        for name in ("one long name of a series", "another long name", "and a third one"):
            axis.plot([1, 2], label=name)
    pictures.legend_above(made)
    narrow(made)
    made.draw_without_rendering()
    (legend,) = made.legends
    assert legend.get_window_extent().width < made.bbox.width


def test_a_notebook_holds_both(tmp_path: Path) -> None:
    shown = pictures.show(pictures.figure(8, 3, columns=2), "name", tmp_path)
    bundle = shown._repr_mimebundle_()
    assert bundle[MIME] == (tmp_path / "name.narrow.svg").read_text(encoding="utf-8")
    assert bundle["image/svg+xml"] != bundle[MIME]
