"""The machine: which device, and which number format, probed once."""

import errno
import json
from pathlib import Path

import pytest
import torch

import deepreshape
from deepreshape.learn import files, machine
from deepreshape.learn.machine import describe, probe, this_machine

CPU = torch.device("cpu")
NESTED = pytest.param(200_000 * b"[" + 200_000 * b"]", id="deeply nested")
FAST = {"float32": 1.0, "bfloat16": 0.5}


@pytest.fixture
def probes(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An empty cache, and a probe that finds bfloat16 twice as fast; the list counts its calls."""
    calls: list[str] = []

    def fake(device: torch.device) -> dict[str, float]:
        calls.append(device.type)
        return FAST

    monkeypatch.setattr(machine, "probe", fake)
    return calls


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


# Devices


def test_auto_is_the_cpu_where_there_is_no_gpu(probes: list[str], no_gpu: None) -> None:
    assert this_machine().device == CPU


def test_auto_is_the_gpu_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert this_machine("auto", "float32").device.type == "cuda"


def test_cuda_without_a_gpu_is_an_error(no_gpu: None) -> None:
    with pytest.raises(ValueError, match="no CUDA device"):
        this_machine("cuda")


@pytest.mark.parametrize("name", ["gpu", "", "cuda:0", "CPU"])
def test_an_unknown_device_is_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}'; known are auto, cpu, cuda"):
        this_machine(name)


# Number formats


@pytest.mark.parametrize(
    ("bfloat16", "expected"),
    [(0.5, "bfloat16"), (0.95, "float32"), (1.0, "float32"), (2.0, "float32")],
)
def test_bfloat16_is_taken_where_it_is_worthwhile(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch, bfloat16: float, expected: str
) -> None:
    times = {"float32": 1.0, "bfloat16": bfloat16}
    monkeypatch.setattr(machine, "probe", lambda device: times)
    assert this_machine("cpu").precision == expected


def test_a_format_that_is_asked_for_is_not_probed(probes: list[str]) -> None:
    assert this_machine("cpu", "float32").precision == "float32"
    assert probes == []


def test_a_machine_is_probed_once(
    probes: list[str], monkeypatch: pytest.MonkeyPatch, one_thread: None
) -> None:
    first = this_machine("cpu")
    assert this_machine("cpu") == first
    assert probes == ["cpu"]


def test_nothing_but_what_was_probed_is_left(probes: list[str], own_cache: Path) -> None:
    this_machine("cpu")
    assert [path.name for path in own_cache.iterdir()] == ["precision.json"]


def test_another_thread_count_is_probed_for_itself(probes: list[str], one_thread: None) -> None:
    this_machine("cpu")
    torch.set_num_threads(2)
    this_machine("cpu")
    assert probes == ["cpu", "cpu"]


def test_what_was_probed_before_is_kept(probes: list[str], one_thread: None) -> None:
    for threads in (1, 2, 1):
        torch.set_num_threads(threads)
        this_machine("cpu")
    assert probes == ["cpu", "cpu"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"3", b"{}", b"\xff\xfe", NESTED])
def test_a_damaged_cache_is_probed_again(
    probes: list[str], own_cache: Path, one_thread: None, content: bytes
) -> None:
    this_machine("cpu")
    (own_cache / "precision.json").write_bytes(content)
    assert this_machine("cpu").precision == "bfloat16"
    assert this_machine("cpu").precision == "bfloat16"
    assert probes == ["cpu", "cpu"]


def test_a_cache_that_cannot_be_written_to_stops_no_probe(
    probes: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DEEPRESHAPE_CACHE", str(tmp_path / "file" / "cache"))
    assert this_machine("cpu").precision == "bfloat16"


def test_what_a_folder_to_read_only_keeps_is_not_probed_again(
    probes: list[str], monkeypatch: pytest.MonkeyPatch, one_thread: None
) -> None:
    this_machine("cpu")
    monkeypatch.setattr(files, "FileLock", read_only)
    assert this_machine("cpu").precision == "bfloat16"
    assert probes == ["cpu"]


def read_only(*_: object) -> None:
    raise OSError(errno.EROFS, "Read-only file system")


def test_a_format_that_there_is_not_is_probed_again(
    probes: list[str], own_cache: Path, one_thread: None
) -> None:
    this_machine("cpu")
    path = own_cache / "precision.json"
    path.write_text(path.read_text().replace("bfloat16", "float8"))
    assert this_machine("cpu").precision == "bfloat16"


def test_the_probe_times_both_formats(one_thread: None) -> None:
    times = probe(CPU, steps=1)
    assert times.keys() == {"float32", "bfloat16"}
    assert min(times.values()) > 0


def test_the_probe_draws_nothing_from_the_global_generator(one_thread: None) -> None:
    before = torch.random.get_rng_state()
    probe(CPU, steps=1)
    assert torch.equal(torch.random.get_rng_state(), before)


# Descriptions


def test_a_description_says_what_a_result_depends_on(one_thread: None) -> None:
    facts = describe(CPU)
    assert list(facts) == ["device", "processor", "threads", "python", "torch", "deepreshape"]
    assert (facts["device"], facts["threads"]) == ("cpu", 1)
    assert (facts["torch"], facts["deepreshape"]) == (torch.__version__, deepreshape.__version__)
    assert facts["processor"]


def test_a_description_is_plain_json(one_thread: None) -> None:
    assert json.loads(json.dumps(describe(CPU))) == describe(CPU)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_is_probed_and_described_by_its_name(own_cache: Path) -> None:
    here = this_machine("cuda")
    assert here.precision in ("float32", "bfloat16")
    assert describe(here.device)["processor"] == torch.cuda.get_device_name()
