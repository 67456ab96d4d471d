"""The record of this protocol beside others."""

import json
from pathlib import Path

import pytest

from deepreshape.private.peers import BadPeers, Passes, Peers, read, write

MINE = Passes("deepreshape", "rotation-free", 0.5, 4.0, 300, 3.0, 0.5, 80, 180, 0.001)
OTHER = Passes("SPU", "CHEETAH", 2.0, 40.0, 900, 30.0, None, 300, 220, 0.002)
RECORD = Peers("a machine", "2026-01-02", "a net", 7, 1, 2, {"spu": "0"}, (MINE, OTHER))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write(tmp_path / "peers.json", RECORD)
    assert read(tmp_path / "peers.json") == RECORD


@pytest.mark.parametrize("text", ["", "[]", '{"passes": [{}]}', '{"passes": []}'])
def test_a_file_without_a_record_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "peers.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadPeers, match=r"peers\.json holds no record of peers"):
        read(path)


def test_bytes_go_both_ways() -> None:
    assert MINE.each_bytes == 260


def test_a_missing_field_of_a_row_is_no_record(tmp_path: Path) -> None:
    path = tmp_path / "peers.json"
    write(path, RECORD)
    found = json.loads(path.read_text("utf-8"))
    del found["passes"][1]["up_bytes"]
    path.write_text(json.dumps(found), encoding="utf-8")
    with pytest.raises(BadPeers, match="KeyError"):
        read(path)
