"""This project beside SPU, as a page tells it."""

from deepreshape.paper.printed.peers import does, sentence, took
from deepreshape.private.peers import Passes, Peers

MINE = Passes("deepreshape", "rotation-free", 0.5, 4.0, 300, 3.0, 0.5, 80_000_000, 180, 0.001)
OTHER = Passes("SPU", "CHEETAH", 2.0, 40.0, 900, 30.0, None, 40_000_000, 90, 0.002)
RECORD = Peers("a machine", "2026-01-02", "a net", 7, 1, 2, {"spu": "0"}, (OTHER, MINE))


def test_a_row_for_each_system_in_megabytes() -> None:
    found = took(RECORD).set_index("system")
    assert list(found.index) == ["SPU, CHEETAH", "this project"]
    assert found.loc["this project", "up (MB)"] == 80.0
    assert list(found["of it online (s)"]) == ["", "0.50"]


def test_the_others_are_told_beside_this_project() -> None:
    told = sentence(RECORD)
    assert "SPU, CHEETAH took 10 times the seconds and sent 0.5 times the bytes" in told
    assert told.count("times the bytes") == 1


def test_every_system_of_the_table_is_described() -> None:
    assert set(took(RECORD)["system"]) <= set(does().columns)
    assert does().astype(bool).iloc[:, 1:].all(axis=None)
