"""The machine: which device, and which number format, and why."""

import json
from collections.abc import Iterator

import pytest
import torch

import deepreshape
from deepreshape.learn.training import processor
from deepreshape.learn.training.machine import GRAPHS, chosen, describe, on_free_cores, this_machine

CPU = torch.device("cpu")
CUDA = torch.device("cuda")
UNKNOWN = ["gpu", "", "cuda:", "cuda:-1", "cuda:x", "cuda:1234", "cpu:0", "CPU"]


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An A100, as far as it is asked about itself, with TF32 wherever torch can."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (8, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "A100")
    switches = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [switch.allow_tf32 for switch in switches]
    cudnn = torch.backends.cudnn
    monkeypatch.setattr(cudnn, "deterministic", False)
    monkeypatch.setattr(cudnn, "benchmark", True)
    for switch in switches:
        switch.allow_tf32 = True
    yield
    for switch, allowed in zip(switches, before, strict=True):
        switch.allow_tf32 = allowed


# Devices


def test_auto_is_the_cpu_where_there_is_no_gpu(no_gpu: None) -> None:
    assert this_machine().device == CPU


def test_auto_is_the_gpu_where_there_is_one(gpu: None) -> None:
    assert this_machine("auto").device == CUDA


def test_cuda_without_a_gpu_is_an_error(no_gpu: None) -> None:
    with pytest.raises(ValueError, match="no CUDA device"):
        this_machine("cuda")


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_unknown_device_is_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}'; known are auto, cpu, cuda"):
        this_machine(name)


def test_a_gpu_is_named_by_its_number(gpu: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert this_machine("cuda:1").device == torch.device("cuda", 1)
    with pytest.raises(ValueError, match="device cuda:2: this machine has 2, numbered from cuda:0"):
        this_machine("cuda:2")


@pytest.mark.parametrize(("value", "expected"), [(None, False), ("0", False), ("1", True)])
def test_steps_are_captured_where_the_user_says_so(
    monkeypatch: pytest.MonkeyPatch, value: str | None, expected: bool
) -> None:
    monkeypatch.delenv(GRAPHS, raising=False)
    if value is not None:
        monkeypatch.setenv(GRAPHS, value)
    assert this_machine("cpu").graphs is expected


# Threads


@pytest.mark.parametrize(("free", "set_to", "expected"), [(1, None, 1), (2, None, 2), (1, "2", 2)])
def test_a_process_takes_no_core_that_is_busy(
    monkeypatch: pytest.MonkeyPatch, free: int, set_to: str | None, expected: int
) -> None:
    torch.set_num_threads(2)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if set_to:
        monkeypatch.setenv("OMP_NUM_THREADS", set_to)
    monkeypatch.setattr(processor, "free_cores", lambda: free)
    said: list[str] = []
    with on_free_cores(said.append):
        assert torch.get_num_threads() == expected
    assert torch.get_num_threads() == 2
    assert len(said) == (expected < 2)


# Number formats


@pytest.mark.parametrize("able", [True, False])
def test_a_processor_that_multiplies_bfloat16_takes_it(
    monkeypatch: pytest.MonkeyPatch, able: bool
) -> None:
    monkeypatch.setattr(processor, "bfloat16", lambda: (able, "said"))
    assert chosen(CPU) == ("bfloat16" if able else "float32", "said")
    assert this_machine("cpu").precision == chosen(CPU)[0]


@pytest.mark.parametrize(
    ("capability", "expected"),
    [((7, 5), "float32"), ((8, 0), "bfloat16"), ((8, 6), "bfloat16"), ((9, 0), "bfloat16")],
)
def test_a_gpu_takes_bfloat16_from_capability_8(
    gpu: None, monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: capability)
    precision, why = chosen(CUDA)
    assert precision == this_machine("cuda").precision == expected
    assert why.endswith(f"capability is {capability[0]}.{capability[1]}")


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_format_that_is_asked_for_is_taken(precision: str) -> None:
    assert this_machine("cpu", precision).precision == precision


def test_convolutions_on_a_gpu_give_the_same_each_time(gpu: None) -> None:
    this_machine("cuda")
    assert torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.benchmark


def test_float32_on_a_gpu_is_no_tf32_and_its_records_say_so(gpu: None) -> None:
    this_machine("cuda", "float32")
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32
    assert describe(CUDA)["tf32"] == "off"


# Descriptions


def test_a_description_says_what_a_result_depends_on(one_thread: None) -> None:
    facts = describe(CPU)
    assert list(facts) == ["device", "processor", "threads", "python", "torch", "deepreshape"]
    assert (facts["device"], facts["threads"]) == ("cpu", 1)
    assert (facts["torch"], facts["deepreshape"]) == (torch.__version__, deepreshape.__version__)
    assert facts["processor"]


def test_a_description_is_plain_json(one_thread: None) -> None:
    assert json.loads(json.dumps(describe(CPU))) == describe(CPU)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_is_described_by_its_name() -> None:
    here = this_machine("cuda")
    assert describe(here.device)["processor"] == torch.cuda.get_device_name()
