"""Figure 12, drawn from records that no training made: what stands in the axes."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from PIL import Image

from deepreshape.design import cost
from deepreshape.learn.runs import Record
from deepreshape.paper import figures, pictures
from deepreshape.paper.experiments import PANELS, PROFILES, Point, fig12
from deepreshape.paper.verdicts import accuracies, fig12_printed, half_interval
from tests.paper.records import records

QUICK = PROFILES["quick"]
SERIES = tuple(figures.STYLES)


def accuracy(point: Point, seed: int) -> float:
    """Another one for every network and seed."""
    return 40.0 + point.network.stem + point.network.relus.reuse / 4 + 2.0 * seed**2


def draw(points: list[Point], found: dict[str, Record]) -> Figure:
    return figures.fig12(points, found, "a caption")


def bars(axis: Axes, series: str) -> ErrorbarContainer:
    return axis.containers[SERIES.index(series)]


def drawn(axis: Axes, series: str) -> list[tuple[float, float]]:
    return [tuple(row) for row in bars(axis, series)[0].get_xydata()]


def measured(
    points: list[Point], found: dict[str, Record], series: str
) -> list[tuple[float, float]]:
    """(ReLUs in K, mean accuracy) of the points of a series that have one, from few to many."""
    values = [
        (cost(point.network).total_relus / 1000, accuracies(point, found))
        for point in points
        if point.series == series
    ]
    return sorted((relus, sum(each) / len(each)) for relus, each in values if each)


@pytest.mark.parametrize("series", SERIES)
@pytest.mark.parametrize("seeds", [(1,), (1, 2, 3)], ids=["one seed", "three seeds"])
def test_the_drawn_accuracies_are_the_means_of_the_records(
    seeds: tuple[int, ...], series: str
) -> None:
    points = fig12(QUICK, seeds=seeds, panels="b")
    found = records(points, accuracy)
    axis = draw(points, found).axes[0]
    expected = measured(points, found, series)
    assert len(expected) == sum(point.series == series for point in points)
    assert drawn(axis, series) == [pytest.approx(pair) for pair in expected]


@pytest.mark.parametrize("series", SERIES)
def test_bars_are_95_per_cent_intervals_with_several_seeds(series: str) -> None:
    points = fig12(QUICK, seeds=(1, 2, 3), panels="b")
    found = records(points, accuracy)
    _, _, (lines,) = bars(draw(points, found).axes[0], series)
    halves = [(segment[1][1] - segment[0][1]) / 2 for segment in lines.get_segments()]
    assert halves == pytest.approx([half_interval([42.0, 48.0, 58.0])] * len(halves))


@pytest.mark.parametrize("series", SERIES)
def test_one_seed_has_no_bars(series: str) -> None:
    points = fig12(QUICK, panels="b")
    _, _, (lines,) = bars(draw(points, records(points, accuracy)).axes[0], series)
    assert all(len(segment) == 0 for segment in lines.get_segments())


def test_a_run_that_failed_is_left_out() -> None:
    points = fig12(QUICK, panels="b")
    found = records(
        points, lambda point, seed: None if point is points[0] else accuracy(point, seed)
    )
    relus = cost(points[0].network).total_relus / 1000
    xs = [x for x, _ in drawn(draw(points, found).axes[0], "channel scaling")]
    assert relus not in xs
    assert len(xs) == len(QUICK.scaled) - 1


def test_a_run_without_a_record_is_left_out() -> None:
    points = fig12(QUICK, panels="b")
    found = records(points[1:], accuracy)
    assert len(drawn(draw(points, found).axes[0], "channel scaling")) == len(QUICK.scaled) - 1


def test_a_point_with_a_failed_seed_is_the_mean_of_the_others() -> None:
    points = fig12(QUICK, seeds=(1, 2, 3), panels="b")
    found = records(points, lambda point, seed: None if seed == 3 else accuracy(point, seed))
    axis = draw(points, found).axes[0]
    for series in SERIES:
        assert drawn(axis, series) == [
            pytest.approx(pair) for pair in measured(points, found, series)
        ]


def test_a_figure_without_any_record_has_empty_series() -> None:
    axis = draw(fig12(QUICK, panels="b"), {}).axes[0]
    assert [drawn(axis, series) for series in SERIES] == [[], []]


def test_every_panel_has_axes_under_its_name() -> None:
    points = fig12(QUICK)
    titles = [axis.get_title() for axis in draw(points, {}).axes]
    assert titles == [
        f"({panel}) {'' if base == '18' else 'R34-'}HRN-{'x'.join(map(str, factors))}x"
        for panel, (base, factors) in PANELS.items()
    ]


def test_axes_without_a_panel_are_hidden() -> None:
    points = fig12(QUICK, panels="abcd")
    assert [axis.get_visible() for axis in draw(points, {}).axes] == [True] * 4 + [False] * 2


@pytest.mark.parametrize("panel", ["b", "e"])
def test_the_papers_points_stand_in_a_frame_of_their_own_beside_other_data(panel: str) -> None:
    points = fig12(QUICK, panels=panel)
    (axis,) = draw(points, records(points, accuracy)).axes
    (frame,) = axis.child_axes
    assert theirs(frame) == printed(panel)


@pytest.mark.parametrize("panel", ["b", "e"])
def test_the_papers_points_stand_in_the_same_axes_on_the_whole_of_cifar_100(panel: str) -> None:
    points = fig12(PROFILES["short"], panels=panel)
    (axis,) = draw(points, records(points, accuracy)).axes
    assert axis.child_axes == []
    assert theirs(axis) == printed(panel)


def test_a_panel_that_the_paper_prints_no_point_of_has_no_frame() -> None:
    assert printed("a") == [[], []]
    (axis,) = draw(fig12(QUICK, panels="a"), {}).axes
    assert axis.child_axes == []


def theirs(axis: Axes) -> list[list[tuple[float, float]]]:
    """The dotted lines, one for each series."""
    lines = [line for line in axis.lines if line.get_linestyle() == ":"]
    return [[tuple(row) for row in line.get_xydata()] for line in lines]


def printed(panel: str) -> list[list[tuple[float, float]]]:
    return [
        [(p.relus_k, p.accuracy) for p in fig12_printed() if (p.panel, p.series) == (panel, series)]
        for series in SERIES
    ]


def test_the_caption_stands_below() -> None:
    assert "a caption" in draw(fig12(QUICK, panels="b"), {}).get_supxlabel()


def test_the_legend_tells_both_series_and_whose_they_are() -> None:
    (legend,) = draw(fig12(QUICK, panels="b"), {}).legends
    assert len({text.get_text() for text in legend.get_texts()}) == 4


@pytest.mark.parametrize("seeds", [(1,), (1, 2, 3)], ids=["one seed", "three seeds"])
def test_a_figure_is_saved_as_png_and_svg(tmp_path: Path, seeds: tuple[int, ...]) -> None:
    points = fig12(QUICK, seeds=seeds, panels="ab")
    found = records(
        points, lambda point, seed: None if point is points[0] else accuracy(point, seed)
    )
    png, svg = pictures.save(draw(points, found), tmp_path / "new" / "folder", "fig12")
    assert (png.name, svg.name) == ("fig12.png", "fig12.svg")
    with Image.open(png) as image:
        assert image.format == "PNG"
        assert min(image.size) > 300
    assert ET.parse(svg).getroot().tag.endswith("svg")
