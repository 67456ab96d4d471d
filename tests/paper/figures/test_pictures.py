"""Pictures of designs: what stands in the axes, and files that are the same each time."""

import hashlib
import xml.etree.ElementTree as ET
from math import prod
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from PIL import Image

from deepreshape.design import Network, cost, cull, layers, parse
from deepreshape.design.equalize import by_width
from deepreshape.design.ops import Conv, FullyConnected, Pool
from deepreshape.paper.figures import pictures
from deepreshape.paper.figures.pictures import Box
from tests.networks import networks

NAMES = ("WRN22x8", "ResNet18", "HRN-5x5x3x(m=16)", "VGG16", "MobileNetV2")
NINE = "Net(1; 1x1, 1x1/1, 1x1/1, 1x1/1, 1x1/1, 1x1/1, 1x1/1, 1x1/1, 1x1/1)"
"""As many stages as a network can have."""


def drawn(*names: str) -> Axes:
    (axis,) = pictures.figure().axes
    pictures.distribution(axis, {name: parse(name) for name in names})
    return axis


def bars(axis: Axes) -> dict[str, list[float]]:
    """Heights by the legend's names."""
    found = [each for each in axis.containers if isinstance(each, BarContainer)]
    return {str(each.get_label()): [bar.get_height() for bar in each] for each in found}


def under(axis: Axes) -> list[str]:
    return [text.get_text() for text in axis.get_xticklabels()]


# Figures


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 3), (2, 2)])
def test_a_figure_has_its_axes_row_by_row(rows: int, columns: int) -> None:
    made = pictures.figure(6, 4, columns=columns, rows=rows)
    assert tuple(made.get_size_inches()) == (6, 4)
    made.draw_without_rendering()
    places = [axis.get_position() for axis in made.axes]
    assert len(places) == rows * columns
    assert places == sorted(places, key=lambda box: (-round(box.y0, 6), round(box.x0, 6)))


# Distributions


def test_a_distribution_has_a_bar_for_each_network() -> None:
    axis = drawn(*NAMES)
    assert under(axis) == list(NAMES)
    assert {len(heights) for heights in bars(axis).values()} == {len(NAMES)}


def test_a_bar_is_a_percentage_of_all_relus() -> None:
    """2 x 16 numbers in the stem, 2 x 2 x 16 in stage 1, 2 x 4 x 4 in stage 2."""
    assert bars(drawn("Net(2; 2x1, 4x1)@4/3")) == {"stem": [25], "stage 1": [50], "stage 2": [25]}


def test_the_bars_of_a_network_add_up_to_100() -> None:
    columns = zip(*bars(drawn(*NAMES)).values(), strict=True)
    assert [sum(column) for column in columns] == pytest.approx([100] * len(NAMES))


def test_the_bars_of_a_network_stand_on_each_other() -> None:
    axis = drawn(*NAMES)
    for place in range(len(NAMES)):
        boxes = [each.patches[place] for each in axis.containers if isinstance(each, BarContainer)]
        tops = [0.0] + [box.get_y() + box.get_height() for box in boxes]
        assert [box.get_y() for box in boxes] == pytest.approx(tops[:-1])


def test_a_stage_that_a_network_lacks_has_no_height() -> None:
    assert bars(drawn("WRN22x8", "ResNet18"))["stage 4"][0] == 0


def test_the_stem_stands_apart_from_stage_1() -> None:
    relus = cost(parse("ResNet18")).relus
    found = bars(drawn("ResNet18"))
    assert found["stem"] == [100 * relus[0] / sum(relus)]
    assert found["stage 1"] == [100 * relus[1] / sum(relus)]


@pytest.mark.parametrize(("name", "there"), [("VGG16", True), ("ResNet18", False)])
def test_the_head_stands_only_where_it_has_relus(name: str, there: bool) -> None:
    assert ("head" in bars(drawn(name))) == there


def test_a_network_without_relus_has_empty_bars() -> None:
    (axis,) = pictures.figure().axes
    pictures.distribution(axis, {"none": cull(parse("ResNet18"), [1, 2, 3, 4])})
    assert {height for heights in bars(axis).values() for height in heights} == {0}


