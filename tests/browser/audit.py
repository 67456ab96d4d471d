"""What is wrong with a page as a reader meets it: one visit for a width, in light and in dark."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urldefrag

from deepreshape.paper.contents import FIRST, PAGES
from tests.browser.visits import NARROW, WIDE, Opener, Visit

HERE = Path(__file__).parent
LOOK = (HERE / "look.js").read_text(encoding="utf-8")
WORDS = (HERE / "words.js").read_text(encoding="utf-8")
AXE = HERE / "third_party" / "axe-core" / "axe.min.js"
EVERY = (FIRST, *PAGES)

SMALLEST = 6.5
"""Height of a letter's em in CSS pixels, subscripts included."""
PAPER = 672
"""CSS pixels of A4 between margins of 16 mm."""
HEAVIEST = 600
"""Kilobytes, compressed, of a page with all that it shows."""
COLOURS = ["color-contrast"]
VIEWS: list[tuple[int, Literal["light", "dark"], list[str] | None]] = [
    (WIDE, "light", None),
    (WIDE, "dark", COLOURS),
    (NARROW, "dark", None),
    (NARROW, "light", COLOURS),
]

# Whatever serious or critical; `only` narrows it to rules that colours decide.
RUN = """async (only) => {
  const options = {resultTypes: ["violations"], ...(only && {runOnly: only})};
  const {violations} = await axe.run(document, options);
  return violations.filter(({impact}) => ["serious", "critical"].includes(impact))
    .flatMap(({id, nodes}) => nodes.map((it) => `${id}: ${it.target} ${it.html.slice(0, 90)}`));
}"""

# The smallest letters of each SVG picture as shown. matplotlib draws letters as outlines whose em
# is 100 units, scaled.
LETTERS = """() => Promise.all([...document.querySelectorAll("article img")]
  .filter((it) => it.currentSrc.endsWith(".svg") && it.checkVisibility())
  .map(async (it) => {
    it.loading = "eager";
    await it.decode();
    const text = await (await fetch(it.currentSrc)).text();
    const wide = parseFloat(text.match(/viewBox="[\\d.-]+ [\\d.-]+ ([\\d.]+)/)[1]);
    const ems = [...text.matchAll(/scale\\((0\\.\\d+) -0/g)].map((found) => 100 * found[1]);
    const size = Math.min(...ems) * it.getBoundingClientRect().width / wide;
    return {source: it.currentSrc, size: Number.isFinite(size) ? size : 99};
  }))"""

CUT = """() => [...document.querySelectorAll("article *")].filter((it) => {
  if (!it.checkVisibility() || it.closest("svg, .math, .visually-hidden")) return false;
  const hides = getComputedStyle(it).overflowX !== "visible";
  return it.getBoundingClientRect().right > innerWidth + 1 ||
    (hides && it.scrollWidth > it.clientWidth + 1);
}).map((it) => `${it.tagName}.${it.className} ${it.textContent.trim().slice(0, 50)}`).slice(0, 5)"""

# The theme lets the keyboard reach what scrolls a moment after the window has another width.
SETTLED = """() => new Promise((done) => {
  const scrolls = [...document.querySelectorAll("pre, .output, .pst-scrollable-table-container")];
  const wait = (times) => times && scrolls.some((it) =>
    it.scrollWidth > it.clientWidth && it.tabIndex < 0) ? setTimeout(wait, 50, times - 1) : done();
  wait(40);
})"""

Shown = dict[str, Any]


