"""The Makefile's lists of pages."""

import re
from pathlib import Path

LISTS = Path(__file__).parents[1] / "ci" / "contents.mk"


def pages(kind: str) -> list[str]:
    """The names in the list EXACT (no training needed), TRAINED, RECORDED (read from the records
    of the repository) or WALKED (trained on the page), whatever lines they are on."""
    text = LISTS.read_text(encoding="utf-8").replace("\\\n", " ")
    (listed,) = re.findall(rf"^{kind} := (.*)$", text, re.M)
    return str(listed).split()


EXACT, TRAINED, RECORDED = pages("EXACT"), pages("TRAINED"), pages("RECORDED")
WALKED = pages("WALKED")
