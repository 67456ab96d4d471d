"""Pictures drawn from records that no training made: what stands in the axes."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from PIL import Image

from deepreshape.learn.runs.run import Record
from deepreshape.paper.figures import curves, frames, pictures
from deepreshape.paper.figures.marks import styles_of
from deepreshape.paper.figures.narrow import narrow
from deepreshape.paper.trained.accuracies import abscissa, accuracies, paper_abscissa
from deepreshape.paper.trained.experiments import EXPERIMENTS, Point, find
from deepreshape.paper.trained.profiles import PROFILES
from deepreshape.paper.trained.statistics import half_interval
from tests.paper.figures.words import faults
from tests.paper.records import records

pytestmark = pytest.mark.long

QUICK, SHORT, PAPER = PROFILES["quick"], PROFILES["short"], PROFILES["paper"]
ROWS = ("table3", "table4", "table6", "table13", "table14")
STAGES = ("table10", "table11")


def accuracy(point: Point, seed: int) -> float:
    """Another one for every network and seed."""
    return 40.0 + point.network.stem / 8 + point.network.relus.reuse / 4 + 2.0 * seed**2


def draw(name: str, points: list[Point], found: dict[str, Record]) -> Figure:
    return curves.draw(find(name), points, found, "a caption")


def panel(name: str = "fig12", seeds: tuple[int, ...] = (1,), of: str = "b") -> list[Point]:
    return find(name).drawn(QUICK, seeds=seeds, panels=of)


def lines(axis: Axes, hollow: bool = False) -> list[Line2D]:
    """The lines through marks, ours or the paper's, in the order of the series."""
    style = ":" if hollow else "-"
    return [
        line
        for line in axis.lines
        if line.get_linestyle() == style
        and len(line.get_xdata())
        and (line.get_markerfacecolor() == "white") == hollow
    ]


def curve(line: Line2D) -> list[tuple[float, float]]:
    """Its points with an accuracy."""
    return [(x, y) for x, y in line.get_xydata() if y == y]


def intervals(axis: Axes) -> list[float]:
    """Half the length of every bar."""
    bars = [each for each in axis.containers if isinstance(each, ErrorbarContainer)]
    segments = [segment for _, _, (lines,) in bars for segment in lines.get_segments()]
    return [(segment[1][1] - segment[0][1]) / 2 for segment in segments]


def crosses(axis: Axes) -> list[float]:
    lines = [line for line in axis.lines if line.get_marker() == "x"]
    return [x for line in lines for x, _ in line.get_xydata()]


def rings(axis: Axes) -> list[tuple[float, float]]:
    lines = [line for line in axis.lines if line.get_markersize() == 10]
    return [(x, y) for line in lines for x, y in line.get_xydata()]


def shown(figure: Figure) -> list[Axes]:
    return [axis for axis in figure.axes if axis.get_visible()]


def names(points: list[Point]) -> tuple[str, ...]:
    """The series, in order."""
    styles = styles_of(points)
    assert styles is not None
    return styles.series


def measured(points: list[Point], found: dict[str, Record], series: str) -> list[object]:
    """(ReLUs in K, mean accuracy) of the points of a series that have one, from few to many."""
    values = [
        (abscissa(point, "relus"), accuracies(point, found))
        for point in points
        if point.series == series
    ]
    return [pytest.approx(pair) for pair in sorted((x, fmean(each)) for x, each in values if each)]


# All of them


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_figure_can_be_drawn(name: str) -> None:
    points = find(name).drawn(QUICK, seeds=(1, 2))
    found = records(points, lambda p, seed: None if p is points[0] else accuracy(p, seed))
    figure = draw(name, points, found)
    figure.draw_without_rendering()
    assert max(figure.get_size_inches()) < 14
    assert "a caption" in figure.get_supxlabel()


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_figure_can_be_drawn_at_its_smallest_and_without_records(name: str) -> None:
    points = find(name).drawn(PROFILES["smoke"])
    draw(name, points, records(points, accuracy))
    draw(name, points, {})


@pytest.mark.parametrize("name", ["fig12", "table14", "table11"])
def test_no_words_are_cut_wide_or_narrow(name: str) -> None:
    points = find(name).drawn(QUICK)
    caption = "profile quick | mnist5k[per_class=200,size=16] | widths x 1/4 | seed 1 | 5 epochs"
    figure = curves.draw(find(name), points, records(points, accuracy), caption)
    assert faults(figure) == []
    narrow(figure)
    assert faults(figure) == []


