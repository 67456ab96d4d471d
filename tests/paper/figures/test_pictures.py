"""What every picture is made of, and files that are the same each time."""

import hashlib
import xml.etree.ElementTree as ET
from math import prod
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from PIL import Image

from deepreshape.design import parse
from deepreshape.paper.figures import pictures, stages
from tests.paper.figures.bars import NAMES, bars, under

# Figures


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 3), (2, 2)])
def test_a_figure_has_its_axes_row_by_row(rows: int, columns: int) -> None:
    made = pictures.figure(6, 4, columns=columns, rows=rows)
    assert tuple(made.get_size_inches()) == (6, 4)
    made.draw_without_rendering()
    places = [axis.get_position() for axis in made.axes]
    assert len(places) == rows * columns
    assert places == sorted(places, key=lambda box: (-round(box.y0, 6), round(box.x0, 6)))


# Panels

FRAME = pd.DataFrame(
    [("left", "a", 1, 10), ("left", "a", 2, 20), ("left", "b", 1, 5), ("right", "b", 1, 7)],
    columns=["panel", "series", "x", "y"],
)


def test_panels_have_a_curve_for_each_series_and_one_legend() -> None:
    made = pictures.panels(FRAME, "x", "y", "series", "panel")
    assert [axis.get_title() for axis in made.axes] == ["left", "right"]
    curves = [{str(line.get_label()): line for line in axis.lines} for axis in made.axes]
    assert [list(each) for each in curves] == [["a", "b"], ["b"]]
    assert list(curves[0]["a"].get_ydata()) == [10, 20]
    (legend,) = made.legends
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]


def test_a_series_has_one_colour_and_marker_in_every_panel() -> None:
    left, right = pictures.panels(FRAME, "x", "y", "series", "panel").axes
    one, other = left.lines[1], right.lines[0]
    assert (one.get_color(), one.get_marker()) == (other.get_color(), other.get_marker())
    assert one.get_color() != left.lines[0].get_color()


def test_marks_at_one_place_stay_apart() -> None:
    twice = pd.DataFrame([("left", "a", 1, 10), ("left", "a", 1, 20)], columns=FRAME.columns)
    (axis,) = pictures.panels(twice, "x", "y", "series", "panel", joined="none").axes
    assert sorted(axis.lines[0].get_ydata()) == [10, 20]


def test_places_without_a_panel_are_empty() -> None:
    frame = pd.concat([FRAME, FRAME.assign(panel="third")])
    assert len(pictures.panels(frame, "x", "y", "series", "panel", rows=2).axes) == 3


def test_an_axis_may_be_logarithmic() -> None:
    (axis, _) = pictures.panels(FRAME, "x", "y", "series", "panel", log={"y": 2}).axes
    assert (axis.get_xscale(), axis.get_yscale()) == ("linear", "log")
    assert axis.yaxis.get_transform().base == 2  # type: ignore[attr-defined]


def test_curves_are_of_numbers_by_panel_series_and_x() -> None:
    made = pictures.curves({"left": {"a": [3, 1, 2]}, "right": {"a": {16: 5, 4: 6}}}, "stage", "y")
    assert [list(axis.lines[0].get_ydata()) for axis in made.axes] == [[3, 1, 2], [5, 6]]
    assert [under(axis) for axis in made.axes] == [["1", "2", "3"], ["16", "4"]]


def test_a_text_stands_beside_each_mark() -> None:
    (axis,) = pictures.figure().axes
    frame = pd.DataFrame({"x": [1, 2], "y": [3, 4], "text": ["one", "two"]})
    pictures.annotate(axis, frame, "x", "y", "text", (-6, 2))
    assert [(text.get_text(), text.xy) for text in axis.texts] == [("one", (1, 3)), ("two", (2, 4))]
    assert {text.get_ha() for text in axis.texts} == {"right"}


# Deviations and seconds


def test_a_deviation_is_a_bar_in_a_row_of_its_name() -> None:
    made = pictures.deviations({"a": 1.25, "b": -3.0}, "off (%)", band=5.5)
    (axis,) = made.axes
    assert [text.get_text() for text in axis.get_yticklabels()] == ["a", "b"]
    assert [text.get_text() for text in axis.texts] == ["+1.2 %", "-3.0 %"]
    (found,) = axis.containers
    assert isinstance(found, BarContainer)
    assert [bar.get_width() for bar in found] == [1.25, -3.0]
    (legend,) = made.legends
    assert [text.get_text() for text in legend.get_texts()] == ["within 5.5 %"]


