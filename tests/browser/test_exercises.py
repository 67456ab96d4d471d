"""Exercises in the page: each answer is judged as the library judges it, and is kept."""

import json
from typing import Literal

import pytest
from playwright.sync_api import Locator, Page

from deepreshape.paper.exercises import EXERCISES
from deepreshape.paper.exercises.exercise import Task, alike
from tests.browser.visits import Opener
from tests.paper.exercises.answers import NO_NUMBERS, RIGHT, WRONG

A4_HEIGHT, MARGINS = 297, 20
"""Millimetres; what a browser leaves free above and below together."""


def form(page: Page, number: int) -> Locator:
    return page.locator(f"#exercise-{number} form")


def enter(page: Page, number: int, answer: str) -> str:
    """Answer an exercise by keyboard, and what the page says."""
    field = form(page, number).locator("input, select")
    if EXERCISES[number - 1].task.choices:
        field.select_option(answer)
        field.press("Tab")
        page.keyboard.press("Enter")
    else:
        field.fill(answer)
        field.press("Enter")
    return form(page, number).locator("output").inner_text()


def solved(page: Page) -> str:
    return page.locator(".exercise-progress output").inner_text()


@pytest.mark.parametrize("over", ["http", "file"])
def test_every_answer_is_told_right_and_kept(
    open_page: Opener, over: Literal["http", "file"]
) -> None:
    visit = open_page("exercises", over=over)
    page = visit.page
    assert solved(page) == f"0 of {len(EXERCISES)} right"
    for number, each in enumerate(EXERCISES, start=1):
        assert enter(page, number, each.task.shown).endswith("Right."), each.name
    page.reload(wait_until="load")
    assert solved(page) == f"{len(EXERCISES)} of {len(EXERCISES)} right"
    assert form(page, 1).locator("input").input_value() == EXERCISES[0].task.shown
    page.get_by_role("button", name="Start again").click()
    assert solved(page) == f"0 of {len(EXERCISES)} right"
    assert (visit.errors, visit.outside) == ([], [])


def test_a_wrong_answer_gets_its_hint(open_page: Opener) -> None:
    page = open_page("exercises").page
    for number, each in enumerate(EXERCISES, start=1):
        task = each.task
        wrong = task.choices[0] if task.choices else "1" if task.kind != "number" else "-1"
        assert enter(page, number, wrong).endswith(f"Not yet. Hint: {task.hint}."), each.name
    assert solved(page) == f"0 of {len(EXERCISES)} right"


def test_the_page_reads_answers_as_the_library_does(open_page: Opener) -> None:
    """In the place of the first exercise, tasks of every kind."""
    page = open_page("exercises").page
    cases = [(task, text, "right") for task, text in RIGHT]
    cases += [(task, text, "wrong") for task, text in WRONG]
    cases += [(task, text, "unread") for task, text in NO_NUMBERS]
    said = [judged(page, task, text) for task, text, _ in cases]
    assert said == [verdict for _, _, verdict in cases]


def judged(page: Page, task: Task, text: str) -> str | None:
    """What the page makes of an answer to a task; it reads the data anew each time."""
    number = task.kind == "number"
    data = {
        "kind": task.kind,
        "answer": repr(task.answer) if number else alike(str(task.answer), task.kind),
        "tolerance": repr(task.tolerance),
        "unit": task.unit,
    }
    page.evaluate(
        "data => Object.assign(document.querySelector('.exercise-answer').dataset, data)", data
    )
    enter(page, 1, text)
    return form(page, 1).get_attribute("data-verdict")


def test_what_is_kept_and_no_answers_is_harmless(open_page: Opener) -> None:
    page = open_page("exercises").page
    for kept in ("{", "null", json.dumps({"gone": "1"})):
        page.evaluate("text => localStorage.setItem('deepreshape-exercises', text)", kept)
        page.reload(wait_until="load")
        assert solved(page) == f"0 of {len(EXERCISES)} right"


def test_verdicts_are_announced_and_fields_named(open_page: Opener) -> None:
    page = open_page("exercises").page
    assert page.locator(".exercise-answer output[aria-live=polite]").count() == len(EXERCISES)
    assert page.get_by_label("Your answer to 1", exact=True).count() == 1


def test_without_scripts_a_folded_answer_stands_there(open_page: Opener) -> None:
    page = open_page("exercises").page
    folded = page.locator(".exercise details").first
    assert not folded.evaluate("it => it.open")
    assert EXERCISES[0].task.shown in (folded.text_content() or "")


def test_the_handout_fills_one_side(open_page: Opener) -> None:
    page = open_page("teacher", width=718).page  # 190 mm, A4 between its margins
    page.emulate_media(media="print")
    handout = page.locator(".handout")
    assert handout.evaluate("it => getComputedStyle(it).breakBefore") == "page"
    height = handout.evaluate("it => it.getBoundingClientRect().height") * 25.4 / 96
    assert 0.6 * A4_HEIGHT < height < A4_HEIGHT - MARGINS
