"""The register, and what an answer may look like."""

from typing import Any, get_args

import pytest

from deepreshape.paper.exercises import EXERCISES, Level, check
from deepreshape.paper.exercises.exercise import Task
from tests.paper.exercises.answers import NO_NUMBERS, RIGHT, WRONG

numbered = pytest.mark.parametrize("number", range(1, len(EXERCISES) + 1))


@numbered
def test_the_answer_is_told_right(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    check(number, EXERCISES[number - 1].task.answer)
    assert capsys.readouterr().out == "right\n"


@numbered
def test_the_answer_as_shown_is_told_right(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    check(number, EXERCISES[number - 1].task.shown)
    assert capsys.readouterr().out == "right\n"


@numbered
def test_another_answer_is_told_a_hint(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    task = EXERCISES[number - 1].task
    other: Any = task.choices[0] if task.choices else "1" if task.kind != "number" else -1
    check(number, other)
    assert capsys.readouterr().out == f"not yet; {task.hint}\n"


@pytest.mark.parametrize("number", [0, -1, len(EXERCISES) + 1, 1.5, True, "1", None])
def test_a_number_without_an_exercise_is_an_error(number: Any) -> None:
    with pytest.raises(ValueError, match=r"^(there is no exercise|exercises have whole)[^\n]*$"):
        check(number, 1)


@pytest.mark.parametrize("answer", [None, True, [1], "many", ""])
def test_what_is_no_number_is_an_error(answer: Any) -> None:
    with pytest.raises(ValueError, match=r"^exercise 1: the answer is a number[^\n]*$"):
        check(1, answer)


def test_a_number_is_no_name() -> None:
    number = next(at for at, each in enumerate(EXERCISES, start=1) if each.task.kind == "name")
    with pytest.raises(ValueError, match=f"exercise {number}: the answer is a text, not 7"):
        check(number, 7)


def test_a_choice_is_one_of_them() -> None:
    number = next(at for at, each in enumerate(EXERCISES, start=1) if each.task.choices)
    with pytest.raises(ValueError, match="is one of agrees, disagrees, undecided, not 'perhaps'"):
        check(number, "perhaps")


@pytest.mark.parametrize(("task", "text"), RIGHT)
def test_an_answer_is_read(task: Task, text: str) -> None:
    assert task.accepts(text)


@pytest.mark.parametrize(("task", "text"), WRONG)
def test_another_is_not_taken_for_it(task: Task, text: str) -> None:
    assert not task.accepts(text)


@pytest.mark.parametrize(("task", "text"), NO_NUMBERS)
def test_what_is_no_number_is_not_read(task: Task, text: str) -> None:
    with pytest.raises(ValueError, match="is a number such as"):
        task.accepts(text)


def test_there_are_about_as_many_of_each_level() -> None:
    counts = [sum(each.level == level for each in EXERCISES) for level in get_args(Level)]
    assert min(counts) >= 8


def test_names_and_titles_are_those_of_one_exercise() -> None:
    assert len({each.name for each in EXERCISES}) == len(EXERCISES)
    assert len({each.title for each in EXERCISES}) == len(EXERCISES)


@numbered
def test_a_hint_does_not_give_the_answer_away(number: int) -> None:
    task = EXERCISES[number - 1].task
    assert task.shown.split()[0] not in task.hint.split()
    assert task.hint[-1] not in ".?!"


@numbered
def test_the_working_ends_at_the_answer(number: int) -> None:
    task = EXERCISES[number - 1].task
    assert task.choices or task.shown.removesuffix(task.unit).strip() in task.working
