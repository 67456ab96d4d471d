"""Print the built book into one PDF: `python -m ci.pdf FOLDER FILE`.

A Chromium prints each page of the book as A4, in the order of its table of contents. A cover and
contents with page numbers stand before them; links from page to page lead inside the file.
CHROMIUM=... names the program where `chromium` on the path is not the one.
"""

from __future__ import annotations

import html
import io
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from urllib.parse import urldefrag

from playwright.sync_api import Browser, Page, PdfMargins, sync_playwright
from pypdf import PdfReader, PdfWriter
from pypdf.generic import ArrayObject, NameObject

from ci import serve
from deepreshape.paper.contents import FIRST, PARTS

TITLE = "DeepReShape, reproduced"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MARGIN: PdfMargins = {"top": "18mm", "bottom": "18mm", "left": "16mm", "right": "16mm"}
A4 = 'style="font: 9px sans-serif; width: 100%; text-align: center; color: #555"'
FOOTER = f'<div {A4}><span class="pageNumber"></span></div>'
READY = """() => Promise.all([
  document.fonts.ready,
  ...[...document.images].map((it) => { it.loading = "eager"; return it.decode().catch(() => 0); }),
  window.MathJax && new Promise((done) => {
    const wait = () => MathJax.startup?.promise ? MathJax.startup.promise.then(done)
      : setTimeout(wait, 20);
    wait();
  }),
])"""
CONTENTS = """<meta charset="utf-8"><style>
  body {{ font: 11pt/1.45 sans-serif; }} h1 {{ font-size: 28pt; margin: 60mm 0 6mm; }}
  h2 {{ font-size: 16pt; break-before: page; }} h3 {{ font-size: 11pt; margin: 4mm 0 1mm; }}
  p {{ display: flex; margin: 0; gap: 3mm; break-inside: avoid; }} p span:first-child {{ flex: 1; }}
</style><h1>{title}</h1><div>{lead}</div><h2>Contents</h2>{rows}"""


class PrintError(Exception):
    """The book cannot be printed; the message is for the reader."""


@dataclass(frozen=True)
class Chapter:
    """A page of the book, printed. part: what stands above it in the contents, if it is the
    first of its part."""

    name: str
    part: str
    title: str
    pages: PdfReader


def main(arguments: Sequence[str]) -> int:
    folder, file = Path(arguments[0]), Path(arguments[1])
    try:
        print_book(folder, file, program())
    except PrintError as error:
        print(f"pdf: {error}", file=sys.stderr)
        return 1
    print(f"pdf     {file}")
    return 0


def program() -> str:
    """The Chromium that is there."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        raise PrintError(
            "no Chromium here; install one (Debian: apt-get install chromium) or name it: "
            "CHROMIUM=..."
        )
    return found


def print_book(folder: Path, file: Path, chromium: str) -> None:
    """Print the pages of the folder into the file, which is whole or not written."""
    if not (folder / f"{FIRST}.html").is_file():
        raise PrintError(f"there is no book in {folder}; make book writes it")
    with opened(folder, chromium) as (browser, address):
        page = browser.new_page(color_scheme="light", reduced_motion="reduce")
        chapters = [printed(page, address, name, part) for name, part in order()]
        writer = bound(page, chapters, address)
    new = file.with_suffix(".new")
    with new.open("wb") as stream:
        writer.write(stream)
    new.replace(file)


def order() -> Iterator[tuple[str, str]]:
    """The pages in the order of the book, with the part that begins there, or nothing."""
    yield FIRST, ""
    for part, names in PARTS.items():
        for place, name in enumerate(names.split()):
            yield name, "" if place else part


@contextmanager
def opened(folder: Path, chromium: str) -> Iterator[tuple[Browser, str]]:
    """A browser, and the address at which it finds the folder."""
    with serve.server(folder) as server, sync_playwright() as playwright:
        Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser, f"http://{serve.HOST}:{server.server_port}/"
        browser.close()
        server.shutdown()


def printed(page: Page, address: str, name: str, part: str = "") -> Chapter:
    """A page of the book as A4."""
    page.goto(f"{address}{name}.html")
    page.emulate_media(media="print")
    page.evaluate(READY)
    title = page.title().removesuffix(f" — {TITLE}")
    return Chapter(name, part, title, as_pdf(page))


def as_pdf(page: Page, footer: str = "<span></span>") -> PdfReader:
    """What the browser prints of the page that it shows."""
    return PdfReader(
        io.BytesIO(
            page.pdf(
                format="A4",
                margin=MARGIN,
                print_background=True,
                display_header_footer=True,
                header_template="<span></span>",
                footer_template=footer,
            )
        )
    )


def bound(page: Page, chapters: Sequence[Chapter], address: str) -> PdfWriter:
    """One document: cover, contents, chapters; numbered, with an outline, links within it."""
    front = len(contents(page, chapters, [0] * len(chapters)).pages)
    starts = [front]
    for chapter in chapters:
        starts.append(starts[-1] + len(chapter.pages.pages))
    writer = PdfWriter()
    writer.append(contents(page, chapters, starts), import_outline=False)
    for chapter in chapters:
        writer.append(chapter.pages, import_outline=False)
    outline(writer, chapters, starts)
    number(writer, page, front)
    relink(writer, address, dict(zip((it.name for it in chapters), starts, strict=False)))
    writer.add_metadata({"/Title": TITLE})
    writer.compress_identical_objects()
    return writer


def contents(page: Page, chapters: Sequence[Chapter], starts: Sequence[int]) -> PdfReader:
    """Cover and contents. starts: the number of the first page of each chapter, from 0."""
    rows = [
        (f"<h3>{html.escape(chapter.part)}</h3>" if chapter.part else "")
        + f"<p><span>{html.escape(chapter.title)}</span><span>{start + 1}</span></p>"
        for chapter, start in zip(chapters, starts, strict=False)
    ]
    lead = "Every figure and table of the paper, recomputed: the pages of the book, printed."
    page.set_content(CONTENTS.format(title=TITLE, lead=lead, rows="".join(rows)))
    return as_pdf(page)


def outline(writer: PdfWriter, chapters: Sequence[Chapter], starts: Sequence[int]) -> None:
    """Bookmarks: parts, and under each its pages."""
    above = None
    for chapter, start in zip(chapters, starts, strict=False):
        if chapter.part:
            above = writer.add_outline_item(title=chapter.part, page_number=start)
        writer.add_outline_item(title=chapter.title, page_number=start, parent=above)


def number(writer: PdfWriter, page: Page, front: int) -> None:
    """Put its number at the foot of every page after the front."""
    total = len(writer.pages)
    blank = "<div>&nbsp;</div>"
    page.set_content("<style>div + div { break-before: page }</style>" + blank * total)
    numbers = as_pdf(page, FOOTER)
    for place in range(front, total):
        writer.pages[place].merge_page(numbers.pages[place])
        writer.pages[place].compress_content_streams()  # merging has unpacked them


def relink(writer: PdfWriter, address: str, starts: dict[str, int]) -> None:
    """Let links to pages of the book lead to where they begin in the document."""
    for page in writer.pages:
        for note in list(page.get("/Annots") or ()):
            link = note.get_object()
            action = link.get("/A")
            target = action.get_object().get("/URI") if action else None
            if isinstance(target, str) and target.startswith(address):
                name = Path(urldefrag(target[len(address) :])[0]).stem
                if name in starts:
                    del link["/A"]
                    goal = writer.pages[starts[name]].indirect_reference
                    link[NameObject("/Dest")] = ArrayObject([goal, NameObject("/Fit")])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
