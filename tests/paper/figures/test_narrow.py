"""Pictures for a narrow screen."""

from itertools import pairwise
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from deepreshape.paper.figures import pictures
from deepreshape.paper.figures.narrow import MIME, SHORTEST, STACKED, narrow


@pytest.mark.parametrize(("rows", "columns"), [(1, 3), (2, 2), (4, 1)])
def test_panels_stand_under_each_other_in_reading_order(rows: int, columns: int) -> None:
    made = pictures.figure(8, 4, columns=columns, rows=rows)
    narrow(made)
    made.draw_without_rendering()
    boxes = [axis.get_position() for axis in made.axes]
    assert all(upper.y0 > lower.y1 for upper, lower in pairwise(boxes))
    assert made.get_size_inches()[0] == STACKED


def test_a_panel_that_is_not_shown_takes_no_room() -> None:
    made = pictures.figure(8, 4, columns=3)
    made.axes[2].set_visible(False)
    narrow(made)
    made.draw_without_rendering()
    upper, lower = (axis.get_position() for axis in made.axes[:2])
    assert lower.y0 < 0.2 < 0.8 < upper.y1


def test_panels_keep_their_heights_among_each_other() -> None:
    made = Figure(figsize=(8, 12), layout="constrained")
    upper, lower = made.subfigures(2, 1, squeeze=False).flat
    upper.subplots(1, 2)
    lower.subplots(2, 1, height_ratios=[1, 2])
    narrow(made)
    assert made.get_size_inches()[1] == pytest.approx(6 + 6 + SHORTEST + 4)


def test_each_panel_has_the_numbers_and_labels_that_it_shared() -> None:
    made = Figure(figsize=(8, 6), layout="constrained")
    axes = made.subplots(2, 2, sharex="col", sharey="row")
    for row, label in enumerate(("accuracy", "loss")):
        axes[row][0].set_ylabel(label)
    for axis in axes[1]:
        axis.set_xlabel("epoch")
    for axis in made.axes:  # as seaborn leaves it where it finds no numbers
        axis.yaxis.label.set_visible(axis in axes[:, 0])
    narrow(made)
    assert [axis.get_ylabel() for axis in made.axes] == ["accuracy", "accuracy", "loss", "loss"]
    assert [axis.get_xlabel() for axis in made.axes] == ["epoch"] * 4
    for axis in made.axes:
        assert axis.yaxis.get_tick_params()["labelleft"]
        assert axis.xaxis.get_tick_params()["labelbottom"]
        assert axis.yaxis.label.get_visible()


def test_the_label_of_a_block_stands_beside_each_of_its_panels() -> None:
    made = Figure(figsize=(8, 6), layout="constrained")
    upper, lower = made.subfigures(2, 1, squeeze=False).flat
    for block, label in ((upper, "ours"), (lower, "printed")):
        block.subplots(1, 2, sharey=True)
        block.supylabel(label)
    narrow(made)
    assert [axis.get_ylabel() for axis in made.axes] == ["ours", "ours", "printed", "printed"]
    assert {block.get_supylabel() for block in made.subfigs} == {""}


def test_letters_keep_their_size() -> None:
    made = pictures.figure(8, 4, columns=2)
    for axis in made.axes:
        axis.set_xlabel("thousands of ReLUs", fontsize=9)
    narrow(made)
    assert [axis.xaxis.label.get_fontsize() for axis in made.axes] == [9, 9]


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
