"""The built book and a Chromium to read it with.

Without a Chromium these tests are skipped and say so; where CI_BROWSER=1 they fail.
CHROMIUM=... names the program where `chromium` on the path is not the one.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Literal

import pytest
from filelock import FileLock
from playwright.sync_api import Browser, sync_playwright

from ci import build_book, page_python, serve
from tests.browser.visits import WIDE, Opener, Visit

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "build" / "browser"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a browser, so that `-m browser` and `-m "not browser"` choose."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    missing = "no Chromium: install one (Debian: apt-get install chromium) or name it: CHROMIUM=..."
    if os.environ.get("CI_BROWSER") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def html(chromium: str) -> Path:
    """The folder of the book's pages, built from the committed notebooks; other processes wait."""
    OUT.mkdir(parents=True, exist_ok=True)
    with FileLock(OUT / "lock"):
        page_python.have(page_python.FOLDER)  # where it cannot be fetched, the pages say so
        return build_book.build(ROOT / "book", [ROOT / "notebooks"], OUT).parent


@pytest.fixture(scope="session")
def address(html: Path) -> Iterator[str]:
    """Where the project's own server offers the book, with a slash at the end."""
    with serve.server(html) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://{serve.HOST}:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for all tests of a process; every visit has a context of its own in it."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def open_page(browser: Browser, html: Path, address: str) -> Iterator[Opener]:
    """See `Opener`; what a test opened is closed after it."""
    contexts = []

    def opened(
        name: str,
        width: int = WIDE,
        scheme: Literal["light", "dark"] = "light",
        over: Literal["http", "file"] = "http",
    ) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
        )
        contexts.append(context)
        visit = Visit(context.new_page(), address if over == "http" else f"{html.as_uri()}/")
        visit.go(name)
        return visit

    yield opened
    for context in contexts:
        context.close()
