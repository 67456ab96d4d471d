"""The exercises of the book: a register, and what checks an answer.

from deepreshape.paper.exercises import check
check(3, "1,200")
"""

from deepreshape.paper.exercises.exercise import Exercise, Level, Task
from deepreshape.paper.exercises.practice import PRACTICE
from deepreshape.paper.exercises.project import PROJECTS
from deepreshape.paper.exercises.warm_up import WARM_UPS

__all__ = ["EXERCISES", "Exercise", "Level", "Task", "check", "find"]

EXERCISES: tuple[Exercise, ...] = (*WARM_UPS, *PRACTICE, *PROJECTS)
"""All, in the order of their numbers, which count from 1."""


def find(number: int) -> Exercise:
    """The exercise of a number. Raises ValueError where there is none."""
    if isinstance(number, bool) or not isinstance(number, int):
        raise ValueError(f"exercises have whole numbers, not {number!r}")
    if not 1 <= number <= len(EXERCISES):
        raise ValueError(f"there is no exercise {number}; there are 1 to {len(EXERCISES)}")
    return EXERCISES[number - 1]


def check(number: int, answer: float | str) -> None:
    """Print whether an answer to an exercise is right, and a hint where it is not.

    Raises ValueError for a number without an exercise, and for what is no answer.
    """
    task = find(number).task
    try:
        right = task.accepts(answer)
    except ValueError as error:
        raise ValueError(f"exercise {number}: {error}") from None
    print("right" if right else f"not yet; {task.hint}")