def findings(open_page: Opener, name: str, html: Path) -> list[str]:
    """Everything wrong with the page, a line each; none if all is well. One visit sees it wide and
    narrow, light and dark; all rules are checked at both widths, colours in all four views."""
    visit = open_page(name, WIDE, "light")
    typeset(visit)
    found = list(heavy(visit))
    visit.page.add_script_tag(path=AXE)
    shown = visit.page.evaluate(LOOK)
    found += [f"dead link: {link}" for link in dead(shown["links"], visit.base, html)]
    found += [f"raw TeX: {text}" for text in shown["raw"]]
    found += [line for picture in shown["pictures"] for line in undescribed(picture)]
    found += [line for table in shown["tables"] for line in unlabelled(table)]
    found += [
        f"a cell wider than the page: {text}" for it in shown["tables"] for text in it["endless"]
    ]
    for width, scheme, rules in VIEWS:
        visit.page.set_viewport_size({"width": width, "height": 900})
        visit.page.emulate_media(color_scheme=scheme)
        visit.page.evaluate(SETTLED)
        view = f"{width} {scheme}: "
        found += [view + line for line in visit.page.evaluate(RUN, rules)]
        looked = visit.page.evaluate(LOOK)
        found += [view + line for line in layout(looked)]
        if scheme == "light":
            found += [view + line for line in visit.page.evaluate(WORDS)]
        if (width, scheme) == (NARROW, "light"):
            pictures = visit.page.evaluate(LETTERS)
            found += [view + line for line in small(pictures)]
    found += printing(visit)
    found += [f"asks another host: {url}" for url in visit.outside]
    return found + [f"console: {line}" for line in visit.errors]


def heavy(visit: Visit) -> Iterator[str]:
    """More than a first visit may cost, as sent."""
    visit.page.wait_for_load_state("networkidle")
    answered = [it for it in visit.asked if it.url.startswith("http") and it.response()]
    kilobytes = sum(it.sizes()["responseBodySize"] for it in answered) / 1000
    if kilobytes > HEAVIEST:
        yield f"weighs {kilobytes:.0f} KB"


def typeset(visit: Visit) -> None:
    """Wait until formulas are drawn, where the page has some."""
    visit.page.evaluate(
        """() => window.MathJax && new Promise((done) => {
          const wait = () => MathJax.startup?.promise ? MathJax.startup.promise.then(done)
            : setTimeout(wait, 20);
          wait();
        })"""
    )


def layout(shown: Shown) -> Iterator[str]:
    """What does not fit into the window, or is too small to read there."""
    if shown["overflow"] > 0:
        yield f"{shown['overflow']} px too wide: {shown['sticking']}"


def small(pictures: list[Shown]) -> Iterator[str]:
    """Pictures of which a letter is smaller than a reader can make out."""
    for picture in pictures:
        if picture["size"] < SMALLEST:
            yield f"letters of {picture['size']:.1f} px in {picture['source'][-16:]}"


def printing(visit: Visit) -> list[str]:
    """What an A4 page would cut off."""
    visit.page.emulate_media(media="print", color_scheme="light")
    visit.page.set_viewport_size({"width": PAPER, "height": 1000})
    return [f"cut off on paper: {it}" for it in visit.page.evaluate(CUT)]


def undescribed(picture: Shown) -> Iterator[str]:
    """A picture whose text is no sentence: a reader who does not see it learns nothing."""
    text = picture["text"]
    if len(text.split()) < 4 or re.search(r"\.(png|svg)$|/", text.split()[-1] if text else ""):
        yield f"picture {picture['source']} has the text {text!r}"


def unlabelled(table: Shown) -> Iterator[str]:
    """A table without a caption, with empty header cells, or with ones that head nothing."""
    if not table["caption"]:
        yield f"table without caption at {table['where']}"
    for what in ("bare", "empty"):
        if table[what]:
            yield f"table with {table[what]} {what} header cells at {table['where']}"


def dead(links: list[str], base: str, html: Path) -> Iterator[str]:
    """The links into the book that lead nowhere."""
    for link in dict.fromkeys(links):
        if link.startswith(base):
            path, place = urldefrag(link[len(base) :].split("?")[0])
            file = html / unquote(path or "index.html")
            if not file.is_file() or (place and unquote(place) not in places(file)):
                yield link[len(base) :]


@cache
def places(file: Path) -> frozenset[str]:
    """The anchors of a page."""
    if file.suffix != ".html":
        return frozenset()
    return frozenset(re.findall(r'\b(?:id|name)="([^"]+)"', file.read_text(encoding="utf-8")))
