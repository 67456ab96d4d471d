"""The drawings of the chapters: words fit their boxes, and nothing leaves the sheet."""

import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from deepreshape.design import optimize, parse
from deepreshape.paper.chapters import reuse
from deepreshape.paper.figures import (
    alone_drawing,
    name_drawing,
    protocol_drawing,
    removal_drawings,
    reuse_drawing,
    shares_drawing,
    stages_drawing,
    teaching_drawing,
)
from deepreshape.paper.figures.drawings import WIDTH, Arrow, Box, Drawing, Frame, Label

THINNED = optimize(parse("HRN-2x5x3x"))
GROUPS = {factor: reuse.groups(THINNED, factor) for factor in (4, 8, 16)}
SIZES = {"shares": 6_900_000, "answers": 3_800_000, "choices": 30_600_000, "tables": 66_500_000} | {
    "image": 24_596, "labels": 15_282_536, "results": 140_036, "logits": 100
}  # fmt: skip
CLASSES = ("cat", "lynx", "dog", "truck")
DRAWINGS = {
    "shares": shares_drawing.linear(),
    "stages": stages_drawing.maps([parse("ResNet18"), parse("HRN-5x5x3x")]),
    "name": name_drawing.labelled(),
    "alone": alone_drawing.alone(),
    "coarse": removal_drawings.coarse(),
    "deepreduce": removal_drawings.deepreduce(),
    "snl": removal_drawings.snl(),
    "senet": removal_drawings.senet(),
    "block": reuse_drawing.block(GROUPS[8], 8),
    "groups": reuse_drawing.to_scale(GROUPS),
    "lesson": teaching_drawing.lesson(),
    "split": teaching_drawing.split(CLASSES, 0, (0.5, 0.3, 0.15, 0.05), (0.4, 0.2, 0.3, 0.1)),
    "offline": protocol_drawing.offline(SIZES),
    "online": protocol_drawing.online(SIZES),
}
every_drawing = pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS)
FONT = FontProperties(family="DejaVu Sans")
"""Wider than what most browsers take for sans-serif."""


def width(text: str, size: float) -> float:
    return float(TextPath((0, 0), text, size=size, prop=FONT).get_extents().width) if text else 0.0


@every_drawing
def test_words_fit_their_boxes(drawing: Drawing) -> None:
    wide = {line: width(line, size) - room for line, size, room in drawing.words()}
    assert {line: over for line, over in wide.items() if over > 0} == {}


@every_drawing
def test_nothing_leaves_the_sheet(drawing: Drawing) -> None:
    for part in drawing.parts:
        match part:
            case Box():
                corners = [(part.left[0], part.top[1]), (part.right[0], part.bottom[1])]
            case Frame(x, y, wide, high):
                corners = [(x, y), (x + wide, y + high)]
            case Arrow(points):
                corners = list(points)
            case Label(x, y, text, anchor, size):
                left = {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor]
                long = max(width(line, size) for line in text.splitlines()) if text else 0.0
                corners = [(x - left * long, y - size / 2), (x + (1 - left) * long, y + size / 2)]
        for x, y in corners:
            assert -1 <= x <= WIDTH + 1, part
            assert -1 <= y <= drawing.height + 1, part


@every_drawing
def test_a_description_says_what_is_to_be_seen(drawing: Drawing) -> None:
    assert len(drawing.description.split()) > 20


def test_the_middle_group_takes_what_the_activated_one_loses() -> None:
    assert "160 channels" in DRAWINGS["block"].description
    assert "N = 16: 40, 110 and 10" in DRAWINGS["groups"].description


def test_the_pieces_of_a_bar_are_as_long_as_the_bar() -> None:
    pieces = [part for part in DRAWINGS["split"].parts if isinstance(part, Box)]
    rows = {piece.y: sum(p.width for p in pieces if p.y == piece.y) for piece in pieces}
    assert list(rows.values()) == pytest.approx(
        [teaching_drawing.RIGHT - teaching_drawing.LEFT] * 4
    )


def test_sizes_of_a_session_stand_in_its_drawing() -> None:
    assert "66.5 MB" in DRAWINGS["offline"].description
    assert "24.6 kB" in DRAWINGS["online"].description


def test_what_has_no_size_is_drawn_without_one() -> None:
    assert "MB" not in protocol_drawing.offline({}).description
