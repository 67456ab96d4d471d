"""Counts and durations as they are written: 100K, 2.5M, 1G; 20s, 500ms, 1.5min."""

import re
from collections.abc import Mapping
from fractions import Fraction

THOUSANDS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
SECONDS = {
    "": Fraction(1),
    "ms": Fraction(1, 1000),
    "s": Fraction(1),
    "min": Fraction(60),
    "h": Fraction(3600),
}
MOST = 10**18
"""Of either."""
_WRITTEN = re.compile(r"(\d{1,3}(?:,\d{3})+|\d{1,20})(\.\d{1,9})?\s*([a-z]*)", re.ASCII | re.I)


def count(text: str) -> int:
    """A whole number above 0: 100K is 100,000. Raises ValueError."""
    said = f"{text!r} is not a whole number above 0 such as 50,000, 100K, 2.5M or 1G"
    value = _read(text, THOUSANDS, said)
    if value.denominator != 1:
        raise ValueError(said)
    return int(value)


def seconds(text: str) -> float:
    """Seconds above 0, where no unit is said too. Raises ValueError."""
    return float(_read(text, SECONDS, f"{text!r} is not a time above 0 such as 20s, 500ms or 2min"))


def _read(text: str, units: Mapping[str, int | Fraction], said: str) -> Fraction:
    match = _WRITTEN.fullmatch(text.strip())
    unit = match and units.get(match[3].lower())
    if not match or not unit:
        raise ValueError(said)
    value = Fraction(match[1].replace(",", "") + (match[2] or "")) * unit
    if not 0 < value <= MOST:
        raise ValueError(said if value <= MOST else f"{text!r} is beyond {MOST:.0e}")
    return value
