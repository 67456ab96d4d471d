"""The facts that the doctor tells: what is right is told as such, what is wrong in a line."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from deepreshape.learn.checks import arithmetic, health
from deepreshape.learn.checks.arithmetic import Checked, Fault
from deepreshape.learn.checks.health import (
    Fact,
    data_facts,
    facts,
    gpu_facts,
    kernel_facts,
    machine_facts,
    memory_facts,
    processor_facts,
)
from deepreshape.learn.images.base import DataError
from deepreshape.learn.images.sets import DataSet, load
from deepreshape.learn.images.sources import KNOWN
from deepreshape.learn.runs import speed
from deepreshape.learn.training import machine

CASES = arithmetic.cases([1])


def told(found: Iterable[Fact]) -> dict[str, Fact]:
    return {fact.name: fact for fact in found}


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the check of the kernels answers: all is right."""
    answer: dict[str, Any] = {"ran": 1344, "left": 0, "faults": ()}
    monkeypatch.setattr(arithmetic, "check", lambda wanted: Checked(**answer))
    monkeypatch.setattr(speed, "rate", lambda machine: 1234.5)
    return answer


@pytest.fixture
def no_mirror(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("DEEPRESHAPE_MIRROR", raising=False)
    return own_cache


# Processor and kernels


def test_variables_that_change_kernels_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert (
        "ONEDNN_MAX_CPU_ISA=AVX2" in told(processor_facts())["variables that change kernels"].found
    )


def test_right_kernels_are_counted(checked: dict[str, Any]) -> None:
    fact = told(kernel_facts())["kernels"]
    assert fact == Fact("kernels", "1344 of 1344 cases of 14 kinds right")


def test_wrong_kernels_are_named_up_to_a_few(checked: dict[str, Any]) -> None:
    checked |= {"faults": tuple(Fault(case, "no") for case in CASES[:7]), "ran": 1000, "left": 344}
    fact = told(kernel_facts())["kernels"]
    assert fact.found == "993 of 1344 cases of 14 kinds right"
    assert fact.wrong == (
        *(f"{case}: no" for case in CASES[:5]),
        "and 2 cases more are wrong",
        "344 cases were not run, since too many processes died",
        "training here cannot be trusted: try another version of torch",
    )


def test_a_check_that_cannot_start_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(wanted: object) -> Checked:
        raise RuntimeError("no process")

    monkeypatch.setattr(arithmetic, "check", fail)
    assert told(kernel_facts())["kernels"] == Fact("kernels", "not checked", ("no process",))


# Format, speed, memory, GPU


def test_the_number_format_is_told_with_its_reason(
    checked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(machine.processor, "bfloat16", lambda: (False, "it cannot"))
    found = told(machine_facts(may_train=True))
    assert found["number format"].found.startswith("float32, since it cannot")
    assert found["speed"].found.startswith("1,234 images a second of HRN-2x5x3x(m=8)")


def test_nothing_is_trained_on_wrong_kernels(
    checked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    checked["faults"] = (Fault(CASES[0], "no"),)
    monkeypatch.setattr(speed, "rate", None)
    assert told(facts())["speed"].found == "not measured, since the kernels are wrong"


def test_a_rate_is_measured_as_a_worker_has_it(
    checked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(2)
    seen: list[int] = []
    monkeypatch.setattr(speed, "rate", lambda machine: seen.append(torch.get_num_threads()) or 1.0)
    list(machine_facts(may_train=True))
    assert (seen, torch.get_num_threads()) == ([1], 2)


def test_memory_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "meminfo").write_text("MemTotal: 4194304 kB\nMemAvailable:  1048576 kB\n")
    monkeypatch.setattr(health, "MEMORY", tmp_path / "meminfo")
    assert told(memory_facts())["memory"].found == "1.0 of 4.0 GiB free"


def test_shared_memory_that_cannot_be_written_to_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "SHARED", tmp_path)
    assert told(memory_facts())["shared memory"].wrong == ()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    (line,) = told(memory_facts())["shared memory"].wrong
    assert line == f"{tmp_path} cannot be written to: processes cannot train side by side"


def test_a_gpu_that_torch_cannot_use_is_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(health, "NVIDIA", tmp_path / "none")
    assert list(gpu_facts()) == [Fact("GPU", "none")]
    monkeypatch.setattr(health, "NVIDIA", tmp_path)
    assert told(gpu_facts())["GPU"].wrong == (
        "there is an NVIDIA driver, but torch cannot use a GPU",
    )


def test_a_gpu_is_told_with_its_software(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device: (9, 0))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: "H200")
    monkeypatch.setattr(torch.backends.cudnn, "version", lambda: 91002)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(health, "driver", lambda: "580.1")
    found = told(gpu_facts())
    assert found["GPU"].found == "H200, compute capability 9.0"
    assert found["CUDA"].found == "CUDA 13.0, cuDNN 91002, driver 580.1"


def test_a_driver_that_no_program_tells_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert machine.driver() is None


# Data


@pytest.fixture
def digits(no_mirror: Path) -> Path:
    """The one file of the decoded digits."""
    load(DataSet("mnist5k"))
    (path,) = no_mirror.glob("mnist5k*.safetensors")
    return path


def digits_told() -> Fact:
    return told(data_facts())["data: mnist5k"]


def test_every_known_set_is_told(no_mirror: Path) -> None:
    found = told(data_facts())
    assert list(found) == [f"data: {name}" for name in KNOWN]
    assert all("not decoded yet" in fact.found and not fact.wrong for fact in found.values())


@pytest.mark.long
def test_a_whole_set_is_told_with_its_digest(digits: Path) -> None:
    fact = digits_told()
    assert f"as published, SHA-256 {KNOWN['mnist5k'].digest}".startswith(
        fact.found.partition(", ")[2]
    )
    assert fact.wrong == ()


@pytest.mark.long
def test_a_damaged_file_is_wrong(digits: Path) -> None:
    data = bytearray(digits.read_bytes())
    data[-1] ^= 1
    digits.write_bytes(data)
    fact = digits_told()
    assert fact.found == "damaged"
    assert fact.wrong == (
        f"{digits} does not have the SHA-256 that it names: delete it, and it is made again",
    )


@pytest.mark.long
def test_other_images_under_a_known_name_are_wrong(
    digits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = digits.with_name("cifar100-0.safetensors")
    digits.rename(path)
    (line,) = told(data_facts())["data: cifar100"].wrong
    assert line.startswith(f"{path} holds other images than those that are known: SHA-256 ")


@pytest.mark.long
def test_a_set_is_not_taken_for_one_whose_name_begins_alike(digits: Path) -> None:
    digits.rename(digits.with_name("cifar100-0.safetensors"))
    assert told(data_facts())["data: cifar10"].wrong == ()


@pytest.fixture
def mirror(no_mirror: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = tmp_path / "mirror"
    (folder / "cifar100").mkdir(parents=True)
    monkeypatch.setenv("DEEPRESHAPE_MIRROR", str(folder))
    yield folder


def test_a_whole_mirror_is_told(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "files_of", lambda *_: 3)
    found = told(data_facts())
    assert found["data: cifar100"] == Fact("data: cifar100", f"3 files in {mirror}, whole")
    assert found["data: tiny-imagenet"].found == "not decoded yet: not in the mirror"


def test_a_damaged_mirror_is_wrong(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise DataError("a file is cut")

    monkeypatch.setattr(health, "files_of", fail)
    assert told(data_facts())["data: cifar100"].wrong == ("a file is cut",)


def test_a_mirror_that_is_not_there_is_wrong(mirror: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEEPRESHAPE_MIRROR", f"{mirror}/x")
    fact = told(data_facts())["mirror"]
    assert fact.wrong == (f"DEEPRESHAPE_MIRROR: there is no folder {mirror}/x",)
