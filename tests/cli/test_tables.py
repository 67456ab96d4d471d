"""Tables fit the terminal, whatever is in them, and nothing is cut."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from deepreshape.cli.accounts import answer_table
from deepreshape.cli.tables import new_table, say, show
from deepreshape.places import RECORDED
from tests.cli.commands import Command

NARROW = 80
WORDS = st.text("abcαβ0:[]=", min_size=1, max_size=30)


def shown(
    rows: list[list[str]],
    names: list[str],
    width: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    table = new_table(*names)
    for row in rows:
        table.add_row(*row)
    show(table)
    return capsys.readouterr().out.splitlines()


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    count = draw(st.integers(1, 9))
    names = [draw(WORDS) for _ in range(count)]
    row = st.lists(st.lists(WORDS, max_size=4).map(" ".join), min_size=count, max_size=count)
    return names, draw(st.lists(row, min_size=1, max_size=4))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables(), st.integers(66, 200))
def test_a_table_of_any_texts_fits_and_holds_every_word(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    table: tuple[list[str], list[list[str]]],
    width: int,
) -> None:
    """Words of at most 30 characters: a first column leaves room for another one."""
    names, rows = table
    lines = shown(rows, names, width, monkeypatch, capsys)
    assert max(map(cell_len, lines)) <= width
    printed = {word.rstrip(",") for line in lines for word in line.split()}
    assert printed >= {word for row in rows for cell in row for word in cell.split()}


def test_a_table_that_fits_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown([["a", "1"], ["b", "1"]], ["x", "y>"], 80, monkeypatch, capsys)
    assert next(line.split() for line in lines if line.strip()) == ["x", "y"]
    assert ["a", "1"] in [line.split() for line in lines]


def test_what_is_the_same_in_every_row_is_said_above(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [["a", 30 * "x", "1", ""], ["b", 30 * "x", "2", ""]]
    lines = shown(rows, ["name", "data", "seed>", "note"], 30, monkeypatch, capsys)
    assert f"data: {30 * 'x'}" in " ".join(lines).replace("data:  ", "data: ")
    assert [line.split() for line in lines if line.strip()][-2:] == [["a", "1"], ["b", "2"]]


def test_columns_without_room_follow_with_the_first_beside_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [["a", 20 * "x", 20 * "y"], ["b", 20 * "z", 20 * "w"]]
    lines = shown(rows, ["name", "left", "right>"], 40, monkeypatch, capsys)
    words = [line.split() for line in lines if line.strip() and "─" not in line]
    assert words == [
        ["name", "left"],
        ["a", 20 * "x"],
        ["b", 20 * "z"],
        ["name", "right"],
        ["a", 20 * "y"],
        ["b", 20 * "w"],
    ]


def test_a_text_is_broken_between_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [["one two three", "12,345,678"], ["four", "1"]]
    lines = shown(rows, ["name", "number>"], 20, monkeypatch, capsys)
    words = [line.split() for line in lines if line.strip() and "─" not in line]
    assert words[1:] == [["one", "12,345,678"], ["two"], ["three"], ["four", "1"]]


def test_a_sentence_is_broken_between_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    say("data[size=16] and more words than thirty columns hold :smile:")
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 30
    assert " ".join(" ".join(lines).split()) == (
        "data[size=16] and more words than thirty columns hold :smile:"
    )


def test_where_there_is_no_terminal_a_table_has_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.get_terminal_size", _no_terminal)
    monkeypatch.delenv("COLUMNS")
    table = new_table("x", "y")
    table.add_row(60 * "a", 60 * "b")
    show(table)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= NARROW


def _no_terminal(*_: object) -> None:
    raise OSError


# Every command's table


def commands() -> Iterator[str]:
    keys = sorted(path.stem for path in RECORDED.glob("*.json"))
    yield from ("count ResNet18 --layers", "count R34-HRN-2x6x3x(m=12) --input 64 --layers")
    yield from ("latency HRN-2x5x3x(m=8) --layers", "latency ConvNeXt-T --layers")
    yield from ("equalize --order 3,2,4,1 --rule all", "equalize --order 3,1,4,2 --by depth")
    yield "suggest --order 3,2,4,1 --protocol ours-lan --all --channels 16,40,64"
    yield from ("verify", "runs list", f"runs show {keys[0]}", f"runs compare {' '.join(keys[:5])}")
    yield from ("plan fig12 table6", "plan fig7 --profile paper", "plan --profile short")


@pytest.mark.parametrize("line", list(commands()))
def test_a_command_fits_80_columns(
    line: str, call: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, probed: None
) -> None:
    monkeypatch.setenv("COLUMNS", str(NARROW))
    monkeypatch.setenv("DEEPRESHAPE_RUNS", str(tmp_path))
    answer = call(*line.split())
    assert (answer.err, answer.code) == ("", 0)
    assert "─" in answer.out
    assert max(map(cell_len, answer.out.splitlines())) <= NARROW
    assert "…" not in answer.out


@pytest.fixture
def probed(float32: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that was measured before."""
    from deepreshape.learn.runs import speed
    from deepreshape.learn.runs.price import Speed

    monkeypatch.setattr(speed, "known", lambda *_: Speed(1e-10, 1e-9, 1e-4, 1e-9))


def test_answers_fit_80_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(NARROW))
    row = {
        "image": f"/a/long/path/{60 * 'x'}.png",
        "class": 17,
        "name": "boy",
        "logit": 8.25,
        "ahead": 1.5,
    }
    show(answer_table([row | {"offline": 12.25, "online": 1.0}] * 2))
    assert max(map(len, capsys.readouterr().out.splitlines())) <= NARROW
