"""Let a page's link to its picture lead to the file that is shown.

A notebook says where such a link stands, by its class and the name to save as; the file of a
picture gets its name in the build. A link without a picture before it goes.
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Any

from sphinx.application import Sphinx

PART = re.compile(
    r'<img\b[^>]*\bsrc="(?P<source>[^"]+)"[^>]*>'
    r'|<a class="picture-file" download="(?P<name>[^"]+)">[^<]*</a>(?:, )?'
)


def linked(body: str) -> str:
    """The body with every such link leading to the last picture before it."""
    last = ""

    def link(part: re.Match[str]) -> str:
        nonlocal last
        if part["source"]:
            last = part["source"]
            return part[0]
        if not last:
            return ""
        ending = PurePosixPath(last).suffix
        called = f"{part['name']}{ending}"
        return f'<a class="picture-file" download="{called}" href="{last}">{called}</a>' + (
            ", " if part[0].endswith(", ") else ""
        )

    return PART.sub(link, body)


def _link(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    if "body" in context:
        context["body"] = linked(context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", _link)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
