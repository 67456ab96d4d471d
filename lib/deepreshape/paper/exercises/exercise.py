"""What an exercise is, and when an answer to it is right.

`book/style/exercises.js` reads and compares answers in the page by the same rules.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

Level = Literal["warm up", "practice", "project"]
"""By hand in a few minutes; a sheet of paper; a notebook."""
Kind = Literal["number", "name", "order"]
"""Of an answer: a number; words, the same whatever capitals, blanks and dashes they have; numbers
of stages or depths in a row, whatever stands between them."""

NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:[,_' ]\d{3})+|\d+)?(?:\.\d+)?(?:e[+-]?\d+)?", re.I)
"""1234, 1,234, 1 234, 0.5, .5, 1.2e6; at least one digit, which `read_number` sees to."""
SPACES = re.compile(r"\s+")
TYPESET = str.maketrans("×−–—‐‑", "x-----")
"""What an answer may have in place of x and -, where it is copied from a page."""
ALMOST = 1e-9
"""Relative: what binary fractions lose does not make an answer wrong."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked, and what is right.

    answer: a number, or words. tolerance: by how much a number may differ. unit: of a number, which
    an answer may have behind it. choices: the answers to choose from; none where it is written.
    working: sentences that lead to the answer.
    """

    question: str
    answer: float | str
    working: str
    hint: str
    unit: str = ""
    tolerance: float = 0.0
    kind: Kind = "number"
    choices: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The answer as a page writes it."""
        if isinstance(self.answer, str):
            return self.answer
        digits = 0 if float(self.answer).is_integer() else _digits(self.tolerance)
        return f"{self.answer:,.{digits}f} {self.unit}".strip()

    def accepts(self, answer: object) -> bool:
        """Is this the answer? Raises ValueError where it is none at all: not a number, or not one
        of the choices."""
        if self.kind == "number":
            number = read_number(answer, self.unit)
            return abs(number - float(self.answer)) <= self.tolerance + ALMOST * abs(number)
        if not isinstance(answer, str):
            raise ValueError(f"the answer is a text, not {answer!r}")
        if self.choices and alike(answer, self.kind) not in map(alike, self.choices):
            raise ValueError(f"the answer is one of {', '.join(self.choices)}, not {answer!r}")
        return alike(answer, self.kind) == alike(str(self.answer), self.kind)


def _digits(tolerance: float) -> int:
    """One more than the tolerance has."""
    return 1 + sum(tolerance < 10.0**-place for place in range(1, 6))


def read_number(answer: object, unit: str = "") -> float:
    """A number, or a text with one: thousands separators, decimals, the unit behind it.
    Raises ValueError."""
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        return float(answer)
    if isinstance(answer, str):
        text = SPACES.sub(" ", answer.translate(TYPESET)).strip()
        if unit and text.lower().endswith(unit.lower()):
            text = text[: -len(unit)].strip()
        if NUMBER.fullmatch(text) and re.search(r"^[+-]?\.?\d", text):
            return float(re.sub(r"[,_' ]", "", text))
    raise ValueError(f"the answer is a number such as 1,234 or 0.5, not {answer!r}")


def alike(text: str, kind: Kind = "name") -> str:
    """What of a text counts: of an order its digits, of a name all but capitals and blanks."""
    if kind == "order":
        return re.sub(r"[^0-9]", "", text)
    return SPACES.sub("", text).translate(TYPESET).lower()


@dataclass(frozen=True, slots=True)
class Exercise:
    """An exercise of the book.

    name: once in the register. page: the chapter that it belongs to. minutes: for who has read it.
    """

    name: str
    title: str
    level: Level
    minutes: int
    page: str
    compute: Callable[[], Task]

    @property
    def task(self) -> Task:
        """Its question and answer, computed when they are first asked for."""
        return _computed(self.compute)


@lru_cache
def _computed(compute: Callable[[], Task]) -> Task:
    return compute()


def exercise(
    level: Level, minutes: int, page: str, title: str
) -> Callable[[Callable[[], Task]], Exercise]:
    """Make an exercise of a function that computes its task; the function's name is its own."""

    def made(compute: Callable[[], Task]) -> Exercise:
        name: Any = getattr(compute, "__name__", title)
        return Exercise(str(name), title, level, minutes, page, compute)

    return made
