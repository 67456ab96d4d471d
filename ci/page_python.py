"""Python for the book's pages: fetch it, and pack it with the library into one script.

    python ci/page_python.py fetch [FOLDER]
    python ci/page_python.py pack SCRIPT [FOLDER]

FOLDER, build/pyodide by default, gets the files of pyodide (CPython in WebAssembly, MPL-2.0) that a
page runs, from npm and as pinned here. Files that are there already are only checked. Where npm or
the network is missing, a line says so and the status is 0: the book builds without them, and its
pages say what they lack. Files that are not the pinned ones are a failure.

SCRIPT sets `deepreshapeFiles`: `files`, each as gzip in base64, among them the library's modules
that pages call and the data that these read, and `source`, that of the worker; or `missing`, a
line, where pyodide is not in FOLDER. It is one script, since a page that was opened from a disk may
load scripts and nothing else.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "build" / "pyodide"
VERSION = "314.0.7"
INTEGRITY = "sha512-" + (
    "0YvXxEhfEdpLfb/XkM2BFAeMROq0iMUX2bzzH9pOttyMcWkwq+HbE5uyuGD82LN7y2q+SNvi/6V5JEsOlD2R1A=="
)
SUMS = {
    "pyodide-lock.json": "5dc2fc119108bc148c7457dc86e7675b5c87e1cafd420b9c34c1eaef7b36c010",
    "pyodide.asm.mjs": "f7cdc8ece80678ceb712f8e65ebe6d3a83203a180c399865f49612a051693635",
    "pyodide.asm.wasm": "cc36e3cab04fdfc9a63ff13eb52eae2b911bf46c025cc7b281f394bd3de1d5e6",
    "pyodide.mjs": "6f1d60f7bf529beb300f0f47983c921d3982363640ba20af0e38efdddbc66109",
    "python_stdlib.zip": "fa1957e5777068fc4f7437f96d860ae2fbe9c19732ba06c84e004ec16dd7dd7a",
}
SECONDS = 300
WORKER = ROOT / "book" / "explorer" / "worker.js"
NEEDED = tuple(f"deepreshape.paper.explorer.{name}" for name in ("view", "search", "cells"))
"""What a page calls; what these import is packed too."""
OPEN = ("lib/deepreshape/design/*.py", "lib/deepreshape/private/latency.py")
"""What live cells may import besides."""
DATA = (
    "data/latency/*.csv",
    "data/latency/measured.json",
    "data/paper/networks.csv",
    "data/paper/table0[678].csv",
)
"""What that reads."""
MISSING = (
    "Python for this page was not there when the book was built: `make book` fetches it"
    f" (pyodide {VERSION}) where npm is installed."
)


class Missing(Exception):
    """What cannot be had here; the message is a line."""


def main(arguments: Sequence[str]) -> int:
    match arguments:
        case ["fetch", *rest] if len(rest) < 2:
            return have(Path(rest[0]) if rest else FOLDER)
        case ["pack", script, *rest] if len(rest) < 2:
            pack(Path(script), Path(rest[0]) if rest else FOLDER)
            return 0
        case _:
            print(__doc__, file=sys.stderr)
            return 2


# Fetch


def have(folder: Path) -> int:
    """Fetch what a folder lacks; the exit status."""
    folder.mkdir(parents=True, exist_ok=True)
    if complete(folder):
        return 0
    try:
        fetch(folder)
    except Missing as reason:
        print(f"explorer: {reason}; the book is built without Python in its pages", flush=True)
        return 0
    except ValueError as fault:
        print(f"explorer: {fault}", file=sys.stderr)
        return 1
    print(f"explorer: pyodide {VERSION} is in {folder}", flush=True)
    return 0


def complete(folder: Path) -> bool:
    """Whether all files are there, as pinned."""
    return all(
        (folder / name).is_file() and digest((folder / name).read_bytes()) == sha256
        for name, sha256 in SUMS.items()
    )


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def fetch(folder: Path) -> None:
    """Bring the files by `npm pack`. Raises Missing, or ValueError for files that are others."""
    npm = shutil.which("npm")
    if npm is None:
        raise Missing(f"npm is not installed, which fetches pyodide {VERSION}")
    with tempfile.TemporaryDirectory() as work:
        package = downloaded(npm, Path(work))
        files = checked(package.read_bytes(), package)
    for name, content in files.items():
        new = folder / f".{name}.new"
        new.write_bytes(content)
        new.replace(folder / name)


def downloaded(npm: str, work: Path) -> Path:
    """The package as npm gives it."""
    # Without a network npm would try for minutes.
    options = ["--loglevel=error", "--ignore-scripts", "--prefer-offline", "--fetch-retries=0"]
    command = [npm, "pack", *options, f"pyodide@{VERSION}"]
    try:
        done = subprocess.run(
            command, cwd=work, capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"npm did not fetch pyodide {VERSION} within {SECONDS} s") from None
    found = list(work.glob("*.tgz"))
    if done.returncode or not found:
        said = (done.stderr.strip() or done.stdout.strip() or "it says nothing").splitlines()
        raise Missing(f"npm cannot fetch pyodide {VERSION} ({said[0]})")
    return found[0]


def checked(content: bytes, package: Path) -> dict[str, bytes]:
    """The files of a package. Raises ValueError where it or they are not as pinned."""
    integrity = "sha512-" + base64.b64encode(hashlib.sha512(content).digest()).decode()
    if integrity != INTEGRITY:
        raise ValueError(f"{package.name} is not the pinned one: its integrity is {integrity}")
    files = {}
    with tarfile.open(package) as archive:
        for name, sha256 in SUMS.items():
            member = archive.extractfile(f"package/{name}")
            files[name] = member.read() if member else b""
            if digest(files[name]) != sha256:
                raise ValueError(f"{name} in {package.name} is not the pinned one")
    return files


# Pack


def pack(script: Path, folder: Path) -> None:
    """Write the script, unless it holds the same already."""
    if not complete(folder):
        parts = {"missing": json.dumps(MISSING)}
        stamp = digest(MISSING.encode())
    else:
        packed, source = library(), WORKER.read_text(encoding="utf-8")
        stamp = digest(packed + source.encode() + repr(SUMS).encode())
        if stamped(script) == stamp:
            return
        files = {name: (folder / name).read_bytes() for name in SUMS} | {"library.zip": packed}
        coded = {name: coded_in_text(content) for name, content in files.items()}
        parts = {"source": json.dumps(source), "files": json.dumps(coded)}
    assigned = ",\n".join(f"{name}: {text}" for name, text in parts.items())
    script.parent.mkdir(parents=True, exist_ok=True)
    new = script.with_name(f".{script.name}.new")
    new.write_text(f"// {stamp}\nglobalThis.deepreshapeFiles = {{\n{assigned}\n}};\n", "utf-8")
    new.replace(script)


def stamped(script: Path) -> str | None:
    """What a script was packed from, None where there is none."""
    if not script.is_file():
        return None
    with script.open(encoding="utf-8") as file:
        return file.readline().removeprefix("// ").strip()


def coded_in_text(content: bytes) -> str:
    return base64.b64encode(gzip.compress(content, 9, mtime=0)).decode()


def library() -> bytes:
    """A zip of `lib` and `data` as pages need them: the same files give the same bytes."""
    files = set(modules(NEEDED))
    files |= {path for pattern in (*OPEN, *DATA) for path in ROOT.glob(pattern)}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(files):
            archive.writestr(zipfile.ZipInfo(path.relative_to(ROOT).as_posix()), path.read_bytes())
    return packed.getvalue()


def modules(needed: Iterable[str]) -> list[Path]:
    """The files of these modules of ours, and of all that they import."""
    code = "\n".join(
        [
            "import importlib, json, sys",
            f"for name in {list(needed)!r}: importlib.import_module(name)",
            "ours = [m for name, m in sys.modules.items() if name.split('.')[0] == 'deepreshape']",
            "print(json.dumps([module.__file__ for module in ours]))",
        ]
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "lib")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return [Path(file) for file in json.loads(done.stdout)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
