"""Pictures drawn from records that no training made: what stands in the axes."""

import xml.etree.ElementTree as ET
from pathlib import Path
from statistics import fmean

import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from PIL import Image

from deepreshape.learn.runs import Record
from deepreshape.paper import figures, pictures
from deepreshape.paper.experiments import EXPERIMENTS, Point, find
from deepreshape.paper.marks import STYLES, styles_of
from deepreshape.paper.profiles import PROFILES
from deepreshape.paper.verdicts import abscissa, accuracies, half_interval, paper_abscissa
from tests.paper.records import records

QUICK = PROFILES["quick"]
ROWS = ("table3-trained", "table4-trained", "table6", "table13-trained", "table14-trained")
STAGES = ("table10-trained", "table11-trained")


def accuracy(point: Point, seed: int) -> float:
    """Another one for every network and seed."""
    return 40.0 + point.network.stem / 8 + point.network.relus.reuse / 4 + 2.0 * seed**2


def draw(name: str, points: list[Point], found: dict[str, Record]) -> Figure:
    return figures.draw(find(name), points, found, "a caption")


def panel(name: str = "fig12", seeds: tuple[int, ...] = (1,), of: str = "b") -> list[Point]:
    return find(name).drawn(QUICK, seeds=seeds, panels=of)


def bars(axis: Axes) -> list[ErrorbarContainer]:
    """Of each series in its order."""
    return [each for each in axis.containers if isinstance(each, ErrorbarContainer)]


def curve(bar: ErrorbarContainer) -> list[tuple[float, float]]:
    """Its points with an accuracy."""
    return [(x, y) for x, y in bar[0].get_xydata() if y == y]


def dotted(axis: Axes) -> list[list[tuple[float, float]]]:
    """The paper's lines, one for each series."""
    lines = [line for line in axis.lines if line.get_markerfacecolor() == "white"]
    return [[(x, y) for x, y in line.get_xydata()] for line in lines]


def crosses(axis: Axes) -> list[float]:
    lines = [line for line in axis.lines if line.get_marker() == "x"]
    return [x for line in lines for x, _ in line.get_xydata()]


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


@pytest.mark.parametrize("name", ["fig12", "table14-trained", "table11-trained"])
def test_every_kind_can_be_drawn_as_the_paper_has_it(name: str) -> None:
    points = find(name).drawn(PROFILES["paper"], seeds=(1, 2))
    figure = draw(name, points, records(points, accuracy))
    assert max(figure.get_size_inches()) < 14


def test_styles_are_told_apart_by_colour_and_by_marker() -> None:
    assert len({colour for colour, _ in STYLES}) == len(STYLES)
    assert len({marker for _, marker in STYLES}) == len(STYLES)


# Curves


@pytest.mark.parametrize("seeds", [(1,), (1, 2, 3)], ids=["one seed", "three seeds"])
def test_the_drawn_accuracies_are_the_means_of_the_records(seeds: tuple[int, ...]) -> None:
    points = panel(seeds=seeds)
    found = records(points, accuracy)
    axis = draw("fig12", points, found).axes[0]
    expected = [measured(points, found, series) for series in styles_of(points)]
    assert [curve(bar) for bar in bars(axis)] == expected
    assert sum(map(len, expected)) == len(points)


def test_bars_are_95_per_cent_intervals_with_several_seeds() -> None:
    points = panel(seeds=(1, 2, 3))
    axis = draw("fig12", points, records(points, accuracy)).axes[0]
    for bar in bars(axis):
        _, _, (lines,) = bar
        halves = [(segment[1][1] - segment[0][1]) / 2 for segment in lines.get_segments()]
        assert halves == pytest.approx([half_interval([2.0, 8.0, 18.0])] * len(halves))


def test_one_seed_has_no_bars() -> None:
    points = panel()
    axis = draw("fig12", points, records(points, accuracy)).axes[0]
    for bar in bars(axis):
        _, _, (lines,) = bar
        assert all(
            len(segment) == 0 or segment[0][1] != segment[0][1] for segment in lines.get_segments()
        )


@pytest.mark.parametrize("recorded", [True, False], ids=["failed", "no record"])
def test_a_run_without_a_result_is_a_gap_and_a_cross(recorded: bool) -> None:
    points = panel()
    gone = [point for point in points if point.series == "HRN w/o Re2"][1]
    found = records(points, lambda p, seed: None if p is gone else accuracy(p, seed))
    if not recorded:
        del found[gone.runs[0].key]
    figure = draw("fig12", points, found)
    line = bars(figure.axes[0])[0][0].get_xydata()
    where = abscissa(gone, "relus")
    assert [y == y for _, y in line] == [x != where for x, _ in line]
    assert crosses(figure.axes[0]) == [where]
    assert "no result" in legend(figure)


def test_a_point_with_a_failed_seed_is_the_mean_of_the_others() -> None:
    points = panel(seeds=(1, 2, 3))
    found = records(points, lambda p, seed: None if seed == 3 else accuracy(p, seed))
    axis = draw("fig12", points, found).axes[0]
    for bar, series in zip(bars(axis), styles_of(points), strict=True):
        assert curve(bar) == measured(points, found, series)
    assert crosses(axis) == []


def test_every_panel_has_axes_under_its_name() -> None:
    points = find("fig12").drawn(QUICK)
    titles = [axis.get_title() for axis in draw("fig12", points, {}).axes]
    assert titles == [f"({each}) {find('fig12').panels[each].title}" for each in "abcdef"]


def test_axes_without_a_panel_are_hidden() -> None:
    points = find("fig12").drawn(QUICK, panels="abcde")
    visible = [axis.get_visible() for axis in draw("fig12", points, {}).axes]
    assert visible == [True] * 5 + [False]


