"""Drawings of the first chapters: what is labelled, and that it is true of the networks."""

import pytest

from deepreshape.design import cost, parse
from deepreshape.paper.figures import (
    alone_drawing,
    name_drawing,
    removal_drawings,
    shares_drawing,
    stages_drawing,
)
from deepreshape.paper.figures.drawings import Box, Drawing, Label

NAME = "HRN-2x5x3x(m=8)-C1-T234-Re8"
RESNET, HRN = parse("ResNet18"), parse("HRN-5x5x3x(m=16)")
DRAWINGS = {
    "name": name_drawing.labelled(NAME),
    "stages": stages_drawing.maps([RESNET, HRN]),
    "shares": shares_drawing.linear(),
    "alone": alone_drawing.alone(),
    "coarse": removal_drawings.coarse(),
    "deepreduce": removal_drawings.deepreduce(),
    "snl": removal_drawings.snl(),
    "senet": removal_drawings.senet(),
}


def boxes(drawing: Drawing) -> list[Box]:
    return [part for part in drawing.parts if isinstance(part, Box)]


def labels(drawing: Drawing) -> list[str]:
    return [part.text for part in drawing.parts if isinstance(part, Label)]


def test_titles_differ() -> None:
    assert len({drawing.title for drawing in DRAWINGS.values()}) == len(DRAWINGS)


def test_a_name_has_a_box_and_a_meaning_for_each_part() -> None:
    drawing = DRAWINGS["name"]
    assert [box.text for box in boxes(drawing)] == [
        "HRN",
        "2x",
        "5x",
        "3x",
        "(m=8)",
        "C1",
        "T234",
        "Re8",
    ]
    assert len(labels(drawing)) == len(boxes(drawing))
    assert "β = 5: 80 channels in stage 3" in labels(drawing)


def test_a_name_that_is_too_wide_is_refused() -> None:
    with pytest.raises(ValueError, match="wider than a drawing"):
        name_drawing.labelled("R34-HRN-4x6x3x(m=12)-C1-T234-Q1234-Re4@64/200")


def test_stages_have_their_relus_above_them() -> None:
    counts = [f"{relus:,}" for net in (RESNET, HRN) for relus in cost(net).relus]
    assert [text for text in labels(DRAWINGS["stages"]) if text in counts] == counts


def test_a_map_is_as_high_as_its_side() -> None:
    heights = [box.height for box in boxes(stages_drawing.maps([RESNET]))]
    assert [heights[1] / height for height in heights] == [1, 1, 2, 4, 8]


def test_one_stage_a_row_keeps_its_relus() -> None:
    texts = [box.text for box in boxes(DRAWINGS["alone"])]
    rows = [texts[start : start + 4] for start in range(0, 16, 4)]
    assert [row.index(f"stage {k}") for k, row in enumerate(rows, start=1)] == [0, 1, 2, 3]
    assert texts.count("linear") == 12


def test_thinning_keeps_the_second_relu_of_a_block() -> None:
    notes = [box.note for box in boxes(DRAWINGS["coarse"])]
    assert notes == ["—"] * 4 + ["—", "ReLU", "—", "ReLU"] * 3


def test_each_iteration_culls_one_stage_more() -> None:
    notes = [box.note for box in boxes(DRAWINGS["deepreduce"])]
    assert [notes[start : start + 4].count("culled") for start in (0, 4, 8)] == [1, 2, 3]


@pytest.mark.parametrize("name", ["snl", "senet"])
def test_as_many_dots_are_kept_as_the_budgets_say(name: str) -> None:
    for tone, kept in zip(stages_drawing.TONES[1:], removal_drawings.KEPT, strict=True):
        dots = [box for box in boxes(DRAWINGS[name]) if box.tone == tone and box.height < 16]
        assert len(dots) == kept
