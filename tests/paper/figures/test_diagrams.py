"""Networks drawn: where arrows end, and which boxes and maps there are."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from deepreshape.design import Network, layers, parse
from deepreshape.design.ops import Conv, FullyConnected, Pool
from deepreshape.paper.figures import diagrams
from deepreshape.paper.figures.diagrams import Box
from tests.networks import networks
from tests.paper.figures.bars import NAMES, NINE


@settings(max_examples=30)
@given(st.tuples(*[st.integers(-9, 9)] * 4))
def test_an_arrow_goes_from_side_to_side(places: tuple[int, int, int, int]) -> None:
    """It ends on the edges of the boxes, and is no longer than the way between the centres."""
    one, other = Box(3 * places[0], 2 * places[1], "a"), Box(3 * places[2], 2 * places[3], "b")
    assume((one.x, one.y) != (other.x, other.y))
    axis = Figure().subplots()
    diagrams.diagram(axis, {"a": one, "b": other}, [("a", "b")])
    (arrow,) = [each for each in axis.texts if getattr(each, "arrow_patch", None)]
    for box, (x, y) in ((one, arrow.xyann), (other, arrow.xy)):
        assert abs(x - box.x) <= box.width / 2 + 1e-9
        assert abs(y - box.y) <= box.height / 2 + 1e-9
        assert abs(x - box.x) == pytest.approx(box.width / 2) or abs(y - box.y) == pytest.approx(
            box.height / 2
        )


def test_a_diagram_writes_the_texts_of_its_boxes() -> None:
    axis = Figure().subplots()
    diagrams.diagram(axis, {"a": Box(0, 0, "first"), "b": Box(3, 0, "second")}, [])
    assert [text.get_text() for text in axis.texts] == ["first", "second"]


@pytest.mark.parametrize("name", [*NAMES, NINE, "Net(2; 2x1)@4/3"])
def test_an_outline_has_a_map_for_the_image_the_stem_each_block_and_the_head(name: str) -> None:
    network = parse(name)
    axis = Figure((9, 3)).subplots()
    diagrams.outline(axis, network)
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
    diagrams.outline(axis, network)
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
    diagrams.outline(axis, network)
    low, high = axis.get_xlim()
    for patch in axis.patches:
        assert low <= patch.get_x() <= patch.get_x() + patch.get_width() <= high
        assert patch.get_width() > 0