def test_a_panel_may_be_over_flops() -> None:
    points = find("fig17").drawn(QUICK)
    over_relus, over_flops = draw("fig17", points, records(points, accuracy)).axes
    assert "ReLUs" in over_relus.get_xlabel()
    assert "FLOPs" in over_flops.get_xlabel()
    here = [point for point in points if point.panel == "b" and point.series == points[0].series]
    xs = sorted(abscissa(point, "flops") for point in here)
    assert [x for x, _ in curve(bars(over_flops)[0])] == pytest.approx(xs)


def printed(points: list[Point], name: str, of: str) -> list[list[object]]:
    """The paper's points of each series that is drawn, all of them."""
    every = [p for p in find(name).drawn(PROFILES["paper"], panels=of) if p.printed is not None]
    return [
        [
            pytest.approx((paper_abscissa(p, "relus"), p.printed))
            for p in sorted(every, key=lambda p: paper_abscissa(p, "relus"))
            if p.series == series
        ]
        for series in styles_of(points)
    ]


def test_the_papers_points_stand_in_a_frame_of_their_own_beside_other_data() -> None:
    points = panel(of="b")
    (axis,) = draw("fig12", points, records(points, accuracy)).axes
    (frame,) = axis.child_axes
    assert frame.get_title() == "paper, CIFAR-100"
    assert dotted(frame) == printed(points, "fig12", "b")
    assert sum(map(len, dotted(frame))) > 3


def test_the_papers_points_stand_in_a_frame_beside_narrower_networks() -> None:
    points = find("fig12").drawn(PROFILES["short"], panels="b")
    (axis,) = draw("fig12", points, {}).axes
    assert len(axis.child_axes) == 1


@pytest.mark.parametrize("of", ["b", "e"])
def test_the_papers_points_stand_in_the_same_axes_beside_its_own_networks(of: str) -> None:
    points = find("fig12").drawn(PROFILES["paper"], panels=of)
    (axis,) = draw("fig12", points, records(points, accuracy)).axes
    assert axis.child_axes == []
    assert dotted(axis) == printed(points, "fig12", of)


def test_a_panel_that_the_paper_prints_no_point_of_has_no_frame() -> None:
    points = panel(of="a")
    figure = draw("fig12", points, {})
    assert figure.axes[0].child_axes == []
    assert "printed in the paper" not in legend(figure)


# Legends


def legend(figure: Figure) -> list[str]:
    (found,) = figure.legends
    return [text.get_text() for text in found.get_texts()]


def test_the_legend_tells_the_series_and_what_is_the_papers() -> None:
    points = panel()
    shown = legend(draw("fig12", points, records(points, accuracy)))
    assert shown == [*styles_of(points), "printed in the paper"]


def test_panels_have_legends_of_their_own_where_there_are_many_series() -> None:
    points = find("fig15").drawn(QUICK)
    figure = draw("fig15", points, records(points, accuracy))
    assert figure.legends == []
    for axis, name in zip(figure.axes, "abcd", strict=True):
        shown = axis.get_legend()
        assert shown is not None
        here = [point for point in points if point.panel == name]
        assert [text.get_text() for text in shown.get_texts()] == list(styles_of(here))


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


@pytest.mark.parametrize("name", ROWS)
def test_a_table_of_networks_draws_each_accuracy_and_the_papers_beside_it(name: str) -> None:
    points = find(name).drawn(QUICK)
    figure = draw(name, points, records(points, accuracy))
    ours, theirs = [], []
    for mine, beside in zip(figure.axes[::2], figure.axes[1::2], strict=True):
        ours += [x for bar in bars(mine) for x, _ in curve(bar)]
        theirs += [x for line in dotted(beside) for x, _ in line]
    assert sorted(ours) == sorted(accuracy(point, 1) for point in points)
    assert sorted(theirs) == sorted(point.printed or 0.0 for point in points)


def test_a_table_on_the_papers_own_networks_has_one_scale() -> None:
    points = find("table6").drawn(PROFILES["paper"])
    (axis,) = draw("table6", points, records(points, accuracy)).axes
    assert len(dotted(axis)[0]) == len(points) / 2


@pytest.mark.parametrize("name", STAGES)
def test_a_table_of_stages_has_a_small_panel_for_each_network(name: str) -> None:
    points = find(name).drawn(QUICK)
    figure = draw(name, points, records(points, accuracy))
    titles = [axis.get_title() for axis in figure.axes if axis.get_title()]
    assert titles == list(dict.fromkeys(point.series[:-3] for point in points))


def test_a_small_panel_has_the_accuracy_of_each_stage_and_the_papers() -> None:
    points = find("table10-trained").drawn(QUICK)
    found = records(points, lambda p, _: 10.0 * int(p.series[-1]) + (p.panel == "b"))
    figure = draw("table10-trained", points, found)
    first, beside = figure.axes[0], figure.axes[4]
    assert [curve(bar) for bar in bars(first)] == [
        [(stage, 10.0 * stage + taught) for stage in range(1, 5)] for taught in (0, 1)
    ]
    expected = [[p.printed for p in points if p.panel == each][:4] for each in "ab"]
    assert [[y for _, y in line] for line in dotted(beside)] == expected


# Files


def test_a_figure_is_saved_as_png_and_svg(tmp_path: Path) -> None:
    points = panel()
    figure = draw("fig12", points, records(points, accuracy))
    png, svg = pictures.save(figure, tmp_path / "new" / "folder", "fig12")
    assert (png.name, svg.name) == ("fig12.png", "fig12.svg")
    with Image.open(png) as image:
        assert image.format == "PNG"
        assert min(image.size) > 300
    assert ET.parse(svg).getroot().tag.endswith("svg")
