"""`deepreshape measure`: layers and elements timed here, and a record that is gone on with."""

from pathlib import Path

import pytest

from deepreshape.design import cost, parse
from deepreshape.private import garbled_counts
from deepreshape.private.garbled_counts import Garbled
from deepreshape.private.measured import ELEMENTS, Measurements, Whole, read, write
from tests.cli.commands import Command

TINY = "ResNet18(m=2)-C1@8/4"


@pytest.mark.long
def test_a_network_is_timed_and_not_again(call: Command, tmp_path: Path) -> None:
    out = tmp_path / "new" / "measured.json"
    first = call("measure", TINY, "--whole", TINY, "--out", str(out))
    assert first.code == 0, first.err
    record = read(out)
    assert set(record.elements) == set(ELEMENTS)
    assert set(record.wholes) == {Whole(packing, TINY) for packing in ("slots", "coefficients")}
    assert f"{len(record.layers)} layers, 4 elements, 2 whole inferences" in first.out
    content = out.read_bytes()
    assert call("measure", TINY, "--out", str(out)).code == 0
    assert out.read_bytes() == content
    assert call("measure", TINY, "--again", "--out", str(out)).code == 0
    later = read(out)
    assert set(later.layers) == set(record.layers)
    for shape, took in record.layers.items():
        assert later.layers[shape].server_s <= took.server_s


def test_a_record_of_another_machine_is_not_mixed_in(call: Command, tmp_path: Path) -> None:
    out = tmp_path / "measured.json"
    write(out, Measurements("an abacus", {}, {}, {}))
    answer = call("measure", TINY, "--out", str(out))
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "was timed on an abacus" in answer.err
    assert read(out).machine == "an abacus"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["ResNet19"], "ResNet19"),
        *(
            ([TINY, "--limit", limit], "--limit")
            for limit in ("0", "-1", "nan", "inf", "-inf", "x")
        ),
        ([TINY, "--whole", "nothing"], "nothing"),
    ],
)
def test_bad_input_is_one_line(
    call: Command, tmp_path: Path, arguments: list[str], told: str
) -> None:
    out = tmp_path / "measured.json"
    answer = call("measure", *arguments, "--out", str(out))
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert told in answer.err
    assert not out.exists()


def test_what_a_network_garbles_is_counted_once(call: Command, tmp_path: Path) -> None:
    counted, out = tmp_path / "garbled.csv", tmp_path / "measured.json"
    known = {"ResNet18": Garbled(5, 7)}
    garbled_counts.write(counted, known)
    answer = call("measure", TINY, "ResNet18", "--count", str(counted), "--out", str(out))
    assert (answer.code, answer.out.strip()) == (0, f"{counted}: 2 networks")
    found = garbled_counts.read(counted)
    assert found["ResNet18"] == known["ResNet18"]
    assert found[TINY].relus == cost(parse(TINY)).total_relus
    assert found[TINY].truncations > 0
    assert not out.exists()


def test_a_file_without_counts_is_left_alone(call: Command, tmp_path: Path) -> None:
    path = tmp_path / "garbled.csv"
    path.write_text("something else\n")
    answer = call("measure", TINY, "--count", str(path))
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert f"{path} holds no counts" in answer.err
    assert path.read_text() == "something else\n"
