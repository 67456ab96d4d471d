"""ReLU-reuse drawn: the module as a path through layers, and its groups to scale."""

from collections.abc import Mapping

from deepreshape.paper.chapters.reuse import Groups
from deepreshape.paper.figures.drawings import Arrow, Box, Drawing, Label, Part, Tone

LEFT, RIGHT = 52.0, 372.0
"""Where the bars of `to_scale` begin and end."""


def block(groups: Groups, factor: int) -> Drawing:
    """A block of a thinned network with the module in the place of its second convolution."""
    c = groups.channels
    first = Box(190, 68, 250, 34, "3×3 convolution", tone="teal")
    split = Box(190, 120, 330, 30, f"{c} channels, split in three")
    passed = Box(64, 196, 88, 50, "passes", f"{groups.passed} channels")
    linear = Box(182, 196, 112, 50, "3×3 conv.", f"{groups.linear} channels", tone="teal")
    added = Box(316, 268, 96, 40, "sum", f"{groups.active} channels")
    active = Box(316, 336, 96, 50, "3×3 conv.", f"{groups.active} channels", tone="teal")
    relu = Box(316, 402, 96, 46, "ReLU", f"the only {groups.active}", tone="rose")
    joined = Box(190, 468, 330, 30, f"{c} channels, side by side")
    mix = Box(190, 520, 250, 34, "1×1 convolution", tone="teal")
    total = Box(190, 576, 70, 32, "sum")
    parts: list[Part] = [
        Label(190, 14, f"what comes from the block before: {c} channels", size=13),
        Arrow(((190, 26), first.top)),
        Arrow((first.bottom, split.top)),
        Arrow(((64, 135), passed.top)),
        Arrow(((182, 135), linear.top)),
        Arrow(((316, 135), added.top)),
        Arrow(((182, 221), (182, 268), added.left)),
        Label(188, 246, "1×1 conv.", "start"),
        Arrow((added.bottom, active.top)),
        Arrow((active.bottom, relu.top)),
        Arrow(((64, 221), (64, 453))),
        Arrow(((140, 221), (140, 453))),
        Arrow((relu.bottom, (316, 453))),
        Arrow((joined.bottom, mix.top)),
        Arrow((mix.bottom, total.top)),
        Arrow(((65, 26), (65, 36), (12, 36), (12, 576), total.left), dashed=True),
        Label(20, 566, "shortcut of the block", "start"),
        Arrow((total.bottom, (190, 612))),
        first, split, passed, linear, added, active, relu, joined, mix, total,
    ]  # fmt: skip
    described = (
        f"From top to bottom. A 3x3 convolution gives {c} channels, which are split in three."
        f" {groups.passed} pass unchanged. {groups.linear} go through a 3x3 convolution and no"
        f" ReLU. What comes of these is also brought to {groups.active} channels by a 1x1"
        f" convolution and added to the last {groups.active} channels, which then go through a 3x3"
        f" convolution and the only ReLUs of the block. All {c} channels are put side by side and"
        " mixed by a 1x1 convolution; then the block's shortcut is added."
    )
    return Drawing(f"ReLU-reuse by {factor} in a block", described, 616, parts)


def to_scale(found: Mapping[int, Groups]) -> Drawing:
    """A bar of channels for each reduction factor N, cut into the three groups."""
    parts: list[Part] = []
    y = 40.0
    for factor, groups in found.items():
        parts.append(Label(LEFT - 8, y, f"N = {factor}", "end", 13))
        x = LEFT
        cut: list[tuple[int, Tone]] = [
            (groups.passed, "plain"),
            (groups.linear, "teal"),
            (groups.active, "rose"),
        ]
        for count, tone in cut:
            width = (RIGHT - LEFT) * count / groups.channels
            parts.append(Box(x + width / 2, y, width, 34, note=str(count), tone=tone))
            x += width
        y += 46
    parts += [
        Label(LEFT, 12, "passes", "start", bold=True),
        Label((LEFT + RIGHT) / 2 + 20, 12, "convolved, no ReLU", bold=True),
        Label(RIGHT, 12, "with ReLU", "end", bold=True),
    ]
    told = "; ".join(
        f"N = {factor}: {groups.passed}, {groups.linear} and {groups.active}"
        for factor, groups in found.items()
    )
    described = (
        "A bar for each reduction factor, cut in three: channels that pass, channels that are"
        f" convolved without a ReLU, and channels with a ReLU. {told}. The first group stays a"
        " quarter, the last shrinks with N, and the middle one takes what the last loses."
    )
    return Drawing("The three groups to scale", described, y - 18, parts)
