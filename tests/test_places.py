"""Folders that the environment names, and those of the checkout."""

from pathlib import Path

import pytest

from deepreshape.places import DATA, ROOT, figures, folder, named_folder


def test_the_root_holds_library_data_and_notebooks() -> None:
    assert DATA == ROOT / "data"
    assert {"lib", "data", "notebooks", "Makefile"} <= {path.name for path in ROOT.iterdir()}


@pytest.mark.parametrize("value", [None, ""])
def test_a_variable_that_is_empty_or_not_set_names_no_folder(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FIGURES", raising=False)
    if value is not None:
        monkeypatch.setenv("FIGURES", value)
    assert named_folder("FIGURES") is None
    assert folder("FIGURES", "build/figures") == str(ROOT / "build/figures")
    assert figures() == ROOT / "build/figures"


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ("/my own/sets", "/my own/sets"),
        ("~/sets", "/home/of me/sets"),
        ("~", "/home/of me"),
        ("a  b", str(ROOT / "a  b")),
    ],
)
def test_a_folder_is_whole_whatever_folder_a_notebook_runs_in(
    value: str, named: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/of me")
    monkeypatch.setenv("FIGURES", value)
    assert folder("FIGURES", "build/figures") == named
    assert figures() == Path(named)
