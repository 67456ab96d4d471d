"""Sources and citations: each has its counterpart."""

import re

import pytest
from pybtex.database import parse_file

from book.extensions.references import with_items
from deepreshape.places import ROOT

SOURCES = parse_file(str(ROOT / "book" / "references.bib")).entries
PAGES = [*(ROOT / "book").glob("*.md"), *(ROOT / "notebooks").glob("*.ipynb")]


def cited() -> set[str]:
    found = [re.findall(r"\{cite:\w+\}`([^`]+)`", page.read_text("utf-8")) for page in PAGES]
    return {key.strip() for texts in found for text in texts for key in text.split(",")}


def test_every_source_is_cited_and_every_citation_has_a_source() -> None:
    assert cited() == {*SOURCES}


@pytest.mark.parametrize("key", SOURCES)
def test_a_source_says_who_wrote_what_and_when(key: str) -> None:
    entry = SOURCES[key]
    assert entry.persons["author"]
    assert entry.fields["title"]
    assert re.fullmatch(r"(19|20)\d\d", entry.fields["year"])
    assert key.endswith(entry.fields["year"]) or entry.fields["year"] in key or key == "seal"


def test_entries_of_a_list_are_its_items() -> None:
    html = '<div role="list"><div class="citation" role="doc-biblioentry">A</div></div>'
    assert (
        with_items(html) == '<div role="list"><div class="citation" role="listitem">A</div></div>'
    )
