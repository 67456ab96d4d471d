"""Let the search take questions: the words that only ask are not looked for.

Sphinx's search shows pages that have every word, and titles and terms that have the whole query. Of
"what is criticality" the last word is looked for, and what the glossary says of it comes first.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx
from sphinx.builders.html._assets import _JavaScript

ASKING = "an? are can do does how i is the was what when where which who why"

_SCRIPT = """\
document.addEventListener("DOMContentLoaded", () => {
  const search = Search.query;
  const asking = /\\b(?:ASKING)\\b/gi;
  const plain = (query) => query.replace(asking, " ").replace(/[?\\s]+/g, " ").trim() || query;
  Search.query = (query) => search(plain(query));
  Scorer.score = ([page, , , , score]) => score + (page === "glossary" ? 20 : 0);
});
"""
SCRIPT = _SCRIPT.replace("ASKING", ASKING.replace(" ", "|"))


def _listen(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    if page == "search":
        context["script_files"] = [*context["script_files"], _JavaScript("", body=SCRIPT)]


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", _listen)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
