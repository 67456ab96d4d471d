"""Warn when a built page would load something from another host.

A reader without a network must see the whole book. Every built page and style sheet is therefore
searched for resources that a browser fetches by itself: scripts, style sheets, icons, images,
frames, fonts. A hyperlink may lead anywhere, because only a click follows it.

The build turns warnings into errors (ci/build_book.py), so one outside resource fails it. What a
script file does once it runs is not looked at; an inline script that names an outside address is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urlsplit

from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

# Attributes whose address is fetched as soon as the page is shown.
FETCHED = {
    "audio": ("src",),
    "base": ("href",),  # not fetched, but it moves every relative address of the page
    "embed": ("src",),
    "iframe": ("src",),
    "image": ("href", "xlink:href"),  # in SVG
    "img": ("src", "srcset"),
    "input": ("src",),
    "link": ("href",),
    "object": ("data",),
    "script": ("src",),
    "source": ("src", "srcset"),
    "track": ("src",),
    "use": ("href", "xlink:href"),  # in SVG
    "video": ("src", "poster"),
}
# Relations of a <link> that only name another page.
NAMING = {"alternate", "author", "canonical", "help", "index", "license", "next", "prev", "search"}
SCRIPT_TYPES = {"", "module", "text/javascript", "application/javascript"}

CSS_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
CSS_ADDRESS = re.compile(
    r"""url\(\s*["']?([^"')]+)|@import\s+(?!url\()["']?([^"'\s;]+)""", re.IGNORECASE
)
# A quoted absolute address; XML namespaces are names, not addresses.
SCRIPT_ADDRESS = re.compile(r"""["'`]((?:https?:)?//(?!www\.w3\.org/)\w[^"'`\s]*)""", re.IGNORECASE)


def is_outside(address: str) -> bool:
    """Tell whether the address names a host; relative, data: and blob: addresses do not."""
    return bool(urlsplit(address.strip().replace("\\", "/")).netloc)


def outside_css(text: str) -> list[str]:
    """List the outside addresses that a style sheet imports or shows."""
    found = CSS_ADDRESS.findall(CSS_COMMENT.sub("", text))
    return [address for pair in found for address in pair if address and is_outside(address)]


def outside_html(text: str) -> list[str]:
    """List the outside resources that a page loads, each as ``<tag> address``."""
    page = _Page()
    page.feed(text)
    page.close()
    return page.outside


class _Page(HTMLParser):
    """Collects the outside resources of one page."""

    def __init__(self) -> None:
        super().__init__()
        self.outside: list[str] = []
        self._inside = ""  # "style" or "script" while their text is read

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._inside = tag if tag == "style" else ""
        if tag == "script" and given.get("type", "").lower() in SCRIPT_TYPES:
            self._inside = tag
        if "style" in given:
            self._add(tag, outside_css(given["style"]))
        if tag == "link" and set(given.get("rel", "").lower().split()) <= NAMING:
            return
        for name in FETCHED.get(tag, ()):
            value = given.get(name, "")
            addresses = _candidates(value) if name == "srcset" else [value]
            self._add(tag, [address for address in addresses if is_outside(address)])

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "style":
            self._add("style", outside_css(data))
        elif self._inside == "script":
            self._add("script", SCRIPT_ADDRESS.findall(data))

    def _add(self, tag: str, addresses: list[str]) -> None:
        self.outside += [f"<{tag}> {address}" for address in addresses]


def _candidates(srcset: str) -> list[str]:
    """Split ``a.png 1x, b.png 2x`` into its addresses."""
    return [candidate.split()[0] for candidate in srcset.split(",") if candidate.strip()]


def outside_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield (file, outside resource) for every page and style sheet under a folder."""
    for file in sorted(folder.rglob("*")):
        if file.suffix == ".html":
            found = outside_html(file.read_text(encoding="utf-8"))
        elif file.suffix == ".css":
            found = [f"url {address}" for address in outside_css(file.read_text(encoding="utf-8"))]
        else:
            continue
        yield from ((file, resource) for resource in found)


def _check(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    for file, resource in outside_files(Path(app.outdir)):
        page = file.relative_to(app.outdir).as_posix()
        logger.warning("%s loads from another host: %s", page, resource)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", _check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
