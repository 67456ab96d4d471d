"""`doctor`: one screen, and exit status 1 where something is wrong."""

import json
import sys
from pathlib import Path

import pytest
import torch

from deepreshape.learn.checks import arithmetic, health
from deepreshape.learn.checks.arithmetic import Case, Checked, Fault
from deepreshape.learn.runs import speed
from deepreshape.learn.tensor_files import save_tensors
from tests.cli.commands import Command


@pytest.fixture(autouse=True)
def right(one_thread: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which all is right, and no data is there."""
    monkeypatch.setenv("DEEPRESHAPE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DEEPRESHAPE_MIRROR", raising=False)
    monkeypatch.setattr(arithmetic, "check", lambda wanted: Checked(len(wanted), 0, ()))
    monkeypatch.setattr(speed, "rate", lambda machine: 500.0)
    monkeypatch.setattr(health, "NVIDIA", tmp_path / "none")
    monkeypatch.setattr(health, "SHARED", tmp_path)


def test_where_all_is_right_a_screen_says_so(
    call: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    answer = call("doctor")
    assert answer.code == 0
    assert len(answer.err.splitlines()) == 1
    assert len(answer.out.splitlines()) < 40
    assert max(map(len, answer.out.splitlines())) <= 80
    assert "WRONG" not in answer.out
    for name in ("processor", "kernels", "number format", "speed", "memory", "GPU", "book"):
        assert name in answer.out


def test_a_wrong_kernel_is_a_line_and_exit_status_1(
    call: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    case: Case = arithmetic.cases()[0]
    faults = (Fault(case, "the process died by SIGSEGV"),)
    monkeypatch.setattr(arithmetic, "check", lambda wanted: Checked(len(wanted), 0, faults))
    answer = call("doctor")
    assert answer.code == 1
    assert f"deepreshape: {case}: the process died by SIGSEGV\n" in answer.err
    assert "WRONG" in answer.out


def test_a_damaged_data_file_is_a_line_and_exit_status_1(call: Command, tmp_path: Path) -> None:
    path = tmp_path / "cache" / "mnist5k-0.safetensors"
    save_tensors(path, {"train_labels": torch.zeros(9)}, {})
    path.write_bytes(path.read_bytes()[:-1])
    answer = call("doctor")
    assert answer.code == 1
    (line,) = answer.err.splitlines()[1:]
    assert line.startswith(f"deepreshape: {path} is not a whole file of tensors")
    assert line.endswith("delete it, and it is made again")


def test_what_private_inference_lacks_is_wrong(
    call: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "seal", None)
    answer = call("doctor")
    assert answer.code == 1
    assert "deepreshape: private inference needs seal: " in answer.err


def test_what_the_book_lacks_is_said_and_not_wrong(
    call: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "jupyter_book", None)
    answer = call("doctor")
    assert answer.code == 0
    assert "not here: jupyter_book" in answer.out


def test_json_has_every_fact(call: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "seal", None)
    answer = call("doctor", "--json")
    found = {fact["name"]: fact for fact in json.loads(answer.out)}
    assert answer.code == 1
    assert found["kernels"]["wrong"] == []
    assert found["private inference"]["wrong"]
