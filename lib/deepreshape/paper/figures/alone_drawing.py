"""Networks with the ReLUs of one stage alone, as criticality is measured."""

from itertools import pairwise

from deepreshape.paper.figures.drawings import WIDTH, Arrow, Box, Drawing, Label, Part
from deepreshape.paper.figures.stages_drawing import TONES

ROW, SIDE = 42.0, 62.0


def alone() -> Drawing:
    """Four rows of four stages: in each row another stage keeps its ReLUs."""
    drawn: list[Part] = []
    for kept in range(1, 5):
        y, boxes = ROW * (kept - 0.5), []
        for stage in range(1, 5):
            x = 33 + 69.0 * (stage - 1)
            text = f"stage {stage}" if stage == kept else "linear"
            tone = TONES[stage] if stage == kept else "plain"
            boxes.append(Box(x, y, SIDE, 28, text, tone=tone, dashed=stage != kept))
        drawn += [Arrow((one.right, two.left), head=False) for one, two in pairwise(boxes)]
        drawn += [Arrow((boxes[-1].right, (WIDTH - 77, y))), *boxes]
        drawn.append(Label(WIDTH - 73, y, f"accuracy A{'₁₂₃₄'[kept - 1]}", "start"))
    said = (
        "Four rows. In row k the network has ReLUs in stage k alone, all other stages are linear,"
        " and an arrow leads to the accuracy that it reaches."
    )
    return Drawing("One stage with ReLUs at a time", said, 4 * ROW, drawn)
