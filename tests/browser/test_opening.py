"""The book opens in a browser, served and as files."""

from typing import Literal

import pytest

from tests.browser.visits import Opener


@pytest.mark.parametrize("over", ["http", "file"])
def test_the_first_page_opens(open_page: Opener, over: Literal["http", "file"]) -> None:
    visit = open_page("intro", over=over)
    assert visit.page.locator("article h1").is_visible()
    assert visit.outside == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colours_are_the_readers(open_page: Opener, scheme: Literal["light", "dark"]) -> None:
    page = open_page("intro", scheme=scheme).page
    assert page.locator("html").get_attribute("data-theme") == scheme
