"""The book's page on citing shows the entries that follow from CITATION.cff."""

import re

from deepreshape import __version__
from deepreshape.paper import citing
from deepreshape.places import ROOT


def test_the_page_has_both_entries_as_they_are() -> None:
    page = (ROOT / "book" / "citing.md").read_text(encoding="utf-8")
    assert re.findall(r"```bibtex\n(.*?)\n```", page, re.S) == [citing.paper(), citing.edition()]


def test_the_edition_is_of_this_version() -> None:
    assert citing.cited()["version"] == __version__
