"""How soon a page shows on a slow line, from the project's own server."""

import pytest
from playwright.sync_api import Browser

PAGES = ("intro", "fig12", "table10", "security", "errata")
"""The first one, pictures, formulas, and much text."""
LIMIT = 3.0
"""Seconds until something is painted."""
LINE = {
    "offline": False,
    "latency": 100,
    "downloadThroughput": 1.6e6 / 8,
    "uploadThroughput": 0.75e6 / 8,
}
"""1.6 Mbit/s."""
PAINTED = """() => new Promise((done) => new PerformanceObserver((list) => {
  const [first] = list.getEntriesByName("first-contentful-paint");
  if (first) done(first.startTime / 1000);
}).observe({type: "paint", buffered: true}))"""


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_painted_soon_on_a_slow_line(browser: Browser, address: str, name: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 900})
    page = context.new_page()
    line = context.new_cdp_session(page)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", LINE)
    page.goto(f"{address}{name}.html", wait_until="commit")
    seconds = page.evaluate(PAINTED)
    context.close()
    assert seconds < LIMIT