def test_a_network_of_as_many_stages_as_there_can_be_is_drawn() -> None:
    assert list(bars(drawn(NINE))) == ["stem", *(f"stage {stage}" for stage in range(1, 10))]


def test_neighbouring_stages_differ_in_colour_and_hatch() -> None:
    for stage in range(9):
        assert pictures.colour(stage) != pictures.colour(stage + 1)
        assert pictures.hatch(stage) != pictures.hatch(stage + 1) or stage == 0


def test_the_axis_runs_from_0_to_100_per_cent() -> None:
    axis = drawn("ResNet18")
    assert axis.get_ylim() == (0, 100)
    assert "%" in axis.get_ylabel()


def test_a_legend_above_names_the_bars() -> None:
    made = pictures.figure()
    pictures.distribution(made.axes[0], {"VGG16": parse("VGG16")})
    pictures.legend_above(made, made.axes[0])
    (legend,) = made.legends
    stages = [f"stage {stage}" for stage in range(1, 6)]
    assert [text.get_text() for text in legend.get_texts()] == ["stem", *stages, "head"]


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


# Rankings


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ResNet18", "S1 > S2 > S3 > S4"),
        ("ResNet18(m=16)-4x4x4x", "S1 = S2 = S3 = S4"),
        ("Net(2; 2x1, 4x1, 32x1)@4/3", "S1 = S3 > S2"),
        ("Net(2; 2x1)@4/3", "S1"),
    ],
)
def test_a_ranking_goes_from_most_to_least_relus(name: str, expected: str) -> None:
    assert pictures.ranking(parse(name)) == expected


@pytest.mark.parametrize("order", [(3, 2, 4, 1), (3, 4, 2, 1), (4, 3, 2, 1)])
def test_an_equalized_network_has_the_ranking_that_it_is_made_for(order: tuple[int, ...]) -> None:
    for solution in by_width((2, 2, 2, 2), order).solutions:
        expected = " > ".join(f"S{stage}" for stage in order)
        assert pictures.ranking(parse(solution.name)) == expected


# Layer by layer


@settings(max_examples=30)
@given(networks().filter(lambda network: cost(network).total_relus > 0))
def test_a_bar_for_each_layer_of_relus_adds_up_to_100(network: Network) -> None:
    axis = Figure().subplots()
    pictures.by_layer(axis, network)
    assert sum(bar.get_height() for bar in axis.patches) == pytest.approx(100)


def test_a_layers_bar_is_its_share_of_all_relus() -> None:
    axis = Figure().subplots()
    pictures.by_layer(axis, parse("Net(2; 2x1, 4x1)@4/3"))
    assert [bar.get_height() for bar in axis.patches] == [25, 25, 25, 12.5, 12.5]
    assert [bar.get_x() + bar.get_width() / 2 for bar in axis.patches] == [1, 2, 3, 4, 5]


def test_a_caption_stands_above_the_middle_of_its_stage() -> None:
    """ReLU 1 is the stem's, 2 and 3 are stage 1's, 4 and 5 stage 2's."""
    axis = Figure().subplots()
    pictures.by_layer(axis, parse("Net(2; 2x1, 4x1)@4/3"), ["one", "two"])
    found = {text.get_text(): text.get_position() for text in axis.texts}
    assert {name: x for name, (x, _) in found.items()} == {"one": 2.5, "two": 4.5}
    assert all(y > 1 for _, y in found.values())


def test_a_stage_without_relus_has_no_caption() -> None:
    axis = Figure().subplots()
    pictures.by_layer(axis, parse("Net(2; 2x1, 4x1)-C1@4/3"), ["one", "two"])
    assert [text.get_text() for text in axis.texts] == ["two"]


@pytest.mark.parametrize(("letters", "slanted"), [(1, False), (60, True)])
def test_labels_are_slanted_where_they_would_run_into_each_other(
    letters: int, slanted: bool
) -> None:
    (axis,) = pictures.figure(6, 3).axes
    labels = [letter * letters for letter in "abc"]
    pictures.printed_and_computed(axis, labels, [1, 2, 3], [1, 2, 3], "s")
    assert {label.get_rotation() > 0 for label in axis.get_xticklabels()} == {slanted}


