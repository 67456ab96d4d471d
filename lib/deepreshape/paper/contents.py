"""The pages of the book: a register of them all, and the lists of them that other tools read.

python -m deepreshape.paper.contents  # writes these lists: book/_toc.yml and ci/contents.mk
"""

from collections.abc import Iterable
from textwrap import wrap

from deepreshape.paper.trained.experiments import EXPERIMENTS, by_number
from deepreshape.places import ROOT

FIRST = "intro"
PARTS = {
    "Start": "status review",
    "Learn": (
        "learn-picture learn-numbers learn-criticality learn-equalization learn-fewer learn-reuse"
        " learn-distillation learn-cost learn-secrecy"
    ),
    "Play": "explorer exercises teacher solutions",
    "Design": "fig2 table1 table2 fig3a fig3b fig3c fig3d fig3e fig3f",
    "Input networks": "table3 fig5 table4 fig6 fig7 table5",
    "Equalization": (
        "table10 table11 fig8 fig4a fig4b fig4c fig14 fig15 fig16 fig17 fig18 fig19 table12 fig21"
        " table15 table16 fig13 table17"
    ),
    "Fewer ReLUs": "fig10 fig20 fig9 table9 fig12 fig22 fig23 table6 table13 table14",
    "Private inference": "fig1 table7 fig11 table8 protocols",
    "The paper's numbers": "conventions errata",
    "How it is done here": "methods short",
    "Use": (
        "tutorial ten-lines own-work private security reproduce costs campaign author api"
        " troubleshooting glossary references citing changes"
    ),
}
"""The book's parts, and the pages of each in order."""

PAGES = (FIRST, *(page for part in PARTS.values() for page in part.split()))
WRITTEN = tuple(page for page in PAGES if (ROOT / "book" / f"{page}.md").is_file())
"""Text, in book/; all other pages are notebooks."""
RECORDED = (
    FIRST,
    "short",
    "status",
    "costs",
    "campaign",
    "learn-criticality",
    "learn-reuse",
    "learn-distillation",
)
"""Read from the records that the repository keeps."""
WALKED = ("tutorial", "ten-lines")
"""What shows how it is done on a few images, and trains what it shows within minutes."""

TRAINED = tuple(EXPERIMENTS)
"""What trains networks: the pages of experiments, and what needs no training on the same pages."""
EXACT = tuple(sorted({*PAGES} - {*WRITTEN, *RECORDED, *TRAINED, *WALKED}, key=by_number))
"""What is computed without training."""
PLAIN = ("exercises", "teacher", "solutions", *WALKED)
"""What has no picture and no table of numbers."""


def for_sphinx() -> str:
    """The book's table of contents, as sphinx-external-toc reads it."""
    lines = [f"# {MADE}", "format: jb-book", f"root: {FIRST}", "parts:"]
    for caption, part in PARTS.items():
        lines += [f"  - caption: {caption}", "    chapters:"]
        lines += [f"      - file: {page}" for page in part.split()]
    return "\n".join(lines) + "\n"


def for_make() -> str:
    """The notebooks by their kind, as the Makefile includes them."""
    lists = {
        "EXACT": EXACT,
        "TRAINED": TRAINED,
        "RECORDED": RECORDED,
        "WALKED": WALKED,
        "PLAIN": PLAIN,
    }
    return f"# {MADE}\n" + "".join(f"{name} := {_folded(pages)}\n" for name, pages in lists.items())


MADE = "Written by `make contents` from deepreshape/paper/contents.py."


def _folded(pages: Iterable[str]) -> str:
    return " \\\n  ".join(wrap(" ".join(pages), 90, break_on_hyphens=False))


LISTS = {"book/_toc.yml": for_sphinx, "ci/contents.mk": for_make}
"""By its place in the checkout, what each list holds."""

if __name__ == "__main__":
    for place, text in LISTS.items():
        (ROOT / place).write_text(text(), encoding="utf-8")
