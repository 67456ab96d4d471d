"""Every notebook was run from top to bottom, without an error, and names no place of a machine."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PLACE = re.compile(r"(?<![\w.<])/(?:home|tmp|root|var|opt|mnt|srv|Users)\b")
"""An absolute path; not a closing tag, nor the end of a relative path or of a page's address."""

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)


def read(path: Path) -> Any:
    notebook = nbformat.read(path, as_version=nbformat.NO_CONVERT)
    nbformat.validate(notebook)
    return notebook


def code(path: Path) -> list[Any]:
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


def texts(value: Any) -> Iterator[str]:
    """Every text of a notebook, but for the bytes of its pictures."""
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from texts(item)
        case dict():
            for name, item in value.items():
                if not name.startswith("image/"):
                    yield from texts(item)


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@every_notebook
def test_a_notebook_is_valid(path: Path) -> None:
    assert read(path).nbformat == 4


@every_notebook
def test_every_cell_was_run_in_order(path: Path) -> None:
    counts = [cell.execution_count for cell in code(path)]
    assert counts == list(range(1, len(counts) + 1))


@every_notebook
def test_no_cell_ended_in_an_error(path: Path) -> None:
    outputs = [output for cell in code(path) for output in cell.outputs]
    assert [output for output in outputs if output.output_type == "error"] == []


@every_notebook
def test_one_cell_holds_the_parameters(path: Path) -> None:
    tagged = [cell for cell in read(path).cells if "parameters" in cell.metadata.get("tags", [])]
    assert [cell.cell_type for cell in tagged] == ["code"]


@every_notebook
def test_no_path_of_a_machine_is_left(path: Path) -> None:
    everything = list(texts(json.loads(path.read_text("utf-8"))))
    assert [text for text in everything if PLACE.search(text) or str(ROOT) in text] == []


@every_notebook
def test_the_kernel_is_any_python_3(path: Path) -> None:
    assert read(path).metadata.kernelspec.name == "python3"


@pytest.mark.parametrize("text", ["/home/me/x", "in /tmp", "'/mnt/here'", '"/var/tmp"', "(/root)"])
def test_a_path_of_a_machine_is_seen(text: str) -> None:
    assert PLACE.search(text)


@pytest.mark.parametrize(
    "text", ["build/tmp/x", "./srv/x", "</var>", "https://example.org/home", "/homes", "and/or"]
)
def test_another_text_is_not_taken_for_one(text: str) -> None:
    assert not PLACE.search(text)
