"""Make tables and folded code of the pages speak to those who do not see them.

Whatever wrote a table, its header cells say what they head, none of them is empty, and it has a
caption: its own, or for a screen reader alone the heading that it stands under.
"""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from sphinx.application import Sphinx

PART = re.compile(r"<h([1-6])\b[^>]*>(.*?)</h\1>|<table\b[^>]*>.*?</table>", re.DOTALL)
HEAD = re.compile(r"<thead\b.*?</thead>", re.DOTALL)
CELL = re.compile(r"<th\b([^>]*)>(.*?)</th>", re.DOTALL)
OPENING = re.compile(r"<table\b[^>]*>")
TAG = re.compile(r"<[^>]+>")
# The theme names what folds a cell otherwise than the words that stand there.
FOLD = re.compile(r'(<summary) aria-label="Toggle hidden content"')


def readable(body: str) -> str:
    """The body of a page with its tables labelled."""
    heading, tables = "", 0

    def labelled(part: re.Match[str]) -> str:
        nonlocal heading, tables
        if part[1]:
            heading, tables = _words(part[2].replace("#</a>", "</a>")), 0
            return part[0]
        if 'class="highlighttable"' in part[0]:
            return part[0]
        tables += 1
        return with_caption(with_scopes(part[0]), f"{heading}: table {tables}")

    return FOLD.sub(r"\1", PART.sub(labelled, body))


def with_scopes(table: str) -> str:
    """The table with a scope at every header cell; an empty one heads nothing and is a plain one."""
    head = HEAD.search(table)
    end = head.end() if head else 0

    def scoped(cell: re.Match[str]) -> str:
        given, content = cell[1], cell[2]
        if not _words(content) and "<img" not in content:
            return f"<td{given}>{content}</td>"
        if "scope=" in given:
            return cell[0]
        across = "colgroup" if re.search(r'colspan="?(?!1\b)\d', given) else "col"
        down = "rowgroup" if re.search(r'rowspan="?(?!1\b)\d', given) else "row"
        return f'<th scope="{across if cell.start() < end else down}"{given}>{content}</th>'

    return CELL.sub(scoped, table)


def with_caption(table: str, text: str) -> str:
    """The table with this caption for a screen reader, if it has none."""
    if "<caption" in table:
        return table
    caption = f'<caption class="visually-hidden">{text}</caption>'
    return OPENING.sub(lambda tag: tag[0] + caption, table, count=1)


def _words(html: str) -> str:
    """What stands in the HTML as text, safe to stand in HTML again."""
    text = TAG.sub("", html).strip()
    return text if unescape(text).strip() else ""


def _label(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    if "body" in context:
        context["body"] = readable(context["body"])


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", _label)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
