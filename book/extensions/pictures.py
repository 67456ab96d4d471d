"""Show the narrow version of a picture on a narrow screen.

A cell's output may hold a picture twice: as SVG, and under a type of its own as SVG laid out for a
narrow screen (deepreshape.paper.figures.narrow). Only the one that fits is fetched.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from deepreshape.paper.figures.narrow import MIME

SCREEN = "(max-width: 40rem)"
IMAGE = re.compile(r'<img\b[^>]*\bsrc="([^"]*?)([0-9a-f]{64})\.svg"[^>]*>')


def narrow_versions(notebook: Path) -> Iterator[tuple[str, str]]:
    """(hash of a picture, narrow picture) for each output that has both."""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if MIME in data and "image/svg+xml" in data:
                yield digest("".join(data["image/svg+xml"])), "".join(data[MIME])


def digest(text: str) -> str:
    """What MyST-NB names the file of an output by."""
    return hashlib.sha256("\n".join(text.splitlines()).encode()).hexdigest()


def with_narrow(body: str, files: dict[str, str]) -> str:
    """The body with both versions where an image has two; any other may have to scroll, with the
    keyboard too. files: by the hash of an image, the name of its narrow one beside it."""

    def both(image: re.Match[str]) -> str:
        folder, wide = image[1], image[2]
        if wide not in files:
            return f'<div class="drawing" tabindex="0">{image[0]}</div>'
        source = f'<source media="{SCREEN}" srcset="{folder}{files[wide]}">'
        return f"<picture>{source}{image[0]}</picture>"

    return IMAGE.sub(both, body)


def _hide(app: Sphinx, page: str, source: list[str]) -> None:
    """Keep from MyST-NB the type that it does not know."""
    if MIME in source[0] and Path(app.env.doc2path(page)).suffix == ".ipynb":
        notebook = json.loads(source[0])
        for cell in notebook["cells"]:
            for output in cell.get("outputs", ()):
                output.get("data", {}).pop(MIME, None)
        source[0] = json.dumps(notebook)


def _add(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    if "body" not in context or page not in app.env.found_docs:
        return
    notebook = Path(app.env.doc2path(page))
    if notebook.suffix != ".ipynb":
        return
    files = {}
    folder = Path(app.outdir) / "_images"
    for wide, text in narrow_versions(notebook):
        files[wide] = f"{digest(text)}.svg"
        folder.mkdir(exist_ok=True)
        (folder / files[wide]).write_text(text, encoding="utf-8")
    context["body"] = with_narrow(context["body"], files)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", _hide)
    app.connect("html-page-context", _add)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
