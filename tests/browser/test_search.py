"""Readers' questions find their pages."""

from urllib.parse import quote_plus

import pytest

from tests.browser.visits import Opener


@pytest.mark.parametrize(
    ("question", "page"),
    [
        ("how long does fig12 take", "reproduce"),
        ("what is criticality", "glossary"),
        ("glossary", "glossary"),
    ],
)
def test_a_question_finds_its_page(open_page: Opener, question: str, page: str) -> None:
    visit = open_page(f"search?q={quote_plus(question)}")
    visit.page.wait_for_function("() => document.querySelectorAll('ul.search li').length > 0")
    visit.page.wait_for_function("() => !document.querySelector('#search-progress')?.textContent")
    links = visit.page.locator("ul.search li > a").evaluate_all("all => all.map(it => it.href)")
    found = [link.removeprefix(visit.base).split(".html")[0] for link in links]
    assert page in found[:5]
