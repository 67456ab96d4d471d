"""A drawing of the library on a Markdown page:

```{drawing} reuse_drawing.block
```

shows what the function `block` of `deepreshape.paper.figures.reuse_drawing` returns. The SVG stands
in the page itself, so that it has the page's colours.
"""

from __future__ import annotations

from importlib import import_module
from inspect import getfile

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from deepreshape.paper.figures.drawings import Drawing


def drawn(name: str) -> Drawing:
    """The drawing that `module.function` makes. Raises ImportError, AttributeError or TypeError."""
    module, _, function = name.rpartition(".")
    made = getattr(import_module(f"deepreshape.paper.figures.{module}"), function)()
    if not isinstance(made, Drawing):
        raise TypeError(f"{name} makes no drawing")
    return made


class Drawn(SphinxDirective):
    """The directive `drawing`; its argument is `module.function`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        (name,) = self.arguments
        try:
            made = drawn(name)
        except (ImportError, AttributeError, TypeError) as error:
            raise self.error(f"no drawing {name}: {error}") from error
        module = import_module(f"deepreshape.paper.figures.{name.rpartition('.')[0]}")
        self.env.note_dependency(getfile(module))
        return [nodes.raw("", f'<div class="drawn">{made.svg()}</div>', format="html")]


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("drawing", Drawn)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
