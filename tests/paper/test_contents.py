"""Pages, experiments, notebooks and targets: each has its counterpart, and a lack is named."""

import ast
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest

from deepreshape.paper.contents import EXACT, LISTS, PAGES, RECORDED, TRAINED, WALKED, WRITTEN
from deepreshape.paper.trained.experiments import EXPERIMENTS
from deepreshape.places import ROOT
from tests import pages as targets

NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
TEXTS = [path.stem for path in sorted((ROOT / "book").glob("*.md"))]


def cells(path: Path) -> list[Any]:
    notebook = nbformat.read(path, as_version=4)
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def calls(path: Path) -> list[ast.Call]:
    """Where a notebook makes a page of an experiment."""
    source = "\n".join(cell.source for cell in cells(path))
    return [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Page"
    ]


SHOWN = {
    name: [ast.literal_eval(call.args[0]) for call in calls(path)]
    for name, path in NOTEBOOKS.items()
}
"""The experiments that a notebook shows."""


def amiss(
    pages: Iterable[str],
    experiments: Iterable[str],
    shown: Mapping[str, list[str]],
    texts: Iterable[str],
    made: Iterable[str],
) -> list[str]:
    """A line for each page, experiment, notebook, text or target that lacks its counterpart."""
    pages, experiments, texts, made = {*pages}, {*experiments}, {*texts}, {*made}
    lacks = {
        "an experiment without a page": experiments - pages,
        "a page without a notebook or text": pages - texts - {*shown},
        "a notebook or text that is no page": (texts | {*shown}) - pages,
        "a target without a page": made - pages,
        "a notebook without a target": {*shown} - made,
        "a page that does not show its experiment alone": {
            name for name, found in shown.items() if found != [name] * (name in experiments)
        },
    }
    return [f"{name}: {lack}" for lack, names in lacks.items() for name in sorted(names)]


MADE = targets.EXACT + targets.TRAINED + targets.RECORDED + targets.WALKED
BOOK: dict[str, Any] = {
    "pages": PAGES,
    "experiments": EXPERIMENTS,
    "shown": SHOWN,
    "texts": TEXTS,
    "made": MADE,
}


def test_everything_has_its_counterpart() -> None:
    assert amiss(**BOOK) == []


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"pages": [*(set(PAGES) - {"fig12"})]}, "fig12: an experiment without a page"),
        ({"pages": [*PAGES, "fig99"]}, "fig99: a page without a notebook or text"),
        ({"shown": {**SHOWN, "fig99": []}}, "fig99: a notebook or text that is no page"),
        ({"texts": [*TEXTS, "more"]}, "more: a notebook or text that is no page"),
        ({"made": [*MADE, "fig99"]}, "fig99: a target without a page"),
        ({"made": MADE[1:]}, f"{MADE[0]}: a notebook without a target"),
        (
            {"experiments": set(EXPERIMENTS) - {"fig12"}},
            "fig12: a page that does not show its experiment alone",
        ),
        (
            {"shown": {**SHOWN, "fig12": ["fig11"]}},
            "fig12: a page that does not show its experiment alone",
        ),
    ],
)
def test_what_lacks_its_counterpart_is_named(changed: dict[str, Any], said: str) -> None:
    assert said in amiss(**BOOK | changed)


def test_every_page_is_of_one_kind() -> None:
    kinds = (*EXACT, *TRAINED, *RECORDED, *WALKED, *WRITTEN)
    assert sorted(kinds) == sorted(PAGES)
    assert list(TRAINED) == list(EXPERIMENTS)
    assert sorted(WRITTEN) == TEXTS


@pytest.mark.parametrize("place", LISTS)
def test_lists_are_those_of_the_register(place: str) -> None:
    """`make contents` writes them."""
    assert (ROOT / place).read_text(encoding="utf-8") == LISTS[place]()


def test_the_makefile_makes_pages_by_their_kind() -> None:
    found = (targets.EXACT, targets.TRAINED, targets.RECORDED, targets.WALKED)
    assert found == (list(EXACT), list(TRAINED), list(RECORDED), list(WALKED))


@pytest.mark.parametrize("name", TRAINED)
def test_a_trained_page_leaves_its_settings_to_the_environment(name: str) -> None:
    (call,) = calls(NOTEBOOKS[name])
    assert (len(call.args), call.keywords) == (1, [])