def test_deviations_without_a_band_have_no_legend() -> None:
    assert pictures.deviations({"a": 1.25}, "off (%)").legends == []


def test_seconds_are_stacked_and_the_printed_ones_marked() -> None:
    rows = [("CIFAR-100", "slow", 9.0, 3.0, 13), ("CIFAR-100", "fast", 4.0, 1.0, 4)]
    frame = pd.DataFrame(rows, columns=["data", "label", "he", "gc", "printed"])
    (axis,) = pictures.stacked_seconds(frame).axes
    he, gc = (each for each in axis.containers if isinstance(each, BarContainer))
    assert [bar.get_width() for bar in he] == [9, 4]
    assert [(bar.get_x(), bar.get_width()) for bar in gc] == [(9, 3), (4, 1)]
    assert list(axis.lines[0].get_xdata()) == [13, 4]
    assert [text.get_text() for text in axis.texts] == ["12 s", "5 s"]
    assert [text.get_text() for text in axis.get_yticklabels()] == ["slow", "fast"]


# Printed and computed


def test_computed_values_are_bars_and_printed_ones_lines_across_them() -> None:
    (axis,) = pictures.figure().axes
    pictures.printed_and_computed(axis, ["a", "b"], [10, 20], [11, 19], "seconds")
    assert bars(axis) == {"computed": [11, 19]}
    (lines,) = axis.collections
    (a, b) = lines.get_segments()
    assert [a[0][1], a[1][1], b[0][1], b[1][1]] == [10, 10, 20, 20]
    for bar, line in zip(axis.patches, (a, b), strict=True):
        assert line[0][0] < bar.get_x()
        assert line[1][0] > bar.get_x() + bar.get_width()
    assert under(axis) == ["a", "b"]
    assert axis.get_ylabel() == "seconds"


@pytest.mark.parametrize(("letters", "slanted"), [(1, False), (60, True)])
def test_labels_are_slanted_where_they_would_run_into_each_other(
    letters: int, slanted: bool
) -> None:
    (axis,) = pictures.figure(6, 3).axes
    labels = [letter * letters for letter in "abc"]
    pictures.printed_and_computed(axis, labels, [1, 2, 3], [1, 2, 3], "s")
    assert {label.get_rotation() > 0 for label in axis.get_xticklabels()} == {slanted}


# Files


def made() -> Figure:
    figure = pictures.figure(columns=2)
    stages.distribution(figure.axes[0], {name: parse(name) for name in NAMES})
    pictures.printed_and_computed(figure.axes[1], ["a"], [1], [2], "s")
    pictures.legend_above(figure)
    return figure


def test_a_figure_is_saved_as_png_and_svg_in_a_new_folder(tmp_path: Path) -> None:
    png, svg = pictures.save(made(), "name", tmp_path / "new" / "folder")
    assert (png, svg) == (
        tmp_path / "new" / "folder" / "name.png",
        tmp_path / "new" / "folder" / "name.svg",
    )
    with Image.open(png) as image:
        assert image.format == "PNG"
        assert prod(image.size) > 300**2
    assert ET.parse(svg).getroot().tag.endswith("svg")


def test_the_same_figure_is_the_same_bytes(tmp_path: Path) -> None:
    digests = {
        tuple(
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in pictures.save(made(), "name", tmp_path / str(time))
        )
        for time in range(2)
    }
    assert len(digests) == 1


def test_a_picture_that_cannot_be_finished_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [path.read_bytes() for path in pictures.save(pictures.figure(), "one", tmp_path)]

    def break_off(made: Figure, path: Path, **_: object) -> None:
        path.write_bytes(b"<svg")
        raise RuntimeError("halfway")

    monkeypatch.setattr(Figure, "savefig", break_off)
    with pytest.raises(RuntimeError, match="halfway"):
        pictures.save(pictures.figure(), "one", tmp_path)
    after = [tmp_path / f"one.{ending}" for ending in ("png", "svg")]
    assert [path.read_bytes() for path in after] == before
    assert sorted(tmp_path.iterdir()) == after


def test_a_saved_figure_tells_no_time(tmp_path: Path) -> None:
    _, svg = pictures.save(made(), "name", tmp_path)
    assert "<dc:date>" not in svg.read_text(encoding="utf-8")


def test_a_notebook_shows_the_saved_picture(tmp_path: Path) -> None:
    shown = pictures.show(made(), "name", tmp_path / "out")
    assert shown.wide == tmp_path / "out" / "name.svg"
    assert shown._repr_mimebundle_()["image/svg+xml"] == shown.wide.read_text(encoding="utf-8")
