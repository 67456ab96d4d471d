"""The book on paper: what is on a page is in the PDF."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from pypdf import PdfReader

from ci import pdf

WIDEST = ("fig12", "table10", "table7", "errata", "security")
CELLS = "() => [...document.querySelectorAll('article td')].map((it) => it.innerText)"
CODE = "() => [...document.querySelectorAll('article pre')].map((it) => it.textContent)"


def bare(text: str) -> str:
    """Letters and digits alone: a line may break anywhere, and a ligature is one glyph."""
    return re.sub(r"[^0-9A-Za-z]", "", text)


@pytest.mark.parametrize("name", WIDEST)
def test_every_cell_and_line_of_code_is_printed(browser: Browser, address: str, name: str) -> None:
    page = browser.new_page()
    chapter = pdf.printed(page, address, name)
    text = bare("".join(sheet.extract_text() for sheet in chapter.pages.pages))
    wanted = {bare(cell) for cell in page.evaluate(CELLS)}
    wanted |= {bare(line) for code in page.evaluate(CODE) for line in code.splitlines()}
    page.close()
    assert len(wanted) > 20
    assert [cell for cell in wanted if cell not in text] == []


def test_pages_are_bound_with_contents_numbers_and_links(
    browser: Browser, address: str, tmp_path: Path
) -> None:
    page = browser.new_page()
    names = ("intro", "conventions", "errata")
    chapters = [pdf.printed(page, address, name, "Part" * (name != "intro")) for name in names]
    pdf.bound(page, chapters, address).write(tmp_path / "book.pdf")
    page.close()
    book = PdfReader(tmp_path / "book.pdf")
    assert str(getattr(book.outline[0], "title", "")) == chapters[0].title
    text = [sheet.extract_text() for sheet in book.pages]
    start = next(place for place, of in enumerate(text) if of.startswith(chapters[2].title))
    assert any(re.search(rf"{chapters[2].title}\s*{start + 1}\b", of) for of in text[:start])
    assert str(start + 1) in text[start].split()[-3:]
    notes = [note.get_object() for sheet in book.pages for note in sheet.get("/Annots") or ()]
    links = [note["/A"].get("/URI", "") for note in notes if "/A" in note]
    assert not [link for link in links if link.startswith(f"{address}errata.html")]
    assert any(note.get("/Dest") for note in notes)
