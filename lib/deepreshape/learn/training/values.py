"""Settings as frozen values: which numbers they refuse, and how they are written down in full."""

import math
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any


def as_floats(value: object, *names: str) -> None:
    """Make these fields of a frozen value floats. Raises ValueError where one is not finite."""
    for name in names:
        number = float(getattr(value, name))
        if not math.isfinite(number):
            raise ValueError(f"{name} must be finite, not {number}")
        object.__setattr__(value, name, number)


def require_at_least_one(value: object, *names: str) -> None:
    """Raise ValueError, as all of these do, for the first of the fields that is not so."""
    _require(value, names, lambda number: number >= 1, "be at least 1")


def require_positive(value: object, *names: str) -> None:
    _require(value, names, lambda number: number > 0, "be positive")


def require_not_negative(value: object, *names: str) -> None:
    _require(value, names, lambda number: number >= 0, "not be negative")


def require_below_one(value: object, *names: str) -> None:
    _require(value, names, lambda number: 0 <= number < 1, "lie in [0, 1)")


def _require(
    value: object, names: tuple[str, ...], holds: Callable[[float], bool], what: str
) -> None:
    for name in names:
        number = getattr(value, name)
        if not holds(number):
            raise ValueError(f"{name} must {what}, not {number}")


def described(value: Any) -> dict[str, Any]:
    """A frozen dataclass as plain JSON values: every field, so that what it says does not depend
    on the defaults of a version."""
    return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}


def named(value: Any) -> dict[str, Any]:
    """The same, and which class it is of."""
    return {"kind": type(value).__name__, **described(value)}


def _plain(part: Any) -> Any:
    if is_dataclass(part):
        return named(part)
    return [_plain(each) for each in part] if isinstance(part, tuple) else part
