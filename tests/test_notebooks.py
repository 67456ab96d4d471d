"""Every notebook was run from top to bottom, without an error, and names no place of a machine."""

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.pages import EXACT, RECORDED, TRAINED, WALKED

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PLACE = re.compile(r"(?<![\w.<])/(?:home|tmp|root|var|opt|mnt|srv|Users)\b")
"""An absolute path; not a closing tag, nor the end of a relative path or of a page's address."""

PASSING = re.compile(
    r"\bat 0x[0-9a-f]{4,}|\d ?%\||\d(?:it|s)/(?:s|it)\b|\b(?:Wall time|CPU times)\b"
)
"""What is another each time: a place in memory, progress, a time of execution."""

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


def shown(path: Path) -> list[str]:
    """The notebook's lines without standard error, which tells how fast it was."""
    notebook = read(path)
    for cell in notebook.cells:
        cell.get("outputs", [])[:] = [
            output for output in cell.get("outputs", []) if output.get("name") != "stderr"
        ]
    return nbformat.writes(notebook).replace("\\n", "\n").splitlines()


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
def test_parameters_stand_in_one_cell(path: Path) -> None:
    tagged = [cell for cell in read(path).cells if "parameters" in cell.metadata.get("tags", [])]
    assert [cell.cell_type for cell in tagged] in ([], ["code"])


@every_notebook
def test_no_path_of_a_machine_is_left(path: Path) -> None:
    everything = list(texts(json.loads(path.read_text("utf-8"))))
    assert [text for text in everything if PLACE.search(text) or str(ROOT) in text] == []


@pytest.mark.parametrize("page", EXACT + TRAINED + RECORDED + WALKED)
def test_no_output_says_what_is_another_each_time(page: str) -> None:
    stored = read(ROOT / "notebooks" / f"{page}.ipynb")
    outputs = [output for cell in stored.cells for output in cell.get("outputs", [])]
    assert [text for text in texts(outputs) if PASSING.search(text)] == []
    assert [cell.id for cell in stored.cells if "execution" in cell.metadata] == []


@every_notebook
def test_what_a_cell_prints_is_one_output(path: Path) -> None:
    """In pieces it would depend on when they were sent."""
    for cell in code(path):
        for one, other in pairwise(cell.outputs):
            assert not one.get("name") or one.get("name") != other.get("name")


@pytest.mark.parametrize(
    "text",
    [
        "<pandas.io.formats.style.Styler at 0x7f3c2c1d>",
        "100%|####| 3/3",
        "12.3it/s",
        "Wall time: 1 s",
    ],
)
def test_what_is_another_each_time_is_seen(text: str) -> None:
    assert PASSING.search(text)


@pytest.mark.long
def test_a_notebook_run_twice_is_the_same_file(tmp_path: Path) -> None:
    """Though its networks are trained anew, each time into a store of their own."""
    files = []
    for time in ("first", "second"):
        out = tmp_path / time
        folders = {"DEEPRESHAPE_RUNS": str(out / "runs"), "FIGURES": str(out / "figures")}
        command = [sys.executable, "-m", "nbconvert", "--to", "notebook", "--execute"]
        command += ["--ExecutePreprocessor.record_timing=False", "--output-dir", str(out)]
        done = subprocess.run(
            [*command, "notebooks/fig3a.ipynb"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT / "lib"), "PROFILE": "smoke", **folders},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        files.append(shown(out / "fig3a.ipynb"))
    differences = [pair for pair in zip_longest(*files, fillvalue="") if pair[0] != pair[1]]
    assert not differences[:3]


@every_notebook
def test_the_kernel_is_any_python_3(path: Path) -> None:
    assert read(path).metadata.kernelspec.name == "python3"


def imports(path: Path) -> list[str]:
    """The import statements of a notebook, in order."""
    source = "\n".join("".join(cell.source) for cell in code(path))
    return [
        ast.unparse(node)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]


def test_no_page_that_needs_no_training_imports_what_trains() -> None:
    """Notebook by notebook, in a process of its own, until one brings torch in."""
    named = {page: imports(ROOT / "notebooks" / f"{page}.ipynb") for page in EXACT}
    assert all(named.values())
    program = (
        "import sys\n"
        f"for page, statements in {named!r}.items():\n"
        "    exec('\\n'.join(statements), {})\n"
        "    found = {'torch', 'torchvision', 'deepreshape.learn'} & set(sys.modules)\n"
        "    if found:\n"
        "        sys.exit(f'{page} imports {found}')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")


@every_notebook
def test_a_notebook_begins_with_a_title(path: Path) -> None:
    first = read(path).cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")


def pictures(path: Path) -> list[Any]:
    """The cells that show a picture."""
    return [
        cell
        for cell in code(path)
        if any(shows in cell.source for shows in ("pictures.save", "show_results", "trained_here"))
        or any("image/png" in output.get("data", {}) for output in cell.outputs)
    ]


def is_sentence(text: str) -> bool:
    """Does a text say what is to be seen, and name no file?"""
    return len(text.split()) >= 8 and not re.search(r"[\\/]\w|\.(png|svg|ipynb)\b", text)


@every_notebook
def test_every_picture_has_a_sentence_in_its_place(path: Path) -> None:
    for cell in pictures(path):
        text = cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")
        assert is_sentence(text), f"{path.name}: {text!r} stands for a picture"


@pytest.mark.parametrize(
    "text", ["", "fig12", "_images/a9.png", "build/figures/fig12.svg of a run"]
)
def test_a_file_is_no_sentence(text: str) -> None:
    assert not is_sentence(text)


@pytest.mark.parametrize("text", ["/home/me/x", "in /tmp", "'/mnt/here'", '"/var/tmp"', "(/root)"])
def test_a_path_of_a_machine_is_seen(text: str) -> None:
    assert PLACE.search(text)


@pytest.mark.parametrize(
    "text", ["build/tmp/x", "./srv/x", "</var>", "https://example.org/home", "/homes", "and/or"]
)
def test_another_text_is_not_taken_for_one(text: str) -> None:
    assert not PLACE.search(text)
