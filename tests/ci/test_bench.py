"""The benchmark: a small one ends well, and one whose two ways of counting differ does not."""

import pytest

from ci.bench import design
from deepreshape.design import Network


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(design, "NETWORKS", 40)
    monkeypatch.setattr(design, "CHUNKS", 2)
    monkeypatch.setattr(design, "SAMPLE", 4)


def test_there_are_as_many_networks_as_it_says() -> None:
    listed = design.networks()
    assert len({next(listed) for _ in range(1000)}) == 1000


def test_it_tells_times_and_memory(capsys: pytest.CaptureFixture[str]) -> None:
    assert design.main() == 0
    out, err = capsys.readouterr()
    assert out.startswith("40 networks, count and latency: ")
    assert "peak memory: " in out
    assert err == ""


def test_it_fails_where_the_reference_counts_otherwise(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    honest = design.reference

    def other(network: Network) -> tuple[int, int, int]:
        macs, relus, switches = honest(network)
        return macs + 1, relus, switches

    monkeypatch.setattr(design, "reference", other)
    assert design.main() == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
