"""CONTRIBUTING.md and the book's page for authors name what is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIB = ROOT / "lib" / "deepreshape"
TEXTS = [(ROOT / name).read_text("utf-8") for name in ("CONTRIBUTING.md", "book/author.md")]
TEXT = "\n".join(TEXTS)
FILES = sorted(set(re.findall(r"`([\w/-]+\.(?:py|csv|txt|mk|ipynb))`", TEXT)))
NAMES = re.findall(r"`(\w+)`\s+\(`([\w/]+\.py)`\)", TEXT)


def found(name: str) -> list[Path]:
    """The files of that name: from the library, from the root, or a bare name's in the library."""
    whole = [folder / name for folder in (LIB, ROOT) if (folder / name).exists()]
    return whole or ([] if "/" in name else list(LIB.rglob(name)))


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_named_is_there(name: str) -> None:
    assert found(name)


@pytest.mark.parametrize(("name", "file"), NAMES)
def test_a_name_is_in_the_file_that_is_said_to_have_it(name: str, file: str) -> None:
    source = found(file)[0].read_text(encoding="utf-8")
    assert re.search(rf"^(?:def|class) {name}\b|^{name}\b", source, re.MULTILINE)


def test_folders_that_are_named_are_there() -> None:
    floors = "design|learn|private|paper|cli|data|ci|tests|notebooks"
    folders = re.findall(rf"`((?:{floors})/[\w/]+)`", TEXT)
    assert folders
    assert [name for name in folders if not found(name)] == []


def test_files_and_names_are_looked_for() -> None:
    for text in TEXTS:
        assert len({name for name in FILES if f"`{name}`" in text}) > 12
        assert len([name for name, _ in NAMES if f"`{name}`" in text]) > 4
    assert len(FILES) > 40
    assert len(NAMES) > 10
