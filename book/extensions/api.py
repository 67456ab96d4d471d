"""The library's public names as a page: signatures and docstrings, read from the sources.

    ```{public} deepreshape.design
    ```

shows every name that a package calls public: what it imports, and what its docstring lists, a
module and its names a line, such as

    runs.run    Run

Sources are parsed and not imported: no build waits for torch, and a signature is as it was written.
Docstrings are Markdown, and a paragraph of theirs that begins with `>>>` is an example.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import nested_parse_with_titles

LISTED = re.compile(r"^ {4}([\w.]+)  +(\w+(?:, \w+)*)$", re.MULTILINE)
WIDTH = 88  # of a signature, in characters

Definition = ast.FunctionDef | ast.ClassDef | ast.Assign


@dataclass(frozen=True)
class Name:
    """A public name and the module to import it from."""

    name: str
    place: str


@dataclass(frozen=True)
class Defined:
    """What defines a name, in which module, and what is said of it there."""

    node: Definition
    module: str
    said: str


@cache
def source(module: str) -> Path:
    """The file of a module. Raises ModuleNotFoundError."""
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(module)
    return Path(spec.origin)


def parsed(module: str) -> ast.Module:
    return ast.parse(source(module).read_text(encoding="utf-8"))


def statements(tree: ast.Module) -> Iterator[ast.stmt]:
    """Those of a module, and what it imports for types: names that are there when asked for."""
    for node in tree.body:
        yield node
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            yield from node.body


def public(package: str) -> list[Name]:
    """The public names of a package, in order; of its own parts, none."""
    tree = parsed(package)
    found = []
    for node in statements(tree):
        if isinstance(node, ast.ImportFrom) and node.module not in (None, "typing", package):
            found += [Name(alias.name, package) for alias in node.names]
    for module, names in LISTED.findall(ast.get_docstring(tree, clean=False) or ""):
        found += [Name(name, f"{package}.{module}") for name in names.split(", ")]
    return found


def defined(module: str, name: str) -> Defined:
    """The definition of a name that a module has, its own or imported. Raises LookupError."""
    body = [*statements(parsed(module))]
    for node, after in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.FunctionDef) and node.name == name and _is_overload(node):
            continue
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return Defined(node, module, ast.get_docstring(node) or "")
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            said = after.value if isinstance(after, ast.Expr) else None
            text = str(said.value) if isinstance(said, ast.Constant) else ""
            return Defined(node, module, text)
        if isinstance(node, ast.ImportFrom) and name in {alias.name for alias in node.names}:
            return defined(str(node.module), name)
    raise LookupError(f"{module} has no {name}")


def _is_overload(node: ast.FunctionDef) -> bool:
    """Is it one of several types of a function, whose last definition has the words?"""
    return any(ast.unparse(each) == "overload" for each in node.decorator_list)


def signature(node: Definition) -> str:
    """How a name is called; parameters in a line, or in one each where that would be too long."""
    if isinstance(node, ast.Assign):
        return ast.unparse(node)
    if isinstance(node, ast.FunctionDef):
        returned = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        return _call(node.name, _parameters(node.args), returned)
    made = [each for each in node.body if isinstance(each, ast.FunctionDef)]
    initial = next((each for each in made if each.name == "__init__"), None)
    if initial:
        return _call(node.name, _parameters(initial.args))
    fields = [ast.unparse(each) for each in node.body if isinstance(each, ast.AnnAssign)]
    return _call(node.name, fields or [ast.unparse(base) for base in node.bases])


def _parameters(arguments: ast.arguments) -> list[str]:
    """Parameters as they are written, without `self` and `cls`."""
    missing = len(arguments.args) - len(arguments.defaults)
    defaults = [*[None] * missing, *arguments.defaults]
    found = [_parameter(*each) for each in zip(arguments.args, defaults, strict=True)]
    if arguments.vararg:
        found.append(f"*{ast.unparse(arguments.vararg)}")
    elif arguments.kwonlyargs:
        found.append("*")
    named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    found += [_parameter(*each) for each in named]
    if arguments.kwarg:
        found.append(f"**{ast.unparse(arguments.kwarg)}")
    return [each for each in found if each not in ("self", "cls")]


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    return ast.unparse(argument) + (f" = {ast.unparse(default)}" if default else "")


def _call(name: str, parameters: list[str], returned: str = "") -> str:
    whole = f"{name}({', '.join(parameters)}){returned}"
    if len(whole) <= WIDTH:
        return whole
    return "\n".join([f"{name}(", *(f"    {each}," for each in parameters), f"){returned}"])


def described(name: Name, found: Defined) -> Iterator[str]:
    """A public name in paragraphs of Markdown."""
    yield f"### {name.name}"
    yield fenced(f"from {name.place} import {name.name}\n\n{signature(found.node)}")
    yield from paragraphs(found.said)
    if isinstance(found.node, ast.ClassDef):
        yield "\n".join(members(found.node))


def members(node: ast.ClassDef) -> Iterator[str]:
    """The public methods and properties of a class, in a list."""
    for each in node.body:
        if not isinstance(each, ast.FunctionDef) or each.name.startswith("_"):
            continue
        is_property = any(ast.unparse(it) == "property" for it in each.decorator_list)
        returned = ast.unparse(each.returns) if each.returns else "None"
        called = f"{each.name}: {returned}" if is_property else " ".join(signature(each).split())
        said = " ".join((ast.get_docstring(each) or "").split())
        yield f"- `{called}`" + f": {said}" * bool(said)


def paragraphs(docstring: str) -> Iterator[str]:
    for paragraph in re.split(r"\n{2,}", docstring):
        yield fenced(paragraph) if paragraph.startswith(">>>") else paragraph


def fenced(code: str) -> str:
    return f"```python\n{code}\n```"


class Public(SphinxDirective):
    """The directive `public`; its argument is a package."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        (package,) = self.arguments
        names = {name: defined(name.place, name.name) for name in public(package)}
        for module in {package, *(found.module for found in names.values())}:
            self.env.note_dependency(str(source(module)))
        text = "\n\n".join(part for name in names for part in described(name, names[name]))
        found = nodes.Element()
        nested_parse_with_titles(self.state, StringList(text.splitlines(), package), found)
        return list(found.children)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("public", Public)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
