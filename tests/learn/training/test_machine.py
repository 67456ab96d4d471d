"""The machine: which device, and which number format, and why."""

import json
from collections.abc import Iterator

import pytest
import torch

import deepreshape
from deepreshape.learn.training import processor
from deepreshape.learn.training.machine import chosen, describe, this_machine

CPU = torch.device("cpu")
CUDA = torch.device("cuda")


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


@pytest.mark.parametrize("name", ["gpu", "", "cuda:0", "CPU"])
def test_an_unknown_device_is_answered_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match=f"'{name}'; known are auto, cpu, cuda"):
        this_machine(name)


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


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_a_gpu_is_described_by_its_name() -> None:
    here = this_machine("cuda")
    assert describe(here.device)["processor"] == torch.cuda.get_device_name()
