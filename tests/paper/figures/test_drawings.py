"""Drawings as SVG: what they say to whom, and in which colours."""

from xml.etree import ElementTree

import pytest

from deepreshape.paper.figures.drawings import (
    TONES,
    WIDTH,
    Arrow,
    Box,
    Drawing,
    Frame,
    Label,
    Part,
)

SVG = "{http://www.w3.org/2000/svg}"
ONE = Box(100, 40, 120, 40, "stem", "3 x 3", tone="blue")


def drawn(
    *parts: Part, title: str = "A network", description: str = "A stem."
) -> ElementTree.Element:
    return ElementTree.fromstring(Drawing(title, description, 100, parts).svg())


def test_a_drawing_is_described_in_words() -> None:
    svg = drawn(ONE)
    said = {svg.attrib[name]: name for name in ("aria-labelledby", "aria-describedby")}
    texts = {each.attrib["id"]: each.text for each in svg if each.attrib.get("id") in said}
    assert sorted(texts.values(), key=str) == ["A network", "A stem."]
    assert svg.attrib["role"] == "img"


def test_a_drawing_scales_to_its_page() -> None:
    svg = drawn(ONE)
    assert svg.attrib["viewBox"] == f"0 0 {WIDTH:.0f} 100"
    assert "width:100%" in svg.attrib["style"]
    assert "width" not in svg.attrib


def test_words_are_text_not_markup() -> None:
    svg = drawn(Label(10, 10, "a < b & c"), title="<b>", description="x & y")
    assert [each.text for each in svg.iter(f"{SVG}text")] == ["a < b & c"]
    assert svg.findtext(f"{SVG}title") == "<b>"


def test_plain_parts_have_the_colour_of_the_page() -> None:
    (edge,) = drawn(Box(50, 50, 20, 20)).iter(f"{SVG}rect")
    assert (edge.attrib["stroke"], edge.attrib["fill"]) == ("currentColor", "currentColor")


@pytest.mark.parametrize("tone", TONES)
def test_a_tone_is_a_variable_of_the_page(tone: str) -> None:
    (edge,) = drawn(Box(50, 50, 20, 20, tone=tone)).iter(f"{SVG}rect")  # type: ignore[arg-type]
    assert edge.attrib["stroke"] == f"var(--drawing-{tone}, {TONES[tone]})"


def test_lines_of_a_box_stand_below_each_other_within_it() -> None:
    lines = list(drawn(Box(100, 50, 120, 60, "one\ntwo", "three")).iter(f"{SVG}text"))
    heights = [float(line.attrib["y"]) for line in lines]
    assert [line.text for line in lines] == ["one", "two", "three"]
    assert 20 < heights[0] < heights[1] < heights[2] < 80


def test_an_arrow_ends_at_its_last_point() -> None:
    svg = drawn(Arrow((ONE.bottom, (100, 90))))
    (head,) = svg.iter(f"{SVG}polygon")
    assert head.attrib["points"].split()[0] == "100,90"


def test_an_arrow_without_a_head_is_a_line() -> None:
    svg = drawn(Arrow(((0, 0), (10, 0), (10, 10)), head=False))
    assert [each.attrib["d"] for each in svg.iter(f"{SVG}path")] == ["M0 0L10 0L10 10"]
    assert list(svg.iter(f"{SVG}polygon")) == []


def test_sides_of_a_box_are_where_arrows_begin() -> None:
    assert (ONE.top, ONE.bottom) == ((100, 20), (100, 60))
    assert (ONE.left, ONE.right) == ((40, 40), (160, 40))


def test_a_frame_holds_its_name() -> None:
    svg = drawn(Frame(10, 10, 100, 60, "offline"))
    (name,) = svg.iter(f"{SVG}text")
    assert name.text == "offline"
    assert (float(name.attrib["x"]), float(name.attrib["y"])) == (18, 26)


def test_a_notebook_shows_a_drawing_and_its_words() -> None:
    shown = Drawing("A network", "A stem.", 100, (ONE,))._repr_mimebundle_()
    assert shown["text/plain"] == "A network. A stem."
    assert "<svg" in shown["text/html"]
