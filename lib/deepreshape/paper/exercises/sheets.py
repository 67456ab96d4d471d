"""The exercises as pages show them: to be solved, with their solutions, and as a lesson."""

from html import escape
from itertools import accumulate

from IPython.display import Markdown

from deepreshape.paper.exercises import EXERCISES, Exercise, Level
from deepreshape.paper.exercises.exercise import alike
from deepreshape.paper.exercises.lesson import LESSON

NUMBERS = {each.name: number for number, each in enumerate(EXERCISES, start=1)}
PROGRESS = Markdown('<div class="exercise-progress"></div>')
"""Where a page counts what is solved."""
FORMULAS = (
    "ReLUs of a layer: channels x height x width. A basic block has two layers of ReLUs.",
    "Stage k of four works on maps of 32, 16, 8, 4 pixels a side; widths are m, αm, αβm, αβγm.",
    "Culled (C): a stage has no ReLU left, with stage 1 the stem's go too. Thinned (T): one of two"
    " layers in each block.",
    "Mean ± t s / √n is the 95 % interval; t = 4.30 for n = 3.",
)
"""What a handout reminds of."""


def of_level(level: Level) -> list[Exercise]:
    """The exercises of a level, in order."""
    return [each for each in EXERCISES if each.level == level]


def summary(level: Level) -> str:
    """How many there are, and the minutes that they take together."""
    found = of_level(level)
    return f"{len(found)} exercises, about {sum(each.minutes for each in found)} minutes in all."


def questions(level: Level) -> Markdown:
    """The exercises of a level with a place for each answer; without scripts a folded one."""
    return Markdown("\n\n".join([summary(level), *map(_question, of_level(level))]))


def _question(each: Exercise) -> str:
    number, task = NUMBERS[each.name], each.task
    title = f"exercise-{number}-title"
    return "\n\n".join(
        [
            f'<div class="exercise" id="exercise-{number}" role="group" aria-labelledby="{title}">',
            f'<p class="exercise-title" id="{title}">{number}. {escape(each.title)}</p>',
            task.question,
            f"*{each.minutes} min · after* {{doc}}`{each.page}`",
            _place(each),
            f"<details><summary>Answer to {number}</summary>{escape(task.shown)}</details>",
            "</div>",
        ]
    )


def _place(each: Exercise) -> str:
    """Where `exercises.js` puts the field, with all that it needs to judge an answer."""
    task = each.task
    number = task.kind == "number"
    answer = repr(task.answer) if number else alike(str(task.answer), task.kind)
    data = {
        "name": each.name,
        "number": str(NUMBERS[each.name]),
        "kind": task.kind,
        "answer": answer,
        "tolerance": repr(task.tolerance),
        "unit": task.unit,
        "hint": task.hint,
        "choices": "|".join(task.choices),
    }
    listed = " ".join(f'data-{key}="{escape(value)}"' for key, value in data.items() if value)
    return f'<div class="exercise-answer" {listed}></div>'


def solutions(level: Level) -> Markdown:
    """Answer and working of every exercise of a level."""
    parts = []
    for each in of_level(level):
        number, task = NUMBERS[each.name], each.task
        within = f", within {task.tolerance:g}" if task.tolerance else ""
        link = f'<a href="exercises.html#exercise-{number}">{number}. {escape(each.title)}</a>'
        parts.append(f"{link}: **{task.shown}**{within}. {task.working}")
    return Markdown("\n\n".join(parts))


def plan() -> Markdown:
    """The lesson as a table: from when, what is shown, what is done, which exercises."""
    starts = accumulate((step.minutes for step in LESSON), initial=0)
    rows = [
        f"* - {start}\n  - {step.minutes}\n  - {{doc}}`{step.page}`\n  - {step.do}\n"
        f"  - {', '.join(str(NUMBERS[each.name]) for each in step.set) or 'the projects'}"
        for start, step in zip(starts, LESSON, strict=False)
    ]
    head = "* - from\n  - minutes\n  - on the screen\n  - what to do\n  - exercises"
    minutes = sum(step.minutes for step in LESSON)
    opening = f":::{{list-table}} A lesson of {minutes} minutes\n:class: lesson\n:header-rows: 1\n"
    return Markdown("\n".join([opening, head, *rows, ":::"]))


def handout() -> Markdown:
    """The exercises of the lesson on one side of A4, with a line for each answer. The numbers are
    those of the book."""
    reminders = "".join(f"<li>{escape(each)}</li>" for each in FORMULAS)
    asked = "".join(
        f'<li value="{NUMBERS[each.name]}">{_coded(each.task.question)}'
        f'<span class="handout-line">{escape(each.task.unit)}</span></li>'
        for step in LESSON
        for each in step.set
    )
    return Markdown(
        '<div class="handout"><p class="handout-title">Networks for private inference'
        '<span class="handout-name">Name:</span></p>'
        f"<ul>{reminders}</ul><ol>{asked}</ol></div>"
    )


def _coded(text: str) -> str:
    """Text with `code` as HTML."""
    parts = escape(text, quote=False).split("`")
    return "".join(
        f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts)
    )
