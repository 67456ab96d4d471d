"""What is wrong with a page as a reader meets it: one visit for a width, in light and in dark."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

from deepreshape.paper.contents import FIRST, PAGES
from tests.browser.visits import Opener, Visit

HERE = Path(__file__).parent
LOOK = (HERE / "look.js").read_text(encoding="utf-8")
AXE = HERE / "third_party" / "axe-core" / "axe.min.js"
EVERY = (FIRST, *PAGES)

# Whatever serious or critical; `only` narrows it to rules that colours decide.
RUN = """async (only) => {
  const options = {resultTypes: ["violations"], ...(only && {runOnly: only})};
  const {violations} = await axe.run(document, options);
  return violations.filter(({impact}) => ["serious", "critical"].includes(impact))
    .flatMap(({id, nodes}) => nodes.map(({target, html}) => `${id}: ${target} ${html.slice(0, 90)}`));
}"""

Shown = dict[str, Any]


def findings(open_page: Opener, name: str, width: int, html: Path) -> list[str]:
    """Everything wrong with the page at that width, a line each; none if all is well."""
    visit = open_page(name, width)
    visit.page.add_script_tag(path=AXE)
    typeset(visit)
    shown = visit.page.evaluate(LOOK)
    found = [f"asks another host: {url}" for url in visit.outside]
    found += [f"light: {line}" for line in visit.page.evaluate(RUN, None)]
    visit.page.emulate_media(color_scheme="dark")
    found += [f"dark: {line}" for line in visit.page.evaluate(RUN, ["color-contrast"])]
    found += layout(shown, width)
    found += [f"dead link: {link}" for link in dead(shown["links"], visit.base, html)]
    found += [f"raw TeX: {text}" for text in shown["raw"]]
    found += [line for picture in shown["pictures"] for line in undescribed(picture)]
    found += [line for table in shown["tables"] for line in unlabelled(table)]
    return found + [f"console: {line}" for line in visit.errors]


def typeset(visit: Visit) -> None:
    """Wait until formulas are drawn, where the page has some."""
    visit.page.evaluate(
        """() => window.MathJax && new Promise((done) => {
          const wait = () => MathJax.startup?.promise ? MathJax.startup.promise.then(done)
            : setTimeout(wait, 20);
          wait();
        })"""
    )


def layout(shown: Shown, width: int) -> Iterator[str]:
    """What does not fit into the window."""
    if shown["overflow"] > 0:
        yield f"{shown['overflow']} px wider than {width}: {shown['sticking']}"


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
