"""What pages show of the exercises."""

import json
import re
from html import unescape
from typing import Any, get_args

import pytest

from deepreshape.paper.exercises import EXERCISES, Level, sheets
from deepreshape.paper.exercises.exercise import alike
from deepreshape.paper.exercises.lesson import LESSON
from deepreshape.places import ROOT

PLACE = re.compile(r'<div class="exercise-answer" ([^>]*)></div>')


def shown(page: str) -> str:
    """All that the committed notebook of a page shows."""
    notebook: Any = json.loads((ROOT / "notebooks" / f"{page}.ipynb").read_text("utf-8"))
    outputs = [out for cell in notebook["cells"] for out in cell.get("outputs", [])]
    data = [out["data"] for out in outputs if "data" in out]
    return "".join("".join(each.get("text/markdown", each.get("text/html"))) for each in data)


def places(page: str) -> list[dict[str, str]]:
    """The data of each field that a page has for an answer."""
    found = (re.findall(r'data-([a-z]+)="([^"]*)"', each) for each in PLACE.findall(shown(page)))
    return [{key: unescape(value) for key, value in each} for each in found]


def test_the_page_has_every_answer_and_tolerance_of_the_register() -> None:
    """`make notebooks` writes the page anew."""
    assert len(places("exercises")) == len(EXERCISES)
    for number, (place, each) in enumerate(zip(places("exercises"), EXERCISES, strict=True), 1):
        task = each.task
        assert (place["number"], place["name"], place["kind"]) == (
            str(number),
            each.name,
            task.kind,
        )
        assert float(place["tolerance"]) == task.tolerance
        if task.kind == "number":
            assert float(place["answer"]) == task.answer
        else:
            assert place["answer"] == alike(str(task.answer), task.kind)


def test_every_question_stands_on_the_page() -> None:
    page = shown("exercises")
    assert [each.name for each in EXERCISES if each.task.question not in page] == []


def test_every_answer_is_folded_on_the_page() -> None:
    folded = re.findall(r"<details><summary>[^<]*</summary>([^<]*)</details>", shown("exercises"))
    assert [unescape(text) for text in folded] == [each.task.shown for each in EXERCISES]


def test_solutions_stand_apart() -> None:
    for each in EXERCISES:
        assert each.task.working in shown("solutions")
        assert each.task.working not in shown("exercises") + shown("teacher")


@pytest.mark.parametrize("level", get_args(Level))
def test_the_minutes_of_a_level_are_its_exercises(level: Level) -> None:
    minutes = sum(each.minutes for each in EXERCISES if each.level == level)
    assert f"about {minutes} minutes" in sheets.summary(level)


def test_a_lesson_has_90_minutes() -> None:
    assert sum(step.minutes for step in LESSON) == 90


@pytest.mark.parametrize("step", LESSON, ids=lambda step: step.page)
def test_exercises_leave_time_to_show(step: Any) -> None:
    """At least a third of each part that has any."""
    assert sum(each.minutes for each in step.set) <= step.minutes * 2 / 3


def test_a_handout_asks_what_the_lesson_does_and_answers_nothing() -> None:
    asked = [each for step in LESSON for each in step.set]
    html = str(sheets.handout().data)
    assert html.count('class="handout-line"') == len(asked)
    assert [int(value) for value in re.findall(r'<li value="(\d+)"', html)] == [
        sheets.NUMBERS[each.name] for each in asked
    ]
    assert not re.search(r"data-answer|<details", html)
