"""Fetch Python for the explorer and the live cells: `python ci/fetch_pyodide.py [FOLDER]`.

FOLDER, build/pyodide by default, gets the files of pyodide (CPython in WebAssembly, MPL-2.0) that a
page runs, from npm and as pinned here. Files that are there already are only checked. Where npm or
the network is missing, a line says so and the status is 0: the book builds without them, and its
pages say what they lack. Files that are not the pinned ones are a failure.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
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


class Missing(Exception):
    """What cannot be had here; the message is a line."""


def main(arguments: Sequence[str]) -> int:
    folder = Path(arguments[0]) if arguments else FOLDER
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
        package = pack(npm, Path(work))
        files = checked(package.read_bytes(), package)
    for name, content in files.items():
        new = folder / f".{name}.new"
        new.write_bytes(content)
        new.replace(folder / name)


def pack(npm: str, work: Path) -> Path:
    """The package as npm gives it."""
    command = [npm, "pack", "--silent", "--ignore-scripts", f"pyodide@{VERSION}"]
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