@pytest.mark.parametrize("name", ["table6", "table14", "fig12"])
def test_a_narrow_panel_says_what_its_marks_are(name: str) -> None:
    points = find(name).drawn(QUICK)
    figure = draw(name, points, records(points, accuracy))
    narrow(figure)
    for axis in figure.axes:
        said = f"{axis.get_xlabel()} {axis.get_ylabel()}".replace("\n", " ")
        assert "test accuracy (%), digits" in said or "printed accuracy (%), CIFAR-100" in said


@pytest.mark.parametrize("name", ["fig12", "table14", "table11"])
def test_every_kind_can_be_drawn_as_the_paper_has_it(name: str) -> None:
    points = find(name).drawn(PROFILES["paper"], seeds=(1, 2))
    figure = draw(name, points, records(points, accuracy))
    assert max(figure.get_size_inches()) < 14


@pytest.mark.parametrize("name", ["fig12", "table6", "table11"])
def test_no_panel_has_a_second_scale(name: str) -> None:
    points = find(name).drawn(QUICK)
    figure = draw(name, points, records(points, accuracy))
    figure.draw_without_rendering()
    places = [axis.get_window_extent().bounds for axis in shown(figure)]
    assert len(set(places)) == len(places)
    assert [axis.child_axes for axis in figure.axes] == [[]] * len(figure.axes)


# Curves


@pytest.mark.parametrize("seeds", [(1,), (1, 2, 3)], ids=["one seed", "three seeds"])
def test_the_drawn_accuracies_are_the_means_of_the_records(seeds: tuple[int, ...]) -> None:
    points = panel(seeds=seeds)
    found = records(points, accuracy)
    axis = draw("fig12", points, found).axes[0]
    expected = [measured(points, found, series) for series in names(points)]
    assert [curve(line) for line in lines(axis)] == expected
    assert sum(map(len, expected)) == len(points)


def test_points_at_the_same_place_stay_apart() -> None:
    points = [point for point in find("fig1").drawn(PAPER) if point.panel == "b"]
    (axis,) = draw("fig1", points, records(points, accuracy)).axes
    drawn = [pair for line in lines(axis) for pair in curve(line)]
    assert len(drawn) == len(points)


def test_bars_are_95_per_cent_intervals_with_several_seeds() -> None:
    points = panel(seeds=(1, 2, 3))
    axis = draw("fig12", points, records(points, accuracy)).axes[0]
    expected = half_interval([2.0, 8.0, 18.0])
    assert intervals(axis) == pytest.approx([expected] * len(points))


def test_one_seed_has_no_bars() -> None:
    points = panel()
    assert intervals(draw("fig12", points, records(points, accuracy)).axes[0]) == []


@pytest.mark.parametrize("recorded", [True, False], ids=["failed", "no record"])
def test_a_run_without_a_result_is_a_gap_and_a_cross(recorded: bool) -> None:
    points = panel()
    gone = [point for point in points if point.series == "HRN w/o Re2"][1]
    found = records(points, lambda p, seed: None if p is gone else accuracy(p, seed))
    if not recorded:
        del found[gone.runs[0].key]
    figure = draw("fig12", points, found)
    where = abscissa(gone, "relus")
    assert where not in [x for x, _ in curve(lines(figure.axes[0])[0])]
    assert crosses(figure.axes[0]) == [where]
    assert "no result" in legend(figure)


def test_a_point_with_a_failed_seed_is_the_mean_of_the_others() -> None:
    points = panel(seeds=(1, 2, 3))
    found = records(points, lambda p, seed: None if seed == 3 else accuracy(p, seed))
    axis = draw("fig12", points, found).axes[0]
    for line, series in zip(lines(axis), names(points), strict=True):
        assert curve(line) == measured(points, found, series)
    assert crosses(axis) == []


def test_a_search_that_did_not_finish_has_a_ring() -> None:
    points = panel()
    found = records(points, accuracy)
    late = next(point for point in points if point.runs[0].search is not None)
    for point in points:
        if point.runs[0].search is not None:
            key, ended = point.runs[0].key, point is not late
            found[key] = replace(found[key], sought=({"reached": ended},))
    figure = draw("fig12", points, found)
    assert rings(figure.axes[0]) == [(abscissa(late, "relus"), accuracy(late, 1))]
    assert "search not finished" in legend(figure)