# Diagrams


@settings(max_examples=30)
@given(st.tuples(*[st.integers(-9, 9)] * 4))
def test_an_arrow_goes_from_side_to_side(places: tuple[int, int, int, int]) -> None:
    """It ends on the edges of the boxes, and is no longer than the way between the centres."""
    one, other = Box(3 * places[0], 2 * places[1], "a"), Box(3 * places[2], 2 * places[3], "b")
    assume((one.x, one.y) != (other.x, other.y))
    axis = Figure().subplots()
    pictures.diagram(axis, {"a": one, "b": other}, [("a", "b")])
    (arrow,) = [each for each in axis.texts if getattr(each, "arrow_patch", None)]
    for box, (x, y) in ((one, arrow.xyann), (other, arrow.xy)):
        assert abs(x - box.x) <= box.width / 2 + 1e-9
        assert abs(y - box.y) <= box.height / 2 + 1e-9
        assert abs(x - box.x) == pytest.approx(box.width / 2) or abs(y - box.y) == pytest.approx(
            box.height / 2
        )


def test_a_diagram_writes_the_texts_of_its_boxes() -> None:
    axis = Figure().subplots()
    pictures.diagram(axis, {"a": Box(0, 0, "first"), "b": Box(3, 0, "second")}, [])
    assert [text.get_text() for text in axis.texts] == ["first", "second"]


@pytest.mark.parametrize("name", [*NAMES, NINE, "Net(2; 2x1)@4/3"])
def test_an_outline_has_a_map_for_the_image_the_stem_each_block_and_the_head(name: str) -> None:
    network = parse(name)
    axis = Figure((9, 3)).subplots()
    pictures.outline(axis, network)
    head = [
        layer
        for layer in layers(network)
        if layer.stage > len(network.stages) and isinstance(layer.op, Conv | Pool | FullyConnected)
    ]
    assert len(axis.patches) == 2 + sum(network.depths) + len(head)


@pytest.mark.parametrize("name", [*NAMES, NINE])
def test_an_outline_says_what_each_part_is(name: str) -> None:
    network = parse(name)
    axis = Figure((9, 3)).subplots()
    pictures.outline(axis, network)
    captions = [text.get_text() for text in axis.texts if text.get_text()]
    assert captions[0] == f"image\n3×{network.resolution}×{network.resolution}"
    stages = [caption for caption in captions if caption.startswith("stage")]
    assert [int(caption.split("×")[0].split("\n")[-1]) for caption in stages] == list(
        network.widths
    )
    assert captions[-1].endswith(str(network.classes))


@settings(max_examples=30)
@given(networks())
def test_any_network_has_an_outline_within_its_axis(network: Network) -> None:
    axis = Figure((9, 3)).subplots()
    pictures.outline(axis, network)
    low, high = axis.get_xlim()
    for patch in axis.patches:
        assert low <= patch.get_x() <= patch.get_x() + patch.get_width() <= high
        assert patch.get_width() > 0


# Files


def made() -> Figure:
    figure = pictures.figure(columns=2)
    pictures.distribution(figure.axes[0], {name: parse(name) for name in NAMES})
    pictures.printed_and_computed(figure.axes[1], ["a"], [1], [2], "s")
    pictures.legend_above(figure, figure.axes[0])
    return figure


def test_a_figure_is_saved_as_png_and_svg_in_a_new_folder(tmp_path: Path) -> None:
    png, svg = pictures.save(made(), tmp_path / "new" / "folder", "name")
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
            for path in pictures.save(made(), tmp_path / str(time), "name")
        )
        for time in range(2)
    }
    assert len(digests) == 1


def test_a_saved_figure_tells_no_time(tmp_path: Path) -> None:
    _, svg = pictures.save(made(), tmp_path, "name")
    assert "<dc:date>" not in svg.read_text(encoding="utf-8")
