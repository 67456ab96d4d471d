"""The benchmarks: small ones end well, and one whose two ways of counting differ does not."""

import re

import pytest

from ci.bench import campaign, design, private, search, train
from deepreshape.design import Network, Space
from deepreshape.private.homomorphic.layers import Convolution
from deepreshape.private.wire.link import LAN


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


# The search


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "SPACE", Space((3, 2, 4, 1), channels=(8,), reuse=(1, 4)))


@pytest.mark.usefixtures("narrow")
def test_a_search_by_each_protocol_is_timed(capsys: pytest.CaptureFixture[str]) -> None:
    assert search.main() == 0
    out, err = capsys.readouterr()
    assert [line.partition(":")[0] for line in out.splitlines()] == list(search.PROTOCOLS)
    assert err == ""


@pytest.mark.usefixtures("narrow")
def test_a_search_that_prices_otherwise_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(search, "reference", lambda network, protocol: (1, 1, 1.0))
    assert search.main() == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)


# The training loop


@pytest.mark.parametrize(("speed", "said"), [(300.0, "reached"), (299.0, "not reached")])
def test_training_is_held_against_the_plain_loop(
    speed: float, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(train, "plain", lambda *arguments: 100.0)
    monkeypatch.setattr(train, "ours", lambda *arguments: speed)
    monkeypatch.setattr(train, "peak", lambda: 1e12)
    monkeypatch.setattr(train, "shares", lambda name: {"convolution": 0.75, "BatchNorm": 0.25})
    assert train.main(1) == 0
    out = capsys.readouterr().out
    assert f"plain 100, ours {speed:.0f} images/s: {speed / 100:.2f} times as many" in out
    assert "time goes to convolution 75 %, BatchNorm 25 %" in out
    assert out.endswith(f"target 3 times: {said}\n")


def test_the_plain_loop_sees_whole_pictures_and_their_labels() -> None:
    picture, label = train.Pictures(2)[1]
    assert picture.shape == (3, 32, 32)
    assert 0 <= label < 100


# Campaigns


def test_processes_on_one_store_make_each_run_once_either_way(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert campaign.main(rounds=1, runs=4, processes=2, seconds=0.01) == 0
    out = capsys.readouterr().out
    assert out.startswith("4 runs of 0.01 s by 2 processes on one store:\n")
    assert re.search(r"waited for [0-9.]+ s, whoever is busy passed over [0-9.]+ s\n", out)


# Private inference


@pytest.mark.long
def test_private_inference_is_told_beside_its_references(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(private, "RELUS", 2048)
    monkeypatch.setattr(private, "MANY", 4096)
    monkeypatch.setattr(private, "CONVOLUTION", Convolution(4, 4, 8, 3))
    monkeypatch.setattr(private, "NETWORK", "HRN-2x5x3x(m=1)-C1-T234")
    monkeypatch.setattr(private, "IMAGES", 2)
    monkeypatch.setattr(private, "SHIPPED", private.DIGITS)
    monkeypatch.setattr(private, "SEVERAL", 2)
    monkeypatch.setattr(private, "WAN", LAN)
    monkeypatch.setattr(private, "IDLE", 20)
    assert private.main(1) == 0
    out = capsys.readouterr().out
    assert re.search(r"us with numba, [0-9.]+ us with numpy", out)
    assert re.search(r"rotation-free, [0-9.]+ s with Delphi's packing", out)
    assert re.search(r"each after it: offline [0-9.]+ s, online [0-9.]+ s", out)
