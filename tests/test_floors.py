"""Who may import whom: `design`, then `learn` and `private`, then `packed`, then `paper`, then
`cli`; and of the rooms of `learn` and `paper` those that come first."""

import ast
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

LIB = Path(__file__).parents[1] / "lib"
FLOORS = ("design", "learn", "private", "packed", "paper", "cli")
ROOMS = {
    "learn": (
        *("tensor_files", "workers", "images", "training", "modules"),
        *("search", "runs", "trained", "checks"),
    ),
    "paper": (
        *("printed", "explorer", "trained", "chapters", "figures", "reproduce", "page", "contents"),
        *("status", "agreement", "open_claims", "status_tables", "citing", "costs", "campaign"),
        *("epochs", "front_page", "exercises"),
    ),
}
"""Of each of these floors what it consists of, from the ground."""


def module_name(path: Path) -> str:
    parts = path.relative_to(LIB).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(LIB.rglob("*.py"))}


def imports(source: str, package: str) -> set[str]:
    """What a source imports, by full name, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            # `from package import module` is an import of the module.
            named = [f"{base}.{alias.name}" for alias in node.names]
            found |= {name if name in MODULES else base for name in named}
    return found


def imported(module: str) -> set[str]:
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return imports(path.read_text(encoding="utf-8"), package)


def floor(module: str) -> str:
    """`design` for `deepreshape.design.cost`; nothing for what lies outside the floors."""
    parts = module.split(".")
    return parts[1] if parts[0] == "deepreshape" and len(parts) > 1 and parts[1] in FLOORS else ""


def on(*floors: str) -> list[str]:
    return [module for module in MODULES if floor(module) in floors]


def ours(module: str) -> set[str]:
    return {name for name in imported(module) if name.split(".")[0] == "deepreshape"}


def room(module: str) -> str:
    """`training` for `deepreshape.learn.training.loop`; nothing for a floor itself."""
    return ".".join(module.split(".")[2:3])


def test_every_floor_is_there() -> None:
    assert {floor(module) for module in MODULES} - {""} == set(FLOORS)


def test_every_module_is_read_in_one_sitting() -> None:
    lines = {name: len(path.read_text("utf-8").splitlines()) for name, path in MODULES.items()}
    assert {name: count for name, count in lines.items() if count > 300} == {}


@pytest.mark.parametrize("name", ROOMS)
def test_every_room_is_there(name: str) -> None:
    assert {room(module) for module in on(name)} - {""} == set(ROOMS[name])


@pytest.mark.parametrize("module", [module for module in on(*ROOMS) if room(module)])
def test_a_room_imports_nothing_from_above(module: str) -> None:
    rooms = ROOMS[floor(module)]
    above = rooms[rooms.index(room(module)) + 1 :]
    found = {name for name in ours(module) if floor(name) == floor(module)}
    assert {name for name in found if room(name) in above} == set()


@pytest.mark.parametrize("module", on("design"))
def test_design_imports_of_this_project_only_design(module: str) -> None:
    assert {name for name in ours(module) if floor(name) != "design"} == set()


@pytest.mark.parametrize("module", on("design"))
def test_design_imports_no_package(module: str) -> None:
    others = {name.split(".")[0] for name in imported(module)} - {"deepreshape"}
    assert others <= sys.stdlib_module_names


@pytest.mark.parametrize("module", on("learn"))
def test_learn_does_not_import_private(module: str) -> None:
    assert "private" not in {floor(name) for name in imported(module)}


@pytest.mark.parametrize("module", on("private"))
def test_private_does_not_import_learn(module: str) -> None:
    assert "learn" not in {floor(name) for name in imported(module)}


@pytest.mark.parametrize("module", on("design", "learn", "private"))
def test_the_lower_floors_import_nothing_from_above(module: str) -> None:
    assert {floor(name) for name in imported(module)}.isdisjoint({"packed", "paper", "cli"})


@pytest.mark.parametrize("module", on("packed"))
def test_what_packs_imports_neither_paper_nor_the_command_line(module: str) -> None:
    assert {floor(name) for name in imported(module)}.isdisjoint({"paper", "cli"})


@pytest.mark.parametrize("module", on("paper"))
def test_paper_does_not_import_the_command_line(module: str) -> None:
    assert "cli" not in {floor(name) for name in imported(module)}


def test_what_lies_outside_the_floors_imports_none_of_them() -> None:
    """But for `python -m deepreshape`, which is the command line, and for types of the package's
    own names."""
    outside = {module for module in MODULES if not floor(module)} - {
        "deepreshape",
        "deepreshape.__main__",
    }
    assert {floor(name) for module in outside for name in imported(module)} <= {""}


def test_no_modules_import_each_other() -> None:
    """The package itself imports nothing before it is asked."""
    graph = {module: ours(module) - {module, "deepreshape"} for module in MODULES}
    del graph["deepreshape"]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"imports in a circle: {error.args[1]}")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import torch.nn as nn", {"torch.nn"}),
        ("from deepreshape.paper import printed", {"deepreshape.paper.printed"}),
        ("from deepreshape.design import cost", {"deepreshape.design.cost"}),
        ("from deepreshape.design import Network", {"deepreshape.design"}),
        ("from .training.loop import train", {"deepreshape.learn.training.loop"}),
        ("from .training import loop", {"deepreshape.learn.training.loop"}),
        ("from ..private import latency", {"deepreshape.private.latency"}),
        ("def f():\n    import pandas", {"pandas"}),
    ],
)
def test_no_way_to_import_is_overlooked(source: str, expected: set[str]) -> None:
    assert imports(source, "deepreshape.learn") == expected
