"""Make the theme light: its icons as a small font, its scripts after the first paint.

The theme brings all of Font Awesome, 1.49 MB of it a script that holds up the page, for a dozen
icons. The icons that the built pages use become one style sheet with the font inside, which works
from a file too; templates/static/webpack-macros.html links it. Scripts are deferred, and MathJax is
asked for when the page has been painted.
"""

from __future__ import annotations

import base64
import io
import re
import shutil
from pathlib import Path
from typing import Any

import pydata_sphinx_theme
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from sphinx.application import Sphinx
from sphinx.builders.html._assets import _JavaScript

THEME = Path(pydata_sphinx_theme.__file__).parent / "theme" / "pydata_sphinx_theme"
FONT_AWESOME = THEME / "static" / "vendor" / "fontawesome"
NAME = re.compile(r"\bfa-[a-z0-9-]+")
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
GLYPH = re.compile(r"\\(f[0-9a-f]{3})|([\uf000-\uf8ff])", re.IGNORECASE)
# Rules that hold for every icon, whatever its name.
COMMON = {".fa", ".fas", ".fa-solid", ".fa-lg", ".fa-fw"}
# One rule of the theme asks for the font by the name of an earlier version.
ROOT = """.onthispage:after { font-family: "Font Awesome 6 Free" !important; }
:root {
  --fa-style-family-classic: "Font Awesome 6 Free";
  --fa-font-solid: normal 900 1em/1 "Font Awesome 6 Free";
}"""

# A formula that stands apart may be wider than a phone: the keyboard scrolls it.
AFTER_PAINT = """\
addEventListener("DOMContentLoaded", () => requestAnimationFrame(() => setTimeout(() => {
  const onload = () => MathJax.startup.promise.then(() => document
    .querySelectorAll('mjx-container[display="true"]').forEach((it) => { it.tabIndex = 0; }));
  document.head.append(Object.assign(document.createElement("script"), {src: "%s", onload}));
})));
"""


def icons(style: str, texts: list[str], font: Path) -> str:
    """The style sheet of the icons that the texts name or draw, with their font in it.

    style: Font Awesome's own style sheet; font: its solid icons, a TrueType file.
    """
    named = {f".{name}" for text in texts for name in NAME.findall(text)}
    kept = []
    for selectors, body in RULE.findall(style):
        plain = [selector.split(":")[0].strip() for selector in selectors.split(",")]
        wanted = [
            whole
            for whole, name in zip(selectors.split(","), plain, strict=True)
            if name in COMMON or ("content" in body and name in named)
        ]
        if wanted and "@" not in selectors:
            kept.append(f"{','.join(wanted)}{{{body}}}")
    drawn = [match for text in [*texts, *kept] for match in GLYPH.findall(text)]
    points = {int(code, 16) if code else ord(glyph) for code, glyph in drawn}
    face = (
        '@font-face{font-family:"Font Awesome 6 Free";font-weight:900;src:url('
        f"data:font/woff;base64,{base64.b64encode(subset(font, points)).decode()})}}"
    )
    return "\n".join([face, ROOT, *kept]) + "\n"


def subset(font: Path, points: set[int]) -> bytes:
    """The glyphs at these code points alone, as WOFF."""
    options = Options()
    options.flavor = "woff"
    with TTFont(font, recalcTimestamp=False) as opened:
        subsetter = Subsetter(options)
        subsetter.populate(unicodes=points)
        subsetter.subset(opened)
        opened.flavor = "woff"
        written = io.BytesIO()
        opened.save(written)
    return written.getvalue()


def write_icons(app: Sphinx, exception: Exception | None) -> None:
    """Write icons.css, and leave the theme's own icons out of the book."""
    if exception is not None or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    (awesome,) = FONT_AWESOME.iterdir()
    read = [*Path(app.outdir).glob("*.html"), *static.glob("s*/*.css"), *static.glob("s*/*.js")]
    texts = [path.read_text(encoding="utf-8") for path in read]
    style = (awesome / "css" / "all.min.css").read_text(encoding="utf-8")
    text = icons(style, texts, awesome / "webfonts" / "fa-solid-900.ttf")
    (static / "icons.css").write_text(text, encoding="utf-8")
    shutil.copy(awesome / "LICENSE.txt", static / "icons.LICENSE.txt")
    shutil.rmtree(static / "vendor", ignore_errors=True)


def defer_scripts(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Let no script file hold up the page. The theme's inline scripts need one of them at once,
    and the page of search runs what it loads in the order that it has."""
    if page == "search":
        return
    mathjax = str(app.config.mathjax_path)
    context["script_files"] = [
        _later(script, mathjax, context["pathto"]) for script in context["script_files"]
    ]


def _later(script: Any, mathjax: str, pathto: Any) -> Any:
    name = str(getattr(script, "filename", None) or "")
    if name.endswith(mathjax):
        body = AFTER_PAINT % pathto(name, 1)
        return _JavaScript("", priority=script.priority, body=body)
    if not name or name.endswith("documentation_options.js"):
        return script
    attributes = {**script.attributes, "defer": "defer"}
    return _JavaScript(script.filename, priority=script.priority, **attributes)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", defer_scripts, priority=900)
    app.connect("build-finished", write_icons, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