def test_searches_that_finished_have_no_ring() -> None:
    points = panel()
    figure = draw("fig12", points, records(points, accuracy))
    assert rings(figure.axes[0]) == []
    assert "search not finished" not in legend(figure)


def test_every_panel_has_axes_under_its_name() -> None:
    points = find("fig12").drawn(PAPER)
    titles = [axis.get_title() for axis in shown(draw("fig12", points, {}))]
    assert titles == [f"({each}) {find('fig12').panels[each].title}" for each in "abcdef"]


def test_axes_without_a_panel_are_hidden() -> None:
    points = find("fig12").drawn(PAPER, panels="abcde")
    visible = [axis.get_visible() for axis in draw("fig12", points, {}).axes]
    assert visible == [True] * 5 + [False]


def test_all_panels_have_one_range_of_accuracy() -> None:
    points = find("fig12").drawn(PAPER)
    axes = shown(draw("fig12", points, records(points, accuracy)))
    assert len({axis.get_ylim() for axis in axes}) == 1


def test_a_panel_may_be_over_flops() -> None:
    points = find("fig17").drawn(PAPER)
    over_relus, over_flops = draw("fig17", points, records(points, accuracy)).axes
    assert "ReLUs" in over_relus.get_xlabel()
    assert "FLOPs" in over_flops.get_xlabel()
    here = [point for point in points if point.panel == "b" and point.series == points[0].series]
    xs = sorted(abscissa(point, "flops") for point in here)
    assert [x for x, _ in curve(lines(over_flops)[0])] == pytest.approx(xs)


def printed(points: list[Point], name: str, of: str) -> list[list[object]]:
    """The paper's points of each series that is drawn, all of them."""
    every = [p for p in find(name).drawn(PAPER, panels=of) if p.printed is not None]
    found = [
        [
            pytest.approx((paper_abscissa(p, "relus"), p.printed))
            for p in sorted(every, key=lambda p: paper_abscissa(p, "relus"))
            if p.series == series
        ]
        for series in names(points)
    ]
    return [each for each in found if each]


def test_the_papers_points_stand_in_a_panel_of_their_own_beside_other_images() -> None:
    points = panel(of="b")
    ours, theirs = draw("fig12", points, records(points, accuracy)).axes
    assert lines(ours, hollow=True) == []
    assert theirs.get_title() == "(b) HRN-2x5x3x, the paper"
    assert [curve(line) for line in lines(theirs, hollow=True)] == printed(points, "fig12", "b")


def test_whose_accuracy_a_panel_shows_stands_beside_it() -> None:
    points = panel(of="b")
    figure = draw("fig12", points, records(points, accuracy))
    labels = [part.get_supylabel() for part in figure.subfigs]
    assert labels == ["test accuracy (%), digits", "printed accuracy (%), CIFAR-100"]


@pytest.mark.parametrize("size", [SHORT, PAPER], ids=lambda size: size.name)
def test_the_papers_points_stand_on_the_same_axis_beside_the_same_images(size: object) -> None:
    points = find("fig12").drawn(PROFILES[getattr(size, "name", "")], panels="b")
    (axis,) = draw("fig12", points, records(points, accuracy)).axes
    assert [curve(line) for line in lines(axis, hollow=True)] == printed(points, "fig12", "b")
    assert "CIFAR-100" in axis.figure.get_supylabel()


def test_a_panel_that_the_paper_prints_no_point_of_has_none_beside_it() -> None:
    figure = draw("fig12", panel(of="a"), {})
    assert len(shown(figure)) == 1
    assert "printed in the paper" not in legend(figure)


# Legends


def legend(figure: Figure) -> list[str]:
    (found,) = figure.legends
    return [text.get_text() for text in found.get_texts()]


def test_the_legend_tells_the_series_and_what_is_the_papers() -> None:
    points = panel()
    found = legend(draw("fig12", points, records(points, accuracy)))
    assert found == [*names(points), "printed in the paper"]


def test_panels_have_legends_of_their_own_where_there_are_many_series() -> None:
    points = find("fig15").drawn(PAPER)
    figure = draw("fig15", points, records(points, accuracy))
    assert figure.legends == []
    here = dict.fromkeys(point.panel for point in points)
    for axis, name in zip(figure.axes, here, strict=False):
        found = axis.get_legend()
        assert found is not None
        series = dict.fromkeys(point.series for point in points if point.panel == name)
        assert [text.get_text() for text in found.get_texts()] == list(series)


