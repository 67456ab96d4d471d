"""Where a network's ReLUs are, in bars: heights, order, labels."""

import pytest
from hypothesis import given, settings
from matplotlib.axes import Axes
from matplotlib.container import BarContainer
from matplotlib.figure import Figure

from deepreshape.design import Network, cost, cull, parse
from deepreshape.paper.figures import pictures, stages
from tests.networks import networks
from tests.paper.figures.bars import NAMES, NINE, bars, under


def drawn(*names: str) -> Axes:
    (axis,) = pictures.figure().axes
    stages.distribution(axis, {name: parse(name) for name in names})
    return axis


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
    stages.distribution(axis, {"none": cull(parse("ResNet18"), [1, 2, 3, 4])})
    assert {height for heights in bars(axis).values() for height in heights} == {0}


def test_a_network_of_as_many_stages_as_there_can_be_is_drawn() -> None:
    assert list(bars(drawn(NINE))) == ["stem", *(f"stage {stage}" for stage in range(1, 10))]


def test_neighbouring_stages_differ_in_colour_and_hatch() -> None:
    for stage in range(9):
        assert stages.colour(stage) != stages.colour(stage + 1)
        assert stages.hatch(stage) != stages.hatch(stage + 1) or stage == 0


def test_the_axis_runs_from_0_to_100_per_cent() -> None:
    axis = drawn("ResNet18")
    assert axis.get_ylim() == (0, 100)
    assert "%" in axis.get_ylabel()


def test_a_legend_above_names_the_bars() -> None:
    made = pictures.figure()
    stages.distribution(made.axes[0], {"VGG16": parse("VGG16")})
    pictures.legend_above(made)
    (legend,) = made.legends
    names = [f"stage {stage}" for stage in range(1, 6)]
    assert [text.get_text() for text in legend.get_texts()] == ["stem", *names, "head"]


def test_distributions_have_a_panel_for_each_group_and_one_legend() -> None:
    one, other = parse("ResNet18"), parse("VGG16")
    made = stages.distributions({"left": {"a": one, "b": other}, "right": {"c": one}}, below="α")
    assert [axis.get_title() for axis in made.axes] == ["left", "right"]
    assert [under(axis) for axis in made.axes] == [["a", "b"], ["c"]]
    assert {axis.get_xlabel() for axis in made.axes} == {"α"}
    (legend,) = made.legends
    assert len(legend.get_texts()) == 7  # stem, five stages, head


def test_networks_in_the_order_asked_for_have_bold_labels() -> None:
    networks = {name: parse(name) for name in ("ResNet18", "HRN-5x5x3x")}
    made = stages.distributions({"": networks}, order="S3 > S2 > S4 > S1")
    labels = {text.get_text(): text.get_fontweight() for text in made.axes[0].get_xticklabels()}
    assert labels == {"ResNet18": "normal", "HRN-5x5x3x": "bold"}


# Layer by layer


@settings(max_examples=30)
@given(networks().filter(lambda network: cost(network).total_relus > 0))
def test_a_bar_for_each_layer_of_relus_adds_up_to_100(network: Network) -> None:
    axis = Figure().subplots()
    stages.by_layer(axis, network)
    assert sum(bar.get_height() for bar in axis.patches) == pytest.approx(100)


def test_a_layers_bar_is_its_share_of_all_relus() -> None:
    axis = Figure().subplots()
    stages.by_layer(axis, parse("Net(2; 2x1, 4x1)@4/3"))
    assert [bar.get_height() for bar in axis.patches] == [25, 25, 25, 12.5, 12.5]
    assert [bar.get_x() + bar.get_width() / 2 for bar in axis.patches] == [1, 2, 3, 4, 5]


def test_a_caption_stands_above_the_middle_of_its_stage() -> None:
    """ReLU 1 is the stem's, 2 and 3 are stage 1's, 4 and 5 stage 2's."""
    axis = Figure().subplots()
    stages.by_layer(axis, parse("Net(2; 2x1, 4x1)@4/3"), ["one", "two"])
    found = {text.get_text(): text.get_position() for text in axis.texts}
    assert {name: x for name, (x, _) in found.items()} == {"one": 2.5, "two": 4.5}
    assert all(y > 1 for _, y in found.values())


def test_a_stage_without_relus_has_no_caption() -> None:
    axis = Figure().subplots()
    stages.by_layer(axis, parse("Net(2; 2x1, 4x1)-C1@4/3"), ["one", "two"])
    assert [text.get_text() for text in axis.texts] == ["two"]
