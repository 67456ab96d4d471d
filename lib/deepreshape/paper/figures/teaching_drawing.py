"""Distillation drawn: who answers whom, and how DKD cuts a teacher's answer in two."""

from collections.abc import Sequence

from deepreshape.paper.figures.drawings import Arrow, Box, Drawing, Label, Part, Tone

LEFT, RIGHT = 70.0, 374.0
"""Where the bars of `split` begin and end."""


def lesson() -> Drawing:
    """The two terms that a student minimises."""
    image = Box(190, 24, 150, 34, "image")
    teacher = Box(92, 100, 140, 50, "teacher", "frozen, all ReLUs", dashed=True)
    student = Box(288, 100, 140, 50, "student", "few ReLUs", tone="teal")
    soft = Box(92, 186, 140, 50, "its answer", "all classes, softened", tone="orange")
    answer = Box(288, 186, 140, 50, "its answer", "all classes")
    label = Box(92, 282, 140, 34, "label: one class")
    parts: list[Part] = [
        Arrow((image.left, (92, 24), teacher.top)),
        Arrow((image.right, (288, 24), student.top)),
        Arrow((teacher.bottom, soft.top)),
        Arrow((student.bottom, answer.top)),
        Arrow((soft.right, answer.left), dashed=True),
        Label(190, 174, "KL"),
        Arrow(((162, 282), (288, 282), answer.bottom), dashed=True),
        Label(222, 270, "cross-entropy"),
        Arrow((answer.right, (372, 186), (372, 100), student.right), tone="rose"),
        Label(366, 143, "corrected", "end"),
        image, teacher, student, soft, answer, label,
    ]  # fmt: skip
    described = (
        "An image goes to a frozen teacher, which has all its ReLUs, and to the student, which has"
        " few. The student's answer is compared with the teacher's softened answer over all classes"
        " by the divergence KL, and with the label, a single class, by the cross-entropy. What is"
        " wrong goes back to the student alone."
    )
    return Drawing("Learning from a teacher", described, 308, parts)


def split(
    classes: Sequence[str], target: int, teacher: Sequence[float], student: Sequence[float]
) -> Drawing:
    """Two pairs of bars: target against the rest, and the rest alone, of both answers.

    teacher, student: probabilities of the classes.
    """
    others = [place for place in range(len(classes)) if place != target]
    parts: list[Part] = [
        Label(LEFT, 12, f"{classes[target]}, or another? (TCKD)", "start", bold=True)
    ]
    for y, name, answer in ((38.0, "teacher", teacher), (74.0, "student", student)):
        rest = 1 - answer[target]
        parts.append(Label(LEFT - 8, y, name, "end"))
        parts += _bar(y, [(classes[target], answer[target], "rose"), ("another", rest, "plain")])
    parts.append(Label(LEFT, 118, "if another, which one? (NCKD)", "start", bold=True))
    for y, name, answer in ((144.0, "teacher", teacher), (180.0, "student", student)):
        rest = 1 - answer[target]
        parts.append(Label(LEFT - 8, y, name, "end"))
        tones: tuple[Tone, ...] = ("blue", "orange", "teal", "plain")
        parts += _bar(
            y,
            [
                (classes[place], answer[place] / rest, tones[at % len(tones)])
                for at, place in enumerate(others)
            ],
        )
    described = " ".join(
        f"{name}: {classes[target]} {answer[target]:.0%}; among the others "
        + ", ".join(f"{classes[at]} {answer[at] / (1 - answer[target]):.0%}" for at in others)
        + "."
        for name, answer in (("Teacher", teacher), ("Student", student))
    )
    opening = "Bars of both answers: above, the target against all others; below, the others alone."
    return Drawing("An answer cut in two", f"{opening} {described}", 204, parts)


def _bar(y: float, cut: Sequence[tuple[str, float, Tone]]) -> list[Part]:
    parts: list[Part] = []
    x = LEFT
    for name, share, tone in cut:
        width = (RIGHT - LEFT) * share
        fits = width > 6.6 * len(name)
        parts.append(Box(x + width / 2, y, width, 28, note=name if fits else "", tone=tone))
        x += width
    return parts
