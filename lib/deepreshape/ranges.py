"""Lists of whole numbers as they are written: 2,3,4, or 1-5, or 1,3-5."""

import re

MOST = 10_000
"""Numbers of a list."""
_NUMBER = r"-?\d{1,40}"
_ITEM = re.compile(rf"({_NUMBER})(?:-(\d{{1,40}}))?", re.ASCII)


def whole_numbers(text: str) -> tuple[int, ...]:
    """The numbers of a list, in its order. Raises ValueError."""
    found: list[int] = []
    for item in text.split(","):
        match = _ITEM.fullmatch(item)
        if not match:
            raise ValueError(f"{text!r} is not a list of whole numbers such as 2,3,4 or 1-5")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(f"{item!r} in {text!r} ends before it begins")
        if len(found) + last - first >= MOST:
            raise ValueError(f"{text!r} are more than {MOST:,} numbers")
        found += range(first, last + 1)
    return tuple(found)
