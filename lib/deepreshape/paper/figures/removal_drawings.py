"""How ReLUs are removed: by stages and layers (Culling, Thinning, DeepReDuce), or one by one (SNL,
SENet). Sketches: how many dots are kept where is an example."""

from collections.abc import Sequence
from itertools import pairwise
from random import Random

from deepreshape.paper.figures.drawings import NOTE, WIDTH, Arrow, Box, Drawing, Label, Part, Tone
from deepreshape.paper.figures.stages_drawing import TONES

STAGES = (1, 2, 3, 4)
COLUMN = WIDTH / 4
DOT, FADED = 10.0, 2.5
SIDES = (6, 5, 4, 3)
"""Dots along the side of a stage's map."""
KEPT = (5, 8, 9, 4)
"""Dots of a stage that the sketch of a search keeps."""


def coarse() -> Drawing:
    """Culling of stage 1 and Thinning of the others, ReLU layer by ReLU layer."""
    kept = {stage: (False, stage > 1) * 2 for stage in STAGES}
    drawn: list[Part] = [
        Label(COLUMN * 0.5, 12, "culled", size=NOTE + 1, bold=True),
        Label(COLUMN * 2.5, 12, "thinned", size=NOTE + 1, bold=True),
    ]
    for stage in STAGES:
        drawn += _stage_of_layers(stage, 26, kept[stage])
    said = (
        "Four stages of two blocks, with two ReLU layers each. In stage 1 all four are removed; in"
        " stages 2 to 4 the first of each block is removed and the second is kept."
    )
    return Drawing("Culling and Thinning, layer by layer", said, 186, drawn)


def deepreduce() -> Drawing:
    """The iterations of DeepReDuce on four stages, the least critical culled first."""
    drawn: list[Part] = []
    culled: list[int] = []
    for row, least in enumerate((1, 4, 2)):
        culled.append(least)
        y, boxes = 34 + 46.0 * row, []
        for stage in STAGES:
            gone = stage in culled
            text = "culled" if gone else "thinned"
            boxes.append(_small(40 + 68.0 * (stage - 1), y, text, TONES[stage], dashed=gone))
        drawn += [Arrow((one.right, two.left), head=False) for one, two in pairwise(boxes)]
        drawn += [*boxes, Arrow((boxes[-1].right, (WIDTH - 92, y)))]
        drawn.append(Label(WIDTH - 88, y - 7, "as it is, and\nreshaped", "start"))
    drawn += [Label(40 + 68.0 * (stage - 1), 8, f"stage {stage}") for stage in STAGES]
    said = (
        "Three rows. In the first, stage 1 is culled and the others are thinned; in the second,"
        " stages 1 and 4 are culled; in the third, stages 1, 4 and 2. Each row gives networks as"
        " they are and reshaped, with half the channels or smaller maps, and all are trained."
    )
    return Drawing("The iterations of DeepReDuce", said, 148, drawn)


def snl() -> Drawing:
    """A map of dots for each stage, most of them faded away."""
    drawn: list[Part] = []
    for place in range(4):
        x = COLUMN * (place + 0.5)
        drawn.append(Label(x, 10, f"stage {place + 1}"))
        drawn += _dots(x, 58, place)
    drawn.append(Label(WIDTH / 2, 106, "large: a near 1, a ReLU; small: a near 0, none"))
    said = (
        "A map of dots for each stage, a ReLU each. Scattered dots are kept, few of the many in"
        " stage 1, more of the fewer in stages 2 and 3."
    )
    return Drawing("SNL: every ReLU has a weight", said, 118, drawn)


def senet() -> Drawing:
    """A budget for each stage, and below it as many dots."""
    drawn: list[Part] = [Label(4, 10, "1. a budget for each layer", "start", bold=True)]
    second = "2. within it, those where student and teacher differ most"
    drawn.append(Label(4, 82, second, "start", bold=True))
    for place in range(4):
        x, size = COLUMN * (place + 0.5), SIDES[place] ** 2
        left, whole = x - 36, 72.0
        part = whole * KEPT[place] / size
        drawn.append(Box(x, 34, whole, 16, dashed=True))
        drawn.append(Box(left + part / 2, 34, part, 16, tone=TONES[place + 1]))
        drawn.append(Label(x, 54, f"stage {place + 1}"))
        drawn += _dots(x, 130, place)
    said = (
        "Above, a bar for each stage, filled by the share of its ReLUs that may stay. Below, the"
        " map of each stage with just so many dots kept."
    )
    return Drawing("SENet: budgets first, then ReLUs", said, 172, drawn)


def _stage_of_layers(stage: int, top: float, kept: Sequence[bool]) -> list[Part]:
    """A column of ReLU layers, from the first of the first block on."""
    x, found = COLUMN * (stage - 0.5), []
    boxes = [
        _small(x, top + 16 + 34.0 * row, "ReLU" if keeps else "—", TONES[stage], dashed=not keeps)
        for row, keeps in enumerate(kept)
    ]
    found += [Arrow((one.bottom, two.top), head=False) for one, two in pairwise(boxes)]
    return [*found, *boxes, Label(x, top + 148, f"stage {stage}")]


def _small(x: float, y: float, text: str, tone: Tone, dashed: bool) -> Box:
    return Box(x, y, 58, 24, note=text, tone="plain" if dashed else tone, dashed=dashed)


def _dots(x: float, y: float, place: int) -> list[Part]:
    """The map of a stage around a centre; which dots are kept is drawn once and for all."""
    side = SIDES[place]
    kept = set(Random(place).sample(range(side * side), KEPT[place]))
    step = DOT + 2
    found: list[Part] = []
    for number in range(side * side):
        row, column = divmod(number, side)
        at = x + step * (column - (side - 1) / 2), y + step * (row - (side - 1) / 2)
        keeps = number in kept
        size, tone = (DOT, TONES[place + 1]) if keeps else (FADED, "plain")
        found.append(Box(*at, size, size, tone=tone))
    return found
