"""Python for the pages: what is fetched, and what is packed."""

import base64
import gzip
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from ci import page_python
from ci.page_python import Missing, checked, complete, digest, downloaded, have, library, pack
from deepreshape.paper.explorer.search import respond as search
from deepreshape.paper.explorer.view import respond

CONTENT = {"a.mjs": b"a", "b.wasm": b"bb"}


@pytest.fixture
def pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package of two small files that is the pinned one."""
    package = tmp_path / "pyodide.tgz"
    with tarfile.open(package, "w:gz") as archive:
        for name, content in CONTENT.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    sha512 = base64.b64encode(hashlib.sha512(package.read_bytes()).digest()).decode()
    monkeypatch.setattr(page_python, "INTEGRITY", f"sha512-{sha512}")
    monkeypatch.setattr(page_python, "SUMS", {name: digest(it) for name, it in CONTENT.items()})
    return package


def test_files_of_the_pinned_package_are_taken(pinned: Path) -> None:
    assert checked(pinned.read_bytes(), pinned) == CONTENT


def test_another_package_is_refused(pinned: Path) -> None:
    pinned.write_bytes(pinned.read_bytes() + b" ")
    with pytest.raises(ValueError, match=r"pyodide\.tgz is not the pinned one: its integrity is"):
        checked(pinned.read_bytes(), pinned)


def test_another_file_is_refused(pinned: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(page_python.SUMS, "a.mjs", digest(b"other"))
    with pytest.raises(ValueError, match=r"a\.mjs in pyodide\.tgz is not the pinned one"):
        checked(pinned.read_bytes(), pinned)


def test_files_are_complete_where_all_are_as_pinned(pinned: Path, tmp_path: Path) -> None:
    for name, content in CONTENT.items():
        assert not complete(tmp_path)
        (tmp_path / name).write_bytes(content)
    assert complete(tmp_path)
    (tmp_path / "a.mjs").write_bytes(b"changed")
    assert not complete(tmp_path)


def test_without_npm_a_line_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert have(tmp_path) == 0
    assert re.fullmatch(r"explorer: npm is not installed, .* pages\n", capsys.readouterr().out)
    assert list(tmp_path.iterdir()) == []


def test_npm_that_fails_is_quoted_in_a_line(tmp_path: Path) -> None:
    npm = tmp_path / "npm"
    npm.write_text("#!/bin/sh\necho 'npm error network' >&2\nexit 1\n")
    npm.chmod(0o755)
    with pytest.raises(Missing, match=r"npm cannot fetch pyodide .* \(npm error network\)"):
        downloaded(str(npm), tmp_path)


def test_a_bad_call_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert page_python.main([]) == 2
    assert "page_python.py pack SCRIPT" in capsys.readouterr().err


# What is packed


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library as a page has it, without the rest of the checkout."""
    folder = tmp_path_factory.mktemp("library")
    with zipfile.ZipFile(io.BytesIO(library())) as archive:
        archive.extractall(folder)
    return folder


def said(folder: Path, code: str) -> str:
    """What Python prints that finds the packed library and no package."""
    begin = f"import sys; sys.path.insert(0, {str(folder / 'lib')!r})\n"
    command = [sys.executable, "-I", "-S", "-c", begin + code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_the_packed_library_answers_as_the_whole_one(unpacked: Path) -> None:
    for texts in ({}, {"family": "RegNetX-400MF"}, {"cull": "1", "thin": "2,3,4", "reuse": "4"}):
        code = (
            "import json\nfrom deepreshape.paper.explorer.view import respond\n"
            f"print(json.dumps(respond({texts!r})))"
        )
        assert json.loads(said(unpacked, code)) == respond(texts)


def test_the_packed_library_searches_as_the_whole_one(unpacked: Path) -> None:
    asked = {"max-latency": "20s", "protocol": "ours-wan"}
    code = (
        "import json\nfrom deepreshape.paper.explorer.search import respond\n"
        f"print(json.dumps(respond({{}}, {asked!r})))"
    )
    assert json.loads(said(unpacked, code)) == search({}, asked)


def test_the_packed_library_is_small_and_has_what_cells_import(unpacked: Path) -> None:
    code = (
        "import deepreshape.design as design\n"
        "from deepreshape.design.equalize import by_width\n"
        "from deepreshape.design.criticality import order\n"
        "from deepreshape.paper.explorer.cells import run\n"
        "print(run('from deepreshape.design import *\\nresnet18().name'), end='')"
    )
    assert said(unpacked, code) == "'ResNet18'\n"
    assert len(library()) < 500_000


def test_the_same_files_are_the_same_bytes() -> None:
    assert library() == library()


# The script


def assigned(script: Path) -> str:
    return script.read_text().partition("globalThis.deepreshapeFiles = ")[2]


def test_without_pyodide_the_script_says_what_is_missing(tmp_path: Path) -> None:
    pack(tmp_path / "packed.js", tmp_path)
    assert "`make book` fetches it" in assigned(tmp_path / "packed.js")
    assert "files:" not in assigned(tmp_path / "packed.js")


def test_the_script_holds_the_files_and_is_written_once(pinned: Path, tmp_path: Path) -> None:
    for name, content in CONTENT.items():
        (tmp_path / name).write_bytes(content)
    script = tmp_path / "packed.js"
    pack(script, tmp_path)
    source, files = re.search(r"source: (.*),\nfiles: (.*)\n", assigned(script)).groups()
    assert json.loads(source) == page_python.WORKER.read_text()
    found = {
        name: gzip.decompress(base64.b64decode(text)) for name, text in json.loads(files).items()
    }
    assert found == {**CONTENT, "library.zip": library()}
    written = script.stat().st_mtime_ns
    pack(script, tmp_path)
    assert script.stat().st_mtime_ns == written
