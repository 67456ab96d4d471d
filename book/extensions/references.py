"""Give the entries of a bibliography the role that their list asks for.

docutils writes a list whose children have a role of their own, `doc-biblioentry`; a list has items,
and assistive software counts none in it.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx


def with_items(body: str) -> str:
    """A page's HTML, with its sources as items of a list."""
    return body.replace('role="doc-biblioentry"', 'role="listitem"')


def _mend(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: object) -> None:
    if "body" in context:
        context["body"] = with_items(context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", _mend)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
