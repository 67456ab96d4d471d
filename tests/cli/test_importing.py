"""`runs import`: what is printed of records from elsewhere, and with which status it ends."""

import json
from pathlib import Path

import pytest

from deepreshape.learn.runs.run import Run
from deepreshape.learn.runs.store import Store
from tests.cli.commands import Command, check_refusal
from tests.learn.tiny import FAILING, RUN, TAUGHT
from tests.paper.records import record


@pytest.fixture
def there(tmp_path: Path) -> Path:
    """A folder of two records without weights."""
    folder = tmp_path / "there"
    for run in (RUN, TAUGHT):
        put(run, folder, 50.0)
    return folder


def put(run: Run, folder: Path, test: float) -> None:
    Store(folder).put(run, record(run, test))


def test_new_records_are_counted(call: Command, there: Path, shelf: Path) -> None:
    answer = call("runs", "import", str(there))
    assert (answer.err, answer.code) == ("", 0)
    assert answer.out.endswith(f"{shelf}: 2 new\n")
    assert {path.stem for path in shelf.glob("*.json")} == {RUN.key, TAUGHT.key}


def test_what_is_new_known_and_different_is_told_apart(
    call: Command, there: Path, shelf: Path
) -> None:
    put(RUN, shelf, 50.0)
    put(TAUGHT, shelf, 51.0)
    put(FAILING, there, 52.0)
    out = call("runs", "import", str(there)).out
    assert out.splitlines()[-1] == (
        f"{shelf}: 1 new, 1 known before, 1 different from the store's, which stay"
    )
    assert f"{TAUGHT.key}.json: different, 50.00 % on " in out
    assert "51.00 % on " in out


def test_it_is_told_as_json(call: Command, there: Path, shelf: Path) -> None:
    found = json.loads(call("runs", "import", str(there), "--json").out)
    assert {each["key"] for each in found["new"]} == {RUN.key, TAUGHT.key}
    assert found["known"] == found["different"] == found["busy"] == found["refused"] == []


def test_a_refused_record_is_named_and_the_command_fails(
    call: Command, there: Path, shelf: Path
) -> None:
    (there / f"{RUN.key}.json").rename(there / "0123456789abcdef.json")
    answer = call("runs", "import", str(there))
    assert answer.code == 1
    assert (
        f"0123456789abcdef.json: refused, its key is not that of its run, {RUN.key}" in answer.err
    )
    assert answer.err.endswith(f"1 of 2 records of {there} were refused\n")
    assert [path.stem for path in shelf.glob("*.json")] == [TAUGHT.key]


def test_a_folder_without_records_is_said(call: Command, shelf: Path, tmp_path: Path) -> None:
    answer = call("runs", "import", str(tmp_path))
    assert (answer.code, "holds no records" in answer.out) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "FOLDER"),
        (["nowhere"], "nowhere"),
        (["{file}"], "is a file"),
        (["{shelf}"], "is the store itself"),
        (["{shelf}", "{shelf}"], "unexpected extra argument"),
    ],
)
def test_bad_folders_get_one_line(
    arguments: list[str], said: str, call: Command, shelf: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    shelf.mkdir(exist_ok=True)
    named = [each.format(file=tmp_path / "file", shelf=shelf) for each in arguments]
    check_refusal(call("runs", "import", *named), said)
