"""Build the book: book/ and the executed notebooks in, static pages out.

    python ci/build_book.py --notebooks build/notebooks --out build/book

Under the output folder lie

    source/     what Sphinx reads: book/ and the notebooks that its _toc.yml names
    _build/     Sphinx's own folder; its cache makes the next build short
    html/       the pages; replaced only when a build has passed
    build.log   what the last build said

Warnings are errors. On success the path of the first page is printed and nothing else; on failure
the warnings are, and the pages of the last good build stay as they are.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from sphinx_external_toc.parsing import parse_toc_yaml

BOOK = Path(__file__).resolve().parent.parent / "book"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class BookError(Exception):
    """The book cannot be built; the message is for the reader."""


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Build the book.")
    parser.add_argument("--notebooks", type=Path, default=Path("build/notebooks"))
    parser.add_argument("--committed", type=Path, default=Path("notebooks"))
    parser.add_argument("--out", type=Path, default=Path("build/book"))
    args = parser.parse_args(argv)
    try:
        print(build(BOOK, [args.notebooks, args.committed], args.out))
    except BookError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def build(book: Path, notebooks: Sequence[Path], out: Path) -> Path:
    """Build the book into ``out`` and return its first page; raise BookError when it fails."""
    files = sources(book, notebooks)
    work, log = out / "_build", out / "build.log"
    if assemble(files, out / "source"):
        shutil.rmtree(work, ignore_errors=True)
    if not run_jupyter_book(out / "source", out, log):
        shutil.rmtree(work / ".doctrees", ignore_errors=True)  # a cached page warns only once
        raise BookError(complaint(log, {out / "source" / name: files[name] for name in files}))
    if (book / "explorer").is_dir():
        pack_python(work / "html" / "_static" / "pyodide" / "packed.js")
    publish(work / "html", out / "html")
    return out / "html" / "index.html"


def sources(book: Path, notebooks: Sequence[Path]) -> dict[str, Path]:
    """Map each name in the source folder to the file that it is a copy of.

    A page of the table of contents that ``book`` lacks is an executed notebook, from the first of
    the folders that has it.
    """
    files = {
        path.relative_to(book).as_posix(): path
        for path in sorted(book.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
    for page in parse_toc_yaml(book / "_toc.yml"):
        if not {f"{page}.md", f"{page}.ipynb"} & files.keys():
            files[f"{page}.ipynb"] = executed(find(page, notebooks))
    return files


def find(page: str, notebooks: Sequence[Path]) -> Path:
    """Return the page's notebook in the first of the folders that has it."""
    for folder in notebooks:
        if (folder / f"{page}.ipynb").is_file():
            return folder / f"{page}.ipynb"
    raise BookError(f"{notebooks[0] / page}.ipynb is missing: make reproduce-{page} writes it")


def executed(notebook: Path) -> Path:
    """Return the notebook's path if it was run to its end without an error."""
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] != "code" or not "".join(cell["source"]).strip():
            continue
        if cell["execution_count"] is None:
            raise BookError(f"{notebook} has a cell that was not executed")
        if any(output["output_type"] == "error" for output in cell["outputs"]):
            raise BookError(f"{notebook} holds an error")
    return notebook


def assemble(files: dict[str, Path], folder: Path) -> bool:
    """Make ``folder`` hold exactly these files; tell whether Sphinx must start anew.

    A file that is already the same is left alone, with its time: Sphinx goes by times. It would
    keep the pages of removed sources, and those that an extension made before it was changed.
    """
    anew = False
    for name, origin in files.items():
        target, content = folder / name, origin.read_bytes()
        if not (target.is_file() and target.read_bytes() == content):
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            anew |= "extensions" in Path(name).parts
    kept = {folder / name for name in files}
    stale = [path for path in folder.rglob("*") if path.is_file() and path not in kept]
    for path in stale:
        path.unlink()
    return anew or bool(stale)


def run_jupyter_book(source: Path, out: Path, log: Path) -> bool:
    """Run Jupyter Book with warnings as errors; everything it says goes to ``log``."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build"]
    command += [str(source), "--path-output", str(out), "-W", "-n", "--keep-going"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # nothing new in source/
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        env=environment,
        check=False,
    )
    log.write_text(COLOUR.sub("", done.stdout), encoding="utf-8")
    return done.returncode == 0


def pack_python(script: Path) -> None:
    """Write the script by which pages run Python."""
    command = [sys.executable, str(BOOK.parent / "ci" / "page_python.py"), "pack", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BookError(f"{script.name} was not written: {done.stderr.strip().splitlines()[-1]}")


def complaint(log: Path, origins: dict[Path, Path]) -> str:
    """Reduce a log to its warnings and errors, naming the files that a reader can edit."""
    text = log.read_text(encoding="utf-8")
    for copy, origin in origins.items():
        text = text.replace(str(copy.absolute()), os.path.relpath(origin))
    lines = text.splitlines()
    bad = [line for line in lines if any(word in line for word in ("WARNING", "ERROR", "Error:"))]
    return "\n".join([*(dict.fromkeys(bad) or lines[-20:]), f"The book was not built; see {log}"])


def publish(new: Path, pages: Path) -> None:
    """Put a copy of the new pages in the place of the old ones."""
    copy, old = pages.with_name("html.new"), pages.with_name("html.old")
    for folder in (copy, old):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(new, copy)
    if pages.exists():
        pages.rename(old)
    copy.rename(pages)
    shutil.rmtree(old, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