# Tables


@pytest.mark.parametrize("name", ROWS)
def test_a_table_of_networks_has_a_row_for_each(name: str) -> None:
    points = find(name).drawn(QUICK)
    figure = draw(name, points, records(points, accuracy))
    rows = [text.get_text() for axis in figure.axes[::2] for text in axis.get_yticklabels()]
    expected = [
        network.name
        for each in dict.fromkeys(point.panel for point in points)
        for network in dict.fromkeys(p.paper for p in points if p.panel == each)
    ]
    assert rows == expected
    assert {axis.get_ylabel() for axis in figure.axes} == {""}


def marks(axis: Axes) -> list[float]:
    """The accuracies of the marks along an axis of rows."""
    return [x for each in axis.collections for x, _ in each.get_offsets() if len(each.get_sizes())]


@pytest.mark.parametrize("name", ROWS)
def test_a_table_of_networks_draws_each_accuracy_and_the_papers_beside_it(name: str) -> None:
    points = find(name).drawn(QUICK)
    figure = draw(name, points, records(points, accuracy))
    ours = [x for axis in figure.axes[::2] for x in marks(axis)]
    theirs = [x for axis in figure.axes[1::2] for x in marks(axis)]
    assert sorted(ours) == sorted(accuracy(point, 1) for point in points)
    assert sorted(theirs) == sorted(point.printed or 0.0 for point in points)


@pytest.mark.parametrize("name", ROWS)
def test_the_columns_of_a_table_of_networks_say_whose_accuracy_it_is(name: str) -> None:
    points = find(name).drawn(QUICK)
    figure = draw(name, points, records(points, accuracy))
    ours, theirs = (axis.get_xlabel() for axis in figure.axes[-2:])
    assert "digits" in ours
    assert "printed" in theirs


def test_a_table_on_the_papers_own_images_has_one_scale() -> None:
    points = find("table6").drawn(PAPER)
    (axis,) = draw("table6", points, records(points, accuracy)).axes
    assert len(marks(axis)) == 2 * len(points)


@pytest.mark.parametrize("name", STAGES)
def test_a_table_of_stages_has_a_small_panel_for_each_network(name: str) -> None:
    points = find(name).drawn(QUICK)
    figure = draw(name, points, records(points, accuracy))
    titles = [axis.get_title() for axis in shown(figure)]
    drawn = list(dict.fromkeys(point.series[:-3] for point in points))
    assert titles == [*drawn, *(f"{title}, the paper" for title in drawn)]


def test_a_small_panel_has_the_accuracy_of_each_stage_and_the_papers() -> None:
    points = find("table10").drawn(PAPER)
    found = records(points, lambda p, _: 10.0 * int(p.series[-1]) + (p.panel == "b"))
    first = draw("table10", points, found).axes[0]
    assert [curve(line) for line in lines(first)] == [
        [(stage, 10.0 * stage + taught) for stage in range(1, 5)] for taught in (0, 1)
    ]
    expected = [[p.printed for p in points if p.panel == each][:4] for each in "ab"]
    theirs = [[y for _, y in curve(line)] for line in lines(first, hollow=True)]
    assert theirs == expected


# Frames


def test_a_frame_has_a_row_for_each_point() -> None:
    points = panel(seeds=(1, 2, 3))
    frame = frames.here(points, records(points, accuracy), lambda point: point.relus)
    assert list(frame["place"]) == [point.relus for point in points]
    assert list(frame["accuracy"]) == [fmean(accuracy(p, s) for s in (1, 2, 3)) for p in points]
    assert set(frame["seeds"]) == {3}


def test_a_frame_of_the_paper_has_what_it_prints() -> None:
    points = find("fig12").drawn(PAPER, panels="ab")
    frame = frames.printed(points, lambda point: point.relus)
    assert list(frame["accuracy"]) == [p.printed for p in points if p.printed is not None]
    assert len(frame)


# Files


def test_a_figure_is_saved_as_png_and_svg(tmp_path: Path) -> None:
    points = panel()
    figure = draw("fig12", points, records(points, accuracy))
    png, svg = pictures.save(figure, "fig12", tmp_path / "new" / "folder")
    assert (png.name, svg.name) == ("fig12.png", "fig12.svg")
    with Image.open(png) as image:
        assert image.format == "PNG"
        assert min(image.size) > 300
    assert ET.parse(svg).getroot().tag.endswith("svg")
