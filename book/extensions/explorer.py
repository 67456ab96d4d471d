"""The explorer, its search and live cells: directives, and the scripts of pages that have them.

    ```{explorer}
    ```

is the whole explorer, with the values of its first settings.

    ```{designs}
    ```

below it searches for designs within limits, by the explorer's input, classes, depths and order. It
has those within the first limits.

    ```{live} What it does, for readers who do not see it
    from deepreshape.design import hybrenet
    hybrenet(5, 5, 3).name
    ```

is code that a reader can edit and run. Its output is that of the library when the book is built;
code that raises fails the build. On the page the same library runs in the reader's browser.
"""

from __future__ import annotations

import json
from html import escape
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from deepreshape.paper.explorer import cells, form, search
from deepreshape.paper.explorer.answers import points
from deepreshape.paper.explorer.view import respond

SCRIPTS = {
    "live": ("engine.js", "live.js"),
    "explorer": (
        "engine.js",
        "vega/vega.min.js",
        "vega-lite/vega-lite.min.js",
        "vega-embed/vega-embed.min.js",
        "explorer.js",
    ),
    "designs": ("engine.js", "designs.js"),
}
"""What a page loads for each of the directives."""
AXES = {
    "relus": "ReLUs",
    "flops": "FLOPs",
    "paper": "seconds by the paper's model",
    "lan": "seconds over a LAN",
    "wan": "seconds over a WAN",
}


def explorer() -> str:
    """The explorer as HTML."""
    first, listed = respond({}), points()
    axes = "".join(f'<option value="{name}">{title}</option>' for name, title in AXES.items())
    data = json.dumps({"points": listed, "mine": first["mine"]}).replace("<", "\\u003c")
    return (
        f'<div class="ex">{form.form()}<div class="ex-right">'
        '<p class="ex-error" role="alert"></p><p class="ex-status" role="status"></p>'
        f'<div class="ex-results">{first["html"]}</div>'
        f'<p class="ex-summary ex-hidden" aria-live="polite">{escape(first["summary"])}</p></div>'
        '<div class="ex-below"><p class="ex-control"><label for="ex-axis">Accuracy against</label>'
        f'<select id="ex-axis">{axes}</select></p><div class="ex-plot" role="img"></div>'
        '<p class="ex-plot-text"></p><details><summary>The networks of the plot as a table'
        f"</summary>{form.table(listed)}</details></div>"
        f'<script type="application/json" class="ex-data">{data}</script></div>'
    )


def designs() -> str:
    """The search for designs as HTML."""
    first = search.respond({}, {})
    return (
        f'<div class="sg">{search.form()}<p class="sg-error" role="alert"></p>'
        '<p class="sg-status" role="status"></p>'
        f'<div class="sg-found">{first["html"]}</div></div>'
    )


def live(code: str, title: str) -> str:
    """A live cell as HTML. Raises `cells.CellError` where the code does."""
    output = cells.run(code)
    rows = max(2, len(code.splitlines()))
    return (
        f'<div class="live-cell"><textarea class="live-code" aria-label="{escape(title)}"'
        f' rows="{rows}" spellcheck="false" autocapitalize="off" readonly>{escape(code)}</textarea>'
        '<p class="live-buttons"><button type="button" class="live-run" disabled>Run</button>'
        '<button type="button" class="live-reset" disabled>Undo edits</button>'
        '<span class="live-status" role="status"></span></p>'
        '<pre class="live-output" aria-live="polite" tabindex="0" aria-label="Output">'
        f"{escape(output)}</pre></div>"
    )


class Explorer(SphinxDirective):
    """The directive `explorer`."""

    def run(self) -> list[nodes.Node]:
        _used(self, "explorer")
        self.env.note_reread()
        return [nodes.raw("", explorer(), format="html")]


class Designs(SphinxDirective):
    """The directive `designs`."""

    def run(self) -> list[nodes.Node]:
        _used(self, "designs")
        self.env.note_reread()
        return [nodes.raw("", designs(), format="html")]


class Live(SphinxDirective):
    """The directive `live`; its argument says what the code does."""

    has_content = True
    required_arguments = 1
    final_argument_whitespace = True

    def run(self) -> list[nodes.Node]:
        _used(self, "live")
        self.env.note_reread()
        code = "\n".join(self.content)
        try:
            return [nodes.raw("", live(code, self.arguments[0]), format="html")]
        except cells.CellError as error:
            return [self.state.document.reporter.warning(f"live cell: {error}", line=self.lineno)]


def _used(directive: SphinxDirective, name: str) -> None:
    """Remember that a page has a directive."""
    metadata = directive.env.metadata[directive.env.docname]
    metadata["explorer"] = [*metadata.get("explorer", []), name]


def _scripts(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    """Give a page the scripts and the style sheet of its directives, at its end."""
    used = app.env.metadata.get(page, {}).get("explorer", [])
    for script in dict.fromkeys(script for name in used for script in SCRIPTS[name]):
        app.add_js_file(script, loading_method="defer")
    if used:
        app.add_css_file("explorer.css")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("explorer", Explorer)
    app.add_directive("designs", Designs)
    app.add_directive("live", Live)
    app.connect("html-page-context", _scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
