"""A network's name, each of its parts in a box and its meaning beside it."""

from collections.abc import Sequence

from deepreshape.paper.chapters.names import Part as Explained
from deepreshape.paper.chapters.names import explained
from deepreshape.paper.figures.drawings import TEXT, WIDTH, Arrow, Box, Drawing, Label, Part, Tone

TONES: dict[str, Tone] = {
    "base": "plain",
    "family": "plain",
    "factor": "blue",
    "m": "teal",
    "images": "plain",
}
"""Tones of an architecture's parts; edits of the ReLUs have another."""
EDIT: Tone = "rose"
ROW = 26.0
"""Units from one meaning to the next."""
LETTER = 0.62 * TEXT
"""Units that a letter takes, about."""
GAP = 8.0
"""Units between two boxes."""


def labelled(name: str = "HRN-2x5x3x(m=8)-C1-T234-Re8") -> Drawing:
    """A HybReNet's name read: its architecture below, the edits of its ReLUs above.

    Raises ValueError for a name that is wider than a drawing."""
    parts = explained(name)
    edits = [part for part in parts if part.kind not in TONES]
    middle = 16 + ROW * len(edits) + 14
    boxes = _boxes(parts, middle)
    drawn: list[Part] = []
    for row, (part, box) in enumerate(_of(parts, boxes, edits), start=1):
        y = middle - 14 - ROW * row
        drawn += [Arrow((box.top, (box.x, y)), EDIT, head=False)]
        drawn += [Label(box.x - 5, y + 4, part.says, "end")]
    others = [part for part in parts if part.kind in TONES]
    for row, (part, box) in enumerate(reversed(_of(parts, boxes, others)), start=1):
        y = middle + 14 + ROW * row
        drawn += [Arrow((box.bottom, (box.x, y)), TONES[part.kind], head=False)]
        drawn += [Label(box.x + 5, y - 4, part.says, "start")]
    said = "; ".join(f"{part.text}: {part.says}" for part in parts)
    height = middle + 14 + ROW * len(others) + 8
    return Drawing(f"The parts of the name {name}", said, height, (*drawn, *boxes))


def _boxes(parts: Sequence[Explained], y: float) -> list[Box]:
    """A box for each part, one beside the other across the drawing."""
    widths = [LETTER * len(part.text) + 10 for part in parts]
    room = WIDTH - sum(widths) - GAP * (len(parts) - 1)
    if room < 0:
        raise ValueError(f"{''.join(part.text for part in parts)} is wider than a drawing")
    x, boxes = room / 2, []
    for part, width in zip(parts, widths, strict=True):
        tone = TONES.get(part.kind, EDIT)
        boxes.append(Box(x + width / 2, y, width, 28, part.text, tone=tone))
        x += width + GAP
    return boxes


def _of(
    parts: Sequence[Explained], boxes: Sequence[Box], chosen: Sequence[Explained]
) -> list[tuple[Explained, Box]]:
    return [pair for pair in zip(parts, boxes, strict=True) if pair[0] in chosen]
