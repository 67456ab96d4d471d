"""A page of the built book in a browser, and what it asked for and complained of there."""

from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Page, Request

WIDE, NARROW = 1440, 390
"""Widths of a window, in CSS pixels: a desk's and a phone's."""


@dataclass
class Visit:
    """A page that was opened. base: the address of the book's folder, ending in a slash."""

    page: Page
    base: str
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", self._asked)
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("requestfailed", lambda it: self.errors.append(f"{it.url}: {it.failure}"))
        self.page.on(
            "response",
            lambda it: self.errors.append(f"{it.url}: {it.status}") if it.status >= 400 else None,
        )

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(message.text)

    @property
    def outside(self) -> list[str]:
        """The addresses asked for that are not of the book."""
        return [url for url in self.requests if not url.startswith((self.base, "data:", "blob:"))]

    def go(self, name: str) -> None:
        """Open the page of that name, `#place` and `?query` allowed, and wait until it has
        loaded."""
        stem, mark = next(((name.split(m)[0], m) for m in "?#" if m in name), (name, ""))
        rest = name[len(stem) :] if mark else ""
        self.page.goto(f"{self.base}{stem}.html{rest}", wait_until="load")


Opener = Callable[..., Visit]
"""open_page(name, width=WIDE, scheme="light", over="http") opens a page of the book by its name.
scheme: `light` or `dark`, as the system's; over: `http` or `file`."""
